"""Regions: right colors in and out, and not one sample changed where the mask is 0."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from tests.helpers.frames import RNG, planes_of, random_frame
from videoswap.video.color import color_of
from videoswap.video.pixel_formats import (
    layout,
)
from videoswap.video.planes import align_box, read_rgb, write_rgb
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader

FORMATS = [
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuv411p",
    "yuv440p",
    "yuva420p",
    "gray",
    "gbrp",
    "gbrap",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p10le",
    "yuv420p12le",
    "yuv444p16le",
    "gray10le",
    "gbrp10le",
    "gbrp16le",
]


def a_mask(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[5:-7, 3:-4] = RNG.integers(0, 256, (height - 12, width - 7))
    mask[9:12, 9:12] = 255
    return mask


@pytest.mark.parametrize(("pix_fmt", "range_"), list(itertools.product(FORMATS, (1, 2))))
def test_nothing_outside_the_mask_changes(pix_fmt: str, range_: int) -> None:
    frame = random_frame(pix_fmt, range_=range_)
    color, form = color_of(frame), layout(pix_fmt)
    before = planes_of(frame)
    info = SimpleNamespace(width=65, height=47, pix_fmt=pix_fmt)
    box = align_box((9, 3, 64, 46), info)
    rgb = RNG.uniform(0, 255, (box[3] - box[1], box[2] - box[0], 3)).astype(np.float32)
    mask = a_mask(*rgb.shape[:2])
    write_rgb(frame, box, rgb, mask, color)
    whole = np.zeros((47, 65), np.uint8)
    whole[box[1] : box[3], box[0] : box[2]] = mask
    for index, (old, new) in enumerate(zip(before, planes_of(frame), strict=True)):
        touched = whole > 0
        if form.alpha and index == len(before) - 1:
            touched = np.zeros_like(touched)
        elif form.model == "yuv" and index:
            rows, columns = old.shape
            padded = np.zeros((rows * form.sub_y, columns * form.sub_x), bool)
            padded[:47, :65] = touched
            touched = padded.reshape(rows, form.sub_y, columns, form.sub_x).any((1, 3))
        changed = old != new
        assert not changed[~touched].any(), index
        if touched.any():
            assert changed[touched].mean() > 0.4, index
        assert new.max() < 1 << form.depth


@pytest.mark.parametrize(("pix_fmt", "range_"), list(itertools.product(FORMATS, (1, 2))))
def test_full_mask_takes_the_picture(pix_fmt: str, range_: int) -> None:
    frame = random_frame(pix_fmt, 64, 48, range_)
    color = color_of(frame)
    y, x = np.mgrid[0:48, 0:64].astype(np.float32)
    rgb = np.dstack([x * 2 + 60, y * 2 + 60, 200 - x - y])
    if pix_fmt.startswith("gray"):
        rgb[...] = rgb.mean(axis=2, keepdims=True)
    write_rgb(frame, (0, 0, 64, 48), rgb, np.full((48, 64), 255, np.uint8), color)
    back = read_rgb(frame, (0, 0, 64, 48), color)
    assert back.dtype == np.float32
    assert np.abs(back - rgb)[4:-4, 4:-4].max() < (2.7 if layout(pix_fmt).depth == 8 else 1.3)


def test_formula_of_luma_and_chroma() -> None:
    frame = random_frame("yuv420p", 4, 2)
    old = planes_of(frame)
    color = color_of(frame)
    white = np.full((2, 4, 3), 255, np.float32)
    mask = np.array([[0, 51, 255, 255], [0, 0, 255, 255]], np.uint8)
    write_rgb(frame, (0, 0, 4, 2), white, mask, color)
    new = planes_of(frame)
    share = mask / 255
    assert np.array_equal(new[0], np.rint(old[0] + share * (235 - old[0].astype(float))))
    mean = np.array([[0.05, 1.0]])
    for plane in (1, 2):
        expected = old[plane] + mean * (128 - old[plane].astype(float))
        assert np.abs(new[plane] - expected).max() <= 0.501


@pytest.mark.parametrize("space", [1, 5, 7, 9])
@pytest.mark.parametrize("full", [False, True])
def test_conversion_agrees_with_swscale(space: int, full: bool) -> None:
    names = {1: 1, 5: 5, 7: 7, 9: 9}
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[...] = np.array([[40, 180, 90], [200, 60, 120], [128, 128, 128], [250, 240, 10]])[
        np.arange(64) // 16
    ]
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format="yuv444p",
        dst_colorspace=names[space],
        dst_color_range=2 if full else 1,
        src_color_range=2,
    )
    frame.colorspace, frame.color_range = space, 2 if full else 1
    back = read_rgb(frame, (0, 0, 64, 48), color_of(frame))
    assert np.abs(back - rgb).max() < 2.5


def referring_video(path: Path) -> Path:
    """Write a clip in which every frame is predicted from the one before."""
    base = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0", "refs": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(8):
            picture = av.VideoFrame.from_ndarray(np.roll(base, k, 1), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def test_a_frame_that_the_decoder_still_needs_is_copied_before_it_is_changed(
    tmp_path: Path,
) -> None:
    info = probe(referring_video(tmp_path / "clip.mp4"))
    box = (0, 0, 64, 48)
    with VideoReader(info, threads=1) as reader:
        untouched = [planes_of(frame.image) for frame in reader.frames()]
    black, everywhere = np.zeros((48, 64, 3), np.float32), np.full((48, 64), 255, np.uint8)
    with VideoReader(info, threads=1) as reader:
        for number, frame in enumerate(reader.frames()):
            for before, now in zip(untouched[number], planes_of(frame.image), strict=True):
                np.testing.assert_array_equal(now, before)
            write_rgb(frame.image, box, black, everywhere, info.color)
            assert planes_of(frame.image)[0].max() <= 16
    assert number == 7


def test_odd_boxes_are_aligned() -> None:
    info = SimpleNamespace(width=65, height=47, pix_fmt="yuv420p")
    assert align_box((3, 5, 20, 21), info) == (2, 4, 20, 22)
    assert align_box((-9, -9, 999, 999), info) == (0, 0, 65, 47)
    x0, _, x1, _ = align_box((80, 0, 90, 10), info)
    assert x0 >= x1 or x0 == x1
