"""What every request begins and ends with: checks and locks before the models, then the report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event

from ..errors import InputError, UsageError
from ..jsonfile import plain_fields
from ..paths import AnyPath, is_folder, path_or_none
from ..people.plan import Plan
from ..people.sources import photo_files
from ..records import counted
from ..report import InputFile, Report, WeightFile
from ..settings import SwapSettings
from ..tracking.key import video_digest
from ..video.files import check_readable
from ..video.sequences.pattern import files_of
from ..watching import OnProgress, watched
from .context import JobContext, Say, load_context
from .inputs import files_read
from .output_locks import lock_outputs
from .outputs import check_outputs


def say_nothing(line: str) -> None:
    """Say nothing."""


@contextmanager
def watched_run(
    settings: SwapSettings, progress: OnProgress | None, cancel: Event | None
) -> Iterator[None]:
    """Check the type of the settings, and report the run's progress to whoever asked for it.

    Raises:
        UsageError: ``wrong_type``.
        CancelledError: If ``cancel`` is set already.
    """
    if not isinstance(settings, SwapSettings):
        raise UsageError("wrong_type", f"settings must be SwapSettings, not {settings!r}.")
    with watched(progress, cancel):
        yield


def swap_one(
    swap: Callable[[JobContext, Path, Path, Path | None, bool], Report],
    photos: tuple[list[Path], list[Path]],
    target: Path,
    result: Path,
    results: Mapping[str, Path],
    others: tuple[AnyPath | None, AnyPath | None],
    settings: SwapSettings,
    dry_run: bool,
    say: Say,
    plan: Plan | None = None,
) -> Report:
    """Swap in one video or picture.

    Args:
        swap: Swaps in a video or in a picture.
        photos: The photos of sources, and of target faces.
        target: The video or picture.
        result: What comes out.
        results: The files of it by name, see ``results_of``.
        others: Where the masks and the report go, or None.
        settings: The settings.
        dry_run: Whether nothing is written but the report.
        say: Called with sentences for the user.
        plan: Who gets what, if that is decided already.

    Raises:
        VideoswapError: Whatever stands in the way, by kind.
    """
    masks = path_or_none("save_masks", others[0])
    report_path = path_or_none("report_file", others[1])
    outputs = {**results, "masks": masks, "report": report_path}
    with prepared(photos, target, outputs, settings, dry_run, say, plan) as context:
        report = swap(context, target, result, masks, dry_run)
        inputs = input_files({"video": [target], "source": photos[0], "target": photos[1]})
        report = replace(
            report,
            inputs=inputs,
            settings=plain_fields(settings),
            weights=tuple(WeightFile(str(path), one) for path, one in context.weights.items()),
            peak_memory=peak_memory(),
        )
        return _finished(report, report_path, say)


def input_files(given: Mapping[str, Sequence[Path]]) -> tuple[InputFile, ...]:
    """Return the files that a run read, folders of photos one by one, with their digests."""
    found = []
    for role, paths in given.items():
        for path in paths:
            for one in photo_files(path) if is_folder(path) else [path]:
                digest = None
                with suppress(InputError, OSError):
                    digest = video_digest(one)
                found.append(InputFile(str(one), role, digest))
    return tuple(found)


def peak_memory() -> int | None:
    """Return the most bytes of memory that this process had; None where nobody says."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def prepared(
    photos: tuple[list[Path], list[Path]],
    target: Path,
    outputs: Mapping[str, Path | None],
    settings: SwapSettings,
    dry_run: bool,
    say: Say,
    plan: Plan | None = None,
) -> Iterator[JobContext]:
    """Check the target and all that is to be written, lock it, and load the models.

    Args:
        photos: The photos of sources, and of target faces.
        target: The video or picture.
        outputs: What the run writes by name; None for what is not wanted.
        settings: The settings.
        dry_run: Whether nothing is written.
        say: Called with sentences for the user.
        plan: Who gets what, if that is decided already.

    Raises:
        InputError: If the target or a photo cannot be read.
        OutputError: If a result cannot be written, or another run is writing it.
        UsageError: If the settings do not go together.
    """
    sources, target_faces = photos
    files = files_of(target)
    check_readable(files[0])
    check_results([*sources, *target_faces], files, outputs, settings)
    with lock_outputs([] if dry_run else outputs.values()):
        # A run that was writing it may have ended since.
        check_results([*sources, *target_faces], files, outputs, settings)
        faces = target_faces if plan is None else []  # a plan lies among them to be protected
        yield load_context(sources, faces, settings, say, plan)


def check_results(
    photos: Sequence[Path],
    others: Sequence[Path | None],
    outputs: Mapping[str, Path | None],
    settings: SwapSettings,
) -> None:
    """Refuse results that cannot be written, or that are read by the run or written twice.

    Args:
        photos: The photos of sources and target faces.
        others: What else the run reads; None for what is not given.
        outputs: What it writes by name; None for what is not wanted.
        settings: Name the weights, and say whether results may be replaced.

    Raises:
        OutputError: See ``check_outputs``.
    """
    check_outputs(outputs, files_read(photos, settings, others), settings.overwrite)


def _finished(report: Report, report_file: Path | None, say: Say) -> Report:
    """Save the report where that is wanted, say what was done, and return the report.

    Raises:
        OutputError: ``unwritable_output`` or ``disk_full``.
    """
    if report_file is not None:
        report.save(report_file)
    done = f"{report.swapped_frames} of {counted(report.frames, 'frame')}"
    if report.dry_run:
        say(
            f"Dry run: {done} would be swapped in {counted(report.segments, 'segment')} with the "
            f"engine {report.engine} on {report.device}, {report.encoder or 'picture'}; nothing "
            "written."
        )
    else:
        say(f"Result: {report.output} ({done} swapped, engine {report.engine}, {report.device})")
    return report
