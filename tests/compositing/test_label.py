"""The label: readable at any size, inside of its margins, and nothing else changes."""

from __future__ import annotations

import av
import numpy as np
import pytest

from videoswap.compositing.label import LEAST_LETTERS, MARGIN, Label
from videoswap.crops import FrameSurface, PictureSurface
from videoswap.errors import UsageError
from videoswap.video.probe import probe

TEXT = "AI-generated: faces swapped"
SIZES = [(1920, 1080), (640, 360), (360, 640), (160, 120), (96, 64)]


def noise(width, height):
    return np.random.default_rng(3).integers(60, 200, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_lies_within_the_margins_and_the_mask_says_where(width, height):
    before, mask = noise(width, height), np.zeros((height, width), np.uint8)
    after = before.copy()
    Label(TEXT, width, height).draw(PictureSurface(after), mask)
    assert (after[mask == 0] == before[mask == 0]).all()
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert columns[0] >= round(width * MARGIN) - 1 and columns[-1] <= width * (1 - MARGIN)
    assert rows[-1] <= height * (1 - MARGIN) and rows[-1] > height * 0.9 - 2
    assert len(rows) >= LEAST_LETTERS
    box = after[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float)
    assert box.max() > 240  # letters are white
    assert np.median(box) < np.median(before) * 0.55  # on a dark box
    assert 0.02 < (box.min(axis=2) > 200).mean() < 0.5


@pytest.mark.parametrize(
    ("text", "size"), [("你好", (640, 360)), ("word " * 40, (64, 48)), ("W" * 200, (320, 240))]
)
def test_what_cannot_be_shown_is_refused(text, size):
    with pytest.raises(UsageError) as raised:
        Label(text, *size)
    assert raised.value.code == "bad_label"


def luma(frame):
    deep = "10" in frame.format.name
    plane = np.frombuffer(frame.planes[0], np.uint16 if deep else np.uint8)
    return plane.reshape(frame.height, -1)[:, : frame.width].copy()


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p10le", "gray"])
def test_frames_change_in_their_own_format_where_the_mask_says(pix_fmt, tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, pix_fmt
        frame = av.VideoFrame.from_ndarray(noise(160, 120), format="rgb24")
        out.mux([*stream.encode(frame.reformat(format=pix_fmt)), *stream.encode(None)])
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    frame.make_writable()
    before = luma(frame)
    mask = np.zeros((120, 160), np.uint8)
    Label(TEXT, 160, 120).draw(FrameSurface(frame, probe(path)), mask)
    changed = luma(frame) != before
    assert changed.any() and not changed[mask == 0].any()
