"""Plans for a library user: make one, follow one, look at a frame of it.

``videoswap`` offers the same names. A plan says who is in a video or picture, who gets which source
and when, and all settings that shape the result; see ``Plan``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from threading import Event

from .errors import InputError, UsageError
from .evaluation.evaluate import evaluate_result
from .evaluation.html import write_page
from .evaluation.report import Evaluation
from .jobs.context import Say
from .jobs.outputs import results_of
from .jobs.picture import swap_one_picture
from .jobs.planning import make_plan as plan_one
from .jobs.preview import preview_picture, preview_video
from .jobs.request import check_results, prepared, say_nothing, swap_one, watched_run
from .jobs.video import swap_one_video
from .paths import AnyPath, AnyPaths, is_folder, path_of, path_or_none, paths_of
from .people.plan import Plan
from .people.plan_reading import read_plan
from .report import Report
from .settings import SwapSettings
from .tracking.key import video_digest
from .video.probe import media_kind
from .watching import OnProgress

_DEFAULTS = SwapSettings()
# Of a large file the time of its last change is in the digest: a copy has another one.
_CHANGED = re.compile(r"-\d+-sampled-")


def make_plan(
    sources: AnyPaths,
    video: AnyPath,
    plan_file: AnyPath | None = None,
    *,
    target_faces: AnyPaths = (),
    settings: SwapSettings = _DEFAULTS,
    say: Say = say_nothing,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> Plan:
    """Decide everything about a swap in a video or picture and return it as data, without swapping.

    Args:
        sources: As in ``swap_video``.
        video: The video, or a picture.
        plan_file: Where the plan goes, as JSON; None writes none.
        target_faces: As in ``swap_video``.
        settings: As in ``swap_video``.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).

    Raises:
        UsageError: If an argument or the settings make no sense; ``plan_of_folder``.
        InputError: If a photo or the video cannot be read, or weights are missing.
        NoFaceError: If a photo shows no face, or nobody who is to be replaced is found.
        OutputError: If the plan cannot be written.
        CancelledError: If ``cancel`` was set.
    """
    path, file = path_of("video", video), path_or_none("plan_file", plan_file)
    photos = paths_of("sources", sources), paths_of("target_faces", target_faces)
    with watched_run(settings, progress, cancel):
        _refuse_folder(path)
        with prepared(photos, path, {"plan": file}, settings, False, say) as context:
            plan = plan_one(context, path)
            if file is not None:
                plan.save(file)
    return plan


def swap_by_plan(
    plan: Plan | AnyPath,
    out: AnyPath,
    *,
    video: AnyPath | None = None,
    settings: SwapSettings = _DEFAULTS,
    save_masks: AnyPath | None = None,
    report_file: AnyPath | None = None,
    dry_run: bool = False,
    say: Say = say_nothing,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> Report:
    """Do exactly what a plan says.

    Args:
        plan: The plan, or its file.
        out: As in ``swap_video``.
        video: Where the video is; None takes the plan's word.
        settings: Its ``device``, ``cache_dir``, ``cache_limit`` and ``overwrite`` are used; the
            plan says the rest.
        save_masks: As in ``swap_video``.
        report_file: As in ``swap_video``.
        dry_run: As in ``swap_video``.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).

    Raises:
        UsageError: If an argument or the settings make no sense.
        InputError: ``bad_plan``; ``plan_of_other_video``; if a photo or the video cannot be read.
        NoFaceError: If a photo shows no face.
        OutputError: If a result cannot be written.
        CancelledError: If ``cancel`` was set.
    """
    result = path_of("out", out)
    found = _read(plan)
    settings = settings_of(found, settings)
    with watched_run(settings, progress, cancel):
        path = _video(found, video)
        return swap_one(
            swap_one_picture if media_kind(path) == "image" else swap_one_video,
            _files(found),
            path,
            result,
            results_of(result),
            (save_masks, report_file),
            settings,
            dry_run,
            say,
            found,
        )


def preview_by_plan(
    plan: Plan | AnyPath,
    out: AnyPath,
    *,
    moment: Fraction | None = None,
    video: AnyPath | None = None,
    settings: SwapSettings = _DEFAULTS,
    report_file: AnyPath | None = None,
    say: Say = say_nothing,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> Report:
    """Write one frame of what a plan makes beside the original.

    Args:
        plan: The plan, or its file.
        out: As in ``preview_swap``.
        moment: As in ``preview_swap``.
        video: As in ``swap_by_plan``.
        settings: As in ``swap_by_plan``.
        report_file: As in ``preview_swap``.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).

    Raises:
        VideoswapError: As in ``swap_by_plan``.
    """
    result, report_path = path_of("out", out), path_or_none("report_file", report_file)
    found = _read(plan)
    settings = settings_of(found, settings)
    outputs = {"preview": result, "report": report_path}
    with watched_run(settings, progress, cancel):
        path = _video(found, video)
        with prepared(_files(found), path, outputs, settings, False, say, found) as context:
            preview = preview_picture if media_kind(path) == "image" else preview_video
            report = preview(context, path, result, moment)
            if report_path is not None:
                report.save(report_path)
    say(f"Preview: {report.output} (engine {report.engine}, {report.device})")
    return report


def evaluate_by_plan(
    plan: Plan | AnyPath,
    result: AnyPath,
    *,
    video: AnyPath | None = None,
    masks: AnyPath | None = None,
    step: int = 1,
    settings: SwapSettings = _DEFAULTS,
    json_file: AnyPath | None = None,
    html_file: AnyPath | None = None,
    say: Say = say_nothing,
    progress: OnProgress | None = None,
    cancel: Event | None = None,
) -> Evaluation:
    """Measure how good the result of a plan is, as ``evaluate`` does.

    Args:
        plan: The plan, or its file.
        result: What came out.
        video: As in ``swap_by_plan``.
        masks: As in ``evaluate``; so are ``step``, ``json_file`` and ``html_file``.
        step: Metrics of single frames look at every one of so many frames.
        settings: As in ``swap_by_plan``.
        json_file: Where the numbers go.
        html_file: Where a page with plots and the worst frames goes; it shows faces.
        say: Called with sentences for the user.
        progress: Called with how far each stage is, now and then, in any thread.
        cancel: Set it, in another thread or in ``progress``, to end the run (``CancelledError``).

    Raises:
        UsageError: ``evaluation_of_picture``; ``other_face_models``.
        VideoswapError: As in ``evaluate`` and ``swap_by_plan``.
    """
    shown, covers = path_of("result", result), path_or_none("masks", masks)
    numbers, page = path_or_none("json_file", json_file), path_or_none("html_file", html_file)
    found = _read(plan)
    settings = settings_of(found, settings)
    with watched_run(settings, progress, cancel):
        path = _video(found, video)
        if media_kind(path) == "image":
            raise UsageError("evaluation_of_picture", f"{path} is a picture: videos are measured.")
        photos, files = _files(found)
        outputs = {"table of numbers": numbers, "page": page}
        check_results([*photos, *files], [path, shown, covers], outputs, settings)
        evaluation = evaluate_result(
            *(path, shown, photos, (), covers, None, step, settings, say), plan=found
        )
    if numbers is not None:
        evaluation.save(numbers)
    if page is not None:
        write_page(evaluation, page)
    return evaluation


def settings_of(plan: Plan, settings: SwapSettings) -> SwapSettings:
    """Return a plan's settings with what it leaves to whoever runs it.

    Args:
        plan: The plan.
        settings: Their ``device``, ``cache_dir``, ``cache_limit``, ``overwrite`` and ``marks``
            are taken.
    """
    return replace(
        plan.settings,
        device=settings.device,
        cache_dir=settings.cache_dir,
        cache_limit=settings.cache_limit,
        overwrite=settings.overwrite,
        marks=settings.marks,
    )


def _refuse_folder(path: Path) -> None:
    """Refuse a folder: a plan is for one video or picture.

    Raises:
        UsageError: ``plan_of_folder``.
    """
    if is_folder(path):
        raise UsageError(
            "plan_of_folder",
            f"{path} is a folder, and a plan is for one video or picture.",
            "Choose people in folders with --target_faces_paths, --face_at or --all_faces.",
        )


def _read(plan: Plan | AnyPath) -> Plan:
    return plan if isinstance(plan, Plan) else read_plan(plan)


def _files(plan: Plan) -> tuple[list[Path], list[Path]]:
    """Return the photos of a plan, and its own file in place of target faces."""
    photos = [photo for source in plan.sources for photo in source.photos]
    return photos, [] if plan.file is None else [plan.file]


def _video(plan: Plan, video: AnyPath | None) -> Path:
    """Return where the video is, once it is sure that it is the plan's.

    Raises:
        InputError: ``plan_of_other_video``, or if it cannot be read.
        UsageError: ``plan_of_folder``.
    """
    path = plan.video if video is None else path_of("video", video)
    _refuse_folder(path)
    if _CHANGED.sub("-sampled-", video_digest(path)) != _CHANGED.sub("-sampled-", plan.digest):
        raise InputError(
            "plan_of_other_video",
            f"{path} is not the video that the plan was made for, or has changed since.",
            "Name the right one with --input, or make the plan anew: `videoswap plan`.",
        )
    return path
