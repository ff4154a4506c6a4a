"""Other processes of this program: the page lets the command line do all that takes long.

A result is the command line's own, a crash takes nothing with it, and memory is given back.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
#: Flags of every call: nothing of the user's own file of flags counts here.
FLAGS = ("--progress", "json", "--config", "none")
CAN_PAUSE = hasattr(signal, "SIGSTOP")
MAX_LINES = 200  # of what a process says that are kept


class Child:
    """A command of this program in a process of its own.

    Args:
        words: The command and its flags.
        done: Called with the exit code once it has ended, in another thread.
    """

    def __init__(self, words: Sequence[str], done: Callable[[int], None]) -> None:
        self.progress: dict[str, Any] = {}
        self.lines: list[str] = []
        self.complaints: list[str] = []
        self.paused = False
        self._done = done
        paths = [str(PACKAGE_PARENT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "videoswap", *words, *FLAGS],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._wait, daemon=True).start()

    def pause(self) -> None:
        """Let it stand still; it keeps its memory."""
        if CAN_PAUSE and not self.paused:
            self._send(signal.SIGSTOP)
            self.paused = True

    def go_on(self) -> None:
        """Let it go on."""
        if self.paused:
            self._send(signal.SIGCONT)
            self.paused = False

    def cancel(self) -> None:
        """End it as Ctrl-C does: what can be used again is kept.

        SIGINT would not do: whoever starts the page in the background of a script lets its
        processes ignore that.
        """
        self.go_on()
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _read_output(self) -> None:
        for line in self._process.stdout or ():
            self.lines = [*self.lines, line.rstrip("\n")][-MAX_LINES:]

    def _read_errors(self) -> None:
        for line in self._process.stderr or ():
            try:
                found = json.loads(line)
            except ValueError:
                found = None
            if isinstance(found, dict) and "stage" in found:
                self.progress = found
            else:
                self.complaints = [*self.complaints, line.rstrip("\n")][-MAX_LINES:]

    def _wait(self) -> None:
        code = self._process.wait()
        for reader in self._readers:
            reader.join()
        self._done(code)
