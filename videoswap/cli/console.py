"""Printing, and running a command line from its words to its exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import logging
import math
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from .._version import __version__
from ..errors import InputError, OutputError, PartialError, VideoswapError
from ..jsonfile import json_text
from ..packages import explain
from ..paths import shortened
from ..watching import ProgressUpdate, Watcher, watched
from . import config
from .parser import Parser, spelled_out

INTERRUPTED, TERMINATED = 130, 143  # 128 and the number of the signal, as shells have it
_DOUBLE_TAP = 0.5  # seconds in which a second signal counts as the same one
_LINE_PAUSE = 1.0  # seconds between lines of progress within a stage
#: Codes of the colors of what a line may begin with: errors red, notes yellow, results green.
COLORS = {"videoswap": "31", "Note": "33", "Result": "32", "Preview": "32", "Plan": "32"}

EXIT_CODES = """exit codes:
  0 all done        2 wrong usage       3 unusable input    4 no face, or none that matches
  5 done in part    6 unusable output   130 interrupted     143 terminated
  1 a defect of videoswap
Missing packages, missing weights and too little memory count as unusable input (3).
"""

# Control characters, and those that turn the direction of writing: they can hide what is said.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
_LOG_LINE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* ")
_NO_MEMORY = ("bad_alloc", "Insufficient memory", "Cannot allocate memory", "start new thread")


class Console:
    """Where the sentences of a run go.

    Attributes:
        quiet: Whether only errors are printed.
        verbose: Whether details are printed too.
    """

    def __init__(
        self, quiet: bool = False, verbose: bool = False, log: TextIO | None = None
    ) -> None:
        self.quiet, self.verbose = quiet, verbose
        self._log = log
        self._stream: TextIO | None = None

    def use_stderr(self) -> None:
        """Print on stderr from now on: stdout is for something else."""
        self._stream = sys.stderr

    def say(self, line: str) -> None:
        """Print a sentence; a reader that has gone away does not stop the work."""
        self.log(line)
        if not self.quiet:
            _print(printable(line), self._stream or sys.stdout)

    def detail(self, line: str) -> None:
        """Print a sentence that only ``--verbose`` asks for."""
        if self.verbose:
            self.say(line)
        else:
            self.log(line)

    def complain(self, text: str) -> None:
        """Print on stderr what is not well; ``--quiet`` keeps it."""
        self.log(text)
        for line in text.splitlines():
            _print(printable(line), sys.stderr)

    def fail(self, error: VideoswapError, debug: bool = False) -> int:
        """Print an error as a sentence on stderr; returns its exit code."""
        self.log("".join(traceback.format_exc()))
        if debug:
            traceback.print_exc()
        hint = "\n".join(printable(line) for line in error.hint.splitlines())
        text = f"videoswap: {printable(error.message)} {hint}".rstrip()
        self.log(text)
        _print(text, sys.stderr)
        return error.exit_code

    def show(self, text: str) -> None:
        """Print what a command was asked for; it is not a sentence, so ``--quiet`` keeps it."""
        for line in text.splitlines():
            _print(printable(line), sys.stdout)

    def log(self, text: str) -> None:
        """Write to the log file alone."""
        if self._log is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            for line in text.splitlines():
                self._log.write(f"{now} {printable(line)}\n")
            self._log.flush()


class _LogHandler(logging.Handler):
    """Prints what the library logs: warnings always, the rest with ``--verbose``."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            self._console.complain(f"videoswap: {text}")
        else:
            self._console.detail(text)


@contextmanager
def _library_log(console: Console) -> Iterator[None]:
    """Print what the library logs meanwhile."""
    logger, handler = logging.getLogger("videoswap"), _LogHandler(console)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def joint_exit_code(codes: Sequence[int]) -> int:
    """Return the exit code of several things done in turn: the common one, or 5."""
    return PartialError.exit_code if len(set(codes)) > 1 else next(iter(codes), 0)


def printable(text: str) -> str:
    """Write characters that would act on a terminal as escapes: names of files may hold any."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def run_guarded(
    parser: Parser, argv: Sequence[str] | None, every: Callable[[], Parser] | None = None
) -> int:
    """Parse the words and run what they ask for; every failure becomes a sentence.

    Args:
        parser: Sets ``run``, which takes the arguments and returns the exit code. They hold a
            ``console``.
        argv: The words; None takes those of the process.
        every: Makes the parser of all commands, whose flags a configuration file may name; None
            takes ``parser``.

    Returns:
        One of ``EXIT_CODES``.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    console = Console()
    try:
        arguments = _parsed(parser, words, every)
        debug = arguments.debug
    except SystemExit as leaving:
        return int(leaving.code or 0)
    except VideoswapError as error:
        return console.fail(error, "--debug" in words)
    with contextlib.ExitStack() as stack:
        ended = stack.enter_context(_ending())
        try:
            log = None if arguments.log_file is None else _open_log(arguments.log_file)
            if log is not None:
                stack.enter_context(log)
            console = Console(arguments.quiet, arguments.verbose, log)
            arguments.console = console
            console.log(f"videoswap {__version__}: {' '.join(words)}")
            if arguments.config is not None:
                told = " ".join(arguments.settled) or "nothing for this command"
                console.detail(f"From {arguments.config}: {told}")
            stack.enter_context(_library_log(console))
            stack.enter_context(_bars(arguments))
            run: Callable[[argparse.Namespace], int] = arguments.run
            return run(arguments)
        except KeyboardInterrupt:
            kept = not getattr(arguments, "no_cache", False)
            hint = "Run it again to go on where it stopped." if kept else ""
            return console.fail(ended.error(hint), debug)
        except Exception as error:
            if _reader_has_gone(error):
                return 0
            return console.fail(_as_sentence(error), debug)


def _bars(arguments: argparse.Namespace) -> AbstractContextManager[Watcher]:
    """Show how far the run is, as it is wanted."""
    how = getattr(arguments, "progress", "auto")
    if how == "json":
        return watched(_ProgressLines())
    return watched(bars=how == "auto" and not arguments.quiet)


class _ProgressLines:
    """Progress as JSON on stderr: a line at every stage's begin and end, and one a second."""

    def __init__(self) -> None:
        self._stage, self._said = "", -math.inf

    def __call__(self, update: ProgressUpdate) -> None:
        now = time.monotonic()
        due = now - self._said >= _LINE_PAUSE
        if due or update.stage != self._stage or update.done == update.total:
            self._stage, self._said = update.stage, now
            _print(json_text(update, indent=None), sys.stderr)


class _Interrupted(VideoswapError):
    exit_code = INTERRUPTED


class _Terminated(VideoswapError):
    exit_code = TERMINATED


class _Ending:
    """What Ctrl-C and SIGTERM do: the first ends the run in good order, a later one at once."""

    def __init__(self) -> None:
        self._number, self._first = signal.SIGINT, -math.inf

    def __call__(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if self._first == -math.inf:
            self._number, self._first = signal.Signals(number), now
            raise KeyboardInterrupt
        if now - self._first > _DOUBLE_TAP:  # Make passes on what the terminal sent already
            # Nothing half done has a result's name; the next run clears what is left.
            os.write(2, b"videoswap: Stopped at once.\n")
            os._exit(128 + number)

    def error(self, hint: str) -> VideoswapError:
        """Return the error that the run ends with."""
        if self._number == signal.SIGTERM:
            return _Terminated("terminated", "Terminated.", hint)
        return _Interrupted("interrupted", "Interrupted.", hint)


@contextmanager
def _ending() -> Iterator[_Ending]:
    """Heed Ctrl-C and SIGTERM meanwhile; Ctrl-C stays ignored where it is, as under nohup."""
    ending, before = _Ending(), {}
    for number in (signal.SIGTERM, signal.SIGINT):
        if number == signal.SIGTERM or signal.getsignal(number) is signal.default_int_handler:
            before[number] = signal.signal(number, ending)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parsed(
    parser: Parser, words: Sequence[str], every: Callable[[], Parser] | None
) -> argparse.Namespace:
    """Read the words.

    Raises:
        UsageError: ``wrong_usage``.
        SystemExit: After --help and --version.
    """
    spelled = spelled_out(parser, words)
    file, settled = config.file_of(spelled), []
    if file is not None:
        settled = config.words_of(file, every() if every else parser, spelled)
    written = spelled.words
    arguments = parser.parse_args([*written[: spelled.end], *settled, *written[spelled.end :]])
    arguments.config, arguments.settled = file, settled
    command = [] if parser.parts() else [parser.command]  # inference.py
    before = config.without_file(written[: spelled.end])
    arguments.words = [*command, *before, *settled, *written[spelled.end :]]
    arguments.parser, arguments.given = spelled.parser, spelled.given
    arguments.program = parser
    for name, usual in COMMON.items():
        if not hasattr(arguments, name):
            setattr(arguments, name, usual)
    return arguments


#: The flags of every command and what they are where they are not given.
COMMON = {"quiet": False, "verbose": False, "log_file": None, "debug": False}


def add_common(parser: Parser) -> None:
    """Add the flags of every command, to those of sub-commands too."""
    common = parser.add_argument_group("messages and configuration")
    usual = argparse.SUPPRESS  # else a sub-command would undo what was said before its name
    common.add_argument(
        "-q", "--quiet", action="store_true", default=usual, help="print errors only"
    )
    common.add_argument(
        "-v", "--verbose", action="store_true", default=usual, help="print details too"
    )
    common.add_argument(
        "--log_file",
        type=Path,
        metavar="FILE",
        default=usual,
        help="also write all messages to this file",
    )
    common.add_argument(
        "--config",
        metavar="FILE",
        default=usual,
        help="read flags from this TOML file (none: no file; default: videoswap/config.toml in "
        "~/.config)",
    )
    common.add_argument("--debug", action="store_true", default=usual, help="show tracebacks")
    common.add_argument("--version", action="version", version=f"videoswap {__version__}")
    for part in parser.parts().values():
        add_common(part)


def _as_sentence(error: Exception) -> VideoswapError:
    """Make an error with a code, a message and a hint of any error."""
    if isinstance(error, VideoswapError):
        return error
    if isinstance(error, MemoryError) or any(word in str(error) for word in _NO_MEMORY):
        return InputError(
            "no_memory",
            "Memory ran out.",
            "End other programs, or allow this one more (`ulimit -v` limits it).",
        )
    if isinstance(error, ImportError) and not (error.name or "").startswith("videoswap"):
        return explain(error)
    if isinstance(error, OSError) and not _stands_somewhere():
        return InputError(
            "no_current_folder",
            "The current folder is gone or closed to this user.",
            "Change to another one.",
        )
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        message = f"{shortened(error.filename)} cannot be: no file can have so long a name."
        return InputError("name_too_long", message, "Check the name.")
    message = f"Defect in videoswap: {type(error).__name__}: {error}".rstrip(".")
    return VideoswapError("defect", f"{message}.", "Please report it, with what --debug shows.")


def _stands_somewhere() -> bool:
    try:
        return Path.cwd().is_dir()
    except OSError:
        return False


def _open_streams() -> None:
    """See to it that both streams can be printed on, whatever this process was given."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed before this process began
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - until the process ends
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may be anything


def painted(line: str, stream: TextIO) -> str:
    """Color the word a line begins with, on terminals only, and not where NO_COLOR is set."""
    word, colon, rest = line.partition(":")
    color = COLORS.get(word)
    plain = not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if color is None or not colon or plain:
        return line
    return f"\x1b[{color}m{word}:\x1b[0m{rest}"


def _print(line: str, stream: TextIO) -> None:
    try:
        print(painted(line, stream), file=stream, flush=True)
    except OSError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Let what is still written to a stream vanish, also at the end of the process."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _reader_has_gone(error: Exception) -> bool:
    """Tell whether stdout is a pipe that nobody reads any more, as after ``| head``."""
    if not isinstance(error, BrokenPipeError):
        return False
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)
        return True
    return False


def _open_log(path: Path) -> TextIO:
    """Open a log file to write on; whatever is there and is no log is left alone.

    Raises:
        OutputError: ``log_exists`` or ``unwritable_output``.
    """
    try:
        if path.exists() and not (path.is_file() and _is_log(path)):
            raise OutputError(
                "log_exists", f"{path} exists and is no log file.", "Name another --log_file."
            )
        return path.open("a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OutputError(
            "unwritable_output", f"{path} cannot be written: {error.strerror}."
        ) from None


def _is_log(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(40)
    return not start or _LOG_LINE.match(start) is not None
