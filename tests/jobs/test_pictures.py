"""Numbered pictures as target and as result, from the photos to the files."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import OpenEXR
import pytest

from videoswap import EncodeSettings, swap_video
from videoswap.errors import OutputError
from videoswap.rendering.segments import SegmentOutputs


@pytest.fixture
def frames(tmp_path, people):
    """Six pictures of 16 bits with two people, and the same as EXR with light as it is."""
    for suffix in ("png", "exr"):
        (tmp_path / suffix).mkdir()
    for index in range(6):
        x = 400 + 2 * index
        picture = people[220:540, x : x + 480]
        noise = np.random.default_rng(index).integers(0, 257, picture.shape)
        deep = (picture.astype(np.uint32) * 256 + noise).clip(0, 65535).astype(np.uint16)
        cv2.imwrite(str(tmp_path / "png" / f"{index + 101:04d}.png"), deep)
        light = ((picture / 255.0) ** 2.4).astype(np.float16)
        channels = dict(zip("BGR", np.moveaxis(light, 2, 0), strict=True))
        channels = {name: np.ascontiguousarray(plane) for name, plane in channels.items()}
        with OpenEXR.File({}, channels) as file:
            file.write(str(tmp_path / "exr" / f"{index + 101:04d}.exr"))
    return tmp_path


def _bits(path):
    if path.suffix == ".png":
        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]
    with OpenEXR.File(str(path)) as file:
        return np.array(file.channels()["RGB"].pixels).view(np.uint16)


def _masks(path):
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


@pytest.mark.parametrize("kind", ["png", "exr"])
def test_only_faces_change(kind, frames, photos, settings, tmp_path):
    source = frames / kind / f"%04d.{kind}"
    out, masks = tmp_path / f"out_%04d.{kind}", tmp_path / "masks.mkv"
    said = []
    report = swap_video(
        [photos["source"]],
        source,
        out,
        target_faces=[photos["left"]],
        settings=replace(settings, fps=Fraction(24000, 1001)),
        save_masks=masks,
        say=said.append,
    )
    assert report.swapped_frames == report.frames == 6
    changed = 0
    for number, mask in zip(range(101, 107), _masks(masks), strict=True):
        old = _bits(frames / kind / f"{number:04d}.{kind}")
        new = _bits(tmp_path / f"out_{number:04d}.{kind}")
        assert old.dtype == new.dtype == np.uint16
        assert np.array_equal(old[mask == 0], new[mask == 0])
        changed += int((old != new).any(2).sum())
    assert changed > 6 * 500
    assert not any("frames a second" in line for line in said)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_going_on_and_what_is_there(frames, photos, settings, tmp_path, monkeypatch):
    source, out = frames / "png" / "%04d.png", tmp_path / "o%04d.png"
    short = replace(settings, segment_frames=2, cache_dir=tmp_path / "cache")
    usual, calls = SegmentOutputs.open, []

    def stops(self, segment, info):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(segment)
        return usual(self, segment, info)

    monkeypatch.setattr(SegmentOutputs, "open", stops)
    with pytest.raises(KeyboardInterrupt):
        swap_video([photos["source"]], source, out, target_faces=[photos["left"]], settings=short)
    assert not list(tmp_path.glob("o*.png"))
    monkeypatch.undo()
    said = []
    swap_video(
        [photos["source"]],
        source,
        out,
        target_faces=[photos["left"]],
        settings=short,
        say=said.append,
    )
    assert any(line.startswith("Going on: 2 of 3") for line in said)
    assert any("25 frames a second instead of" in line for line in said)
    assert len(list(tmp_path.glob("o*.png"))) == 6
    with pytest.raises(OutputError) as caught:
        swap_video([photos["source"]], source, out, target_faces=[photos["left"]], settings=short)
    assert caught.value.code == "output_exists"
    with pytest.raises(OutputError) as caught:
        over = replace(short, overwrite=True)
        swap_video([photos["source"]], source, source, target_faces=[photos["left"]], settings=over)
    assert caught.value.code == "output_is_input"


def test_a_film_of_pictures(frames, photos, settings, tmp_path):
    out = tmp_path / "film.mp4"
    wish = replace(settings, encode=EncodeSettings(preset="ultrafast"), fps=Fraction(30))
    report = swap_video([photos["source"]], frames / "png" / "####.png", out, settings=wish)
    assert report.frames == 6 and report.encoder == "libx264 yuv444p10le"
