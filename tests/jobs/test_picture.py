"""One picture from start to finish."""

from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from PIL import Image

from tests.helpers.pictures import cmyk_profile
from videoswap import EncodeSettings, MarkSettings, swap_image
from videoswap.errors import UsageError
from videoswap.jobs.context import load_context
from videoswap.jobs.picture import swap_one_picture
from videoswap.occlusion import builtin as own


@pytest.fixture
def portrait(tmp_path):
    path = tmp_path / "in.png"
    Image.fromarray(skimage.data.astronaut()[:300, 80:380]).save(path)
    return path


def test_networks_are_loaded_once_for_many_pictures(
    portrait, photos, settings, tmp_path, monkeypatch
):
    opened, really = [], own._open
    settings = replace(settings, marks=MarkSettings(mark="plain"))  # signatures are random
    monkeypatch.setattr(own, "_open", lambda path: opened.append(path) or really(path))
    context = load_context([photos["left"]], (), settings, lambda line: None)
    for name in ("a.png", "b.png"):
        swap_one_picture(context, portrait, tmp_path / name, None, False)
    assert len(opened) == len(set(opened)) == 2
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(("masks", "code"), [("m.jpg", "lossy_masks"), ("m.mkv", "unknown")])
def test_a_name_for_masks_is_refused_before_the_work(
    masks, code, portrait, photos, settings, tmp_path
):
    said = []
    with pytest.raises(UsageError) as caught:
        swap_image(
            [photos["left"]],
            portrait,
            tmp_path / "out.png",
            target_faces=(),
            settings=settings,
            save_masks=tmp_path / masks,
            say=said.append,
        )
    assert caught.value.code.startswith(code)
    assert not any("person" in line for line in said)
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_a_grey_picture_keeps_its_format_and_its_greys(portrait, photos, settings, tmp_path):
    target, out, mask = tmp_path / "old.tif", tmp_path / "new.tif", tmp_path / "mask.tif"
    Image.open(portrait).convert("L").save(target, dpi=(600, 600), compression="tiff_lzw")
    said = []
    report = swap_image(
        [photos["left"]],
        target,
        out,
        target_faces=(),
        settings=settings,
        save_masks=mask,
        say=said.append,
    )
    before, after, where = (np.array(Image.open(path)) for path in (target, out, mask))
    assert after.shape == before.shape == where.shape
    assert Image.open(out).info["dpi"] == (600, 600)
    assert np.abs(after.astype(int) - before)[where > 128].mean() > 3
    assert np.array_equal(after[where == 0], before[where == 0])
    (note,) = [index for index, line in enumerate(said) if "picture is gray" in line]
    assert note < len(said) - 1 and any("picture is gray" in str(one) for one in report.notes)


def test_a_picture_that_takes_long_is_announced(portrait, photos, settings, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("videoswap.jobs.context.LARGE_PICTURE_PIXELS", 80_000)
    swap_image(
        [photos["left"]],
        portrait,
        tmp_path / "o.png",
        target_faces=(),
        settings=settings,
        say=said.append,
    )
    assert [line for line in said if "megapixels" in line] == [
        f"{portrait} has 0 megapixels: this takes a while."
    ]


@pytest.mark.parametrize("profile", [None, cmyk_profile()])
def test_a_picture_of_inks(profile, portrait, photos, settings, tmp_path):
    target, out, mask = tmp_path / "old.tif", tmp_path / "new.tif", tmp_path / "mask.png"
    Image.open(portrait).convert("CMYK").save(target, icc_profile=profile)
    report = swap_image(
        [photos["left"]], target, out, target_faces=(), settings=settings, save_masks=mask
    )
    before, after, where = (np.array(Image.open(path)) for path in (target, out, mask))
    assert any("sRGB instead of CMYK" in note for note in map(str, report.notes)) == (
        profile is None
    )
    if profile is None:
        before = np.array(Image.open(target).convert("RGB"))
    assert after.shape == before.shape
    assert np.array_equal(after[where == 0], before[where == 0])
    assert np.abs(after.astype(int) - before)[where > 128].mean() > 3


def test_quality_in_words(portrait, photos, settings, tmp_path):
    sizes = []
    for word in ("draft", "good", "high", "visually_lossless", "lossless"):
        wish = replace(settings, encode=EncodeSettings(quality=word))
        out = tmp_path / f"{word}.webp"
        swap_image([photos["left"]], portrait, out, settings=wish)
        sizes.append(out.stat().st_size)
    assert sizes == sorted(sizes) and len(set(sizes)) == 5
    with pytest.raises(UsageError) as caught:
        swap_image([photos["left"]], portrait, tmp_path / "o.jpg", settings=wish)
    assert caught.value.code == "no_lossless"


def test_wishes_for_an_encoder_are_told(portrait, photos, settings, tmp_path):
    wish = replace(settings, encode=EncodeSettings(encoder="h265", crf=20))
    report = swap_image([photos["left"]], portrait, tmp_path / "out.png", settings=wish)
    assert any(
        note.startswith("without --encoder h265, because") for note in map(str, report.notes)
    )
    assert any(note.startswith("without --crf 20, because") for note in map(str, report.notes))
