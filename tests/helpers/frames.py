"""Frames of random samples, and the samples of frames."""

from __future__ import annotations

import av
import numpy as np

from videoswap.video.pixel_formats import (
    layout,
    samples,
)

RNG = np.random.default_rng(7)


def random_frame(pix_fmt: str, width: int = 65, height: int = 47, range_: int = 1) -> av.VideoFrame:
    form = layout(pix_fmt)
    assert form is not None
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane in frame.planes:
        view = samples(plane, form.depth)
        view[...] = RNG.integers(0, 1 << form.depth, view.shape)
    frame.color_range = range_
    return frame


def planes_of(frame: av.VideoFrame) -> list[np.ndarray]:
    form = layout(frame.format.name)
    assert form is not None
    return [samples(p, form.depth)[:, : p.width].copy() for p in frame.planes]
