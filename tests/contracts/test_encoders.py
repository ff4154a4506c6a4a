"""What every encoder promises for a segment: times, lengths, headers, and nothing left over."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.helpers import clips
from videoswap.settings import EncodeSettings
from videoswap.video.encoder import SegmentEncoder
from videoswap.video.encoder_context import EncoderPlan, hardware_refusal
from videoswap.video.encoder_plan import plan_encoder
from videoswap.video.formats import ENCODERS, accepted_formats
from videoswap.video.probe import VideoInfo
from videoswap.video.segment import EncodedSegment

SIZE = (256, 144)  # the least that DNxHR takes
TIMES = [0, 40, 80, 120, 200, 210]  # in 1/1000 s
LENGTHS = [40, 40, 40, 80, 10, 70]
USUAL = ("yuv420p", "yuv422p", "yuv422p10le", "gbrp")
NVENC = [name for name in ENCODERS if "nvenc" in name and name in av.codecs_available]
SOFTWARE = [name for name in ENCODERS if "nvenc" not in name and name in av.codecs_available]


def described(encoder: str) -> VideoInfo:
    pix_fmt = next(name for name in USUAL if name in accepted_formats(encoder))
    first = clips.frame(0, "bgr0" if pix_fmt == "gbrp" else pix_fmt, *SIZE)
    first.color_range = 2 if encoder == "mjpeg" else 1  # it takes full range alone
    return VideoInfo.of_frame(first, time_base=Fraction(1, 1000), rate=Fraction(25))


def frames(info: VideoInfo) -> Iterator[av.VideoFrame]:
    for index, (pts, length) in enumerate(zip(TIMES, LENGTHS, strict=True)):
        frame = clips.frame(index, info.pix_fmt, *SIZE)
        frame.pts, frame.duration, frame.time_base = pts, length, info.time_base
        yield frame


def planned(encoder: str, info: VideoInfo) -> EncoderPlan:
    refused = hardware_refusal(encoder) if encoder in NVENC else None
    if refused is not None:
        pytest.skip(f"this GPU has no {encoder}: {refused}")
    pix_fmt = info.pix_fmt if info.pix_fmt in accepted_formats(encoder) else None
    settings = EncodeSettings(encoder=encoder, pix_fmt=pix_fmt, threads=1)
    return plan_encoder(info, settings, Path("out.mkv"))


def encoded(encoder: str, path: Path) -> EncodedSegment:
    info = described(encoder)
    with SegmentEncoder(planned(encoder, info), info, path) as made:
        for frame in frames(info):
            made.encode(frame)
        return made.finish()


every_encoder = pytest.mark.parametrize(
    "encoder", [*SOFTWARE, *(pytest.param(name, marks=pytest.mark.needs_cuda) for name in NVENC)]
)


@every_encoder
def test_every_frame_keeps_its_time_and_its_length(encoder: str, tmp_path: Path) -> None:
    made = encoded(encoder, tmp_path / "one.segment")
    assert made.encoder == encoder
    lengths = dict(zip(made.pts.tolist(), made.durations.tolist(), strict=True))
    assert lengths == dict(zip(TIMES, LENGTHS, strict=True))
    assert made.pts[0] == 0 and made.keys[0]
    assert [len(data) for data in made.packets()] == made.sizes.tolist()
    assert made.sizes.min() > 0


@every_encoder
def test_segments_of_one_plan_can_be_joined(encoder: str, tmp_path: Path) -> None:
    one, other = (encoded(encoder, tmp_path / f"{number}.segment") for number in range(2))
    assert one.extradata == other.extradata
    assert list(one.packets()) == list(other.packets())


@every_encoder
def test_an_unfinished_segment_leaves_nothing(encoder: str, tmp_path: Path) -> None:
    info = described(encoder)
    plan = planned(encoder, info)
    with (
        pytest.raises(ZeroDivisionError),
        SegmentEncoder(plan, info, tmp_path / "one.segment") as made,
    ):
        made.encode(next(frames(info)))
        _ = 1 // 0
    assert not list(tmp_path.iterdir())
    untimed = next(frames(info))
    untimed.pts = None
    with (
        pytest.raises(ValueError, match="pts"),
        SegmentEncoder(plan, info, tmp_path / "one.segment") as made,
    ):
        made.encode(untimed)
    assert not list(tmp_path.iterdir())
