"""Where the dense landmarks are looked for, in pixels of the picture."""

import numpy as np
import pytest

from videoswap.detection.dense_landmarks import (
    BOX_SCALE,
    EYE_CORNERS,
    FIRST_SCALE,
    IBUG_68,
    MESH_POINTS,
    POINTS,
    first_square,
    mesh_square,
)
from videoswap.geometry.affine import transform

FIVE = np.array([[-30, -20], [30, -20], [0, 10], [-20, 40], [20, 40]], np.float32)


def turned(points, degrees, scale, shift):
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return transform(np.column_stack([turn, shift]), points)


def test_the_points_of_ibug_are_of_the_mesh_and_all_different():
    assert len(set(IBUG_68.tolist())) == 68
    assert IBUG_68.min() >= 0 and IBUG_68.max() < MESH_POINTS


@pytest.mark.parametrize("degrees", [0, 25, -60, 170])
def test_the_first_square_turns_with_the_head(degrees):
    square = first_square(turned(FIVE, degrees, 2.0, [300, 200]).astype(np.float32))
    centre = turned(np.array([[0.0, 10.0]]), degrees, 2.0, [300, 200])[0]
    np.testing.assert_allclose([square.x, square.y], centre, atol=1e-3)
    assert square.side == pytest.approx(FIRST_SCALE * 2 * 60)
    assert np.rad2deg(square.angle) == pytest.approx(degrees)


@pytest.mark.parametrize("degrees", [0, 25, -60, 170])
def test_the_square_of_a_mesh_levels_the_eyes_and_holds_all_of_it(degrees):
    plain = np.random.default_rng(3).uniform([-50, -70], [50, 90], (POINTS, 2))
    plain[MESH_POINTS:] = 1000.0  # irises do not count
    plain[list(EYE_CORNERS)] = [[-40, -20], [40, -20]]
    plain[[0, 1, 2, 3]] = [[-50, 0], [50, 0], [0, -70], [0, 90]]
    points = np.column_stack([turned(plain, degrees, 1.5, [400, 300]), np.zeros(POINTS)])
    square = mesh_square(points)
    centre = turned(np.array([[0.0, 10.0]]), degrees, 1.5, [400, 300])[0]
    np.testing.assert_allclose([square.x, square.y], centre, atol=1e-3)
    assert square.side == pytest.approx(BOX_SCALE * 1.5 * 160)
    assert np.rad2deg(square.angle) == pytest.approx(degrees)
