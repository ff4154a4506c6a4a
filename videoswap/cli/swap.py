"""``videoswap swap``, which is also GHOST's ``inference.py``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OutputError, PartialError, UsageError
from ..jobs.outputs import InputFiles
from ..settings import SwapSettings
from . import arguments as shared
from . import swap_flags, target, values
from .parser import Parser
from .summary import summary

if TYPE_CHECKING:
    from ..jobs.unfinished import CommandLine
    from ..report import Report

#: In place of the name of a file: print it.
STDOUT = Path("-")


def add_arguments(parser: Parser) -> None:
    """Add the flags; the names of the first group are GHOST's."""
    parser.usage = "%(prog)s -s PHOTO... -i INPUT [-o OUTPUT] [flags]"
    what = parser.add_argument_group("what to swap")
    add_photos(what)
    what.add_argument(
        "--plan",
        type=Path,
        metavar="FILE",
        help="do exactly what a plan says (`videoswap plan` writes one): no photos and no further "
        "flags that shape the result",
    )
    target.add_arguments(what)
    what.add_argument(
        "--newer_than",
        type=values.moment,
        metavar="DATE|FILE",
        help="in a folder, only files changed after a date, or after another file",
    )
    what.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="GLOB",
        help="in a folder, skip names like this (*.gif, drafts/*); can be repeated",
    )
    what.add_argument(
        "--save_masks", type=Path, metavar="FILE", help="write the masks as a lossless video"
    )
    what.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write a report as JSON (see docs/report.md); - prints it, and messages go to stderr",
    )
    what.add_argument(
        "--dry_run", action="store_true", help="say what would be done, write nothing"
    )
    what.add_argument(
        "--preview",
        nargs="+",
        metavar=("TIME", "FILE"),
        help="write one frame before and after, side by side, instead of the result: TIME and the "
        "FILE to write, or FILE alone for a picture or for the best moment of a video",
    )
    swap_flags.add_flags(parser)


def add_photos(what: argparse._ActionsContainer) -> None:
    """Add the flags of the photos."""
    what.add_argument(
        "-s",
        "--source",
        "--source_paths",
        dest="source_paths",
        nargs="+",
        type=Path,
        default=[],
        metavar="PHOTO",
        help="one photo for each person to put in; a folder holds several photos of one person",
    )
    what.add_argument(
        "--target_faces_paths",
        nargs="+",
        type=Path,
        default=[],
        metavar="PHOTO",
        help="photos of the people to replace: the nth source goes onto the nth of them",
    )


def check_photos(arguments: argparse.Namespace) -> None:
    """Refuse a command line without photos to put in.

    Raises:
        UsageError: ``wrong_usage``.
    """
    if not arguments.source_paths:
        raise arguments.parser.wrong_usage("--source_paths is missing.")


def run(arguments: argparse.Namespace) -> int:
    """Swap faces in one video, one picture or a folder of them."""
    from ..jobs.unfinished import asked_by

    console = arguments.console
    if arguments.report == STDOUT or target.to_stdout(arguments):
        console.use_stderr()
    if arguments.plan is None:
        check_photos(arguments)
    else:
        _heed_plan(arguments)
    settings = swap_flags.settings_from(arguments)
    shared.tell_missing_cache(arguments, settings)
    with target.target_of(arguments, console.say) as found, asked_by(_command(arguments, found)):
        report, code = _swap(arguments, found, settings)
    if arguments.report == STDOUT:
        console.show(report)
    return code


def _command(arguments: argparse.Namespace, found: target.Target) -> CommandLine:
    """Return the command line, without words where it cannot be given again: for pipes."""
    from ..jobs.unfinished import CommandLine

    try:
        folder = str(Path.cwd())
    except OSError:  # it is gone
        return CommandLine((), "")
    return CommandLine(() if found.names else tuple(arguments.words), folder)


#: What may stand beside ``--plan``: it says nothing about what the result shows.
_BESIDE_PLAN = {
    *("plan", "save_masks", "report", "dry_run", "preview", "overwrite"),
    *("device", "progress", "no_cache", "cache_limit", "jobs", "executor", "ship_input"),
    *("steps", "decoder"),
    *("mark", "label", "certificate", "private_key"),
    *("quiet", "verbose", "log_file", "config", "debug", "format", "out_dir"),
    *(*target.INPUTS, *target.NAMES),
}


def _heed_plan(arguments: argparse.Namespace) -> None:
    """Take the input from the plan, and refuse flags that the plan decides.

    Raises:
        UsageError: ``plan_and_flags``.
        InputError: ``bad_plan``.
    """
    from ..people.plan_reading import read_plan

    others = sorted(f"--{name}" for name in arguments.given - _BESIDE_PLAN)
    if others:
        raise UsageError(
            "plan_and_flags",
            f"The plan decides what {' and '.join(others)} would say.",
            "Leave it out, or change it in the plan.",
        )
    arguments.plan = read_plan(arguments.plan)
    if all(getattr(arguments, name) is None for name in target.INPUTS):
        arguments.input = arguments.plan.video


def _swap(
    arguments: argparse.Namespace, found: target.Target, settings: SwapSettings
) -> tuple[str, int]:
    """Swap; returns the report as JSON, and the exit code."""
    from .. import api  # the heavy libraries, not needed for --help

    _check_log(arguments, found.out)
    common: dict[str, Any] = {
        "target_faces": arguments.target_faces_paths,
        "settings": settings,
        "dry_run": arguments.dry_run,
        "report_file": None if arguments.report == STDOUT else arguments.report,
        "say": lambda line: arguments.console.say(found.spoken(line)),
    }
    if arguments.preview is not None:
        return _preview(arguments, found, common)
    if arguments.plan is not None:
        return _by_plan(arguments, found, common)
    if found.kind == "folder":
        if arguments.save_masks is not None:
            raise UsageError("masks_of_folder", "--save_masks works for one video or picture only.")
        results = api.swap_folder(
            arguments.source_paths,
            found.path,
            found.out,
            newer_than=arguments.newer_than,
            exclude=arguments.exclude,
            **common,
        )
        for item in results.items:
            if arguments.debug and item.traceback is not None:
                arguments.console.complain(f"{item.input}:\n{item.traceback}")
        complaint = results.complaint()
        if complaint is not None:
            arguments.console.complain(f"videoswap: {complaint}")
        return results.to_json(), results.exit_code
    swap: Callable[..., Report] = api.swap_image if found.kind == "image" else api.swap_video
    report = swap(
        arguments.source_paths, found.path, found.out, save_masks=arguments.save_masks, **common
    )
    return _told(arguments, report)


def _by_plan(
    arguments: argparse.Namespace, found: target.Target, common: dict[str, Any]
) -> tuple[str, int]:
    """Do what a plan says; returns as `_swap`."""
    from .. import planned

    del common["target_faces"]
    report = planned.swap_by_plan(
        arguments.plan, found.out, video=found.path, save_masks=arguments.save_masks, **common
    )
    return _told(arguments, report)


def _told(arguments: argparse.Namespace, report: Report) -> tuple[str, int]:
    """Print the table of a run; returns the report as JSON and the exit code."""
    for line in [] if report.dry_run else summary(report):
        arguments.console.say(line)
    return report.to_json(), 0 if report.complete else PartialError.exit_code


def _check_log(arguments: argparse.Namespace, out: Path) -> None:
    """Refuse an output that is the log, which is open already.

    Raises:
        OutputError: ``output_is_input``.
    """
    log = arguments.log_file
    for path in (out, arguments.save_masks, arguments.report):
        if None not in (log, path) and InputFiles([log]).same_as(path) is not None:
            raise OutputError("output_is_input", f"{path} is also the log file.", "Name two files.")


def _preview(
    arguments: argparse.Namespace, found: target.Target, common: dict[str, Any]
) -> tuple[str, int]:
    """Show one frame; returns as `_swap`."""
    from .. import api

    *when, out = arguments.preview
    if len(when) > 1:
        raise UsageError("wrong_usage", "--preview takes a time and a file, or a file alone.")
    try:
        moment = values.time(when[0]) if when else None
    except argparse.ArgumentTypeError as error:
        raise UsageError("wrong_usage", f"--preview TIME FILE: {error}.") from None
    if found.kind == "folder":
        raise UsageError("preview_of_folder", "--preview works for one video or picture only.")
    for flag in ("save_masks", "dry_run"):
        if getattr(arguments, flag):
            raise UsageError("wrong_usage", f"--{flag} and --preview exclude each other.")
    del common["dry_run"]
    if arguments.plan is not None:
        from .. import planned

        del common["target_faces"]
        report = planned.preview_by_plan(
            arguments.plan, Path(out), moment=moment, video=found.path, **common
        )
        return report.to_json(), 0
    report = api.preview_swap(
        arguments.source_paths, found.path, Path(out), moment=moment, **common
    )
    return report.to_json(), 0 if report.complete else PartialError.exit_code
