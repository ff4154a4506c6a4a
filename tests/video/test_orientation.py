"""Rotation and pixel shape: in the result's header, in its pixels, or in a note."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.video import clips
from videoswap.settings import EncodeSettings
from videoswap.video.animated.animation_writer import AnimationWriter
from videoswap.video.matroska import PLACEHOLDER
from videoswap.video.probe import probe
from videoswap.video.reader import AnalysisScaler, VideoReader
from videoswap.video.verify import verify

PRESETS = {"libsvtav1": "12", "libvpx-vp9": "8", "ffv1": None}


def _make(source: Path, out: Path, encoder: str):
    preset = PRESETS.get(encoder, "ultrafast")
    settings = EncodeSettings(encoder=encoder, preset=preset, threads=1)
    return clips.swap_nothing(source, out, settings)


@pytest.mark.parametrize(
    ("suffix", "encoder"),
    [
        (".mkv", "ffv1"),
        (".mkv", "libvpx-vp9"),
        (".mkv", "libx264"),
        (".webm", "libvpx-vp9"),
        (".mp4", "libsvtav1"),
        (".mp4", "libx264"),
        (".mp4", "libvpx-vp9"),
    ],
)
# 128 columns give whole pixels with 3:2 and 3:4 but not with 4:3.
@pytest.mark.parametrize("ratio", [Fraction(4, 3), Fraction(3, 2), Fraction(3, 4)])
def test_pixel_shape_is_kept(suffix: str, encoder: str, ratio: Fraction, tmp_path: Path) -> None:
    clip = clips.Clip(frames=4, audio=1, sar=ratio, matrix=clips.ROTATED["90"])
    source = clips.make(tmp_path / "source.mp4", clip)
    out = tmp_path / f"out{suffix}"
    report = _make(source, out, encoder)
    made = probe(out).orientation
    assert made.sample_aspect_ratio == ratio
    assert made.display_matrix == clips.ROTATED["90"] and not report.notes
    assert verify(out) == []
    assert PLACEHOLDER.encode() not in out.read_bytes()


def test_track_name_is_kept_beside_the_pixel_shape(tmp_path: Path) -> None:
    first = clips.make(tmp_path / "first.mp4", clips.Clip(frames=4, sar=Fraction(4, 3)))
    named = tmp_path / "named.mkv"
    _make(first, named, "ffv1")
    with clips.av.open(str(named)) as box, clips.av.open(str(tmp_path / "source.mkv"), "w") as out:
        stream = out.add_stream_from_template(box.streams.video[0], opaque=True)
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.metadata["title"] = "the name" * 20
        for packet in box.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    info = probe(tmp_path / "source.mkv")
    object.__setattr__(info, "orientation", probe(named).orientation)
    _remux(info, tmp_path / "out.mkv")
    with clips.av.open(str(tmp_path / "out.mkv")) as made:
        assert made.streams.video[0].metadata["title"] == "the name" * 20
    assert probe(tmp_path / "out.mkv").orientation.sample_aspect_ratio == Fraction(4, 3)


def _remux(info, out: Path) -> None:
    from videoswap.video.encoder import SegmentEncoder
    from videoswap.video.encoder_plan import plan_encoder
    from videoswap.video.mux import mux

    plan = plan_encoder(info, EncodeSettings(encoder="ffv1"), out)
    segment = out.parent / "one.segment"
    with VideoReader(info) as reader, SegmentEncoder(plan, info, segment) as encoder:
        frames = list(reader.frames())
        for frame in frames:
            encoder.encode(frame)
        encoder.finish()
    mux([segment], info, plan, out, [frame.pts for frame in frames])


@pytest.mark.parametrize(
    ("suffix", "encoder", "lost"),
    [
        (".avi", "ffv1", {"an upright picture", "pixels of 4:3"}),
        (".nut", "ffv1", {"an upright picture", "pixels of 4:3"}),
        (".avi", "libx264", {"an upright picture"}),
        (".ts", "libx264", {"an upright picture"}),
        (".mov", "libx264", set()),
    ],
)
def test_what_a_container_cannot_say_is_noted(
    suffix: str, encoder: str, lost: set[str], tmp_path: Path
) -> None:
    clip = clips.Clip(frames=4, audio=0, sar=Fraction(4, 3), matrix=clips.ROTATED["270"])
    source = clips.make(tmp_path / "source.mp4", clip)
    report = _make(source, tmp_path / f"out{suffix}", encoder)
    assert {note.wanted for note in report.notes} == lost


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("turn", [None, *clips.ROTATED])
def test_animations_are_upright(suffix: str, turn: str | None, tmp_path: Path) -> None:
    matrix = clips.ROTATED[turn] if turn else None
    clip = clips.Clip(frames=3, audio=0, sar=Fraction(3, 2), matrix=matrix)
    info = probe(clips.make(tmp_path / "source.mp4", clip))
    out = tmp_path / f"out{suffix}"
    with VideoReader(info) as reader, AnimationWriter(info, out) as writer:
        for frame in reader.frames():
            writer.write(frame)
        writer.finish(out)
    made = probe(out)
    turned = turn in ("90", "270", "transposed")
    assert (made.width, made.height) == ((96, 192) if turned else (192, 96))
    with VideoReader(info) as old, VideoReader(made) as new:
        before, after = AnalysisScaler(info, 48), AnalysisScaler(made, 48)
        for was, now in zip(old.frames(), new.frames(), strict=True):
            difference = before.picture(was).astype(int) - after.picture(now)
            assert np.abs(difference).mean() < (12 if suffix == ".gif" else 4)
