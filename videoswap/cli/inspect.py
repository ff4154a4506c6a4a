"""``videoswap inspect``: what files say about themselves, and whether that holds."""

from __future__ import annotations

import argparse
from pathlib import Path

from .parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="pictures and videos")
    parser.add_argument(
        "--json", action="store_true", help="print JSON, one object a line (docs/provenance.md)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print it; 3 if what a file says is broken."""
    from ..errors import InputError  # the heavy libraries, not needed for --help
    from ..jsonfile import json_text
    from ..provenance.inspection import inspect

    holds = True
    for path in arguments.files:
        found = inspect(path)
        holds = holds and found.holds
        if arguments.json:
            arguments.console.show(json_text(found, indent=None))
        else:
            arguments.console.show("\n".join(found.lines()))
    return 0 if holds else InputError.exit_code
