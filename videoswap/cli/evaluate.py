"""``videoswap evaluate``: how good a result is."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..settings import AnalysisSettings
from . import arguments as shared
from . import swap_flags
from .parser import Parser

if TYPE_CHECKING:
    from ..evaluation.report import Evaluation


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument(
        "original", type=Path, metavar="ORIGINAL", help="the video that was swapped"
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="the result of the swap")
    parser.add_argument(
        "--masks", type=Path, metavar="FILE", help="the masks that --save_masks wrote"
    )
    parser.add_argument(
        "--swap_report",
        type=Path,
        metavar="FILE",
        help="the report that --report wrote; its threshold is used",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all numbers, also over time"
    )
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write a page with plots; it shows faces, so keep it private",
    )
    parser.add_argument(
        "--plan",
        type=Path,
        metavar="FILE",
        help="the plan that the swap went by: it says which photos went onto whom",
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure one result and print the table."""
    from ..evaluation.report import table

    evaluation = _by_plan(arguments) if arguments.plan is not None else _by_photos(arguments)
    arguments.console.show("\n".join(table(evaluation)))
    return 0


def _by_photos(arguments: argparse.Namespace) -> Evaluation:
    from .. import api

    if not arguments.source:
        raise arguments.parser.wrong_usage("--source_paths is missing.")
    return api.evaluate(
        arguments.original,
        arguments.result,
        arguments.source,
        masks=arguments.masks,
        json_file=arguments.json,
        html_file=arguments.html,
        swap_report=arguments.swap_report,
        say=arguments.console.say,
        **common_options(arguments),
    )


#: What cannot stand beside ``--plan``, which says it.
_SAID_BY_PLAN = {
    *("source", "source_paths", "target_faces_paths", "person", "all_faces", "face_at"),
    *("start", "end", "min_face", "similarity_th", "swap_report", "gallery"),
}


def _by_plan(arguments: argparse.Namespace) -> Evaluation:
    """Measure what a plan made.

    Raises:
        UsageError: ``plan_and_flags``.
    """
    from .. import planned

    others = sorted(f"--{name}" for name in arguments.given & _SAID_BY_PLAN)
    if others:
        raise UsageError(
            "plan_and_flags",
            f"The plan says what {' and '.join(others)} would say.",
            "Leave it out.",
        )
    return planned.evaluate_by_plan(
        arguments.plan,
        arguments.result,
        video=arguments.original,
        masks=arguments.masks,
        step=arguments.step,
        settings=common_options(arguments)["settings"],
        json_file=arguments.json,
        html_file=arguments.html,
        say=arguments.console.say,
    )


def add_common(parser: Parser) -> None:
    """Add the flags that ``videoswap compare`` has too."""
    parser.add_argument(
        "-s",
        "--source_paths",
        "--source",
        dest="source",
        nargs="+",
        type=Path,
        default=[],
        metavar="PHOTO",
        help="the photos that were put in, as given to the swap",
    )
    parser.add_argument(
        "--target_faces_paths",
        nargs="+",
        type=Path,
        default=[],
        metavar="PHOTO",
        help="the people that were replaced, as given to the swap",
    )
    parser.add_argument(
        "--gallery", type=Path, metavar="DIR", help="folder of more faces for the retrieval rate"
    )
    parser.add_argument(
        "--step",
        type=int,
        default=1,
        metavar="N",
        help="measure every Nth frame, for metrics that need single frames only",
    )
    swap_flags.add_who(parser)
    parser.add_argument(
        "--similarity_th",
        type=float,
        help="largest distance between a target face and the same person, in the unit of dlib, "
        "which judges here (default 0.6; --face_models insightface has another unit)",
    )
    shared.add_shared(
        parser,
        min_face="as given to the swap",
        start="where in the original the result begins",
    )
    shared.add_workers(parser)
    shared.add_overwrite(parser)
    # Whoever made a result, the same models judge it.
    usual = AnalysisSettings()
    parser.set_defaults(face_models=usual.face_models, landmarks=usual.landmarks)


def common_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return these flags as keywords of ``videoswap.evaluate`` and ``compare``."""
    settings = shared.shared_settings(arguments)
    return {
        "target_faces": arguments.target_faces_paths,
        "gallery": arguments.gallery,
        "step": arguments.step,
        "settings": replace(
            settings,
            similarity_th=arguments.similarity_th,
            people=swap_flags.who(arguments),
        ),
    }
