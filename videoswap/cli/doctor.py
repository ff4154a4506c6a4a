"""``videoswap doctor``: what is installed and usable."""

from __future__ import annotations

import argparse

from .parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add nothing: it looks at everything."""


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 1 if anything that is needed is missing or broken."""
    from . import diagnosis as doctor

    checks = doctor.examine()
    for check in checks:
        arguments.console.show(str(check))
    return 0 if all(check.fine or not check.needed for check in checks) else 1
