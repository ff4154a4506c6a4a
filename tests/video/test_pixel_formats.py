"""Packed pixel formats become planes without the change of a sample."""

from __future__ import annotations

import av
import numpy as np
import pytest

from tests.helpers.frames import RNG, planes_of, random_frame
from videoswap.video.pixel_formats import (
    PLANAR_EQUIVALENTS,
    Repacker,
    layout,
    samples,
)


@pytest.mark.parametrize("pix_fmt", sorted(set(PLANAR_EQUIVALENTS) - {"pal8"}))
def test_repacking_is_lossless(pix_fmt: str) -> None:
    target = PLANAR_EQUIVALENTS[pix_fmt]
    form = layout(target)
    start = random_frame(target, 64, 48, 2)
    if pix_fmt in ("ya8",):  # gray: all three planes are the same
        view = [samples(p) for p in start.planes]
        view[1][...] = view[0]
        view[2][...] = view[0]
    packed = start.reformat(format=pix_fmt, src_color_range=2, dst_color_range=2)
    packed.color_range = 2
    made = Repacker(target)(packed)
    assert made.format.name == target
    if pix_fmt == "p016le":
        assert form.depth == 16
    for old, new in zip(planes_of(start), planes_of(made), strict=True):
        assert np.array_equal(old, new)


@pytest.mark.parametrize("pix_fmt", ["p010le", "p210le", "p410le", "ayuv64le"])
def test_large_frames_are_repacked_without_loss_too(pix_fmt: str) -> None:
    target = PLANAR_EQUIVALENTS[pix_fmt]
    start = random_frame(target, 1938, 1090, 2)
    packed = start.reformat(format=pix_fmt, src_color_range=2, dst_color_range=2, threads=1)
    for _ in range(6):  # several threads of swscale spoil some rows most of the time
        made = Repacker(target)(packed)
        assert all(map(np.array_equal, planes_of(start), planes_of(made)))


@pytest.mark.parametrize("size", [(64, 48), (66, 47), (65, 48), (65, 47), (3, 3)])
@pytest.mark.parametrize(("pix_fmt", "bits"), [("nv12", 8), ("p010le", 10), ("p012le", 12)])
def test_what_a_gpu_decodes_keeps_every_sample(pix_fmt: str, bits: int, size) -> None:
    width, height = size
    columns, rows = -(-width // 2), -(-height // 2)
    luma = RNG.integers(0, 1 << bits, (height, width))
    blue, red = RNG.integers(0, 1 << bits, (2, rows, columns))
    kind, shift = (np.uint8, 0) if bits == 8 else (np.dtype("<u2"), 16 - bits)
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane, values in zip(
        frame.planes, (luma, np.dstack([blue, red]).reshape(rows, -1)), strict=True
    ):
        lines = np.frombuffer(plane, kind).reshape(plane.height, -1)
        lines[:, : values.shape[1]] = values << shift
    made = Repacker(PLANAR_EQUIVALENTS[pix_fmt])(frame)
    for old, new in zip((luma, blue, red), planes_of(made), strict=True):
        assert np.array_equal(old, new)


@pytest.mark.parametrize("tag", [0, 1, 2])
def test_repacking_keeps_the_range_as_it_is_tagged(tag: int) -> None:
    frame = av.VideoFrame(16, 8, "nv12")
    frame.color_range, frame.pts = tag, 7
    made = Repacker("yuv420p")(frame)
    assert (int(made.color_range), made.pts) == (tag, 7)


def test_palette_becomes_planes() -> None:
    frame = av.VideoFrame(16, 8, "pal8")
    indices = RNG.integers(0, 256, (8, 16), dtype=np.uint8)
    palette = RNG.integers(0, 256, (256, 4), dtype=np.uint8)
    view = samples(frame.planes[0])
    view[:, :16] = indices
    frame.planes[1].update(palette.tobytes())
    green, blue, red, alpha = planes_of(Repacker("gbrap")(frame))
    expected = palette[indices]
    for plane, channel in ((blue, 0), (green, 1), (red, 2), (alpha, 3)):
        assert np.array_equal(plane, expected[..., channel])
