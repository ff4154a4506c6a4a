from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.mesh_faces import mesh_face
from videoswap.detection.dense_landmarks import IBUG_68
from videoswap.detection.face_parser import FacePart, FaceParts
from videoswap.engines.mesh.target_parts import in_front, past_outline, with_front
from videoswap.geometry.affine import resize_matrix
from videoswap.records import Crop, Unoccluded

SIZE = 256


@pytest.fixture
def target():
    """A crop, the label that can be changed, and the marks of its face."""
    picture, label, points = mesh_face(SIZE)
    marks = points[IBUG_68].astype(np.float32)
    crop = Crop(picture.astype(np.float32), np.eye(2, 3), marks, 0, 0, 0)
    return crop, label, marks


def parts_from(label):
    hot = np.eye(len(FacePart), dtype=np.float32)[label[::2, ::2]].transpose(2, 0, 1)
    return FaceParts(hot, resize_matrix(0.5, 0.5))


def around(place, radius):
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.hypot(x - place[0], y - place[1]) < radius


def test_a_bare_face_keeps_the_hair_around_it(target):
    crop, label, marks = target
    front = in_front(crop, parts_from(label))
    assert front[around(marks[30], 40)].max() == 0
    label[label == FacePart.HAIR] = FacePart.BACKGROUND
    assert in_front(crop, parts_from(label)) is None


@pytest.mark.parametrize(
    ("part", "mark"), [(FacePart.HAIR, 19), (FacePart.GLASSES, 27), (FacePart.HAIR, 1)]
)
def test_hair_and_glasses_stay_in_front(target, part, mark):
    crop, label, marks = target
    place = around(marks[mark], 12)
    label[place] = part
    crop.pixels[place] = (20, 15, 10)
    front = in_front(crop, parts_from(label))
    assert front[around(marks[mark], 7)].min() > 0.9
    assert front[around(marks[33], 10)].max() < 0.1


def test_a_beard_does_not(target):
    crop, label, marks = target
    label[around(marks[57] + [0, 12], 9)] = FacePart.HAIR
    front = in_front(crop, parts_from(label))
    assert front[around(marks[57] + [0, 12], 7)].max() < 0.1


def test_an_answer_that_contradicts_the_landmarks_is_not_taken(target):
    crop, label, _ = target
    label[:] = FacePart.GLASSES
    assert in_front(crop, parts_from(label)) is None


def test_what_is_in_front_joins_the_occluders_and_hides_what_was_known(target):
    crop, _, marks = target
    front = around(marks[27], 20).astype(np.float32)
    assert with_front(crop, front).occluder_mask[front == 1].min() == 1
    hand = around(marks[8], 20).astype(np.float32)
    known = Unoccluded(np.zeros((64, 64, 3), np.float32), np.ones((64, 64), np.float32))
    both = with_front(replace(crop, occluder_mask=hand, unoccluded=known), front)
    np.testing.assert_array_equal(both.occluder_mask, np.maximum(hand, front))
    x, y = (marks[27] / 4).astype(int)
    assert both.unoccluded.known[y, x] == 0
    assert both.unoccluded.known[-1, -1] == 1


def test_what_is_in_front_of_a_jaw_goes_on_past_it(target):
    crop, _, marks = target
    assert past_outline(crop) is None
    rows = np.arange(SIZE)[:, None] + np.zeros(SIZE)
    hand = around(marks[8], 20) & (rows < marks[8, 1] + 4)  # masks end with the face
    made = past_outline(replace(crop, occluder_mask=hand.astype(np.float32)))
    x, y = marks[8].astype(int)
    assert made[y + 15 : y + 22, x].min() > 0.9
    assert made[around(marks[33], 20)].max() == 0
