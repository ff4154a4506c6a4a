"""Flags that several commands share, and the settings they become."""

from __future__ import annotations

import argparse

from ..settings import (
    EXECUTORS,
    FACE_MODELS,
    LANDMARKS,
    AnalysisSettings,
    SwapSettings,
    default_cache_dir,
    default_cache_limit,
)
from ..timerange import TimeRange
from . import values


def add_shared(
    parser: argparse._ActionsContainer,
    min_face: str = "smallest face to look for, as a fraction of the picture's height",
    start: str = "where to begin: seconds or hh:mm:ss.mmm",
) -> None:
    """Add the flags of every command that analyzes a video.

    Args:
        parser: Takes the flags.
        min_face: Help of ``--min_face``.
        start: Help of ``--start``.
    """
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda"),
        help="where to compute (default auto: the GPU if there is one)",
    )
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
        help="progress bars if stderr is a terminal (auto), JSON lines on stderr, or nothing",
    )
    parser.add_argument("--no_cache", action="store_true", help="keep nothing between runs")
    parser.add_argument(
        "--cache_limit",
        type=values.size,
        metavar="SIZE",
        help="keep at most this much of earlier runs, most recently used first (default "
        "VIDEOSWAP_CACHE_LIMIT, else 20GB)",
    )


def add_face_models(parser: argparse._ActionsContainer) -> None:
    """Add ``--face_models``."""
    parser.add_argument(
        "--face_models",
        choices=FACE_MODELS,
        default=AnalysisSettings().face_models,
        help="models that find and recognize faces: those that come with packages (default), or "
        "insightface's SCRFD and ArcFace (fetch them: videoswap models download scrfd glintr100)",
    )
    parser.add_argument(
        "--landmarks",
        choices=LANDMARKS,
        default=AnalysisSettings().landmarks,
        help="landmarks of a face: MediaPipe's 478 (dense; fetch them: videoswap models download "
        "dense_landmarks), dlib's 68 (dlib), or dense where their file is there (auto, default)",
    )


def add_switch(
    parser: argparse._ActionsContainer, name: str, default: bool | None, text: str
) -> None:
    """Add a flag that takes true or false, and is true if neither follows."""
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


def add_workers(parser: argparse._ActionsContainer) -> None:
    """Add the flags of who does the work."""
    parser.add_argument(
        "--jobs",
        type=values.jobs,
        default=SwapSettings().jobs,
        metavar="{N,auto}",
        help="processes that share the work on a video; the result is the same (default 1; auto: "
        "as many as pay by what the first second shows)",
    )
    parser.add_argument(
        "--executor",
        choices=EXECUTORS,
        default=SwapSettings().executor,
        help="where they are: on this machine, or on a Ray cluster (docs/cluster.md)",
    )
    parser.add_argument(
        "--ship_input",
        action="store_true",
        help="send the video to the machines of the cluster, which do not see its path",
    )


def tell_missing_cache(arguments: argparse.Namespace, settings: SwapSettings) -> None:
    """Say so if nothing can be kept although ``--no_cache`` was not given."""
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
        analysis=AnalysisSettings(
            min_face=arguments.min_face,
            face_models=arguments.face_models,
            landmarks=arguments.landmarks,
        ),
        cache_dir=None if arguments.no_cache else default_cache_dir(),
        cache_limit=default_cache_limit() if limit is None else limit,
        overwrite=arguments.overwrite,
        jobs=arguments.jobs,
        executor=arguments.executor,
        ship_input=arguments.ship_input,
    )
