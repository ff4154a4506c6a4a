"""The table of similarities, on pictures that packages bring."""

import cv2
import numpy as np
import pytest
import skimage.data

from videoswap import similarity
from videoswap.errors import InputError, NoFaceError, UsageError


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, group):
    """One person twice, in other light and mirrored; another person; nobody."""
    folder = tmp_path_factory.mktemp("pictures")
    photo = skimage.data.astronaut()
    darker = (photo[:, ::-1].astype(np.float32) * 0.7).astype(np.uint8)
    for name, picture in {
        "anchor": photo,
        "same": darker,
        "other": group[:, 380:640],
        "nobody": np.full((200, 200, 3), 90, np.uint8),
        "crop": photo[40:200, 150:310],
        "wide": photo[40:100, 150:310],
    }.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1])
    return {path.stem: path for path in folder.iterdir()}


def test_another_photo_of_the_person_is_nearer_than_somebody_else(pictures):
    others = [pictures["same"], pictures["other"], pictures["anchor"]]
    same, other, itself = similarity(pictures["anchor"], others)
    assert [one.path for one in (same, other, itself)] == list(map(str, others))
    assert {one.encoder for one in (same, other, itself)} == {"dlib"}
    assert same.distance < 0.45 and other.distance > 0.65
    assert 1 > same.cosine > other.cosine
    assert itself.distance == pytest.approx(0, abs=1e-6)
    assert itself.cosine == pytest.approx(1)


def test_aligned_crops_are_taken_as_they_are(pictures):
    (one,) = similarity(pictures["crop"], pictures["crop"], aligned=True)
    assert one.distance == pytest.approx(0, abs=1e-6)
    with pytest.raises(InputError, match="no square picture"):
        similarity(pictures["crop"], pictures["wide"], aligned=True)


@pytest.mark.parametrize("encoder", ["blendface", "arcface"])
def test_absent_weights_can_be_fetched(pictures, encoder, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    with pytest.raises(InputError, match="videoswap models download"):
        similarity(pictures["anchor"], pictures["same"], encoder=encoder)


def test_what_stands_in_the_way(pictures, tmp_path):
    with pytest.raises(NoFaceError, match=r"nobody\.png"):
        similarity(pictures["anchor"], pictures["nobody"])
    with pytest.raises(UsageError, match="no encoder"):
        similarity(pictures["anchor"], pictures["same"], encoder="magic")
    with pytest.raises(InputError):
        similarity(pictures["anchor"], tmp_path / "none.png")
