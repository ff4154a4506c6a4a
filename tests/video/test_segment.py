"""Segments on disk: damage is noticed, and an unfinished one leaves nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.helpers import clips
from videoswap.errors import InputError
from videoswap.settings import EncodeSettings
from videoswap.video.encoder import SegmentEncoder
from videoswap.video.encoder_plan import plan_encoder
from videoswap.video.probe import VideoInfo, probe
from videoswap.video.reader import VideoReader
from videoswap.video.segment import EncodedSegment, SegmentWriter


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    clip = clips.Clip(size=(64, 48), frames=3, audio=0)
    return probe(clips.make(tmp_path_factory.mktemp("segments") / "clip.mp4", clip))


@pytest.mark.parametrize("harm", ["flip", "cut", "grow", "empty", "gone"])
def test_damaged_segments_are_noticed(harm: str, info: VideoInfo, tmp_path: Path) -> None:
    path = tmp_path / "one.segment"
    plan = plan_encoder(info, EncodeSettings(preset="ultrafast"), tmp_path / "o.mp4")
    with VideoReader(info) as reader, SegmentEncoder(plan, info, path) as encoder:
        for frame in reader.frames():
            encoder.encode(frame)
        made = encoder.finish()
    again = EncodedSegment.load(path)
    assert list(again.packets()) == list(made.packets()) and len(again.pts) == 3
    assert [len(p) for p in again.packets()] == again.sizes.tolist()
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[40] ^= 1
    path.write_bytes({"flip": data, "cut": data[:-9], "grow": data + b"x"}.get(harm, b""))
    if harm == "gone":
        path.unlink()
    with pytest.raises(InputError) as caught:
        EncodedSegment.load(path)
    assert caught.value.code == "damaged_segment"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"[1, 1, 0, 6]", b"[1, 1, 0, 7]", id="longer packets than the file"),
        pytest.param(b"[1, 1, 0, 6]", b"[1, 1, 0,-1]", id="a packet of less than nothing"),
        pytest.param(b"[1, 1, 0, 6]", b"[1, 1, 1, 0]", id="shorter packets than the file"),
        pytest.param(None, (2**40).to_bytes(8, "big"), id="a longer trailer than the file"),
    ],
)
def test_a_trailer_that_lies_is_noticed(old: bytes | None, new: bytes, tmp_path: Path) -> None:
    path = tmp_path / "one.segment"
    writer = SegmentWriter(path)
    for pts in range(3):
        writer.add(b"packet" * pts, pts, 1, pts == 0)
    writer.finish(b"", "libx264")
    data = path.read_bytes()[:-32]
    # None: the length of the trailer, which is the last of it.
    data = data[:-8] + new if old is None else data.replace(old, new)
    path.write_bytes(data + hashlib.sha256(data).digest())  # a stranger can compute it too
    with pytest.raises(InputError) as caught:
        EncodedSegment.load(path)
    assert caught.value.code == "damaged_segment"


def test_an_unfinished_segment_vanishes(info: VideoInfo, tmp_path: Path) -> None:
    plan = plan_encoder(info, EncodeSettings(preset="ultrafast"), tmp_path / "o.mp4")
    with pytest.raises(KeyboardInterrupt), SegmentEncoder(plan, info, tmp_path / "p") as encoder:
        with VideoReader(info) as reader:
            encoder.encode(next(reader.frames()))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
