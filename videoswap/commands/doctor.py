"""``videoswap doctor``: what is installed and usable."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: it looks at everything."""


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 1 if anything is not fine."""
    from .. import doctor

    checks = doctor.examine()
    for check in checks:
        print(check)
    return 0 if all(check.fine for check in checks) else 1
