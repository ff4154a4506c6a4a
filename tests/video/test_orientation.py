"""Rotation and pixel shape: the upright picture, and what a result says of them."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import clips
from videoswap.settings import EncodeSettings
from videoswap.video.animated.animation_writer import AnimationWriter
from videoswap.video.matroska import TITLE_PLACEHOLDER
from videoswap.video.orientation import orientation
from videoswap.video.probe import probe
from videoswap.video.reader import AnalysisScaler, VideoReader
from videoswap.video.verify import ffmpeg_program, verify

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
    assert TITLE_PLACEHOLDER.encode() not in out.read_bytes()


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


@pytest.mark.parametrize("name", [*clips.ROTATED, "wide"])
def test_upright_is_what_ffmpeg_shows(name: str, tmp_path: Path) -> None:
    clip = clips.Clip(
        frames=1,
        audio=0,
        size=(96, 64),
        options={"crf": "4"},
        matrix=clips.ROTATED.get(name),
        sar=Fraction(4, 3) if name == "wide" else Fraction(1),
    )
    path = clips.make(tmp_path / "turned.mp4", clip)
    info = probe(path)
    shape = info.orientation
    size = f"{shape.upright_width}:{shape.upright_height}"
    command = [
        ffmpeg_program(),
        "-v",
        "error",
        "-i",
        f"file:{path}",
        "-vf",
        f"scale={size}",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    ]
    shown = subprocess.run(command, capture_output=True, check=True).stdout
    expected = np.frombuffer(shown, np.uint8).reshape(shape.upright_height, shape.upright_width, 3)
    scaler = AnalysisScaler(info, 10_000)
    with VideoReader(info) as reader:
        made = scaler.picture(next(reader.frames()))
    assert made.shape == expected.shape
    assert np.abs(made.astype(int) - expected).mean() < 2.5
    turned_wrongly = np.abs(made[::-1].astype(int) - expected).mean()
    assert turned_wrongly > 10


@pytest.mark.parametrize("name", [None, *clips.ROTATED])
def test_matrix_points_at_the_same_pixel(name: str | None) -> None:
    shape = orientation(7, 5, clips.ROTATED[name] if name else None)
    coded = np.arange(35).reshape(5, 7).astype(np.uint8)
    upright = shape.apply(coded)
    assert upright.shape == (shape.upright_height, shape.upright_width)
    for y in range(5):
        for x in range(7):
            u, v = shape.matrix @ [x, y, 1]
            assert upright[round(v), round(u)] == coded[y, x]


def test_pixel_shape_moves_centres_right() -> None:
    shape = orientation(100, 50, None, Fraction(2))
    assert (shape.upright_width, shape.upright_height) == (200, 50)
    assert np.allclose(shape.matrix @ [0, 0, 1], [0.5, 0])
    tall = orientation(100, 50, clips.ROTATED["90"], Fraction(1, 2))
    assert (tall.upright_width, tall.upright_height) == (100, 100)
