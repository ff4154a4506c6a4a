"""Numbers by hand, and encoders that are told what to answer."""

import csv
import tarfile

import cv2
import numpy as np
import pytest
import skimage.data

from videoswap.errors import InputError
from videoswap.evaluation.encoders import CROP_SIZE, DlibFaceEncoder, cosine, open_encoder
from videoswap.evaluation.verification import (
    accepted_at,
    area_under_curve,
    best_threshold,
    judge,
    read_pairs,
    verify,
)

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("alike", "same", "right"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 4),
        ([0.1, 0.8, 0.2, 0.9], [0, 0, 1, 1], 3),
        ([0.5, 0.5, 0.5, 0.5], [0, 1, 1, 1], 3),
        ([0.5, 0.5, 0.5, 0.5], [0, 0, 0, 1], 3),
        ([0.9, 0.1], [0, 1], 1),
    ],
)
def test_the_best_threshold(alike, same, right):
    alike, same = np.array(alike), np.array(same) > 0
    assert ((alike > best_threshold(alike, same)) == same).sum() == right


def test_the_best_threshold_against_trying_all():
    alike = RANDOM.integers(0, 20, 200) / 20
    same = RANDOM.random(200) < alike
    found = ((alike > best_threshold(alike, same)) == same).mean()
    assert found == max(((alike > t) == same).mean() for t in np.linspace(-0.01, 1.01, 400))


def test_a_fold_is_judged_by_the_threshold_of_the_others():
    # The best threshold of fold 1 is 0.5, and that of fold 0 is 0.85, by which 0.8 is judged wrong.
    alike = np.array([0.4, 0.9, 0.8, 0.3, 0.8])
    same = np.array([False, True, False, False, True])
    accuracies, thresholds = judge(alike, same, np.array([0, 0, 0, 1, 1]))
    assert thresholds == pytest.approx([0.55, 0.85])
    assert accuracies == pytest.approx([2 / 3, 1 / 2])


def test_area_under_the_curve_with_ties():
    alike = np.array([0.1, 0.5, 0.5, 0.9])
    same = np.array([False, False, True, True])
    assert area_under_curve(alike, same) == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def test_what_is_accepted_at_a_rate_of_false_accepts():
    alike = np.concatenate([np.linspace(0, 1, 101), [0.5, 0.995, 2.0]])
    same = np.arange(104) > 100
    assert accepted_at(alike, same, 0.01) == pytest.approx(2 / 3)


class Told:
    """Answers by the mean color of a photo."""

    name = "told"

    def embed(self, picture):
        assert picture.shape == (CROP_SIZE, CROP_SIZE, 3) and picture.dtype == np.uint8
        return picture.reshape(-1, 3).mean(axis=0) - 127.5

    similarity = staticmethod(cosine)


@pytest.fixture
def photos(tmp_path):
    """Photos of a red and a blue person, in a tar file, and their pairs in two folds."""
    names = {}
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        for name, color in {"r1": (250, 90, 90), "r2": (240, 80, 90), "b1": (90, 90, 250),
                            "b2": (100, 80, 240)}.items():  # fmt: skip
            size = 112 if name == "r1" else 150
            path = tmp_path / f"{name}.png"
            picture = np.full((size, size, 3), color, np.uint8)
            path.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
            archive.add(path, f"x/{name}.png")
            names[name] = f"x/{name}.png"
    rows = [(0, "r1", "r2", 1), (0, "r1", "b1", 0), (1, "b1", "b2", 1), (1, "r2", "b2", 0)]
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["fold", "file1", "file2", "same"])
        writer.writerows((fold, names[a], names[b], same) for fold, a, b, same in rows)
    return tmp_path


def test_an_encoder_that_tells_all_apart(photos):
    found = verify(Told(), read_pairs(photos / "pairs.csv"), photos / "photos.tar")
    assert (found.accuracy, found.spread, found.area, found.pairs) == (1, 0, 1, 4)
    assert "100.00 %" in found.line()


def test_an_encoder_that_sees_nothing(photos):
    class Blind(Told):
        def embed(self, picture):
            return np.ones(3)

    found = verify(Blind(), read_pairs(photos / "pairs.csv"), photos / "photos.tar")
    assert (found.accuracy, found.area) == (0.5, 0.5)


def test_a_photo_that_is_missing_is_named(photos):
    pairs = read_pairs(photos / "pairs.csv")
    pairs.first[0] = "x/no.png"
    with pytest.raises(InputError, match=r"lacks 1 of the photos, for example x/no\.png"):
        verify(Told(), pairs, photos / "photos.tar")


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "fold,file1,file2,same\n0,a,b,1\n", "fold,file1,file2,same\n0,a,b,x"]
)
def test_pairs_that_are_none(tmp_path, text):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(InputError, match="pairs"):
        read_pairs(tmp_path / "pairs.csv")


@pytest.mark.needs_shared
def test_dlib_tells_people_of_lfw_apart(shared):
    """The first 20 pairs of one person and of two, of which dlib gets nearly all right."""
    pairs = read_pairs(shared / "faces" / "lfw_pairs.csv")
    few = np.concatenate([np.flatnonzero(pairs.same)[:20], np.flatnonzero(~pairs.same)[:20]])
    some = type(pairs)(pairs.first[few], pairs.second[few], pairs.same[few], np.arange(40) % 2)
    found = verify(DlibFaceEncoder(), some, shared / "faces" / "lfw112.tar")
    assert found.accuracy >= 0.95
    assert -0.75 < found.threshold < -0.4
    assert open_encoder("dlib").name == "dlib"


LFW = """2 1
Abel_Pacheco\t1\t4
Ann_Lee\t2\tBob_Ray\t11
Cy_Fox\t3\t1
Di_May\t1\tEd_Poe\t1
"""


def test_lfws_own_list_of_pairs(tmp_path):
    (tmp_path / "pairs.txt").write_text(LFW)
    pairs = read_pairs(tmp_path / "pairs.txt")
    assert pairs.first.tolist() == [
        "Abel_Pacheco/Abel_Pacheco_0001.jpg", "Ann_Lee/Ann_Lee_0002.jpg",
        "Cy_Fox/Cy_Fox_0003.jpg", "Di_May/Di_May_0001.jpg",
    ]  # fmt: skip
    assert pairs.second.tolist() == [
        "Abel_Pacheco/Abel_Pacheco_0004.jpg", "Bob_Ray/Bob_Ray_0011.jpg",
        "Cy_Fox/Cy_Fox_0001.jpg", "Ed_Poe/Ed_Poe_0001.jpg",
    ]  # fmt: skip
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.fold.tolist() == [0, 0, 1, 1]


def test_faces_of_photos_are_cut_out_where_that_is_asked_for(photos, tmp_path):
    astronaut = skimage.data.astronaut()
    for name in photos.glob("*.png"):
        cv2.imwrite(str(name), astronaut[:300, ..., ::-1])
    pairs = read_pairs(photos / "pairs.csv")
    names = [one.removeprefix("x/") for one in (*pairs.first, *pairs.second)]
    half = len(names) // 2
    pairs = type(pairs)(np.array(names[:half]), np.array(names[half:]), pairs.same, pairs.fold)
    seen = []

    class Looking(Told):
        def embed(self, picture):
            seen.append(picture)
            return super().embed(picture)

    verify(Looking(), pairs, photos, align=True)
    skin = seen[0][40:70, 40:70].reshape(-1, 3).mean(axis=0)
    assert skin[0] > skin[2] + 20  # the middle of the crop is the face
    with pytest.raises(InputError, match="no square picture"):
        verify(Looking(), pairs, photos)


@pytest.mark.parametrize("depth", [18, 50])
def test_an_iresnet_of_any_size_is_known_by_its_file(tmp_path, depth):
    pytest.importorskip("torch")
    from safetensors.torch import save_file

    from videoswap import networks

    network = networks.build(f"iresnet{depth}")
    save_file(network.state_dict(), tmp_path / "encoder.safetensors")
    encoder = open_encoder("blendface", tmp_path / "encoder.safetensors")
    embedding = encoder.embed(RANDOM.integers(0, 256, (112, 112, 3)).astype(np.uint8))
    assert embedding.shape == (512,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)
