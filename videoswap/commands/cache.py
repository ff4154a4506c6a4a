"""``videoswap cache``: what is kept of earlier runs."""

from __future__ import annotations

import argparse

from ..settings import default_cache_dir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be done."""
    parser.add_argument("action", choices=("list", "clear"))


def run(arguments: argparse.Namespace) -> int:
    """List or clear it."""
    from .. import cache

    folder = default_cache_dir()
    for line in cache.clear(folder) if arguments.action == "clear" else cache.listing(folder):
        print(line)
    return 0
