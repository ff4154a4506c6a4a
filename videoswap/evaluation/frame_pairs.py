"""Frames of the original, of the result and of the masks, read in step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np

from ..errors import InputError
from ..records import Array
from ..timerange import TimeRange
from ..tracking.analyze import pts_span
from ..video.decoder import DecodedFrame
from ..video.pixel_formats import layout, samples
from ..video.probe import VideoInfo
from ..video.reader import AnalysisScaler, VideoReader

THUMBNAIL_SIZE = 32  # pixels, of the pictures by which two videos are told apart
MAX_THUMBNAIL_DIFFERENCE = 30.0  # levels by which the median pixel of two thumbnails may differ


@dataclass(frozen=True, slots=True, eq=False)
class FramePair:
    """One frame of the original and what became of it.

    Attributes:
        index: Number of the frame, counted from the first one compared.
        pts: Its time in the original's time base.
        seconds: Its time from the original's first frame.
        original: (H, W, 3) uint8 RGB, upright.
        result: (H, W, 3) uint8 RGB, upright.
        mask: (H, W) uint8, upright; None without masks.
        before: The decoded frame of the original.
        after: The decoded frame of the result.
        coded_mask: (h, w) uint8 in coded pixels; None without masks.
    """

    index: int
    pts: int
    seconds: Fraction
    original: Array
    result: Array
    mask: Array | None
    before: av.VideoFrame
    after: av.VideoFrame
    coded_mask: Array | None


def read_pairs(
    original: VideoInfo, result: VideoInfo, masks: VideoInfo | None, part: TimeRange
) -> Iterator[FramePair]:
    """Read the videos side by side; a few frames are held at a time, never more.

    A result that was cut begins with its first frame at ``part.start`` of the original. Times
    are compared from the first frame on, to the tick of the coarser time base, since containers
    round. Where the result ends earlier, the comparison ends.

    Args:
        original: The video that was swapped.
        result: What came out.
        masks: The masks of the result, with the same times.
        part: The part of the original that the result shows; the end may come early.

    Raises:
        InputError: ``other_shape``, ``not_masks``, ``masks_end``, ``times_do_not_fit``,
            ``other_video`` or ``no_common_frames``.
    """
    _check_shape(original, result, "result")
    if masks is not None:
        _check_shape(original, masks, "masks")
        _check_masks(masks)
    rows = original.orientation.upright_height
    scalers = AnalysisScaler(original, rows), AnalysisScaler(result, rows)
    with VideoReader(original) as old, VideoReader(result) as new:
        covers = _covers(masks)
        pairs = _in_step(original, old.frames(*pts_span(original, part)), result, new.frames())
        index = -1
        for index, (before, after) in enumerate(pairs):
            coded = next(covers, None)
            if masks is not None and coded is None:
                raise InputError(
                    "masks_end",
                    f"{masks.path} has only {index} masks, and the result goes on.",
                    "Give the masks that --save_masks wrote for this result.",
                )
            pictures = scalers[0].picture(before), scalers[1].picture(after)
            _check_content(*pictures, original, result)
            yield FramePair(
                index=index,
                pts=before.pts,
                seconds=(before.pts - original.start_pts) * original.time_base,
                original=pictures[0],
                result=pictures[1],
                mask=None if coded is None else _upright(coded, original),
                before=before.image,
                after=after.image,
                coded_mask=coded,
            )
        if index < 0:
            raise InputError(
                "no_common_frames",
                f"{original.path} and {result.path} have no frames in common.",
                "Check --start and --end.",
            )


def _check_shape(original: VideoInfo, other: VideoInfo, what: str) -> None:
    if _shape(original) != _shape(other):
        raise InputError(
            "other_shape",
            f"The {what} {other.path} has {other.width}x{other.height} pixels and {original.path} "
            f"{original.width}x{original.height}, or they are turned differently.",
            "Only videos of one size can be compared.",
        )


def _shape(info: VideoInfo) -> tuple[int, ...]:
    """Return the coded and the upright size."""
    turned = info.orientation
    return info.width, info.height, turned.upright_width, turned.upright_height


def _check_masks(masks: VideoInfo) -> None:
    form = layout(masks.pix_fmt)
    if form is None or form.model == "rgb" or form.depth != 8:
        raise InputError(
            "not_masks",
            f"{masks.path} ({masks.pix_fmt}) is not a grey 8-bit video.",
            "Give the masks that --save_masks wrote for this result.",
        )


def _in_step(
    original: VideoInfo,
    old: Iterator[DecodedFrame],
    result: VideoInfo,
    new: Iterator[DecodedFrame],
) -> Iterator[tuple[DecodedFrame, DecodedFrame]]:
    """Pair frames whose times from the first one are the same.

    Raises:
        InputError: ``times_do_not_fit``.
    """
    tolerance = max(original.time_base, result.time_base)
    first: tuple[int, int] | None = None
    for index, (before, after) in enumerate(zip(old, new, strict=False)):
        first = first or (before.pts, after.pts)
        was = (before.pts - first[0]) * original.time_base
        now = (after.pts - first[1]) * result.time_base
        if abs(was - now) > tolerance:
            raise InputError(
                "times_do_not_fit",
                f"Frame {index} of {result.path} comes {float(now):.3f} s after the first one, "
                f"that of {original.path} {float(was):.3f} s.",
                "Give the video the result was made from, and the swap's --start if it had one.",
            )
        yield before, after


def _covers(masks: VideoInfo | None) -> Iterator[Array]:
    """Yield the masks, (h, w) uint8 in coded pixels; nothing if there are none."""
    if masks is None:
        return
    with VideoReader(masks) as reader:
        for frame in reader.frames():
            plane = frame.image.planes[0]
            yield np.array(samples(plane)[:, : plane.width])


def _upright(mask: Array, info: VideoInfo) -> Array:
    turned = info.orientation.apply(mask)
    size = info.orientation.upright_width, info.orientation.upright_height
    if turned.shape[::-1] != size:
        turned = cv2.resize(turned, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(turned)


def _check_content(old: Array, new: Array, original: VideoInfo, result: VideoInfo) -> None:
    """Refuse pictures that differ nearly everywhere.

    Raises:
        InputError: ``other_video``.
    """
    step = max(1, min(old.shape[:2]) // (4 * THUMBNAIL_SIZE))
    size = THUMBNAIL_SIZE, THUMBNAIL_SIZE
    small = [
        cv2.resize(one[::step, ::step], size, interpolation=cv2.INTER_AREA).astype(np.int16)
        for one in (old, new)
    ]
    if float(np.median(np.abs(small[0] - small[1]))) > MAX_THUMBNAIL_DIFFERENCE:
        raise InputError(
            "other_video",
            f"{result.path} does not show the same pictures as {original.path}.",
            "If the swap had --start, give the same one here.",
        )
