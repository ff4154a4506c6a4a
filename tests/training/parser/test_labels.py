import numpy as np
import pytest

from tests.helpers.mesh_faces import TONES, mesh_face
from videoswap.detection.face_parser import FacePart
from videoswap.geometry.face_masks import fill_polygon
from videoswap.geometry.face_mesh import OUTLINE
from videoswap.training.parser.labels import IGNORED, WEAK_CLASSES, correct_label

SIZE = 256


@pytest.fixture
def face():
    """A picture, its own label in the weak network's classes, and the points."""
    picture, label, points = mesh_face(SIZE)
    to_weak = np.zeros(len(FacePart), np.uint8)
    to_weak[WEAK_CLASSES] = np.arange(len(WEAK_CLASSES))
    return picture, to_weak[label], points


def around(points, mark, radius=6, shift=(0, 0)):
    y, x = np.mgrid[:SIZE, :SIZE]
    at = points[mark] + shift
    return np.hypot(x - at[0], y - at[1]) < radius


def share(label, where, part):
    return float((label[where] == part).mean())


@pytest.mark.parametrize(
    ("weak", "mark"),
    [(0, 205), (8, 425), (6, 50), (7, 199)],  # background, neck, hair, glasses on cheek and chin
)
def test_specks_within_the_face_become_skin(face, weak, mark):
    picture, label, points = face
    label[around(points, mark, 4)] = weak
    corrected = correct_label(label, picture, points)
    assert share(corrected.label, around(points, mark, 3), FacePart.SKIN) == 1
    assert not corrected.glasses


def test_brows_eyes_and_lips_are_drawn_anew(face):
    picture, label, points = face
    own = mesh_face(SIZE)[1]
    label[np.isin(own, (FacePart.BROWS, FacePart.EYES, FacePart.LIPS, FacePart.MOUTH))] = 1
    made = correct_label(label, picture, points).label
    for part in (FacePart.BROWS, FacePart.EYES, FacePart.LIPS):
        assert ((made == part) & (own == part)).sum() > 0.8 * (own == part).sum()


def test_hair_on_chin_and_lip_is_a_beard_and_a_shadow_on_one_side_is_none(face):
    picture, label, points = face
    y, x = np.mgrid[:SIZE, :SIZE]
    oval = fill_polygon(points[OUTLINE], SIZE) > 0.5
    beard = oval & (y > points[17, 1] + 3)
    picture[beard] = TONES[FacePart.HAIR]
    label[beard] = 6
    corrected = correct_label(label, picture, points)
    assert corrected.beard
    assert share(corrected.label, around(points, 199), FacePart.BEARD) > 0.9
    picture, label, points = mesh_face(SIZE)[0], face[1].copy(), face[2]
    label[beard] = 1
    shadow = beard & (x < points[17, 0] - 12)
    label[shadow] = 6
    assert not (correct_label(label, picture, points).label == FacePart.BEARD).any()


def test_glasses_leave_the_surroundings_of_the_eyes_in_doubt(face):
    picture, label, points = face
    for mark in (159, 386):
        label[around(points, mark, 14) & ~around(points, mark, 10)] = 7
    corrected = correct_label(label, picture, points)
    assert corrected.glasses
    assert share(corrected.label, around(points, 168, 3), IGNORED) == 1
    assert share(corrected.label, around(points, 159, 1.5, (0, 2)), FacePart.EYES) > 0.5


def test_dark_glasses_are_glasses(face):
    picture, label, points = face
    for mark in (159, 386):
        place = around(points, mark, 22)
        label[place], picture[place] = 7, 15
    corrected = correct_label(label, picture, points)
    assert share(corrected.label, around(points, 159, 10), FacePart.GLASSES) > 0.95


def test_a_label_that_misses_the_face_is_refused(face):
    picture, label, points = face
    label[label == 1] = 0
    assert correct_label(label, picture, points) is None
