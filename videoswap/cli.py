"""Arguments in, exit code out; no work of its own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Protocol

from . import __version__
from .commands import cache, compare, doctor, evaluate, faces, models, swap
from .commands.console import EXIT_CODES, run_guarded


class Command(Protocol):
    """What every file of ``commands`` has that is one."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the flags."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; returns the exit code."""


COMMANDS: dict[str, tuple[Command, str]] = {
    "swap": (swap, "swap faces"),
    "faces": (faces, "show the people of a video"),
    "cache": (cache, "list or clear what is kept of earlier runs"),
    "models": (models, "list, fetch and check the weights of the engines"),
    "evaluate": (evaluate, "measure how good a result is"),
    "compare": (compare, "show and measure results side by side"),
    "doctor": (doctor, "say what is installed and usable, and why not"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``videoswap``: one of ``COMMANDS``."""
    parser = argparse.ArgumentParser(
        prog="videoswap",
        description="Put faces from photos onto chosen people of videos.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"videoswap {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (command, text) in COMMANDS.items():
        one = commands.add_parser(
            name, help=text, epilog=EXIT_CODES, formatter_class=parser.formatter_class
        )
        _complete(one, command)
    return run_guarded(parser, argv)


def swap_main(argv: Sequence[str] | None = None) -> int:
    """Run ``inference.py``: GHOST's command line, the same as ``videoswap swap``."""
    parser = argparse.ArgumentParser(
        prog="inference.py",
        description="Put the face of a photo onto chosen people of a video or picture.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"videoswap {__version__}")
    _complete(parser, swap)
    return run_guarded(parser, argv)


def _complete(parser: argparse.ArgumentParser, command: Command) -> None:
    command.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=command.run)
