"""A command line from its words to its exit code, and what is printed on the way."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import VideoswapError
from .dashes import shield_dashes

INTERRUPTED = 130

EXIT_CODES = """exit codes:
  0 all done        2 wrong usage       3 unusable input    4 no face, or none that matches
  5 done in part    6 unusable output   130 interrupted     1 a defect of videoswap
"""


def run_guarded(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    """Parse the words and run what they ask for; every failure becomes a sentence.

    Args:
        parser: Sets ``run``, which takes the arguments and returns the exit code.
        argv: The words; None takes those of the process.

    Returns:
        One of ``EXIT_CODES``.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = parser.parse_args(shield_dashes(parser, words))
    except SystemExit as leaving:
        return int(leaving.code or 0)
    run: Callable[[argparse.Namespace], int] = arguments.run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may be anything
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up as after Ctrl-C
    try:
        return run(arguments)
    except VideoswapError as error:
        return _fail(error.message, error.hint, error.exit_code, arguments.debug)
    except KeyboardInterrupt:
        kept = not getattr(arguments, "no_cache", False)
        hint = "Run it again to go on where it stopped." if kept else ""
        return _fail("Interrupted.", hint, INTERRUPTED, arguments.debug)
    except Exception as error:
        message = f"Defect in videoswap: {type(error).__name__}: {error}"
        message = message.rstrip(".") + "."
        return _fail(message, "Please report it, with what --debug shows.", 1, arguments.debug)


def say(line: str) -> None:
    """Print a sentence; a reader that has gone away does not stop the work."""
    try:
        print(line, flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends


def _fail(message: str, hint: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"videoswap: {message} {hint}".rstrip(), file=sys.stderr)
    return code
