"""``videoswap check``: whether photos are good sources."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import arguments as shared
from .console import joint_exit_code
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
    """Print what is wrong with photos and what to do; 4 if one shows no face, 5 if some failed."""
    from ..errors import NoFaceError, VideoswapError  # the heavy libraries, not needed for --help
    from ..jobs.photo_check import check_photos
    from ..settings import SwapSettings

    settings = SwapSettings(device=arguments.device, overwrite=arguments.overwrite)
    failed: list[int] = []

    def unreadable(error: VideoswapError) -> None:
        failed.append(arguments.console.fail(error, arguments.debug))

    checked = check_photos(
        arguments.photos, sheet=arguments.out, settings=settings, unreadable=unreadable
    )
    for photo in checked:
        arguments.console.show(f"{photo.path}: {'good' if not photo.advice else ''}".rstrip())
        for one in photo.advice:
            arguments.console.show(f"  {one}.")
    if failed:
        return joint_exit_code([*failed, *[0] * len(checked)])
    return NoFaceError.exit_code if any(photo.faces == 0 for photo in checked) else 0
