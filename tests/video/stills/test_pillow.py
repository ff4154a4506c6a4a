"""The door to Pillow: which files get in, and what is said of the others."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from tests.helpers import clips
from videoswap.errors import InputError
from videoswap.video.probe import media_kind, probe
from videoswap.video.stills import pillow
from videoswap.video.stills.picture import read_picture

EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n%%Pages: 1\n%%EndComments\n"
    b"0 0 50 50 rectfill showpage\n%%EOF\n"
)
GRAY = np.full((24, 32, 3), 90, np.uint8)


@pytest.mark.parametrize("name", ["photo.jpg", "photo.eps"])
def test_no_program_is_started_for_a_picture(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, called = tmp_path / "gs", tmp_path / "called"
    program.write_text(f"#!/bin/sh\ntouch {called}\necho 10.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    path = tmp_path / name
    path.write_bytes(EPS)
    for read in (read_picture, media_kind, probe):
        with pytest.raises(InputError):
            read(path)
    assert not called.exists()


@pytest.mark.parametrize(
    ("start", "word"),
    [(EPS, "PostScript"), (b"%PDF-1.7\n", "PDF"), (b"<svg xmlns=''/>", "SVG"), (b"8BPS", "Photo")],
)
def test_what_is_no_picture_is_named(start: bytes, word: str, tmp_path: Path) -> None:
    for name in ("photo.png", "photo.svg"):
        path = tmp_path / name
        path.write_bytes(start + bytes(100))
        for read in (read_picture, media_kind):
            with pytest.raises(InputError, match=word) as caught:
                read(path)
            assert caught.value.code == "not_a_picture" and "PNG" in caught.value.hint


def test_the_thumbnail_of_a_raw_file_is_not_taken_for_it(tmp_path: Path) -> None:
    PIL.Image.fromarray(GRAY).save(tmp_path / "a.tif")
    raw = (tmp_path / "a.tif").rename(tmp_path / "a.DNG")
    for read in (read_picture, media_kind):
        with pytest.raises(InputError, match="raw file") as caught:
            read(raw)
        assert caught.value.code == "not_a_picture"
    PIL.Image.fromarray(GRAY).save(tmp_path / "a.jpg")
    assert media_kind((tmp_path / "a.jpg").rename(tmp_path / "b.dng")) == "image"


@pytest.mark.parametrize(
    "error",
    [
        struct.error("unpack"),
        MemoryError(),
        OverflowError("too large"),
        zlib.error("incorrect data"),
        IndexError("out of range"),
        ZeroDivisionError("tile of no width"),
        PIL.UnidentifiedImageError("?"),
    ],
)
def test_every_failure_to_decode_is_one_error(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.png"
    PIL.Image.fromarray(GRAY).save(path)

    def fails(self: PIL.Image.Image) -> None:
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fails)
    with pytest.raises(InputError) as caught:
        read_picture(path)
    assert caught.value.code == "not_a_picture"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "JPEG2000", "AVIF"])
def test_no_damage_makes_a_traceback(form: str, tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    path = tmp_path / "damaged"
    PIL.Image.fromarray(random.integers(0, 256, (24, 32, 3), np.uint8)).save(path, format=form)
    whole = path.read_bytes()
    for _ in range(60):
        data = bytearray(whole[: random.integers(4, len(whole))])
        for place in random.integers(0, len(data), 4):
            data[place] = random.integers(0, 256)
        path.write_bytes(data)
        for read in (read_picture, media_kind):
            try:
                read(path)
            except InputError as error:
                assert error.message and "\n" not in error.message


def test_a_header_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    PIL.Image.fromarray(GRAY).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 50_000, 50_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_picture(path)
    assert caught.value.code == "picture_too_large"
    assert f"{pillow.MAX_PICTURE_PIXELS:,}" in caught.value.hint


def test_kinds_by_content(tmp_path: Path) -> None:
    video = clips.make(tmp_path / "clip.mp4", clips.Clip(frames=3, audio=0))
    assert media_kind(video.rename(tmp_path / "clip.png")) == "video"
    for form in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "JPEG2000", "AVIF", "PPM"):
        path = tmp_path / "picture.mp4"
        PIL.Image.fromarray(GRAY).save(path, format=form)
        assert media_kind(path) == "image"


def test_one_kind_for_the_other_is_named(tmp_path: Path) -> None:
    video = clips.make(tmp_path / "clip.mp4", clips.Clip(frames=3, audio=0))
    with pytest.raises(InputError, match="is a video, not a picture") as caught:
        read_picture(video)
    assert "as the input (-i)" in caught.value.hint
    for form in ("PNG", "AVIF", "WEBP"):
        path = tmp_path / "picture"
        PIL.Image.fromarray(GRAY).save(path, format=form)
        with pytest.raises(InputError, match="is a picture, not a video") as caught:
            probe(path)
        assert "--target_image" in caught.value.hint


@pytest.mark.parametrize("address", ["http://a.example/b.mp4", "https://a.example/b.jpg"])
def test_addresses_are_not_read(address: str) -> None:
    for read in (read_picture, media_kind, probe):
        with pytest.raises(InputError) as caught:
            read(Path(address))
        assert caught.value.code == "missing_file" and "download" in caught.value.hint


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_pixels_are_copied_and_compared_in_strips(mode: str) -> None:
    shape = (1100, 7) if mode == "L" else (1100, 7, len(mode))
    pixels = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    image = PIL.Image.fromarray(pixels, mode=mode)
    copied = pillow.pixels_of(image)
    assert np.array_equal(copied, pixels) and copied.flags.writeable
    assert pillow.same_pixels(image, image.copy())
    copied[-1, -1] ^= 1
    assert not pillow.same_pixels(image, PIL.Image.fromarray(copied, mode=mode))


def test_a_file_beyond_any_picture_is_not_taken_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.webp"
    PIL.Image.fromarray(GRAY).save(path)
    with path.open("r+b") as file:
        file.truncate(pillow.MAX_FILE_BYTES + 1)
    for read in (read_picture, media_kind):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.code == "not_a_picture"
