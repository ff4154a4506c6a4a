"""GIF, animated PNG and WebP: every time, every duration, every pixel."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from tests.helpers import clips
from videoswap.video.animated.animation_writer import (
    AnimationWriter,
    animation_container,
    animation_losses,
    animation_streams,
    loop_count,
)
from videoswap.video.animated.apng import ApngEncoder
from videoswap.video.pixel_formats import samples
from videoswap.video.probe import media_kind, probe
from videoswap.video.reader import VideoReader
from videoswap.video.verify import verify

DURATIONS = [100, 70, 200, 40, 130]


def _source(path: Path, form: str, loop: int | None) -> Path:
    # The third picture repeats the second: it must stay a frame of its own.
    shades = [10, 60, 60, 160, 210]
    pictures = []
    for index, shade in enumerate(shades):
        pixels = np.full((40, 60, 3), shade, np.uint8)
        pixels[5:20, 5 + index : 30] = (200, 30, 90)
        pixels[index, index] = (1, 2, 3)
        pictures.append(PIL.Image.fromarray(pixels))
    options = {} if loop is None else {"loop": loop}
    pictures[0].save(
        path,
        format=form,
        save_all=True,
        append_images=pictures[1:],
        duration=DURATIONS,
        lossless=True,
        **options,
    )
    return path


def _read(path: Path) -> list[tuple[int, int, np.ndarray]]:
    info = probe(path)
    scale = 1000 * info.time_base
    with VideoReader(info) as reader:
        return [
            (
                f.pts * scale,
                (f.image.duration or 0) * scale,
                np.stack([samples(p)[:, : info.width] for p in f.image.planes]),
            )
            for f in reader.frames()
        ]


@pytest.mark.parametrize("source", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("target", [".gif", ".webp", ".png", ".apng"])
@pytest.mark.parametrize("loop", [0, 3])
def test_round_trip(source: str, target: str, loop: int, tmp_path: Path) -> None:
    path = _source(tmp_path / "source", source, loop)
    info, out = probe(path), tmp_path / f"out{target}"
    with VideoReader(info) as reader, AnimationWriter(info, out) as writer:
        for frame in reader.frames():
            writer.write(frame)
        writer.finish(out)
    before, after = _read(path), _read(out)
    assert [t for t, _, _ in after] == [0, 100, 170, 370, 410]
    assert [d for _, d, _ in after] == DURATIONS
    for (_, _, old), (_, _, new) in zip(before, after, strict=True):
        assert np.array_equal(old[:3], new[:3])
    assert loop_count(probe(out)) == loop
    assert verify(out) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == [out.name, "source"]


def test_played_once_stays_so(tmp_path: Path) -> None:
    path = _source(tmp_path / "source", "GIF", None)
    info, out = probe(path), tmp_path / "out.gif"
    with VideoReader(info) as reader, AnimationWriter(info, out) as writer:
        for frame in reader.frames():
            writer.write(frame)
        writer.finish(out)
    with PIL.Image.open(out) as made:
        assert "loop" not in made.info


def test_video_to_gif(tmp_path: Path) -> None:
    info = probe(clips.make(tmp_path / "clip.mp4", clips.Clip(frames=10, audio=0)))
    out = tmp_path / "out.gif"
    with VideoReader(info) as reader, AnimationWriter(info, out) as writer:
        for frame in reader.frames():
            writer.write(frame)
        writer.finish(out)
    assert [t for t, _, _ in _read(out)] == [40 * i for i in range(10)]
    assert verify(out) == []


def test_gif_to_video(tmp_path: Path) -> None:
    from videoswap.settings import EncodeSettings

    path = _source(tmp_path / "source.gif", "GIF", 0)
    out = tmp_path / "out.mkv"
    report = clips.swap_nothing(path, out, EncodeSettings(encoder="ffv1"))
    assert report.frames == 5
    for (_, _, old), (_, _, new) in zip(_read(path), _read(out), strict=True):
        assert np.array_equal(old, new)


def test_an_unfinished_animation_vanishes(tmp_path: Path) -> None:
    path = _source(tmp_path / "source", "GIF", 0)
    info = probe(path)
    with pytest.raises(KeyboardInterrupt), AnimationWriter(info, tmp_path / "o.gif") as writer:
        with VideoReader(info) as reader:
            writer.write(next(reader.frames()))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [path]


def _written(path: Path, out: Path) -> Path:
    info = probe(path)
    with VideoReader(info) as reader, AnimationWriter(info, out) as writer:
        for frame in reader.frames():
            writer.write(frame)
        writer.finish(out)
    return out


@pytest.mark.parametrize("source", ["WEBP", "PNG"])
def test_apng_keeps_transparency_and_odd_times(source: str, tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    frames = [random.integers(0, 256, (20, 30, 4), np.uint8) for _ in range(2)]
    for place in (np.s_[4:9, 20:], np.s_[19:, :1]):
        frames.append(frames[-1].copy())
        frames[-1][place] = 0
    pictures = [PIL.Image.fromarray(frame) for frame in frames]
    times = [33, 67, 10, 1000]
    options = {"lossless": True, "exact": True} if source == "WEBP" else {}
    pictures[0].save(
        tmp_path / "in", format=source, save_all=True, append_images=pictures[1:],
        duration=times, loop=0, **options,
    )  # fmt: skip
    out = _written(tmp_path / "in", tmp_path / "out.png")
    with PIL.Image.open(tmp_path / "in") as old, PIL.Image.open(out) as made:
        assert made.n_frames == 4
        for index, frame in enumerate(frames):
            old.seek(index)
            made.seek(index)
            pixels = np.asarray(made.convert("RGBA"))
            assert np.array_equal(pixels, np.asarray(old.convert("RGBA")))
            assert source == "WEBP" or np.array_equal(pixels, frame)
            assert made.info["duration"] == pytest.approx(times[index])


def test_a_frame_of_an_apng_is_what_differs() -> None:
    encoder, frame = ApngEncoder(), np.zeros((20, 30, 3), np.uint8)
    other = frame.copy()
    other[3:7, 12:20] = 9
    whole, same, part = (encoder.encode(pixels) for pixels in (frame, frame.copy(), other))
    assert struct.unpack(">4I", whole[:16]) == (30, 20, 0, 0)
    assert struct.unpack(">4I", same[:16]) == (1, 1, 0, 0)
    assert struct.unpack(">4I", part[:16]) == (8, 4, 12, 3)


def test_video_to_apng(tmp_path: Path) -> None:
    path = clips.make(tmp_path / "clip.mp4", clips.Clip(frames=6, audio=1, pix_fmt="yuv444p"))
    assert animation_container(probe(path), Path("film.png")) is None
    out = _written(path, tmp_path / "out.apng")
    assert [t for t, _, _ in _read(out)] == [40 * i for i in range(6)]
    assert media_kind(out) == "animation"


def test_a_default_picture_is_no_frame(tmp_path: Path) -> None:
    pictures = [PIL.Image.new("RGB", (30, 20), (9 * n, 50, 90)) for n in range(3)]
    for more, expected in ((pictures[1:2], "image"), (pictures[1:], "animation")):
        path = tmp_path / f"{expected}.png"
        pictures[0].save(path, save_all=True, append_images=more, default_image=True, duration=50)
        assert media_kind(path) == expected
    assert len(_read(path)) == 2


def test_what_an_animation_cannot_keep_is_known_before(tmp_path: Path) -> None:
    film = probe(clips.make(tmp_path / "clip.mp4", clips.Clip(frames=3, audio=2)))
    deep = probe(clips.make(tmp_path / "deep.mkv", clips.Clip(".mkv", "yuv420p10le", audio=0)))
    gif = probe(_source(tmp_path / "source.gif", "GIF", 0))
    assert len(animation_streams(film, "gif").dropped) == 2
    assert [note.used for note in animation_losses(film, "gif")] == ["256 per frame"]
    assert [note.used for note in animation_losses(deep, "apng")] == ["8 bits"]
    assert animation_losses(gif, "gif") == () and animation_losses(gif, "apng") == ()
    assert animation_streams(gif, "gif").notes == ()
