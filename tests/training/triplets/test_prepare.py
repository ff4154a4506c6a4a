from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.helpers.packed_faces import pack_group
from videoswap.detection.face_parser import FacePart
from videoswap.errors import InputError, UsageError
from videoswap.training.faces.dataset import FaceShards
from videoswap.training.shards import PackedPictures
from videoswap.training.triplets import prepare
from videoswap.training.triplets.prepare import (
    TripletPrepareSettings,
    dropped_lines,
    prepare_triplets,
)
from videoswap.training.triplets.synthesis import Fault, SwapChecks

SIZE = 64


LENIENT = SwapChecks(turn=10, area=0.0, nearer=-1.0, geometry=1.0)


@pytest.fixture(scope="module", autouse=True)
def remembering(swapper):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "MeshSwapper", lambda shape: swapper)
        yield


@pytest.fixture(scope="module")
def settings(tmp_path_factory, group, face_models):
    folder = tmp_path_factory.mktemp("faces")
    pack_group(folder, group, face_models, framing="arcface", size=128, pictures=1, held=2)
    return TripletPrepareSettings(
        faces=folder, size=SIZE, pairs=1, singles=1, held_shards=1, people=3, partners=1,
        checks=LENIENT, occluder=1.0, poor=0.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def packed(settings, remembering, tmp_path_factory):
    folder = tmp_path_factory.mktemp("triplets")
    assert prepare_triplets(settings, folder)
    return folder


def parts_of(square):
    return square[:SIZE, :SIZE], square[:SIZE, SIZE:], square[SIZE:, :SIZE], square[SIZE:, SIZE:]


def apart(one, other):
    return np.abs(one.astype(int) - other).mean()


def test_pairs_hold_two_photos_and_both_swaps(packed):
    triplets = PackedPictures(packed)
    rows = np.flatnonzero(triplets.columns["kind"] == "pair")
    assert len(rows) >= 3
    for row in rows.tolist():
        one, other, there, back = parts_of(triplets.picture(row))
        assert apart(there, other) < apart(there, one)  # the surroundings are the target's
        assert apart(back, one) < apart(back, other)
        names = str(triplets.columns["name"][row]).split("|")
        assert names[0] != names[1]


def test_singles_hold_a_copy_the_photo_and_it_with_other_faces(packed):
    triplets = PackedPictures(packed)
    rows = np.flatnonzero(triplets.columns["kind"] == "single")
    assert len(rows) >= 3
    for row in rows.tolist():
        copy, photo, fake, back = parts_of(triplets.picture(row))
        assert apart(fake, photo) < apart(copy, photo)
        middle = np.s_[SIZE // 3 : 2 * SIZE // 3, SIZE // 3 : 2 * SIZE // 3]
        assert apart(back[middle], photo[middle]) < apart(fake[middle], photo[middle]) + 4


def test_the_classes_are_those_of_the_upper_pictures(packed):
    triplets = PackedPictures(packed)
    parts = triplets.parts(0)
    assert parts.shape == (2 * SIZE, 2 * SIZE)
    assert not parts[SIZE:].any()
    for half in (parts[:SIZE, :SIZE], parts[:SIZE, SIZE:]):
        assert (half == FacePart.SKIN).mean() > 0.1
        lips, eyes = (np.argwhere(half == part) for part in (FacePart.LIPS, FacePart.EYES))
        # ArcFace's framing: the mouth at 0.82 of the side, the eyes at 0.46.
        assert abs(lips[:, 0].mean() / SIZE - 0.82) < 0.08
        assert abs(eyes[:, 0].mean() / SIZE - 0.46) < 0.08


def test_held_out_photos_meet_only_each_other(packed, settings):
    faces, triplets = FaceShards(settings.faces), PackedPictures(packed)
    held = set(faces.names[faces.held].tolist())
    columns = triplets.columns
    for name, out in zip(columns["name"].tolist(), columns["held"].tolist(), strict=True):
        assert {one in held for one in name.split("|")} == {out}


def test_packing_goes_on_with_the_same_triplets(settings, packed, tmp_path):
    assert not prepare_triplets(settings, tmp_path, cancel=lambda: any(tmp_path.glob("*.tar")))
    assert len(list(tmp_path.glob("*.tar"))) == 1
    assert prepare_triplets(settings, tmp_path)
    one, other = PackedPictures(packed), PackedPictures(tmp_path)
    assert len(one) == len(other)
    assert all((one.picture(row) == other.picture(row)).all() for row in range(len(one)))


def test_what_is_dropped_is_counted(settings, tmp_path):
    said = []
    lenient = replace(settings, singles=0, held_shards=0, people=4, partners=3)
    assert prepare_triplets(lenient, tmp_path / "all", say=said.append)
    everything = len(PackedPictures(tmp_path / "all"))
    assert everything == 6  # of four people, each pair once
    # A limit between the worst and the best of these swaps.
    for nearer in (0.0, 0.1, 0.2, -0.1):
        folder = tmp_path / str(nearer)
        strict = replace(lenient, checks=replace(LENIENT, nearer=nearer))
        try:
            prepare_triplets(strict, folder, say=said.append)
            triplets = PackedPictures(folder)
        except InputError:
            continue
        dropped = triplets.columns["dropped"].sum(axis=0)
        if 0 < len(triplets) < everything and dropped.any():
            assert dropped[list(Fault).index(Fault.IDENTITY)] == dropped.sum()
            (line,) = dropped_lines(triplets)
            assert line == said[-1]
            assert f"pair: {len(triplets)} triplets; dropped {dropped.sum()} (identity" in line
            return
    pytest.fail("no limit dropped some and left others")


def test_faces_are_taken_of_other_photos_of_the_people(
    settings, tmp_path, group, face_models, monkeypatch
):  # fmt: skip
    swaps, copies = [], []
    for name, kept in (("checked_swap", swaps), ("changed_copy", copies)):
        made = getattr(prepare, name)
        monkeypatch.setattr(
            prepare, name, lambda *given, made=made, kept=kept: kept.append(given) or made(*given)
        )
    faces = pack_group(tmp_path / "faces", group, face_models, framing="arcface", size=128)
    settings = replace(settings, faces=faces, people=2, held_shards=0, occluder=0.0)
    assert prepare_triplets(replace(settings, singles=0), tmp_path / "pairs")
    packed = PackedPictures(tmp_path / "pairs")
    (names,) = (name.split("|") for name in packed.columns["name"].tolist())
    for source, shown in zip(swaps, names, strict=True):
        assert source[1].photo.label[:-1] == shown[:-1]
        assert source[1].photo.label != shown
    assert prepare_triplets(replace(settings, pairs=0), tmp_path / "singles")
    shown = [n.split("|")[0] for n in PackedPictures(tmp_path / "singles").columns["name"].tolist()]
    changed = [one[1].label for one in copies]
    assert [one[:-1] for one in changed] == [one[:-1] for one in shown]
    assert not set(changed) & set(shown)


def test_too_few_faces(settings, tmp_path, group, face_models):
    folder = pack_group(tmp_path / "faces", group, face_models, framing="arcface", pictures=1)
    with pytest.raises(InputError, match="held_shards"):
        prepare_triplets(replace(settings, faces=folder, pairs=0), tmp_path / "triplets")


@pytest.mark.parametrize(
    "wrong", [{"size": 100}, {"people": 1}, {"partners": 0}, {"pairs": -1}, {"poor": 2.0}]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError, match="must"):
        TripletPrepareSettings(**wrong)
