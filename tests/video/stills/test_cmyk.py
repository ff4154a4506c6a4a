"""CMYK pictures keep their inks, and become sRGB where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

from tests.helpers.pictures import cmyk_profile
from videoswap.video.stills.picture import (
    losses,
    read_picture,
    write_picture,
)


def _inked(suffix: str, tmp_path: Path) -> Path:
    inks = np.random.default_rng(5).integers(0, 200, (16, 24, 4), np.uint8)
    inks = inks.repeat(8, axis=0).repeat(8, axis=1)
    options = {"compression": "tiff_lzw"} if suffix == ".tif" else {"quality": 95}
    image = PIL.Image.fromarray(inks, mode="CMYK")
    image.save(tmp_path / f"c{suffix}", icc_profile=cmyk_profile(), **options)
    return tmp_path / f"c{suffix}"


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_inks_are_kept_where_nothing_changed(suffix: str, tmp_path: Path) -> None:
    path = _inked(suffix, tmp_path)
    picture, out = read_picture(path), tmp_path / f"o{suffix}"
    changed = picture.rgb.copy()
    changed[:64, :64] = (90, 160, 70)
    assert losses(picture, out) == ()
    write_picture(out, picture.with_rgb(changed))
    with PIL.Image.open(path) as before, PIL.Image.open(out) as after:
        assert after.mode == "CMYK" and after.info["icc_profile"] == before.info["icc_profile"]
        error = np.abs(np.asarray(after).astype(int) - np.asarray(before))
    assert error[64:].max() <= (0 if suffix == ".tif" else 6)
    again = read_picture(out).rgb.astype(int)
    assert np.abs(again[4:60, 4:60] - (90, 160, 70)).mean() < 5


def test_inks_that_cannot_be_kept_become_colors_and_it_is_told(tmp_path: Path) -> None:
    picture = read_picture(_inked(".jpg", tmp_path))
    assert any("CMYK" in str(note) for note in losses(picture, tmp_path / "o.png"))
    write_picture(tmp_path / "o.png", picture)
    again = read_picture(tmp_path / "o.png")
    assert np.array_equal(again.rgb, picture.rgb) and again.icc_profile is None
    red = np.full((20, 30, 3), (255, 0, 0), np.uint8)
    PIL.Image.fromarray(red).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    bare = read_picture(tmp_path / "c.jpg")
    assert "no color profile" in str(losses(bare, tmp_path / "o.jpg")[0])
    assert np.abs(bare.rgb[2:6, 2:10].astype(int) - (255, 0, 0)).max() < 12
    write_picture(tmp_path / "o.jpg", bare)
    assert PIL.Image.open(tmp_path / "o.jpg").mode == "RGB"
