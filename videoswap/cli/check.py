"""``videoswap check``: whether photos are good sources."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import arguments as shared
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO", help="photos of people")
    parser.add_argument(
        *("-o", "--output", "--out"),
        dest="out",
        type=Path,
        metavar="PICTURE",
        help="a picture of all of them; it shows faces",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    shared.add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what is wrong with each photo and what to do; 4 if one shows no face."""
    from ..errors import NoFaceError  # the heavy libraries, not needed for --help
    from ..jobs.photo_check import check_photos
    from ..settings import SwapSettings

    settings = SwapSettings(device=arguments.device, overwrite=arguments.overwrite)
    checked = check_photos(arguments.photos, sheet=arguments.out, settings=settings)
    for photo in checked:
        arguments.console.show(f"{photo.path}: {'good' if not photo.advice else ''}".rstrip())
        for one in photo.advice:
            arguments.console.show(f"  {one}.")
    return NoFaceError.exit_code if any(photo.faces == 0 for photo in checked) else 0
