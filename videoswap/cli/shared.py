"""Flags that several commands share, and the settings they become."""

from __future__ import annotations

import argparse

from ..settings import (
    FACE_MODELS,
    AnalysisSettings,
    SwapSettings,
    default_cache_dir,
    default_cache_limit,
)
from ..timerange import TimeRange
from . import values


def add_shared(
    parser: argparse._ActionsContainer,
    min_face: str = "smallest face wanted, as a share of the picture's height",
    start: str = "seconds or hh:mm:ss.mmm",
) -> None:
    """Add what every look at a video needs; ``min_face`` and ``start`` explain these two."""
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument(
        "--min_face",
        type=values.share,
        default=AnalysisSettings().min_face,
        help=f"{min_face} (default 1/20)",
    )
    parser.add_argument("--start", type=values.time, metavar="TIME", help=start)
    parser.add_argument("--end", type=values.time, metavar="TIME", help="where to stop")
    parser.add_argument(
        "--progress",
        choices=("auto", "json", "none"),
        default="auto",
        help="bars where stderr is a terminal (auto), lines of JSON on stderr, or nothing",
    )
    parser.add_argument("--no_cache", action="store_true", help="keep nothing between runs")
    parser.add_argument(
        "--cache_limit",
        type=values.size,
        metavar="SIZE",
        help="keep at most so much of earlier runs, the last used first (default "
        "VIDEOSWAP_CACHE_LIMIT, else 20GB)",
    )


def add_face_models(parser: argparse._ActionsContainer) -> None:
    """Add ``--face_models``."""
    parser.add_argument(
        "--face_models",
        choices=FACE_MODELS,
        default=AnalysisSettings().face_models,
        help="who finds and recognises faces: what comes with packages (default), or insightface's "
        "SCRFD and ArcFace (videoswap models download scrfd glintr100)",
    )


def add_switch(
    parser: argparse._ActionsContainer, name: str, default: bool | None, text: str
) -> None:
    """Add a flag that takes true or false, and means true where neither follows."""
    parser.add_argument(
        name,
        type=values.strict_bool,
        nargs="?",
        const=True,
        default=default,
        metavar="BOOL",
        help=text,
    )


def add_overwrite(parser: argparse._ActionsContainer) -> None:
    """Add ``--overwrite``."""
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace existing outputs")


def tell_missing_cache(arguments: argparse.Namespace, settings: SwapSettings) -> None:
    """Say it if nothing is kept although nobody asked for that."""
    if settings.cache_dir is None and not arguments.no_cache:
        why = "this user has no home folder (VIDEOSWAP_CACHE_DIR can name another)"
        arguments.console.say(f"Note: without a cache, because {why}.")


def shared_settings(arguments: argparse.Namespace) -> SwapSettings:
    """Return the settings that all these flags become.

    Raises:
        UsageError: ``empty_range``, or if a value is out of range.
    """
    limit = arguments.cache_limit
    return SwapSettings(
        device=arguments.device,
        time_range=TimeRange(arguments.start, arguments.end),
        analysis=AnalysisSettings(min_face=arguments.min_face, face_models=arguments.face_models),
        cache_dir=None if arguments.no_cache else default_cache_dir(),
        cache_limit=default_cache_limit() if limit is None else limit,
        overwrite=arguments.overwrite,
    )
