"""Still pictures: orientation, alpha, metadata, odd modes, errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from videoswap.errors import InputError, OutputError, UsageError
from videoswap.media import pillow
from videoswap.media.stills import Picture, read_picture, write_picture

UPRIGHT = np.zeros((20, 30, 3), np.uint8)
UPRIGHT[:8, :12] = (255, 0, 0)
UPRIGHT[:8, 20:] = (0, 255, 0)
UPRIGHT[14:, :12] = (0, 0, 255)
TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}


@pytest.mark.parametrize("turn", sorted(TURNS))
def test_orientation_is_honoured_and_reset(turn: int, tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = turn, "a camera"
    stored = PIL.Image.fromarray(np.ascontiguousarray(TURNS[turn](UPRIGHT)))
    stored.save(tmp_path / "in.png", exif=exif)
    picture = read_picture(tmp_path / "in.png")
    assert np.array_equal(picture.rgb, UPRIGHT)
    write_picture(tmp_path / "out.png", picture)
    with PIL.Image.open(tmp_path / "out.png") as made:
        assert np.array_equal(np.asarray(made), UPRIGHT)
        assert made.getexif().get(0x0112, 1) == 1
        assert made.getexif()[0x010F] == "a camera"


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_alpha_is_kept(suffix: str, tmp_path: Path) -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (16, 18, 4), np.uint8)
    PIL.Image.fromarray(rgba).save(tmp_path / "in.png")
    picture = read_picture(tmp_path / "in.png")
    assert np.array_equal(picture.rgb, rgba[..., :3])
    assert np.array_equal(picture.alpha, rgba[..., 3])
    assert write_picture(tmp_path / f"out{suffix}", picture) == ()
    again = read_picture(tmp_path / f"out{suffix}")
    assert np.array_equal(again.alpha, rgba[..., 3])
    if suffix == ".png":
        assert np.array_equal(again.rgb, rgba[..., :3])


def test_jpeg_keeps_colour_and_profile_and_says_that_alpha_goes(tmp_path: Path) -> None:
    from PIL import ImageCms

    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[:, ::2] = (255, 0, 0)
    rgb[:, 1::2] = (0, 0, 255)
    alpha = np.full((32, 32), 99, np.uint8)
    notes = write_picture(tmp_path / "o.jpg", Picture(rgb, alpha, icc))
    assert "transparency" in str(notes[0])
    made = read_picture(tmp_path / "o.jpg")
    assert made.icc_profile == icc
    # with halved chroma the two colours would become one purple
    assert np.abs(made.rgb.astype(int) - rgb).mean() < 6


def test_modes(tmp_path: Path) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    PIL.Image.fromarray(grey).save(tmp_path / "l.png")
    assert np.array_equal(read_picture(tmp_path / "l.png").rgb, np.dstack([grey] * 3))
    PIL.Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "i.png")
    deep = read_picture(tmp_path / "i.png")
    assert np.array_equal(deep.rgb[..., 0], grey) and deep.notes
    PIL.Image.fromarray(UPRIGHT).convert("P").save(tmp_path / "p.png", transparency=0)
    assert read_picture(tmp_path / "p.png").alpha is not None
    PIL.Image.fromarray(UPRIGHT).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    cmyk = read_picture(tmp_path / "c.jpg")
    assert cmyk.notes and cmyk.rgb.shape == (20, 30, 3)
    assert np.abs(cmyk.rgb[2:6, 2:10].astype(int) - (255, 0, 0)).max() < 12


def test_sixteen_bit_colour_is_said(tmp_path: Path) -> None:
    import cv2

    values = np.random.default_rng(3).integers(0, 65536, (8, 9, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), values)
    picture = read_picture(tmp_path / "deep.png")
    assert picture.notes
    assert np.abs(picture.rgb[..., ::-1].astype(int) - values / 257).max() <= 1


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("missing", None, "missing_file"),
        ("empty", b"", "empty_file"),
        ("text", b"hello there", "not_a_picture"),
        ("cut", b"cut", "not_a_picture"),
    ],
)
def test_bad_pictures(name: str, data: bytes | None, code: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.png"
    if data is not None:
        path.write_bytes(data)
    if name == "cut":
        noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
        PIL.Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError) as caught:
        read_picture(path)
    assert caught.value.code == code


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PIL.Image.new("L", (100, 100)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(pillow, "MOST_PIXELS", 9_999)
    with pytest.raises(InputError) as caught:
        read_picture(tmp_path / "bomb.png")
    assert caught.value.code == "picture_too_large"


def test_bad_results(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_picture(tmp_path / "o.xyz", Picture(UPRIGHT))
    with pytest.raises(OutputError):
        write_picture(tmp_path / "nowhere" / "o.png", Picture(UPRIGHT))
    with pytest.raises(OutputError):
        write_picture(tmp_path / "o.webp", Picture(np.zeros((2, 20_000, 3), np.uint8)))
    assert list(tmp_path.iterdir()) == []
