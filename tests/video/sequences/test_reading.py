"""Numbered pictures read as a video: rates, gaps, damage."""

from __future__ import annotations

import os
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from tests.helpers import clips
from tests.helpers.numbered_pictures import (
    WIDTH,
    make_exr,
    make_sequence,
    random_pixels,
    segments_of,
)
from videoswap.errors import InputError, UsageError
from videoswap.settings import EncodeSettings
from videoswap.video.probe import media_kind, probe
from videoswap.video.reader import VideoReader
from videoswap.video.sequences.pattern import (
    numbered_name,
)
from videoswap.video.sequences.reading import read_frame
from videoswap.video.sequences.writing import plan_pictures, write_pictures


def test_reading_from_the_middle(tmp_path: Path) -> None:
    info = probe(make_sequence(tmp_path / "in", "tif"))
    with VideoReader(info) as reader:
        assert [frame.pts for frame in reader.frames(1, 2)] == [1, 2]


@pytest.mark.parametrize("name", ["mono.jpg", "color.jpg"])
def test_jpeg_is_read_with_its_own_colors(name: str, tmp_path: Path) -> None:
    picture = cv2.GaussianBlur(random_pixels(1, 3, np.uint8), (0, 0), 5)
    picture = picture if name == "color.jpg" else picture[..., 0]
    cv2.imwrite(str(tmp_path / "1.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
    info = probe(tmp_path / "%d.jpg")
    assert info.color.full_range
    plan = plan_pictures(info, EncodeSettings(quality="visually_lossless"), tmp_path / "o%d.jpg")
    segments, times = segments_of(info, plan, tmp_path)
    (made,) = write_pictures(segments, info, times, tmp_path / "o%d.jpg")
    change = cv2.imread(str(made)).astype(int) - cv2.imread(str(tmp_path / "1.jpg"))
    assert np.abs(change).mean() < 3 and abs(change.mean()) < 1


def test_gaps_are_refused_with_their_numbers(tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path / "in", "png", first=1, count=9)
    for number in (3, 5, 6):
        numbered_name(pattern, number).unlink()
    with pytest.raises(InputError) as caught:
        probe(pattern)
    assert caught.value.code == "missing_frames" and "3, 5 to 6." in caught.value.message
    with pytest.raises(InputError) as caught:
        probe(tmp_path / "%05d.png")
    assert caught.value.code == "missing_file"


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path / "in", "png")
    bad = numbered_name(pattern, 8)
    bad.write_bytes(b"\x89PNG" + bytes(50))
    info = probe(pattern)
    with pytest.raises(InputError) as caught, VideoReader(info) as reader:
        list(reader.frames())
    assert caught.value.code == "not_a_picture" and str(bad) in caught.value.message


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".exr"])
@pytest.mark.parametrize("harm", ["cut", "flip"])
def test_damage_is_no_picture(suffix: str, harm: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".exr":
        make_exr(path, 1)
    else:
        cv2.imwrite(str(path), random_pixels(1, 3, np.uint8))
    assert read_frame(path).width == WIDTH
    data = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif suffix == ".png":  # no other format has a checksum
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(data[:9])
    with pytest.raises(InputError) as caught:
        read_frame(path)
    assert caught.value.code == "not_a_picture"


def test_a_small_file_that_says_it_is_huge(tmp_path: Path) -> None:
    data = bytearray(cv2.imencode(".png", random_pixels(1, 3, np.uint8))[1].tobytes())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "1.png").write_bytes(data)
    with pytest.raises(InputError):
        probe(tmp_path / "%d.png")
    (tmp_path / "2.png").touch()
    os.truncate(tmp_path / "2.png", 1 << 33)
    with pytest.raises(InputError) as caught:
        read_frame(tmp_path / "2.png")
    assert caught.value.code == "picture_too_large"


def test_a_turned_picture_is_refused(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGB", (40, 30)).save(tmp_path / "1.jpg", exif=exif)
    with pytest.raises(InputError) as caught:
        probe(tmp_path / "%d.jpg")
    assert caught.value.code == "turned_picture"
    exif[0x0112] = 1
    PIL.Image.new("RGB", (40, 30)).save(tmp_path / "1.jpg", exif=exif)
    assert probe(tmp_path / "%d.jpg").width == 40


def test_a_picture_that_changes_is_noticed(tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path / "in", "png")
    info = probe(pattern)
    with VideoReader(info) as reader:
        frames = reader.frames()
        next(frames)
        cv2.imwrite(str(numbered_name(pattern, 9)), random_pixels(99, 3, np.uint8))
        with pytest.raises(InputError) as caught:
            list(frames)
    assert caught.value.code == "video_changed" and "f0009" in caught.value.message


def test_kind_and_rate(tmp_path: Path) -> None:
    assert media_kind(make_sequence(tmp_path / "in", "png")) == "video"
    film = clips.make(tmp_path / "a.mp4", clips.Clip(frames=2))
    with pytest.raises(UsageError) as caught:
        probe(film, Fraction(24))
    assert caught.value.code == "fps_of_video"
