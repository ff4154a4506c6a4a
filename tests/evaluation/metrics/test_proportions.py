import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import SIDE, face_pair, flat, history, points
from videoswap.detection.dense_landmarks import POINTS, DenseLandmarks
from videoswap.evaluation.metrics.columns import Collector
from videoswap.evaluation.metrics.proportions import (
    STEADY_POINTS,
    ProportionsFamily,
    neutral_shape,
    shape_distance,
)
from videoswap.evaluation.report import values_of
from videoswap.geometry.affine import five_points
from videoswap.geometry.face_mesh import EYES, INNER_LIPS, MEAN_SHAPE
from videoswap.records import Face, Photo

NARROW = np.array([0.9, 1.0, 1.0])


class Known:
    """A dense landmarker that reads a mesh by the level of the picture's first pixel."""

    def __init__(self, **meshes):
        self.meshes = {int(level.removeprefix("level")): mesh for level, mesh in meshes.items()}

    def landmarks(self, picture, points5):
        mesh = self.meshes[int(picture[0, 0, 0])]
        return None if mesh is None else DenseLandmarks(mesh, 1.0)


def posed(shape, angles=(0, 0, 0), scale=60.0):
    """Return dense landmarks (478, 3) of a shape (468, 3) in a pose, degrees about x, y, z."""
    turn = cv2.Rodrigues(np.radians(np.array(angles, float)))[0]
    placed = shape @ turn.T * scale + [SIDE / 2, SIDE / 2, 0]
    return np.vstack([placed, np.zeros((POINTS - len(shape), 3))]).astype(np.float32)


def photo():
    low, high = points().min(axis=0), points().max(axis=0)
    box = np.concatenate([low, high]).astype(np.float32)
    face = Face(box, five_points(points()), 0.9, landmarks=points())
    return Photo("photo", flat(1), face)


def numbers(source, pairs):
    """Return the numbers over frames of (original, result) meshes."""
    meshes = {"level1": source}
    for place, (original, result) in enumerate(pairs):
        meshes |= {f"level{10 + place}": original, f"level{100 + place}": result}
    family = ProportionsFamily([photo()], Known(**meshes))
    kept = Collector(family.columns)
    for place in range(len(pairs)):
        pair = face_pair(flat(10 + place), flat(100 + place), index=place)
        kept.add(pair.pair, pair, family.measure(history(pair)))
    return {one.metric.key: one for one in values_of(family.metrics, kept.columns, True, True)}


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_what_is_left_of_the_way_to_the_source(share):
    source, film = MEAN_SHAPE * NARROW, MEAN_SHAPE
    result = film + share * (source - film)
    poses = [(0, 0, 0), (5, -20, 3), (-10, 12, 40)]
    found = numbers(
        posed(source, (3, 15, 0), 90), [(posed(film, one), posed(result, one, 61)) for one in poses]
    )
    # The similarity takes a little of the narrowing for size, in all of them alike.
    assert found["proportions"].number == pytest.approx(1 - share, abs=0.03)


def test_noise_averages_out():
    random = np.random.default_rng(1)
    source, film = MEAN_SHAPE * NARROW, MEAN_SHAPE

    def noisy(shape):
        return posed(shape + random.normal(0, 0.02, shape.shape))

    half = (source + film) / 2
    found = numbers(posed(source), [(noisy(film), noisy(half)) for _ in range(20)])
    assert found["proportions"].number == pytest.approx(0.5, abs=0.05)


def test_an_expression_is_no_proportion():
    moved = MEAN_SHAPE.copy()
    moved[INNER_LIPS, 1] += 0.2
    moved[EYES[0][2:7], 1] += 0.05
    one, other = (neutral_shape(posed(shape)) for shape in (MEAN_SHAPE, moved))
    assert shape_distance(one, other) < 1e-6
    assert not set(INNER_LIPS) & set(STEADY_POINTS.tolist())


def test_the_distance_is_in_widths_of_the_face():
    shape = neutral_shape(posed(MEAN_SHAPE))
    assert shape_distance(shape, shape + np.array([0.2, 0, 0])) == pytest.approx(0.1)


def test_a_turned_face_is_left_out():
    assert neutral_shape(posed(MEAN_SHAPE, (0, 40, 0))) is None
    assert neutral_shape(posed(MEAN_SHAPE, (0, 20, 50))) is not None
    film = posed(MEAN_SHAPE, (0, 40, 0))
    assert numbers(posed(MEAN_SHAPE * NARROW), [(film, film)])["proportions"].number is None


def test_without_the_landmarker_the_reason_is_said():
    family = ProportionsFamily([photo()], None)
    assert family.measure(history(face_pair(flat(), flat()))) == {}
    value = values_of(family.metrics, Collector(family.columns).columns, True, True)[0]
    assert "dense landmarks" in str(value)
