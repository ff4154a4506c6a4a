"""Boxes of frames on their way to the device and back.

Frames stay on the host. The samples of boxes of one batch go up in slots of one shape, from pinned
memory; where a slot reaches beyond its box it holds what the frame has there, and beyond the
frame its border goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

import av
import torch
from torch import Tensor

from ..records import Array
from ..video.pixel_formats import Layout, samples
from ..video.planes import Box
from .conversions import downloaded_bytes

STEP = 16  # sides of slots are multiples of so many pixels, and so of every chroma sample


def gathered(
    frames: Sequence[av.VideoFrame],
    boxes: Sequence[Box],
    form: Layout,
    device: torch.device,
    step: int = STEP,
) -> tuple[list[Tensor], list[tuple[int, int]]]:
    """Bring boxes to the device.

    Args:
        frames: The frame of each box, planar.
        boxes: Aligned boxes that are not empty.
        form: Layout of the frames.
        device: Where to.
        step: Sides of the slots are multiples of it.

    Returns:
        The planes (B, h, w) float32 of the slots, and the first column and row of each in its
        frame.
    """
    width = _up(max(box[2] - box[0] for box in boxes), step)
    height = _up(max(box[3] - box[1] for box in boxes), step)
    origins = [
        (
            _fitted(box[0], width, frame.width, form.sub_x),
            _fitted(box[1], height, frame.height, form.sub_y),
        )
        for frame, box in zip(frames, boxes, strict=True)
    ]
    planes = []
    for index in range(_count(form)):
        across, down = _parts(form, index)
        shape = len(boxes), height // down, width // across
        kind = torch.uint8 if form.depth == 8 else torch.uint16
        held = torch.empty(shape, dtype=kind, pin_memory=device.type == "cuda")
        slots = held.numpy()
        for slot, frame, (x, y) in zip(slots, frames, origins, strict=True):
            plane = samples(frame.planes[index], form.depth)
            right, below = -(-frame.width // across), -(-frame.height // down)
            _fill(slot, plane[y // down : below, x // across : right])
        planes.append(held.to(device, non_blocking=True).to(torch.float32))
    return planes, origins


def scattered(
    frames: Sequence[av.VideoFrame],
    boxes: Sequence[Box],
    origins: Sequence[tuple[int, int]],
    planes: Sequence[Tensor],
    form: Layout,
    *others: Tensor,
) -> list[Array]:
    """Write what became of slots into the boxes of their frames, in place.

    Args:
        frames: As given to `gathered`.
        boxes: Likewise.
        origins: As it gave them.
        planes: (B, h, w) whole numbers.
        form: Layout of the frames.
        others: What is to come down with them.

    Returns:
        ``others`` on the host.
    """
    kind = torch.uint8 if form.depth == 8 else torch.uint16
    (*made,) = downloaded_bytes(*(plane.to(torch.int32).to(kind) for plane in planes), *others)
    for number, (frame, (x0, y0, x1, y1), (x, y)) in enumerate(
        zip(frames, boxes, origins, strict=True)
    ):
        frame.make_writable()
        for index in range(_count(form)):
            across, down = _parts(form, index)
            rows = slice(y0 // down, -(-y1 // down))
            columns = slice(x0 // across, -(-x1 // across))
            top, left = rows.start - y // down, columns.start - x // across
            target = samples(frame.planes[index], form.depth)[rows, columns]
            target[...] = made[index][number][
                top : top + target.shape[0], left : left + target.shape[1]
            ]
    return made[_count(form) :]


def _count(form: Layout) -> int:
    return 1 if form.model == "gray" else 3


def _parts(form: Layout, index: int) -> tuple[int, int]:
    """Return how many luma columns and rows share a sample of a plane."""
    return (form.sub_x, form.sub_y) if index and form.model == "yuv" else (1, 1)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def _fitted(start: int, length: int, whole: int, step: int) -> int:
    """Return where a slot begins so that it lies in the frame, if it can."""
    return max(0, min(start, _up(whole - length, step)))


def _fill(slot: Array, there: Array) -> None:
    """Fill a slot (h, w); what is missing goes on as the border."""
    height, width = min(slot.shape[0], there.shape[0]), min(slot.shape[1], there.shape[1])
    slot[:height, :width] = there[:height, :width]
    if width < slot.shape[1]:
        slot[:height, width:] = slot[:height, width - 1 : width]
    if height < slot.shape[0]:
        slot[height:] = slot[height - 1]
