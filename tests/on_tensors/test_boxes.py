"""Boxes go up and come down without a change of what was not changed."""

import av
import numpy as np
import pytest
import torch

from videoswap.on_tensors import boxes
from videoswap.video.pixel_formats import layout, samples

CPU = torch.device("cpu")
FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gbrp", "gray"]
BOXES = [(4, 2, 40, 30), (100, 60, 131, 91), (0, 0, 8, 8)]  # the second at an odd corner


def frame_of(pix_fmt, width=131, height=91):
    noise = np.random.default_rng(2).integers(0, 256, (height, width, 3), np.uint8)
    return av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format=pix_fmt)


def content(frame, form):
    return [samples(one, form.depth)[:, : one.width].copy() for one in frame.planes]


def taken_up(pix_fmt):
    """Return a format, its frames, what they hold, and their boxes as tensors with origins."""
    form = layout(pix_fmt)
    frames = [frame_of(pix_fmt) for _ in BOXES]
    before = [content(frame, form) for frame in frames]
    planes, origins = boxes.gathered(frames, BOXES, form, CPU)
    return form, frames, before, planes, origins


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_what_goes_up_comes_down(pix_fmt):
    form, frames, before, planes, origins = taken_up(pix_fmt)
    assert planes[0].shape == (3, 32, 48)
    extra = torch.arange(3)
    (told,) = boxes.scattered(frames, BOXES, origins, planes, form, extra)
    assert told.tolist() == [0, 1, 2]
    for frame, old in zip(frames, before, strict=True):
        for one, two in zip(content(frame, form), old, strict=True):
            assert np.array_equal(one, two)


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_only_the_box_is_written(pix_fmt):
    form, frames, before, planes, origins = taken_up(pix_fmt)
    changed = [torch.where(plane > 9, plane - 1, plane + 1) for plane in planes]
    boxes.scattered(frames, BOXES, origins, changed, form)
    for frame, old, (x0, y0, x1, y1) in zip(frames, before, BOXES, strict=True):
        for index, (one, two) in enumerate(zip(content(frame, form), old, strict=True)):
            across, down = (form.sub_x, form.sub_y) if index and form.model == "yuv" else (1, 1)
            inside = np.zeros(one.shape, bool)
            inside[y0 // down : -(-y1 // down), x0 // across : -(-x1 // across)] = True
            assert np.array_equal(one != two, inside)


def test_beyond_the_frame_its_border_goes_on():
    form = layout("gray")
    frame = frame_of("gray", 20, 10)
    (plane,), ((x, y),) = boxes.gathered([frame], [(6, 2, 20, 10)], form, CPU, 32)
    there = content(frame, form)[0]
    assert (x, y) == (0, 0)
    assert np.array_equal(plane[0, :10, :20].numpy(), there)
    assert (plane[0, 10:, :20].numpy() == there[-1]).all()
    assert (plane[0, :10, 20:].numpy() == there[:, -1:]).all()
