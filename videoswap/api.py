"""What a library user imports; ``videoswap`` offers the same names.

Every function raises a ``VideoswapError`` with a code, a message and a hint when something
stands in the way, and prints nothing unless it is given a ``say``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from .analysis.analyze import Analysis
from .devices import choose_device
from .evaluation.compare import compare_results
from .evaluation.evaluate import evaluate_result
from .evaluation.page import write_page
from .evaluation.report import Evaluation
from .finding.tools import FaceTools
from .jobs.claim import claimed
from .jobs.context import Context, Say, open_context
from .jobs.faces import list_people
from .jobs.folder import FolderRequest, check_request, swap_one_folder
from .jobs.folder_plan import Choice
from .jobs.folder_report import FolderReport
from .jobs.inputs import inputs_of
from .jobs.outputs import check_outputs, results_of
from .jobs.picture import swap_one_picture
from .jobs.preview import preview_picture, preview_video
from .jobs.video import analyze_with_progress, swap_one_video, uncover_with_progress
from .media.files import check_readable
from .media.numbered import files_of
from .media.probe import kind, probe
from .records import Person
from .report import Report, counted
from .settings import SwapSettings

_DEFAULTS = SwapSettings()


def _silent(line: str) -> None:
    """Say nothing."""


def analyze(video: Path, settings: SwapSettings = _DEFAULTS) -> Analysis:
    """Find and follow every face of a video, or take that from the cache.

    Args:
        video: The video.
        settings: Its ``analysis``, ``time_range``, ``device`` and ``cache_dir`` are used.

    Returns:
        The analysis: frames, tracks and faces. Close it, or use it as a context manager.
    """
    tools = FaceTools.open(choose_device(settings.device).providers, settings.analysis)
    analysis = analyze_with_progress(probe(Path(video), settings.fps), settings, tools)
    try:
        uncover_with_progress(analysis)
    except BaseException:
        analysis.close()
        raise
    return analysis


def swap_video(
    sources: Sequence[Path],
    video: Path,
    out: Path,
    target_faces: Sequence[Path] = (),
    settings: SwapSettings = _DEFAULTS,
    save_masks: Path | None = None,
    report_file: Path | None = None,
    dry_run: bool = False,
    say: Say = _silent,
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

    Returns:
        What was done; ``complete`` tells whether all target faces were found.
    """
    outputs = {**results_of(Path(out)), "masks": save_masks, "report": report_file}
    with _prepared(sources, target_faces, video, outputs, settings, dry_run, say) as context:
        report = swap_one_video(context, Path(video), Path(out), save_masks, dry_run)
        return _finished(report, report_file, say)


def swap_image(
    sources: Sequence[Path],
    image: Path,
    out: Path,
    target_faces: Sequence[Path] = (),
    settings: SwapSettings = _DEFAULTS,
    save_masks: Path | None = None,
    report_file: Path | None = None,
    dry_run: bool = False,
    say: Say = _silent,
) -> Report:
    """Put faces from photos onto people of a picture; arguments as in ``swap_video``."""
    outputs = {"result": out, "masks": save_masks, "report": report_file}
    with _prepared(sources, target_faces, image, outputs, settings, dry_run, say) as context:
        report = swap_one_picture(context, Path(image), Path(out), save_masks, dry_run)
        return _finished(report, report_file, say)


def preview_swap(
    sources: Sequence[Path],
    target: Path,
    out: Path,
    moment: Fraction | None = None,
    target_faces: Sequence[Path] = (),
    settings: SwapSettings = _DEFAULTS,
    report_file: Path | None = None,
    say: Say = _silent,
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

    Returns:
        What was done, with the preview as its output.
    """
    outputs = {"preview": out, "report": report_file}
    with _prepared(sources, target_faces, target, outputs, settings, False, say) as context:
        preview = preview_picture if kind(Path(target)) == "image" else preview_video
        report = preview(context, Path(target), Path(out), moment)
        if report_file is not None:
            report.save(report_file)
    say(f"Preview: {report.output} (engine {report.engine}, {report.device})")
    return report


def swap_folder(
    sources: Sequence[Path],
    folder: Path,
    out: Path,
    target_faces: Sequence[Path] = (),
    settings: SwapSettings = _DEFAULTS,
    report_file: Path | None = None,
    dry_run: bool = False,
    say: Say = _silent,
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
        newer_than: Only files changed after this time, in seconds since 1970.
        exclude: Patterns (``*.gif``, ``drafts/*``) of names to leave out.
    """
    photos = _paths([*sources, *target_faces])
    choice = Choice(newer_than, tuple(exclude))
    report = None if report_file is None else Path(report_file)
    request = FolderRequest(Path(folder), Path(out), photos, choice, report, dry_run)
    check_request(request, settings)
    context = open_context(_paths(sources), _paths(target_faces), settings, say)
    return swap_one_folder(context, request)


def list_faces(
    target: Path, out: Path, settings: SwapSettings = _DEFAULTS, say: Say = _silent
) -> tuple[Person, ...]:
    """Write who is in a video or picture, to choose whom to swap.

    Args:
        target: The video or picture.
        out: A folder; gets ``person_NN.png`` (to be given back as target faces), ``people.json``
            and ``people.png``, which shows everybody.
        settings: As for ``analyze``; ``overwrite`` is honoured.
        say: Called with sentences for the user.
    """
    tools = FaceTools.open(choose_device(settings.device).providers, settings.analysis)
    return list_people(Path(target), Path(out), settings, tools, say)


def evaluate(
    original: Path,
    result: Path,
    sources: Sequence[Path],
    target_faces: Sequence[Path] = (),
    masks: Path | None = None,
    gallery: Path | None = None,
    step: int = 1,
    settings: SwapSettings = _DEFAULTS,
    json_file: Path | None = None,
    html_file: Path | None = None,
    say: Say = _silent,
    swap_report: Path | None = None,
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
        swap_report: The report of the swap; its threshold is taken where its unit is dlib's.

    Returns:
        The numbers, which of them are good, and a verdict.
    """
    photos = [*sources, *target_faces, *([] if gallery is None else [gallery])]
    outputs = {"table of numbers": json_file, "page": html_file}
    _check_outputs(photos, [original, result, masks, swap_report], outputs, settings)
    evaluation = evaluate_result(
        Path(original),
        Path(result),
        _paths(sources),
        _paths(target_faces),
        masks,
        gallery,
        step,
        settings,
        say,
        None if swap_report is None else Path(swap_report),
    )
    if json_file is not None:
        evaluation.save(json_file)
    if html_file is not None:
        write_page(evaluation, html_file)
    return evaluation


def compare(
    original: Path,
    results: Sequence[Path],
    out: Path,
    sources: Sequence[Path] = (),
    target_faces: Sequence[Path] = (),
    masks: Sequence[Path] = (),
    labels: Sequence[str] = (),
    gallery: Path | None = None,
    step: int = 1,
    settings: SwapSettings = _DEFAULTS,
    say: Say = _silent,
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

    Returns:
        The evaluations by label.
    """
    photos = [*sources, *target_faces, *([] if gallery is None else [gallery])]
    _check_outputs(photos, [original, *results, *masks], {"grid": out}, settings)
    return compare_results(
        Path(original),
        _paths(results),
        Path(out),
        _paths(sources),
        _paths(target_faces),
        _paths(masks),
        labels,
        gallery,
        step,
        settings,
        say,
    )


def _paths(paths: Sequence[Path]) -> list[Path]:
    return [Path(path) for path in paths]


@contextmanager
def _prepared(
    sources: Sequence[Path],
    target_faces: Sequence[Path],
    target: Path,
    outputs: Mapping[str, Path | None],
    settings: SwapSettings,
    dry_run: bool,
    say: Say,
) -> Iterator[Context]:
    """Check the target and all that is to be written, keep that for this run, load the models."""
    files = files_of(Path(target))
    check_readable(files[0])
    _check_outputs([*sources, *target_faces], files, outputs, settings)
    with claimed([] if dry_run else outputs.values()):
        # A run that was writing it may have ended since.
        _check_outputs([*sources, *target_faces], files, outputs, settings)
        yield open_context(_paths(sources), _paths(target_faces), settings, say)


def _check_outputs(
    photos: Sequence[Path],
    others: Sequence[Path | None],
    outputs: Mapping[str, Path | None],
    settings: SwapSettings,
) -> None:
    """Refuse what cannot be written, or is read or written already, before work is spent."""
    named = {what: None if path is None else Path(path) for what, path in outputs.items()}
    check_outputs(named, inputs_of(photos, settings, others), settings.overwrite)


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
