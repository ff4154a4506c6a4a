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
