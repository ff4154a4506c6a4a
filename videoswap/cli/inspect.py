"""``videoswap inspect``: what files say about themselves, and whether that holds."""

from __future__ import annotations

import argparse
from pathlib import Path

from .console import joint_exit_code
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="pictures and videos")
    parser.add_argument(
        "--json", action="store_true", help="print JSON, one object a line (docs/provenance.md)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print it; 3 if what a file says is broken, 5 if some cannot be read."""
    from ..errors import InputError  # the heavy libraries, not needed for --help
    from ..jsonfile import json_text
    from ..provenance.inspection import inspect

    holds, codes = True, []
    for path in arguments.files:
        try:
            found = inspect(path)
        except InputError as error:
            codes.append(arguments.console.fail(error, arguments.debug))
            continue
        codes.append(0)
        holds = holds and found.holds
        if arguments.json:
            arguments.console.show(json_text(found, indent=None))
        else:
            arguments.console.show("\n".join(found.lines()))
    return joint_exit_code(codes) or (0 if holds else InputError.exit_code)
