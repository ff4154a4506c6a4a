"""Packing, on crops of the people of the group photo."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from videoswap.errors import InputError, UsageError
from videoswap.networks.lite import LiteEncoder
from videoswap.training.encoder import prepare
from videoswap.training.encoder.prepare import FIRST_WEIGHTS, PrepareSettings, prepare_encoder
from videoswap.training.encoder.recipe import EncoderRecipe
from videoswap.training.encoder.settings import EncoderSettings
from videoswap.training.report import write_report
from videoswap.training.shards import PackedPictures, is_held


@pytest.fixture(scope="session")
def settings(crops):
    return PrepareSettings(
        sources=(crops / "faces.tar",), table=crops / "faces.csv", identities=("known",),
        held=1000, synthetic=2, per_shard=6, cut=0,
    )  # fmt: skip


@pytest.fixture(scope="session")
def packed_crops(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed faces")
    assert prepare_encoder(settings, folder)
    return folder


def test_photos_come_with_the_answer_of_the_teacher(packed_crops):
    columns = PackedPictures(packed_crops).columns
    real = columns["kind"] == "original"
    assert real.sum() == 6 and len(real) == 18
    known = sorted(set(columns["identity"][real].tolist()))
    assert known == ["", "person 0", "person 1"]
    own, label = (columns[name][real].astype(np.float64) for name in ("teacher", "label"))
    distance = np.linalg.norm(own[:, None] - label[None], axis=2)
    assert np.diag(distance).max() < 0.35  # the mirror image is the same person to dlib
    assert (distance + 9 * np.eye(6)).min() > 0.45  # the others are not


def test_made_faces_are_labelled_by_what_was_pasted(packed_crops):
    columns = PackedPictures(packed_crops).columns
    photos = dict(zip(columns["name"].tolist(), columns["label"], strict=True))
    kinds = set()
    for name, kind, label, own in zip(
        *(columns[one].tolist() for one in ("name", "kind")),
        *(columns[one] for one in ("label", "teacher")), strict=True,
    ):  # fmt: skip
        if kind.startswith("paste"):
            assert np.array_equal(label, photos[name.partition("|")[0]])
            assert not np.array_equal(label, own)
        elif kind != "original":
            assert np.array_equal(label, own)
        kinds.add(kind)
    assert len(kinds) >= 4


def test_packing_goes_on_and_gives_the_same(settings, packed_crops, tmp_path):
    asked = iter([False, False, True])
    assert not prepare_encoder(settings, tmp_path, cancel=lambda: next(asked))
    assert sorted(path.name for path in tmp_path.glob("*.tar")) == [
        "original-0.tar",
        "synthetic-000.tar",
    ]
    assert prepare_encoder(settings, tmp_path)
    assert PackedPictures(tmp_path).key == PackedPictures(packed_crops).key


def test_the_first_weights_are_cut_out_of_the_teacher(packed_crops, settings, monkeypatch):
    asked = []

    def cut_down(weights, faces, mean):
        asked.append((len(weights.convolutions), tuple(faces.shape), mean))
        return LiteEncoder()

    monkeypatch.setattr("videoswap.training.encoder.pruning.cut_down", cut_down)
    for _ in range(2):  # the second time they are there
        assert prepare_encoder(replace(settings, cut=10), packed_crops)
    ((convolutions, shape, mean),) = asked
    assert (convolutions, shape) == (29, (10, 3, 128, 128))
    assert np.allclose(mean, prepare.mean_label(PackedPictures(packed_crops).columns))
    begun = EncoderRecipe(EncoderSettings(data=packed_crops)).networks["encoder"].state_dict()
    (packed_crops / FIRST_WEIGHTS).unlink()
    random = EncoderRecipe(EncoderSettings(data=packed_crops)).networks["encoder"].state_dict()
    assert not torch.equal(begun["body.0.weight"], random["body.0.weight"])


def test_the_page_has_counts_and_pictures(packed_crops):
    text = write_report(packed_crops).read_text()
    assert "<h1>18 packed pictures</h1>" in text
    assert "<td>original</td><td>6</td><td>0</td><td>2</td>" in text
    assert text.count("<img ") >= 4


def test_held_out_photos_have_no_part_in_made_faces(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "is_held", lambda name, one_of: name.startswith("known"))
    assert prepare_encoder(settings, tmp_path)
    columns = PackedPictures(tmp_path).columns
    assert columns["held"].sum() == 2
    made = [name for name in columns["name"].tolist() if "|" in name]
    assert len(made) == 12 and not any("known" in name for name in made)


def test_about_one_photo_of_so_many_is_held_out():
    held = [is_held(f"{number}.jpg", 25) for number in range(5000)]
    assert 150 < sum(held) < 250
    assert held == [is_held(f"{number}.jpg", 25) for number in range(5000)]


def test_folders_without_a_table_lie_on_the_template(crops, tmp_path):
    settings = PrepareSettings(sources=(crops,), synthetic=0, cut=0)
    assert prepare_encoder(settings, tmp_path)
    columns = PackedPictures(tmp_path).columns
    assert columns["name"].tolist() == [f"{number}.jpg" for number in range(6)]
    assert set(columns["identity"].tolist()) == {""}


def test_faces_of_loose_photos_are_found_and_cut_out(group_photo, tmp_path):
    photo = tmp_path / "photos" / "friends" / "group.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(group_photo.read_bytes())
    settings = PrepareSettings(
        sources=(tmp_path / "photos",), loose=True, identities=("friends",), synthetic=0, cut=0
    )
    assert prepare_encoder(settings, tmp_path / "data")
    columns = PackedPictures(tmp_path / "data").columns
    names = [f"friends/group.jpg#{number}" for number in range(6)]
    assert columns["name"].tolist() == names and set(columns["identity"]) == {"friends"}


def test_a_tar_file_is_no_folder_of_loose_photos(crops, tmp_path):
    settings = PrepareSettings(sources=(crops / "faces.tar",), loose=True)
    with pytest.raises(InputError, match="no folder of photos"):
        prepare_encoder(settings, tmp_path)


def test_a_face_that_the_table_lacks(crops, tmp_path):
    (tmp_path / "faces.csv").write_text("file,identity\n")
    (tmp_path / "other.csv").write_text("file,identity\nx,y\n")
    settings = PrepareSettings(sources=(crops / "faces.tar",), table=tmp_path / "other.csv")
    with pytest.raises(InputError, match=r"no row for known/0\.jpg"):
        prepare_encoder(settings, tmp_path / "out")


@pytest.mark.parametrize("source", ["none.tar", "faces.csv"])
def test_a_source_that_is_none(crops, tmp_path, source):
    with pytest.raises(InputError, match="cannot be read"):
        prepare_encoder(PrepareSettings(sources=(crops / source,)), tmp_path)


def test_wrong_settings_are_refused():
    with pytest.raises(UsageError):
        PrepareSettings(per_shard=0)
