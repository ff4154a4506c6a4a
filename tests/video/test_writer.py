"""`VideoWriter` beside what it promises for every kind of file (``tests/contracts``)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.helpers import clips
from videoswap.errors import UsageError
from videoswap.settings import EncodeSettings
from videoswap.video.pixel_formats import layout, samples
from videoswap.video.probe import VideoInfo, probe
from videoswap.video.reader import VideoReader
from videoswap.video.writer import VideoWriter

LOSSLESS = EncodeSettings(encoder="ffv1")


def copy(source: Path, out: Path, **more: object) -> VideoWriter:
    with VideoReader(source) as reader, VideoWriter(out, reader.info, **more) as writer:
        for frame in reader:
            writer.write(frame)
    return writer


def planes(path: Path) -> list[list[bytes]]:
    with VideoReader(path) as reader:
        form = layout(reader.info.pix_fmt)
        return [
            [samples(p, form.depth)[:, : p.width].tobytes() for p in frame.image.planes]
            for frame in reader
        ]


@pytest.mark.parametrize("name", ["variable", "late_video", "edit_list", "90", "mkv"])
def test_a_copy_has_every_sample_and_every_time(name: str, tmp_path: Path) -> None:
    source = clips.make(tmp_path / f"in{clips.CLIPS[name].suffix}", clips.CLIPS[name])
    out = tmp_path / "out.nut"
    writer = copy(source, out, settings=LOSSLESS)
    assert planes(out) == planes(source)
    moved = clips.times(out)[0] - clips.times(source)[0]
    assert [time - moved for time in clips.times(out)] == clips.times(source)
    assert moved == 0 or any("later" in note.used for note in writer.notes)


@pytest.mark.parametrize(("name", "kept"), [("o.mp4", 2), ("o.gif", 0), ("o%d.png", 0)])
def test_streams_are_copied_if_asked(name: str, kept: int, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", replace(clips.CLIPS["two_audio"], frames=5))
    out = tmp_path / name
    lost = [note.wanted for note in copy(source, out, copy_streams=True).notes if not note.used]
    assert sum(text.startswith("audio stream") for text in lost) == 2 - kept
    if kept:
        assert clips.packets(out, "audio") == clips.packets(source, "audio")
        silent = tmp_path / "silent.mp4"
        assert not copy(source, silent).notes
        assert clips.packets(silent, "audio") == []


def test_there_must_be_a_file_to_copy_from(tmp_path: Path) -> None:
    info = VideoInfo.of_frame(clips.picture(0, 64, 48), time_base=Fraction(1, 25))
    with pytest.raises(UsageError) as caught:
        VideoWriter(tmp_path / "o.mp4", info, copy_streams=True)
    assert caught.value.code == "nothing_to_copy"


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p10le", "gray", "gbrap", "yuva420p"])
def test_arrays_become_the_format_of_the_video(pix_fmt: str, tmp_path: Path) -> None:
    first = clips.frame(0, pix_fmt, 64, 48)
    info = VideoInfo.of_frame(first, time_base=Fraction(1, 25))
    assert info.pix_fmt == pix_fmt
    y, x = np.mgrid[0:48, 0:64]
    rgb = np.dstack([x * 3, y * 4, 255 - x - y]).astype(np.uint8)
    if pix_fmt == "gray":
        rgb[...] = rgb[..., :1]
    with VideoWriter(tmp_path / "o.mkv", info, settings=LOSSLESS) as writer:
        writer.write(rgb, 0)
        writer.write(first, 1)
    with VideoReader(tmp_path / "o.mkv") as reader:
        made, other = list(reader)
        assert np.abs(reader.rgb(made).astype(int) - rgb).mean() < 2
        if layout(pix_fmt).alpha:
            assert (samples(made.image.planes[3])[:, :64] == 255).all()
    for old, new in zip(first.planes, other.image.planes, strict=True):
        depth = layout(pix_fmt).depth
        assert np.array_equal(
            samples(old, depth)[:, : old.width], samples(new, depth)[:, : old.width]
        )


TURNED = {name: replace(clips.CLIPS[name], frames=1, audio=0) for name in clips.ROTATED}
WIDE = clips.Clip(sar=Fraction(4, 3), frames=1, audio=0)


@pytest.mark.parametrize("clip", [*TURNED.values(), WIDE], ids=[*TURNED, "wide"])
def test_arrays_are_as_the_reader_shows_frames(clip: clips.Clip, tmp_path: Path) -> None:
    source, out = clips.make(tmp_path / "in.mp4", clip), tmp_path / "out.mp4"
    lossless = EncodeSettings(quality="lossless")
    with (
        VideoReader(source) as reader,
        VideoWriter(out, reader.info, settings=lossless) as writer,
    ):
        for frame in reader:
            shown = reader.rgb(frame)
            writer.write(shown, frame.pts)
    with VideoReader(out) as reader:
        assert np.abs(reader.rgb(next(iter(reader))).astype(int) - shown).mean() < 4
        assert np.array_equal(reader.info.orientation.matrix, probe(source).orientation.matrix)


def test_frames_of_other_libraries_are_described_by_themselves(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.Clip(frames=6, audio=0, color=(1, 1, 1, 1)))
    out = tmp_path / "out.mp4"
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        info = VideoInfo.of_frame(frames[0], time_base=stream.time_base, rate=stream.average_rate)
        with VideoWriter(out, info, settings=EncodeSettings(quality="lossless")) as writer:
            for frame in frames:
                writer.write(frame)
    assert clips.times(out) == clips.times(source)
    assert planes(out) == planes(source)
    with VideoReader(out) as reader:
        assert reader.info.color == info.color and info.color.space_tag == 1
