"""Comparison of several results of one original: a table, and a grid video of all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from ..errors import UsageError
from ..jobs.context import Say
from ..records import Array, counted
from ..rendering.progress import ProgressBar
from ..settings import SwapSettings
from ..timerange import TimeRange
from ..video.files import atomic_output, url
from ..video.formats import can_hold, container_for
from ..video.probe import VideoInfo, probe
from .evaluate import evaluate_result
from .frame_pairs import FramePair, read_pairs
from .report import Evaluation


def compare_results(
    original: Path,
    results: Sequence[Path],
    out: Path,
    sources: Sequence[Path],
    targets: Sequence[Path],
    masks: Sequence[Path],
    labels: Sequence[str],
    gallery: Path | None,
    step: int,
    settings: SwapSettings,
    say: Say,
) -> dict[str, Evaluation]:
    """Show several results side by side and measure them.

    Args:
        original: The video that was swapped.
        results: What came out, one or more.
        out: The grid video.
        sources: The photos that were put in; without any, nothing is measured.
        targets: The people that were replaced.
        masks: The masks of each result; may be empty.
        labels: A name for each result; its file name if there are none.
        gallery: A folder of further faces for the retrieval rate.
        step: Metrics of single frames look at every one of so many frames.
        settings: As for ``evaluate_result``; ``overwrite`` is honoured.
        say: Called with sentences for the user.

    Returns:
        The evaluations by label.

    Raises:
        UsageError: ``which_results`` if numbers do not fit or labels are not different.
        VideoswapError: As ``evaluate_result`` and ``write_grid``.
    """
    names = list(labels) or _names(results)
    if len(names) != len(results) or len(set(names)) != len(names) or not results:
        raise UsageError("which_results", "There must be one label for each result, all different.")
    if masks and len(masks) != len(results):
        raise UsageError("which_results", "Give one file of masks for each result, or none.")
    info = probe(original)
    with ProgressBar("grid", info.frames_hint) as bar:
        panes = [(name, probe(path)) for name, path in zip(names, results, strict=True)]
        frames = write_grid(info, panes, out, settings.time_range, settings.overwrite, bar.advance)
    say(f"Grid: {out} ({counted(frames, 'frame')})")
    if not sources:
        say("Note: nothing was measured; that needs --source.")
        return {}
    return {
        name: evaluate_result(
            original,
            path,
            sources,
            targets,
            masks[place] if masks else None,
            gallery,
            step,
            settings,
            lambda line, name=name: say(f"{name}: {line}"),  # type: ignore[misc]
        )
        for place, (name, path) in enumerate(zip(names, results, strict=True))
    }


def _names(results: Sequence[Path]) -> list[str]:
    """Return file names, or whole paths where those are not different."""
    names = [path.name for path in results]
    return names if len(set(names)) == len(names) else [str(path) for path in results]


MAX_PANE_ROWS = 480  # of one picture at most
LABEL_ROWS = 28  # rows of a label
WHITE, BLACK = (235, 235, 235), (20, 20, 20)
CODEC, ENCODER, OPTIONS = "h264", "libx264", {"crf": "18", "preset": "medium"}


def write_grid(
    original: VideoInfo,
    results: Sequence[tuple[str, VideoInfo]],
    out: Path,
    part: TimeRange,
    overwrite: bool,
    on_frame: Callable[[], None],
) -> int:
    """Write the grid: the original first, then every result, with labels and the same times.

    Args:
        original: The video that was swapped.
        results: Label and video of every result.
        out: The grid; its suffix names the container.
        part: The part of the original that the results show.
        overwrite: Whether an existing file is replaced.
        on_frame: Called after each frame.

    Returns:
        Frames written; where one result ends, the grid ends.

    Raises:
        InputError: If a result is not one of this original.
        UsageError, OutputError: If the grid cannot be written.
    """
    container = container_for(out)
    if not can_hold(container, CODEC):
        raise UsageError("container_codec", f"A {out.suffix} file cannot hold {CODEC} video.")
    readers = [read_pairs(original, info, None, part) for _, info in results]
    labels = [original.path.name, *(label for label, _ in results)]
    frames = 0
    with (
        atomic_output(out, overwrite) as temporary,
        av.open(url(temporary), "w", format=container) as file,
    ):
        stream: VideoStream | None = None
        first = 0
        for pairs in zip(*readers, strict=False):
            picture = tiled([_pane(*one) for one in zip(_pictures(pairs), labels, strict=True)])
            if stream is None:
                stream, first = _stream(file, picture, original), pairs[0].pts
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = pairs[0].pts - first, original.time_base
            file.mux(stream.encode(frame))
            frames += 1
            on_frame()
        if stream is not None:
            file.mux(stream.encode(None))
    return frames


def tiled(panes: Sequence[Array]) -> Array:
    """Put pictures of one size (h, w, 3) into a grid about as wide as high, black where none is."""
    height, width = panes[0].shape[:2]
    columns = min(len(panes), max(1, round(math.sqrt(len(panes) * height / width * 16 / 9))))
    rows = -(-len(panes) // columns)
    empty = [np.zeros_like(panes[0])] * (rows * columns - len(panes))
    cells = [*panes, *empty]
    return np.vstack([np.hstack(cells[row * columns :][:columns]) for row in range(rows)])


def _pictures(pairs: Sequence[FramePair]) -> list[Array]:
    return [pairs[0].original, *(pair.result for pair in pairs)]


def _pane(picture: Array, label: str) -> Array:
    """Return a picture under a bar with its label; even sides, as encoders want."""
    scale = min(1.0, MAX_PANE_ROWS / picture.shape[0])
    width, height = (max(2, 2 * round(side * scale / 2)) for side in picture.shape[1::-1])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    bar = np.full((LABEL_ROWS, width, 3), BLACK, np.uint8)
    place = 8, LABEL_ROWS - 9
    plain = label.encode("ascii", "replace").decode()  # OpenCV draws nothing else
    cv2.putText(bar, plain, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, WHITE, 1, cv2.LINE_AA)
    return np.vstack([bar, small])


def _stream(file: OutputContainer, picture: Array, original: VideoInfo) -> VideoStream:
    added = file.add_stream(ENCODER, rate=original.average_rate, options=OPTIONS)
    stream = cast(VideoStream, added)
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = original.time_base
    return stream
