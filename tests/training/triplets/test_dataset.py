import numpy as np
import pytest

pytest.importorskip("torch")

from tests.helpers.drawn_triplets import SIZE, pack_drawn_triplets, square_of
from tests.helpers.swapper_runs import pack_people
from videoswap.detection.face_parser import FacePart
from videoswap.errors import InputError
from videoswap.training.triplets.dataset import HAIR, MOUTH, TripletShards, part_mask


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return pack_drawn_triplets(tmp_path_factory.mktemp("triplets"))


def quarters(person):
    square = square_of(person)
    return (
        *(square[:SIZE, :SIZE], square[:SIZE, SIZE:]),
        *(square[SIZE:, :SIZE], square[SIZE:, SIZE:]),
    )


def test_each_pair_makes_two_cycle_triplets_and_each_photo_one(folder):
    triplets = TripletShards(folder)
    assert len(triplets) == 2 * 5 + 2
    assert len(triplets.training) == 2 * 4 + 2 and len(triplets.held_out) == 2
    both = TripletShards(folder, naive=True)
    assert len(both) == 4 * 5 + 2 * 2
    assert both.key != triplets.key


# Quarters: S, T, ST, TS of a pair, and S, X, C, M of a photo.
@pytest.mark.parametrize(
    ("number", "person", "roles"),
    [
        (0, 0, (2, 3, 0)),  # ST onto TS gives S
        (1, 0, (3, 2, 1)),  # TS onto ST gives T
        (2, 0, (0, 1, 2)),  # naive: S onto T gives ST
        (3, 0, (1, 0, 3)),
        (20, 5, (0, 2, 1)),  # of one photo: S onto C gives X
        (21, 5, (0, 2, 3)),  # naive: S onto C gives M
    ],
)
def test_what_is_source_target_and_answer(folder, number, person, roles):
    made = TripletShards(folder, naive=True).triplet(number)
    found = (made.source, made.target, made.answer)
    for picture, role in zip(found, roles, strict=True):
        errors = [np.abs(picture.astype(int) - one).mean() for one in quarters(person)]
        assert np.argmin(errors) == role and errors[role] < 4
    assert made.parts.shape == (SIZE, SIZE) and made.parts[0, 0] == FacePart.HAIR
    assert made.points.shape == made.source_points.shape == (5, 2)
    assert 0.3 * SIZE < made.points[0, 0] < 0.4 * SIZE


def test_the_classes_belong_to_the_geometry_of_the_answer(folder):
    triplets = TripletShards(folder)
    one, other = triplets.triplet(0), triplets.triplet(1)
    assert (one.parts == FacePart.LIPS).any() and not (other.parts == FacePart.LIPS).any()
    assert (other.parts == FacePart.MOUTH).any()


def test_a_mask_covers_all_parts_that_are_wanted(folder):
    parts = TripletShards(folder).triplet(0).parts
    hair, mouth = part_mask(parts, HAIR, SIZE), part_mask(parts, MOUTH, SIZE // 2)
    assert hair.dtype == np.float32 and hair.mean() == 0.25
    assert mouth.shape == (SIZE // 2,) * 2 and mouth.mean() == pytest.approx(0.125)


def test_shards_of_faces_are_no_triplets(tmp_path):
    with pytest.raises(InputError, match="prepare triplets"):
        TripletShards(pack_people(tmp_path))
