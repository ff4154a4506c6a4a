"""GIF and animated WebP: every time, every duration, every pixel."""

from __future__ import annotations

from pathlib import Path

import clips
import numpy as np
import PIL.Image
import pytest

from videoswap.media.animation import AnimationWriter, loop_count
from videoswap.media.ffmpeg import verify
from videoswap.media.pixels import samples
from videoswap.media.probe import probe
from videoswap.media.reader import VideoReader

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
    scale = int(1000 * info.time_base)
    with VideoReader(info) as reader:
        return [
            (
                f.pts * scale,
                (f.image.duration or 0) * scale,
                np.stack([samples(p)[:, : info.width] for p in f.image.planes]),
            )
            for f in reader.frames()
        ]


@pytest.mark.parametrize("source", ["GIF", "WEBP"])
@pytest.mark.parametrize("target", [".gif", ".webp"])
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
        assert np.array_equal(old, new)
    assert loop_count(probe(out)) == loop
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
