"""Triplets of the people of the group photo."""

from dataclasses import replace

import numpy as np
import pytest

from videoswap.errors import InputError, UsageError
from videoswap.training.encoder.sources import FaceSources
from videoswap.training.lite.prepare import LitePrepareSettings, prepare_lite, unstrip
from videoswap.training.shards import PackedPictures, is_held

pytestmark = pytest.mark.needs_dense


@pytest.fixture(scope="module")
def settings(crops):
    return LitePrepareSettings(
        sources=(crops / "faces.tar",), table=crops / "faces.csv", names=("loose", "known"),
        held=2, held_shards=1, shards=1, per_shard=2, targets=1, others=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def packed(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("triplets")
    assert prepare_lite(settings, folder)
    return PackedPictures(folder)


def test_faces_that_are_held_out_are_in_no_triplet_for_training(packed):
    assert len(packed) == 4 and packed.columns["held"].sum() == 2
    for name, held in zip(packed.columns["name"], packed.columns["held"], strict=True):
        answer, other = str(name).split("|")
        assert answer != other
        assert is_held(answer, 2) == is_held(other, 2) == held


def test_the_target_is_the_answer_but_for_another_face(packed):
    for row in range(len(packed)):
        parts = {name: one.astype(float) for name, one in unstrip(packed.picture(row)).items()}
        inside, outside = parts["mask"] > 200, parts["mask"] < 2
        assert 0.15 < inside.mean() < 0.8
        away = np.abs(parts["target"] - parts["answer"]).mean(axis=2)
        assert away[inside].mean() > 2 * away[outside].mean()
        # The swap brings the face back, in about the light of the target.
        again = np.abs(parts["swap"] - parts["answer"]).mean(axis=2)
        assert again[inside].mean() < 40


def test_packing_goes_on_where_it_stopped(settings, packed, tmp_path):
    assert not prepare_lite(settings, tmp_path, cancel=lambda: (tmp_path / "held-000.tar").exists())
    assert [one.name for one in sorted(tmp_path.glob("*.tar"))] == ["held-000.tar"]
    np.testing.assert_array_equal(PackedPictures(tmp_path).picture(0), packed.picture(0))


def test_too_few_faces_are_refused(settings, tmp_path):
    with pytest.raises(InputError, match="too few faces"):
        prepare_lite(replace(settings, names=("nobody",)), tmp_path)


@pytest.mark.parametrize("wrong", [{"held": 0}, {"targets": 0}, {"held_shards": -1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError, match="must"):
        LitePrepareSettings(**wrong)


def test_photos_that_judge_results_are_left_out(settings, tmp_path):
    known = [face.name for face in FaceSources(settings.table).faces(settings.sources[0])]
    with pytest.raises(InputError, match="too few faces"):
        prepare_lite(replace(settings, excluded=tuple(known)), tmp_path / "data")
