"""``videoswap plan``: a swap as data, to read and to edit before it is done."""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path

from . import arguments as shared
from . import swap, swap_flags
from .parser import Parser

SUFFIX = ".plan.json"


def add_arguments(parser: Parser) -> None:
    """Add the flags: those of a swap that shape the result."""
    parser.usage = "%(prog)s VIDEO -s PHOTO... [-o FILE] [flags]"
    parser.add_argument("video", type=Path, nargs="?", metavar="VIDEO", help="the video or picture")
    what = parser.add_argument_group("what to swap")
    swap.add_photos(what)
    what.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help=f"the plan (default: NAME{SUFFIX} in the current folder); - prints it",
    )
    what.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of plans, and do nothing else"
    )
    swap_flags.add_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the plan."""
    console = arguments.console
    if arguments.schema:
        schema = resources.files("videoswap.people") / "plan.schema.json"
        console.show(schema.read_text(encoding="utf-8"))
        return 0
    if arguments.video is None:
        raise arguments.parser.wrong_usage("VIDEO is missing.")
    swap.check_photos(arguments)
    printed = arguments.output == swap.STDOUT
    if printed:
        console.use_stderr()
    settings = swap_flags.settings_from(arguments)
    shared.tell_missing_cache(arguments, settings)
    from .. import planned  # the heavy libraries, not needed for --help

    file = arguments.output or Path(f"{arguments.video.stem}{SUFFIX}")
    plan = planned.make_plan(
        arguments.source_paths,
        arguments.video,
        None if printed else file,
        target_faces=arguments.target_faces_paths,
        settings=settings,
        say=console.say,
    )
    if printed:
        console.show(plan.to_json())
    else:
        console.say(f"Plan: {file}; `videoswap swap --plan {file}` does it")
    return 0
