"""``videoswap evaluate`` and ``videoswap compare``: the arguments, and what is done with them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..records import TimeRange
from ..settings import AnalysisSettings, SwapSettings, default_cache_dir

Reader = Callable[[str], Fraction]


def add_evaluate_arguments(parser: argparse.ArgumentParser, time: Reader, share: Reader) -> None:
    """Add the flags of ``videoswap evaluate``; ``time`` reads a time, ``share`` a share."""
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="what was swapped")
    parser.add_argument("result", type=Path, metavar="RESULT", help="what came out")
    parser.add_argument("--masks", type=Path, metavar="FILE", help="what --save_masks wrote")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all numbers, over time too")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="one page with plots; it shows faces: private"
    )
    _add_common(parser, time, share, source_needed=True)
    parser.set_defaults(run=_evaluate)


def add_compare_arguments(parser: argparse.ArgumentParser, time: Reader, share: Reader) -> None:
    """Add the flags of ``videoswap compare``; ``time`` reads a time, ``share`` a share."""
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="what was swapped")
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULT", help="what came out")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="GRID", help="the video that shows all of them"
    )
    parser.add_argument("--labels", nargs="+", default=[], metavar="TEXT", help="one a result")
    parser.add_argument(
        "--masks", nargs="+", type=Path, default=[], metavar="FILE", help="one a result"
    )
    _add_common(parser, time, share, source_needed=False)
    parser.set_defaults(run=_compare)


def _add_common(
    parser: argparse.ArgumentParser, time: Reader, share: Reader, source_needed: bool
) -> None:
    parser.add_argument(
        "--source",
        nargs="+",
        type=Path,
        default=[],
        required=source_needed,
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
        "--gallery", type=Path, metavar="DIR", help="more faces for the retrieval rate"
    )
    parser.add_argument(
        "--step",
        type=int,
        default=1,
        metavar="N",
        help="look at every Nth frame, where a metric looks at single frames",
    )
    parser.add_argument("--similarity_th", type=float, help="as given to the swap")
    parser.add_argument(
        "--min_face",
        type=share,
        default=AnalysisSettings().min_face,
        help="as given to the swap (default 1/20)",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument(
        "--start", type=time, metavar="TIME", help="where in the original the result begins"
    )
    parser.add_argument("--end", type=time, metavar="TIME", help="where to stop")
    parser.add_argument("--no_cache", action="store_true", help="keep no analysis")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")


def _evaluate(arguments: argparse.Namespace) -> int:
    from .. import api
    from .table import table

    evaluation = api.evaluate(
        arguments.original,
        arguments.result,
        arguments.source,
        masks=arguments.masks,
        json_file=arguments.json,
        html_file=arguments.html,
        say=print,
        **_common(arguments),
    )
    print("\n".join(table(evaluation)), flush=True)
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from .. import api
    from .table import comparison

    evaluations = api.compare(
        arguments.original,
        arguments.results,
        arguments.out,
        arguments.source,
        masks=arguments.masks,
        labels=arguments.labels,
        say=print,
        **_common(arguments),
    )
    if evaluations:
        print("\n".join(comparison(evaluations)), flush=True)
    return 0


def _common(arguments: argparse.Namespace) -> dict[str, Any]:
    try:
        part = TimeRange(arguments.start, arguments.end)
    except ValueError:
        raise UsageError("empty_range", "--end must come after --start.") from None
    settings = SwapSettings(
        device=arguments.device,
        similarity_th=arguments.similarity_th,
        time_range=part,
        analysis=AnalysisSettings(min_face=arguments.min_face),
        cache_dir=None if arguments.no_cache else default_cache_dir(),
        overwrite=arguments.overwrite,
    )
    return {
        "target_faces": arguments.target_faces_paths,
        "gallery": arguments.gallery,
        "step": arguments.step,
        "settings": settings,
    }
