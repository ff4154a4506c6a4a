import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import face_pair, flat, history, points
from videoswap.evaluation.metrics.columns import correlation
from videoswap.evaluation.metrics.expression import (
    MIN_OPENING_DEVIATION,
    ExpressionFamily,
    GazeFamily,
    eye_distance,
    eye_opening,
    iris,
    mouth_opening,
    shape_distance,
)


def test_expression_does_not_see_place_size_and_roll():
    cos, sin = 1.3 * np.cos(0.2), 1.3 * np.sin(0.2)
    moved = points().astype(float) @ [[cos, sin], [-sin, cos]] + [12, -7]
    assert shape_distance(moved, points().astype(float)) == pytest.approx(0, abs=1e-6)


def test_a_moved_point_takes_the_mean_with_it():
    one, other = points().astype(float), points().astype(float)
    one[33, 1] += 5.1  # near the middle of the points, so that nothing turns or grows
    apart = shape_distance(one, other) * eye_distance(other)
    assert apart == pytest.approx((5.0 + 50 * 0.1) / 51, rel=0.05)


def test_mouth_and_eyes_open_by_what_they_were_opened():
    closed, opened = points().astype(float), points(9).astype(float)
    grown = (mouth_opening(opened) - mouth_opening(closed)) * eye_distance(closed)
    assert grown == pytest.approx(9, rel=1e-3)
    eye = np.array([[0, 0], [1, -1], [3, -1], [4, 0], [3, 1], [1, 1]], float)
    face = closed.copy()
    face[36:42] = face[42:48] = eye
    assert eye_opening(face) == pytest.approx((2 + 2) / (2 * 4))


def test_the_family_tells_both_and_follows_over_time():
    rows = []
    for index in range(12):
        fresh = points(6 * np.sin(index) + 6), points(3 * np.sin(index) + 3)
        rows.append(ExpressionFamily().measure(history(face_pair(flat(), flat(), fresh=fresh))))
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    found = {metric.key: metric.value(columns) for metric in ExpressionFamily().metrics}
    assert found["mouth_correlation"] == pytest.approx(1, abs=1e-4)
    assert np.isnan(found["eye_correlation"])  # they never moved


@pytest.mark.parametrize(("spread", "measured"), [(0.05, True), (0.005, False)])
def test_noise_is_not_held_against_noise(spread, measured):
    """Two lips at rest, as the landmarks tremble: neither follows the other, and neither should."""
    trembling = np.random.default_rng(0).normal(0.3, spread, (2, 50))
    columns = {"a": trembling[0], "b": trembling[1]}
    assert np.isfinite(correlation("a", "b", MIN_OPENING_DEVIATION)(columns)) == measured


def eyes_looking(share, width=40):
    """A picture with two eyes whose irises lie at a share of the way between the corners."""
    picture, face = flat(200), points()
    for first, x in ((36, 70), (42, 140)):
        eye = np.array([[0, 0], [12, -9], [28, -9], [40, 0], [28, 9], [12, 9]]) * width / 40
        face[first : first + 6] = eye + np.array([x, 100])
        centre = round(x + share * width), 100
        cv2.circle(picture, centre, max(2, round(7 * width / 40)), (40, 30, 20), -1)
    return picture, face


@pytest.mark.parametrize("share", [0.35, 0.5, 0.65])
def test_the_iris_is_where_it_was_drawn(share):
    picture, face = eyes_looking(share)
    place = iris(picture, face[36:42])
    assert place == pytest.approx((share, 0), abs=0.03)


def test_gaze_differs_by_what_the_irises_moved():
    one, face = eyes_looking(0.4)
    two, _ = eyes_looking(0.6)
    found = GazeFamily().measure(history(face_pair(one, two, fresh=(face, face))))
    assert found["gaze"] == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("why", ["small", "closed"])
def test_gaze_says_nothing_of_small_and_closed_eyes(why):
    picture, face = eyes_looking(0.5, width=10 if why == "small" else 40)
    if why == "closed":
        face[[37, 38, 40, 41, 43, 44, 46, 47], 1] = 100
    assert GazeFamily().measure(history(face_pair(picture, picture, fresh=(face, face)))) == {}
