"""Analyzes a video: finds and tracks every face, or takes that from the cache."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path

from ..detection.face_models import FaceModels
from ..detection.face_view import FramePicture
from ..detection.search import search_height
from ..executors.base import Executor
from ..settings import AnalysisSettings
from ..timerange import TimeRange
from ..video.probe import VideoInfo
from ..video.reader import AnalysisScaler, VideoReader
from ..watching import OnProgress, ProgressUpdate
from .analysis import Analysis, raise_if_set
from .key import analysis_key, model_keys
from .scan import Scanner
from .scan_state import ScannedGroup
from .shot_work import ShotWork, find_shots, scan_in_workers
from .store import Store
from .store_opening import open_store

PICTURE_HEIGHT = 720  # rows of the picture that crops are cut from
COMMIT_SECONDS = 1.0  # between commits


def analyze_video(
    info: VideoInfo,
    settings: AnalysisSettings,
    time_range: TimeRange,
    *,
    cache_dir: Path | None,
    models: FaceModels,
    progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    executor: Executor | None = None,
    device: str = "auto",
) -> Analysis:
    """Find and track every face of a video.

    Args:
        info: The video.
        settings: How faces are searched.
        time_range: Part of the video to analyze.
        cache_dir: Folder of kept analyses; None keeps nothing.
        models: The networks that see faces.
        progress: Called often with the frames done, and the frames expected if that is known.
        cancel: Set it to end early; what was done is kept.
        executor: Workers that share the shots; what is found is the same.
        device: Where their networks run: auto, cpu or cuda.

    Returns:
        The analysis; close it, or use it as a context manager.

    Raises:
        VideoswapError: ``interrupted``, after ``cancel`` was set.
        InputError: If the video cannot be read.
        OutputError: ``cache_not_writable`` if there is not even room for a temporary file.
    """
    span = pts_span(info, time_range)
    key = "" if cache_dir is None else analysis_key(info.path, settings, span, models)
    store = open_store(cache_dir, key, info.path)
    try:
        cached = store.finished
        if not cached:
            if executor is not None and store.state() is None:
                film = executor.film(info)
                work = ShotWork(info, film, device, settings, model_keys(models), _read_frames)
                _fill_in_workers(store, executor, work, span, progress, cancel)
            scanner = Scanner(models, settings)
            _fill(store, scanner, info, settings, span, progress, cancel)
            store.finish()
        return Analysis(store, cached, partial(_read_frames, info, settings), models)
    except BaseException:
        store.close()
        raise


def pts_span(info: VideoInfo, time_range: TimeRange) -> tuple[int | None, int | None]:
    """Return first and last pts that may lie in a time range; None where it is open."""
    start, end = time_range.start, time_range.end
    first = None if start is None else info.start_pts + math.ceil(start / info.time_base)
    last = None if end is None else info.start_pts + math.ceil(end / info.time_base) - 1
    return first, last


def _fill(
    store: Store,
    scanner: Scanner,
    info: VideoInfo,
    settings: AnalysisSettings,
    span: tuple[int | None, int | None],
    progress: OnProgress | None,
    cancel: threading.Event | None,
) -> None:
    """Scan the video from where the store ends."""
    state = store.state()
    first = span[0] if state is None else state.recent[0].pts
    done = len(store.frames()[0])
    expected = info.frames_hint if span == (None, None) else None
    batch: list[ScannedGroup] = []
    committed = time.monotonic()
    kept = 0
    if progress is not None:
        progress(ProgressUpdate("analyze", done, expected))
    with (
        VideoReader(info, threads=1) as reader,
        closing(_scaled(reader, settings, first, span[1])) as pictures,
        closing(scanner.scan(pictures, state)) as groups,
    ):
        for group in groups:
            batch.append(group)
            done += len(group.pts)
            cancelled = cancel is not None and cancel.is_set()
            if cancelled or time.monotonic() - committed > COMMIT_SECONDS:
                damage = reader.problems.damage[kept:]
                store.add(batch, damage)
                kept += len(damage)
                batch, committed = [], time.monotonic()
            if cancelled:
                raise_if_set(cancel)
            if progress is not None:
                progress(ProgressUpdate("analyze", done, expected))
        store.add(batch, reader.problems.damage[kept:])


def _fill_in_workers(
    store: Store,
    executor: Executor,
    work: ShotWork,
    span: tuple[int | None, int | None],
    progress: OnProgress | None,
    cancel: threading.Event | None,
) -> None:
    """Scan the video, up to where something is wrong with it, shot by shot in workers."""
    info, done = work.info, 0
    expected = info.frames_hint if span == (None, None) else None

    def frame(faces: int) -> None:
        nonlocal done
        raise_if_set(cancel)
        done += 1
        if progress is not None:
            progress(ProgressUpdate("analyze", done, expected))

    with VideoReader(info, threads=1) as reader:
        pictures = _scaled(reader, work.settings, *span)
        shots = find_shots(pictures, lambda: not reader.problems.any)
        for groups in scan_in_workers(executor, work, shots, frame):
            store.add(groups)
        store.add([], reader.problems.damage)


def _read_frames(
    info: VideoInfo, settings: AnalysisSettings, first: int | None, last: int | None
) -> Generator[FramePicture]:
    with VideoReader(info, threads=1) as reader:
        yield from _scaled(reader, settings, first, last)


def _scaled(
    reader: VideoReader, settings: AnalysisSettings, first: int | None, last: int | None
) -> Generator[FramePicture]:
    scaler = AnalysisScaler(reader.info, max(PICTURE_HEIGHT, search_height(settings)))
    for frame in reader.frames(first, last):
        yield FramePicture(frame.pts, scaler.picture(frame), scaler.matrix)
