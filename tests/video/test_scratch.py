"""Leftovers of killed runs go; nothing that is in use or somebody else's does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from videoswap.video.files import clear_leftovers, locked_scratch, scratch_path

WRITER = """
import sys, time
from pathlib import Path
from videoswap.video.files import atomic_output
from videoswap.rendering.segment_folder import piece_folder
out = Path(sys.argv[1])
with piece_folder(None, "", out, out, print) as segments, atomic_output(out) as part:
    (segments / "a segment").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_run_left_goes(tmp_path: Path) -> None:
    others = [
        tmp_path / name
        for name in (
            ".0123456789ab.part",
            f".videoswap-00000000-{2**22 + 5}-0123456789ab.part",
            ".videoswap-notes.txt",
            "film.part",
        )
    ]
    for path in others:
        path.write_text("theirs")
    command = [sys.executable, "-c", WRITER, str(tmp_path / "out.mp4")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stdout.readline() == b"ready\n"
        clear_leftovers(tmp_path)
        assert len(list(tmp_path.iterdir())) == len(others) + 2  # it still runs
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    assert len(list(tmp_path.iterdir())) == len(others) + 2
    clear_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_lock_is_enough(tmp_path: Path) -> None:
    mine = scratch_path(tmp_path, "part")
    dead = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{2**22 + 5}-"))
    dead.touch()
    with locked_scratch(dead):
        clear_leftovers(tmp_path)
        assert dead.exists()
    clear_leftovers(tmp_path)
    assert not dead.exists()
    clear_leftovers(tmp_path / "nowhere")
