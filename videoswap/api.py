"""What a library user imports; ``videoswap`` offers the same names.

Every function raises a ``VideoswapError`` with a code, a message and a hint when something
stands in the way. Paths are texts or ``os.PathLike``. Nothing is printed and no bar is drawn: give
a ``say`` for sentences and a ``progress`` for how far a run is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from threading import Event

from .detection.face_models import FaceModels
from .devices import choose_device
from .evaluation.compare import compare_results
from .evaluation.evaluate import evaluate_result
from .evaluation.html import write_page
from .evaluation.report import Evaluation
from .jobs.context import Say, load_context
from .jobs.faces import list_people
from .jobs.folder import FolderRequest, check_request, swap_one_folder
from .jobs.folder_plan import FileFilter
from .jobs.folder_record import FolderReport
from .jobs.outputs import results_of
from .jobs.picture import swap_one_picture
from .jobs.preview import preview_picture, preview_video
from .jobs.request import check_results, prepared, say_nothing, swap_one, watched_run
from .jobs.video import analyze_with_progress, refine_landmarks_with_progress, swap_one_video
from .paths import (
    AnyPath,
    AnyPaths,
    path_of,
    path_or_none,
    paths_of,
)
from .records import Person
from .report import Report
from .settings import SwapSettings
from .tracking.analysis import RefinedAnalysis
from .video.probe import media_kind, probe
from .watching import OnProgress

_DEFAULTS = SwapSettings()


def analyze(
    video: AnyPath,
    *,
    settings: SwapSettings = _DEFAULTS,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> RefinedAnalysis:
    """Find and follow every face of a video, or take that from the cache.

    Args:
        video: The video.
        settings: Its ``analysis``, ``time_range``, ``device``, ``cache_dir``, ``jobs`` and
            ``executor`` are used.
        progress: As in ``swap_video``.
        cancel: As in ``swap_video``.

    Returns:
        The analysis: frames, tracks and faces. Close it, or use it as a context manager.

    Raises:
        InputError: If the video cannot be read.
        UsageError: If an argument or the settings make no sense.
        OutputError: ``cache_not_writable``.
        CancelledError: If ``cancel`` was set.
    """
    path = path_of("video", video)
    with watched_run(settings, progress, cancel):
        tools = FaceModels.load(choose_device(settings.device).providers, settings.analysis)
        analysis = analyze_with_progress(probe(path, settings.fps), settings, tools)
        try:
            return refine_landmarks_with_progress(analysis)
        except BaseException:
            analysis.close()
            raise


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
    say: Say = say_nothing,
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

    Raises:
        UsageError: If an argument or the settings make no sense.
        InputError: If a photo or the target cannot be read, or weights are missing.
        NoFaceError: If a photo shows no face, or nobody who is to be replaced is found.
        OutputError: If a result cannot be written.
        CancelledError: If ``cancel`` was set.
    """
    path, result = path_of("video", video), path_of("out", out)
    results = results_of(result)
    photos = paths_of("sources", sources), paths_of("target_faces", target_faces)
    others = save_masks, report_file
    with watched_run(settings, progress, cancel):
        return swap_one(
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
    say: Say = say_nothing,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> Report:
    """Put faces from photos onto people of a picture; arguments and errors as in ``swap_video``.

    Raises:
        VideoswapError: As in ``swap_video``.
    """
    path, result = path_of("image", image), path_of("out", out)
    results = {"result": result}
    photos = paths_of("sources", sources), paths_of("target_faces", target_faces)
    others = save_masks, report_file
    with watched_run(settings, progress, cancel):
        return swap_one(
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
    say: Say = say_nothing,
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

    Raises:
        UsageError: If an argument or the settings make no sense.
        InputError: If a photo or the target cannot be read, or weights are missing.
        NoFaceError: If a photo shows no face, or nobody who is to be replaced is found.
        OutputError: If a result cannot be written.
        CancelledError: If ``cancel`` was set.
    """
    path, result = path_of("target", target), path_of("out", out)
    report_path = path_or_none("report_file", report_file)
    outputs = {"preview": result, "report": report_path}
    photos = paths_of("sources", sources), paths_of("target_faces", target_faces)
    with (
        watched_run(settings, progress, cancel),
        prepared(photos, path, outputs, settings, False, say) as context,
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
    say: Say = say_nothing,
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

    Returns:
        What became of each file; an error of one file is in it and ends nothing.

    Raises:
        UsageError: If an argument or the settings make no sense.
        InputError: If the folder or a photo cannot be read, or weights are missing.
        NoFaceError: If a photo shows no face.
        OutputError: If the folder of results or the report cannot be written.
        CancelledError: If ``cancel`` was set.
    """
    sources, target_faces = paths_of("sources", sources), paths_of("target_faces", target_faces)
    request = FolderRequest(
        path_of("folder", folder),
        path_of("out", out),
        [*sources, *target_faces],
        FileFilter(newer_than, tuple(exclude)),
        path_or_none("report_file", report_file),
        dry_run,
    )
    with watched_run(settings, progress, cancel):
        check_request(request, settings)
        context = load_context(sources, target_faces, settings, say)
        return swap_one_folder(context, request)


def list_faces(
    target: AnyPath,
    out: AnyPath | None = None,
    *,
    settings: SwapSettings = _DEFAULTS,
    say: Say = say_nothing,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> tuple[Person, ...]:
    """Say who is in a video or picture, to choose whom to swap.

    Args:
        target: The video or picture.
        out: A folder, which gets ``person_NN.png`` (to be given back as target faces),
            ``people.json``, ``people.png``, which shows everybody, and of a video
            ``timeline.png``; None writes nothing.
        settings: As for ``analyze``; ``overwrite`` is honoured.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).

    Returns:
        The people, in the order of their numbers.

    Raises:
        UsageError: If an argument or the settings make no sense.
        InputError: If the target cannot be read.
        NoFaceError: ``no_face_in_video`` or ``no_face_in_picture``.
        OutputError: If the folder cannot be written.
        CancelledError: If ``cancel`` was set.
    """
    path, folder = path_of("target", target), path_or_none("out", out)
    with watched_run(settings, progress, cancel):
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
    say: Say = say_nothing,
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

    Raises:
        UsageError: If an argument or the settings make no sense.
        InputError: If a file cannot be read, or the result is not one of this original.
        NoFaceError: If there is nobody to measure.
        OutputError: If a result cannot be written.
        CancelledError: If ``cancel`` was set.
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
    check_results(photos, [*paths, others[0], swapped], outputs, settings)
    with watched_run(settings, progress, cancel):
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
    say: Say = say_nothing,
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

    Raises:
        UsageError: If an argument or the settings make no sense.
        InputError: If a file cannot be read, or the result is not one of this original.
        NoFaceError: If there is nobody to measure.
        OutputError: If a result cannot be written.
        CancelledError: If ``cancel`` was set.
    """
    path, films, grid = (
        path_of("original", original),
        paths_of("results", results),
        path_of("out", out),
    )
    sources, target_faces = paths_of("sources", sources), paths_of("target_faces", target_faces)
    covers, others = paths_of("masks", masks), path_or_none("gallery", gallery)
    photos = [*sources, *target_faces, *([] if others is None else [others])]
    check_results(photos, [path, *films, *covers], {"grid": grid}, settings)
    with watched_run(settings, progress, cancel):
        return compare_results(
            path, films, grid, sources, target_faces, covers, labels, others, step, settings, say
        )
