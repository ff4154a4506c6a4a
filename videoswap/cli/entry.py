"""The entry points ``videoswap`` and ``inference.py``: they choose the command and run it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from . import (
    benchmark,
    cache,
    check,
    compare,
    completion,
    doctor,
    evaluate,
    faces,
    inspect,
    models,
    plan,
    resume,
    similarity,
    swap,
    train,
    ui,
    verify,
)
from .console import EXIT_CODES, Console, add_common, run_guarded
from .parser import Parser


class Command(Protocol):
    """What the file of a command offers."""

    def add_arguments(self, parser: Parser) -> None:
        """Add the flags."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; returns the exit code."""


COMMANDS: dict[str, tuple[Command, str]] = {
    "swap": (swap, "swap faces"),
    "plan": (plan, "decide who gets which face, and write that down"),
    "ui": (ui, "open the page: see who is in a film, drop photos, look, run"),
    "faces": (faces, "list the people of a video or picture"),
    "check": (check, "say whether photos are good sources"),
    "inspect": (inspect, "say what files say about themselves, and whether that holds"),
    "resume": (resume, "list runs that were interrupted, or go on with them"),
    "cache": (cache, "list or clear what is kept of earlier runs"),
    "models": (models, "list, fetch and check the weights of the engines"),
    "evaluate": (evaluate, "measure how good a result is"),
    "compare": (compare, "show and measure several results side by side"),
    "verify": (verify, "measure whether encoders tell people apart"),
    "similarity": (similarity, "say how alike encoders find one face and others"),
    "completion": (completion, "print a completion script for a shell"),
    "train": (train, "train the networks of this project and of its models"),
    "benchmark": (benchmark, "say how many frames a second are swapped here"),
    "doctor": (doctor, "show what is installed and what can be used"),
}


FIRST_STEPS = """videoswap puts faces from photos onto chosen people of videos. First of all:

  videoswap ui                            all of it on a page in the browser
  videoswap faces film.mp4 -o people      who is in it: people/people.png shows them
  videoswap swap -s me.jpg -i film.mp4    put a face in (--preview 00:12 look.png: one frame)

What is installed: videoswap doctor. All commands: videoswap --help"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``videoswap``: one of ``COMMANDS``; without a word, say what people do first."""
    if not (sys.argv[1:] if argv is None else argv):
        Console().show(FIRST_STEPS)
        return 0
    return run_guarded(program(), argv)


def swap_main(argv: Sequence[str] | None = None) -> int:
    """Run ``inference.py``: GHOST's command line, the same as ``videoswap swap``."""
    parser = Parser(
        prog="inference.py",
        description="Put the face of a photo onto chosen people of a video or picture.",
        epilog=EXIT_CODES,
    )
    swap.add_arguments(parser)
    parser.set_defaults(run=swap.run)
    add_common(parser)
    return run_guarded(parser, argv, every=program)


def program() -> Parser:
    """Return the parser of ``videoswap`` with all its commands."""
    parser = Parser(
        prog="videoswap",
        description="Put faces from photos onto chosen people of videos.",
        epilog=EXIT_CODES,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (command, text) in COMMANDS.items():
        sentence = f"{text[0].upper()}{text[1:]}."
        one = commands.add_parser(name, help=text, description=sentence, epilog=EXIT_CODES)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
        for part in (one, *one.parts().values()):
            part.command = name
    add_common(parser)
    return parser
