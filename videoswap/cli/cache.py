"""``videoswap cache``: what is kept of earlier runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import InputError, UsageError
from ..settings import default_cache_dir
from . import values
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add what can be done."""
    parser.add_argument("action", choices=("list", "clear"))
    parser.add_argument(
        "--older_than",
        type=values.age,
        metavar="AGE",
        help="clear only what was not used for this long, such as 12h, 30d or 4w",
    )
    parser.add_argument(
        "--larger_than",
        type=values.size,
        metavar="SIZE",
        help="clear only what is larger than this, such as 500MB or 10GB",
    )


def cache_folder() -> Path:
    """Return the folder of the cache.

    Raises:
        UsageError: ``no_cache_folder``.
    """
    folder = default_cache_dir()
    if folder is None:
        raise UsageError(
            "no_cache_folder",
            "This user has no home folder, so nothing is kept.",
            "Set VIDEOSWAP_CACHE_DIR to a folder.",
        )
    return folder


def run(arguments: argparse.Namespace) -> int:
    """List or clear it."""
    from .. import cache

    older, larger = arguments.older_than, arguments.larger_than
    if arguments.action == "list" and (older, larger) != (None, None):
        raise UsageError("bad_arguments", "--older_than and --larger_than belong to cache clear.")
    folder = cache_folder()
    try:
        clear = arguments.action == "clear"
        lines = cache.clear(folder, older, larger) if clear else cache.listing(folder)
    except OSError as error:
        raise InputError(
            "unreadable_cache", f"{folder} cannot be read: {error.strerror}."
        ) from error
    arguments.console.show("\n".join(lines))
    return 0
