"""What a library user imports; ``videoswap`` offers the same names.

Every function raises a ``VideoswapError`` with a code, a message and a hint when something
stands in the way. Paths are texts or ``os.PathLike``. Nothing is printed and no bar is drawn: give
a ``say`` for sentences and a ``progress`` for how far a run is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from threading import Event

from .detection.face_models import FaceModels
from .devices import choose_device
from .errors import UsageError
from .evaluation.compare import compare_results
from .evaluation.evaluate import evaluate_result
from .evaluation.html import write_page
from .evaluation.report import Evaluation
from .jobs.context import JobContext, Say, load_context
from .jobs.faces import list_people
from .jobs.folder import FolderRequest, check_request, swap_one_folder
from .jobs.folder_plan import Choice
from .jobs.folder_record import FolderReport
from .jobs.inputs import files_read
from .jobs.output_locks import lock_outputs
from .jobs.outputs import check_outputs, results_of
from .jobs.picture import swap_one_picture
from .jobs.preview import preview_picture, preview_video
from .jobs.video import analyze_with_progress, refine_landmarks_with_progress, swap_one_video
from .paths import (
    AnyPath,
    AnyPaths,
    path_of,
    path_or_none,
    paths_of,
)
from .records import Person
from .report import Report, counted
from .settings import SwapSettings
from .tracking.analysis import Analysis
from .video.files import check_readable
from .video.probe import media_kind, probe
from .video.sequences.pattern import files_of
from .watching import OnProgress, watched

_DEFAULTS = SwapSettings()


def _silent(line: str) -> None:
    """Say nothing."""


def analyze(
    video: AnyPath,
    *,
    settings: SwapSettings = _DEFAULTS,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> Analysis:
    """Find and follow every face of a video, or take that from the cache.

    Args:
        video: The video.
        settings: Its ``analysis``, ``time_range``, ``device`` and ``cache_dir`` are used.
        progress: As in ``swap_video``.
        cancel: As in ``swap_video``.

    Returns:
        The analysis: frames, tracks and faces. Close it, or use it as a context manager.
    """
    path = path_of("video", video)
    with _run(settings, progress, cancel):
        tools = FaceModels.load(choose_device(settings.device).providers, settings.analysis)
        analysis = analyze_with_progress(probe(path, settings.fps), settings, tools)
        try:
            refine_landmarks_with_progress(analysis)
        except BaseException:
            analysis.close()
            raise
        return analysis


def swap_video(
    sources: AnyPaths,
    video: AnyPath,
    out: AnyPath,
    *,
    target_faces: AnyPaths = (),
    settings: SwapSettings = _DEFAULTS,
    save_masks: AnyPath | None = None,
    report_file: AnyPath | None = None,
    dry_run: bool = False,
    say: Say = _silent,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> Report:
    """Put faces from photos onto people of a video.

    Args:
        sources: A photo, or a folder with photos of one person, for each person to put in.
        video: The video, or a GIF or animated WebP, or numbered pictures (frames/%04d.png).
        out: The result; its suffix names the container, or it is numbered pictures too.
        target_faces: The people to replace, as many as sources; without any,
            ``settings.people`` says who, and else it is the person with most screen time (in a
            picture the largest face).
        settings: Everything else.
        save_masks: Where the masks go, as a lossless grey video with the same times.
        report_file: Where the report goes, as JSON.
        dry_run: Decide everything, write nothing but the report.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).

    Returns:
        What was done; ``complete`` tells whether all target faces were found.
    """
    path, result = path_of("video", video), path_of("out", out)
    results = results_of(result)
    photos = paths_of("sources", sources), paths_of("target_faces", target_faces)
    others = save_masks, report_file
    with _run(settings, progress, cancel):
        return _swap_one(
            swap_one_video, photos, path, result, results, others, settings, dry_run, say
        )


def swap_image(
    sources: AnyPaths,
    image: AnyPath,
    out: AnyPath,
    *,
    target_faces: AnyPaths = (),
    settings: SwapSettings = _DEFAULTS,
    save_masks: AnyPath | None = None,
    report_file: AnyPath | None = None,
    dry_run: bool = False,
    say: Say = _silent,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> Report:
    """Put faces from photos onto people of a picture; arguments as in ``swap_video``."""
    path, result = path_of("image", image), path_of("out", out)
    results = {"result": result}
    photos = paths_of("sources", sources), paths_of("target_faces", target_faces)
    others = save_masks, report_file
    with _run(settings, progress, cancel):
        return _swap_one(
            swap_one_picture, photos, path, result, results, others, settings, dry_run, say
        )


def preview_swap(
    sources: AnyPaths,
    target: AnyPath,
    out: AnyPath,
    *,
    moment: Fraction | None = None,
    target_faces: AnyPaths = (),
    settings: SwapSettings = _DEFAULTS,
    report_file: AnyPath | None = None,
    say: Say = _silent,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> Report:
    """Write one frame of a swap beside the original, as the result would show it.

    A video is analyzed in full for that (the analysis is kept for the swap), and only the frame
    and its neighbours are rendered. What the encoder loses is not in it.

    Args:
        sources: As in ``swap_video``.
        target: The video or picture.
        out: The picture of both: PNG, JPEG or WebP.
        moment: Seconds from the video's first frame; None for the best moment of the first person
            who is swapped. Not for pictures.
        target_faces: As in ``swap_video``.
        settings: As in ``swap_video``.
        report_file: Where the report goes, as JSON.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).

    Returns:
        What was done, with the preview as its output.
    """
    path, result = path_of("target", target), path_of("out", out)
    report_path = path_or_none("report_file", report_file)
    outputs = {"preview": result, "report": report_path}
    photos = paths_of("sources", sources), paths_of("target_faces", target_faces)
    with (
        _run(settings, progress, cancel),
        _prepared(photos, path, outputs, settings, False, say) as context,
    ):
        preview = preview_picture if media_kind(path) == "image" else preview_video
        report = preview(context, path, result, moment)
        if report_path is not None:
            report.save(report_path)
    say(f"Preview: {report.output} (engine {report.engine}, {report.device})")
    return report


def swap_folder(
    sources: AnyPaths,
    folder: AnyPath,
    out: AnyPath,
    *,
    target_faces: AnyPaths = (),
    settings: SwapSettings = _DEFAULTS,
    report_file: AnyPath | None = None,
    dry_run: bool = False,
    say: Say = _silent,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
    newer_than: float | None = None,
    exclude: Sequence[str] = (),
) -> FolderReport:
    """Put faces from photos onto people of all videos and pictures of a folder.

    What an earlier run made of the same file with the same photos and settings is not made
    again, unless ``settings.overwrite`` asks for it.

    Args:
        sources: As in ``swap_video``.
        folder: The folder; its sub-folders are mirrored.
        out: Where the results go.
        target_faces: As in ``swap_video``, looked for in every file.
        settings: Everything else.
        report_file: Where the report goes, as JSON; by default ``videoswap-report.json`` among
            the results. That of an earlier run is replaced.
        dry_run: Decide everything, write nothing but a report that was asked for.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).
        newer_than: Only files changed after this time, in seconds since 1970.
        exclude: Patterns (``*.gif``, ``drafts/*``) of names to leave out.
    """
    sources, target_faces = paths_of("sources", sources), paths_of("target_faces", target_faces)
    request = FolderRequest(
        path_of("folder", folder),
        path_of("out", out),
        [*sources, *target_faces],
        Choice(newer_than, tuple(exclude)),
        path_or_none("report_file", report_file),
        dry_run,
    )
    with _run(settings, progress, cancel):
        check_request(request, settings)
        context = load_context(sources, target_faces, settings, say)
        return swap_one_folder(context, request)


def list_faces(
    target: AnyPath,
    out: AnyPath,
    *,
    settings: SwapSettings = _DEFAULTS,
    say: Say = _silent,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> tuple[Person, ...]:
    """Write who is in a video or picture, to choose whom to swap.

    Args:
        target: The video or picture.
        out: A folder; gets ``person_NN.png`` (to be given back as target faces), ``people.json``
            and ``people.png``, which shows everybody.
        settings: As for ``analyze``; ``overwrite`` is honoured.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).
    """
    path, folder = path_of("target", target), path_of("out", out)
    with _run(settings, progress, cancel):
        tools = FaceModels.load(choose_device(settings.device).providers, settings.analysis)
        return list_people(path, folder, settings, tools, say)


def evaluate(
    original: AnyPath,
    result: AnyPath,
    sources: AnyPaths,
    *,
    target_faces: AnyPaths = (),
    masks: AnyPath | None = None,
    gallery: AnyPath | None = None,
    step: int = 1,
    settings: SwapSettings = _DEFAULTS,
    json_file: AnyPath | None = None,
    html_file: AnyPath | None = None,
    say: Say = _silent,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
    swap_report: AnyPath | None = None,
) -> Evaluation:
    """Measure how good a result is; the metrics are described in ``videoswap.evaluation``.

    Args:
        original: The video that was swapped.
        result: What came out.
        sources: The photos that were put in, as given to the swap.
        target_faces: The people that were replaced, as given to the swap.
        masks: What ``save_masks`` wrote; without it some metrics cannot be measured.
        gallery: A folder of further faces for the retrieval rate.
        step: Metrics of single frames look at every one of so many frames.
        settings: As for ``analyze``. ``similarity_th`` counts where its unit is that of dlib, which
            judges here whoever made the result. The time range is the part of the original that
            the result shows.
        json_file: Where the numbers go.
        html_file: Where a page with plots and the worst frames goes; it shows faces.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).
        swap_report: The report of the swap; its threshold is taken where its unit is dlib's.

    Returns:
        The numbers, which of them are good, and a verdict.
    """
    paths = path_of("original", original), path_of("result", result)
    sources, target_faces = paths_of("sources", sources), paths_of("target_faces", target_faces)
    others = path_or_none("masks", masks), path_or_none("gallery", gallery)
    swapped = path_or_none("swap_report", swap_report)
    json_path, html_path = (
        path_or_none("json_file", json_file),
        path_or_none("html_file", html_file),
    )
    photos = [*sources, *target_faces, *([] if others[1] is None else [others[1]])]
    outputs = {"table of numbers": json_path, "page": html_path}
    _check_outputs(photos, [*paths, others[0], swapped], outputs, settings)
    with _run(settings, progress, cancel):
        evaluation = evaluate_result(
            *paths, sources, target_faces, *others, step, settings, say, swapped
        )
    if json_path is not None:
        evaluation.save(json_path)
    if html_path is not None:
        write_page(evaluation, html_path)
    return evaluation


def compare(
    original: AnyPath,
    results: AnyPaths,
    out: AnyPath,
    *,
    sources: AnyPaths = (),
    target_faces: AnyPaths = (),
    masks: AnyPaths = (),
    labels: Sequence[str] = (),
    gallery: AnyPath | None = None,
    step: int = 1,
    settings: SwapSettings = _DEFAULTS,
    say: Say = _silent,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> dict[str, Evaluation]:
    """Show several results of one video side by side and measure them.

    Args:
        original: The video that was swapped.
        results: What came out.
        out: The grid, a video of all of them with labels.
        sources: The photos that were put in; without any, nothing is measured.
        target_faces: The people that were replaced, as given to the swap.
        masks: What ``save_masks`` wrote, one a result, or nothing.
        labels: A name for each result.
        gallery: As in ``evaluate``.
        step: As in ``evaluate``.
        settings: As in ``evaluate``.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).

    Returns:
        The evaluations by label.
    """
    path, films, grid = (
        path_of("original", original),
        paths_of("results", results),
        path_of("out", out),
    )
    sources, target_faces = paths_of("sources", sources), paths_of("target_faces", target_faces)
    covers, others = paths_of("masks", masks), path_or_none("gallery", gallery)
    photos = [*sources, *target_faces, *([] if others is None else [others])]
    _check_outputs(photos, [path, *films, *covers], {"grid": grid}, settings)
    with _run(settings, progress, cancel):
        return compare_results(
            path, films, grid, sources, target_faces, covers, labels, others, step, settings, say
        )


@contextmanager
def _run(
    settings: SwapSettings, progress: OnProgress | None, cancel: Event | None
) -> Iterator[None]:
    """Check the settings' type, and let the run be watched."""
    if not isinstance(settings, SwapSettings):
        raise UsageError("wrong_type", f"settings must be SwapSettings, not {settings!r}.")
    with watched(progress, cancel):
        yield


def _swap_one(
    swap: Callable[[JobContext, Path, Path, Path | None, bool], Report],
    photos: tuple[list[Path], list[Path]],
    target: Path,
    result: Path,
    results: Mapping[str, Path],
    others: tuple[AnyPath | None, AnyPath | None],
    settings: SwapSettings,
    dry_run: bool,
    say: Say,
) -> Report:
    """Swap in one video or picture; ``others`` are the masks and the report."""
    masks = path_or_none("save_masks", others[0])
    report_path = path_or_none("report_file", others[1])
    outputs = {**results, "masks": masks, "report": report_path}
    with _prepared(photos, target, outputs, settings, dry_run, say) as context:
        return _finished(swap(context, target, result, masks, dry_run), report_path, say)


@contextmanager
def _prepared(
    photos: tuple[list[Path], list[Path]],
    target: Path,
    outputs: Mapping[str, Path | None],
    settings: SwapSettings,
    dry_run: bool,
    say: Say,
) -> Iterator[JobContext]:
    """Check the target and all that is to be written, keep that for this run, load the models."""
    sources, target_faces = photos
    files = files_of(target)
    check_readable(files[0])
    _check_outputs([*sources, *target_faces], files, outputs, settings)
    with lock_outputs([] if dry_run else outputs.values()):
        # A run that was writing it may have ended since.
        _check_outputs([*sources, *target_faces], files, outputs, settings)
        yield load_context(sources, target_faces, settings, say)


def _check_outputs(
    photos: Sequence[Path],
    others: Sequence[Path | None],
    outputs: Mapping[str, Path | None],
    settings: SwapSettings,
) -> None:
    """Refuse what cannot be written, or is read or written already, before work is spent."""
    check_outputs(outputs, files_read(photos, settings, others), settings.overwrite)


def _finished(report: Report, report_file: Path | None, say: Say) -> Report:
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
