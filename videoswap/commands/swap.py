"""``videoswap swap``, which is also GHOST's ``inference.py``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import PartialError, UsageError
from . import shared, swap_flags, values
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the flags; the names of the first group are GHOST's."""
    what = parser.add_argument_group("what to swap")
    what.add_argument(
        "--source_paths",
        nargs="+",
        type=Path,
        required=True,
        metavar="PHOTO",
        help="a photo for each person to put in; a folder holds several photos of one person",
    )
    what.add_argument(
        "--target_faces_paths",
        nargs="+",
        type=Path,
        default=[],
        metavar="PHOTO",
        help="the people to replace: the nth source goes onto the nth of them",
    )
    what.add_argument("--target_video", type=Path, metavar="FILE", help="the video")
    what.add_argument(
        "--out_video_name", type=Path, metavar="FILE", help="default: NAME_swapped beside you"
    )
    shared.add_switch(what, "--image_to_image", None, "swap in a picture instead of a video")
    what.add_argument(
        "--target_image", "--target_path", type=Path, metavar="FILE", help="the picture"
    )
    what.add_argument("--out_image_name", type=Path, metavar="FILE")
    what.add_argument("--target_dir", type=Path, metavar="DIR", help="a folder of both")
    what.add_argument(
        "--out_dir",
        type=Path,
        metavar="DIR",
        help="folder for its results; what is finished there is not done again",
    )
    what.add_argument(
        "--newer_than",
        type=values.moment,
        metavar="DATE|FILE",
        help="of a folder only what was changed after a date, or after a file was",
    )
    what.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="GLOB",
        help="of a folder all but such names (*.gif, drafts/*); may be given again",
    )
    what.add_argument(
        "--save_masks", type=Path, metavar="FILE", help="the masks as a lossless video"
    )
    what.add_argument("--report", type=Path, metavar="FILE", help="what was done, as JSON")
    what.add_argument(
        "--dry_run", action="store_true", help="say what would be done, write nothing"
    )
    swap_flags.add_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Swap faces in one video, one picture or a folder of them."""
    settings = swap_flags.settings_from(arguments)
    shared.tell_missing_cache(arguments, settings)
    common: dict[str, Any] = {
        "target_faces": arguments.target_faces_paths,
        "settings": settings,
        "dry_run": arguments.dry_run,
    }
    kinds = (arguments.target_video, arguments.target_image, arguments.target_dir)
    if sum(kind is not None for kind in kinds) != 1:
        raise UsageError(
            "which_target",
            "Exactly one of --target_video, --target_image and --target_dir is needed.",
        )
    if arguments.target_dir is not None:
        return _swap_folder(arguments, common)
    if arguments.image_to_image and arguments.target_video is not None:
        raise UsageError("which_target", "--image_to_image needs --target_image.")
    from .. import api  # the heavy libraries, not needed for --help
    from ..jobs.outputs import default_output, default_video_output

    if arguments.target_image is not None:
        target = arguments.target_image
        out = arguments.out_image_name or arguments.out_video_name or default_output(target)
        swap: Callable[..., Any] = api.swap_image
    else:
        target = arguments.target_video
        out = arguments.out_video_name or default_video_output(target)
        swap = api.swap_video
    report = swap(
        arguments.source_paths,
        target,
        out,
        save_masks=arguments.save_masks,
        report_file=arguments.report,
        say=arguments.console.say,
        **common,
    )
    return 0 if report.complete else PartialError.exit_code


def _swap_folder(arguments: argparse.Namespace, common: dict[str, Any]) -> int:
    if arguments.out_dir is None:
        raise UsageError("no_out_dir", "--target_dir needs --out_dir.")
    if arguments.save_masks is not None:
        raise UsageError("masks_of_folder", "--save_masks works for one video or picture only.")
    from .. import api

    results = api.swap_folder(
        arguments.source_paths,
        arguments.target_dir,
        arguments.out_dir,
        report_file=arguments.report,
        say=arguments.console.say,
        newer_than=arguments.newer_than,
        exclude=arguments.exclude,
        **common,
    )
    for item in results.items:
        if arguments.debug and item.traceback is not None:
            print(f"{item.input}:\n{item.traceback}", file=sys.stderr)
    return results.exit_code
