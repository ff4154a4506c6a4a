"""Where the dense landmarks are looked for, in pixels of the picture."""

import numpy as np
import pytest
import skimage.data

from videoswap.detection.dense_landmarks import (
    BOX_SCALE,
    EYE_CORNERS,
    FIRST_SCALE,
    IBUG_68,
    MESH_POINTS,
    POINTS,
    DenseLandmarker,
    first_square,
    mesh_square,
)
from videoswap.geometry.affine import Square, transform
from videoswap.geometry.resample import warp
from videoswap.weights import require

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


@pytest.mark.needs_dense
@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (35, 1.0), (-90, 0.6), (180, 1.5)])
def test_the_points_turn_and_grow_with_the_picture(degrees, scale, detector, landmarker):
    photo = np.ascontiguousarray(skimage.data.astronaut()[:300, 60:420])
    network = DenseLandmarker(require("dense_landmarks"))
    points5 = detector.detect(photo)[0].points5
    upright = network.landmarks(photo, points5)
    side = 640
    matrix = Square(180.0, 120.0, side / scale, -np.deg2rad(degrees)).to_region(side, 0.0)
    there = network.landmarks(warp(photo, matrix, side), transform(matrix, points5))
    size = np.ptp(upright.points[:, 1])
    apart = np.linalg.norm(transform(matrix, upright.points[:, :2]) - there.points[:, :2], axis=1)
    assert apart.mean() < 0.01 * scale * size
    assert np.abs(there.points[:, 2] - scale * upright.points[:, 2]).mean() < 0.02 * scale * size
    assert upright.score > 0.9
    dlib = landmarker.landmarks(photo, points5)
    assert np.linalg.norm(upright.points[IBUG_68, :2] - dlib, axis=1).mean() < 0.03 * size
    assert upright.points[4, 2] < upright.points[[234, 454], 2].min()  # the nose is nearer
    for iris, eye in ((468, slice(36, 42)), (473, slice(42, 48))):
        assert np.linalg.norm(upright.points[iris, :2] - dlib[eye].mean(axis=0)) < 0.04 * size


@pytest.mark.needs_dense
@pytest.mark.parametrize("level", [0, 128, 255])
def test_where_there_is_no_face_there_are_no_points(level):
    network = DenseLandmarker(require("dense_landmarks"))
    blank = np.full((300, 300, 3), level, np.uint8)
    assert network.landmarks(blank, FIVE + 150) is None
