"""``videoswap compare``: several results of one video side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from .evaluate import add_common, common_options
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument(
        "original", type=Path, metavar="ORIGINAL", help="the video that was swapped"
    )
    parser.add_argument(
        "results", type=Path, nargs="+", metavar="RESULT", help="the results of the swaps"
    )
    parser.add_argument(
        "-o",
        "--output",
        "--out",
        dest="out",
        type=Path,
        required=True,
        metavar="GRID",
        help="the video to write, which shows all of them",
    )
    parser.add_argument(
        "--labels", nargs="+", default=[], metavar="TEXT", help="one for each result"
    )
    parser.add_argument(
        "--masks", nargs="+", type=Path, default=[], metavar="FILE", help="one for each result"
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the video that shows them all, and measure them if the sources are known."""
    from .. import api
    from ..evaluation.report import comparison

    evaluations = api.compare(
        arguments.original,
        arguments.results,
        arguments.out,
        sources=arguments.source,
        masks=arguments.masks,
        labels=arguments.labels,
        say=arguments.console.say,
        **common_options(arguments),
    )
    if evaluations:
        arguments.console.show("\n".join(comparison(evaluations)))
    return 0
