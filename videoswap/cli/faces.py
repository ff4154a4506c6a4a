"""``videoswap faces``: who is in a video or picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import arguments as shared
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument("target", type=Path, metavar="FILE", help="the video or picture")
    parser.add_argument(
        *("-o", "--output", "--out_dir"),
        dest="out_dir",
        type=Path,
        metavar="DIR",
        help="folder for one picture of each person, people.json, people.png, which shows all, and "
        "of a video timeline.png, which shows when (default: nothing is written)",
    )
    shared.add_shared(parser)
    shared.add_face_models(parser)
    shared.add_workers(parser)
    shared.add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the pictures."""
    from .. import api  # the heavy libraries, not needed for --help

    settings = shared.shared_settings(arguments)
    api.list_faces(
        arguments.target, arguments.out_dir, settings=settings, say=arguments.console.say
    )
    return 0
