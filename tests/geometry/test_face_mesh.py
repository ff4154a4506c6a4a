"""The mesh of the dense landmarks: topology, chart, rasterizer and normals."""

from collections import Counter

import numpy as np
import pytest

from videoswap.geometry.face_mesh import (
    BROWS,
    CHART,
    EYES,
    FACE_TRIANGLES,
    INNER_LIPS,
    MEAN_SHAPE,
    MESH_POINTS,
    MIRRORED,
    NOSE_TIP,
    OUTER_LIPS,
    OUTLINE,
    TRIANGLES,
    normals,
    rasterize,
    with_ring,
)

SIDE = 96
IN_PICTURE = with_ring(MEAN_SHAPE) * 28 + [SIDE / 2, SIDE / 2, 0]


def turned(points, degrees):
    """Turn points about the vertical."""
    angle = np.deg2rad(degrees)
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    return points @ turn.T


def doubled_areas(points, triangles):
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    across, along = b - a, c - a
    return across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0]


def test_every_edge_has_two_triangles_and_only_the_outline_is_open():
    corners = np.stack([FACE_TRIANGLES, np.roll(FACE_TRIANGLES, -1, axis=1)], axis=2)
    edges = Counter(map(tuple, corners.reshape(-1, 2).tolist()))
    assert set(edges.values()) == {1}  # neighbours turn the same way
    open_edges = {edge for edge in edges if edge[::-1] not in edges}
    around = zip(OUTLINE.tolist(), np.roll(OUTLINE, -1).tolist(), strict=True)
    assert open_edges == set(around)


def test_the_chart_holds_every_triangle_once():
    areas = doubled_areas(CHART, TRIANGLES)
    assert areas.min() > 0
    assert CHART.min() == pytest.approx(0.01) and CHART.max() == pytest.approx(0.99)


@pytest.mark.parametrize("outline", [OUTLINE, *EYES, *BROWS, OUTER_LIPS, INNER_LIPS])
def test_outlines_go_round_clockwise(outline):
    points = MEAN_SHAPE[outline, :2]
    after = np.roll(points, -1, axis=0)
    assert (points[:, 0] * after[:, 1] - points[:, 1] * after[:, 0]).sum() > 0
    assert len(set(outline.tolist())) == len(outline)


def test_the_mirror_image_of_the_mean_and_of_the_chart_is_itself():
    np.testing.assert_array_equal(MIRRORED[MIRRORED], np.arange(MESH_POINTS))
    np.testing.assert_allclose(MEAN_SHAPE[MIRRORED] * [-1, 1, 1], MEAN_SHAPE, atol=1e-6)
    face = CHART[:MESH_POINTS]
    np.testing.assert_allclose(1 - face[MIRRORED, 0], face[:, 0], atol=1e-6)


def test_drawing_the_chart_into_itself_is_the_identity():
    raster = rasterize(CHART * SIDE - 0.5, SIDE)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    drawn = raster.triangles >= 0
    assert drawn.mean() > 0.7
    np.testing.assert_allclose(raster.weights[drawn].sum(axis=1), 1, atol=1e-5)
    places = raster.interpolate(CHART) * SIDE - 0.5
    np.testing.assert_allclose(places[drawn], np.stack([columns, rows], -1)[drawn], atol=1e-3)
    assert (places[~drawn] == -0.5).all()


def test_no_pixel_inside_is_left_out():
    drawn = rasterize(CHART * SIDE - 0.5, SIDE).triangles >= 0
    for row in drawn[SIDE // 3 : SIDE // 2]:
        filled = np.flatnonzero(row)
        assert len(filled) == filled[-1] - filled[0] + 1


def test_a_face_is_drawn_at_the_depth_of_what_is_nearest():
    points = with_ring(turned(MEAN_SHAPE, 50)) * 28 + [SIDE / 2, SIDE / 2, 0]
    raster = rasterize(points, SIDE)
    depth = raster.interpolate(points[:, 2:])[..., 0]
    column, row = np.round(points[NOSE_TIP, :2]).astype(int)
    assert depth[row, column] == pytest.approx(points[NOSE_TIP, 2], abs=2.0)
    for triangle in np.flatnonzero(doubled_areas(points[:, :2], FACE_TRIANGLES) < 0):
        assert triangle not in raster.triangles


def test_the_back_of_a_head_shows_nothing():
    points = with_ring(MEAN_SHAPE * [-1, 1, -1]) * 28 + [SIDE / 2, SIDE / 2, 0]
    assert not rasterize(points, SIDE).face.any()


def test_the_ring_lies_behind_the_face():
    points = IN_PICTURE.copy()
    points[MESH_POINTS:] = points[MESH_POINTS:] * [1, 1, 0] - [0, 0, 1000]  # nearer than the face
    points[MESH_POINTS, :2] = points[NOSE_TIP, :2]  # and drawn over it
    np.testing.assert_array_equal(rasterize(points, SIDE).face, rasterize(IN_PICTURE, SIDE).face)


@pytest.mark.parametrize("shift", [(-40, 0), (0, 60), (300, 0)])
def test_what_lies_outside_of_the_picture_is_cut_off(shift):
    moved = rasterize(IN_PICTURE + np.array([*shift, 0]), SIDE).triangles
    wide = np.full((3 * SIDE + 600, 3 * SIDE + 600), -1)
    at = SIDE + 300
    wide[at : at + SIDE, at : at + SIDE] = rasterize(IN_PICTURE, SIDE).triangles
    row, column = at - shift[1], at - shift[0]
    np.testing.assert_array_equal(moved, wide[row : row + SIDE, column : column + SIDE])


def test_normals_face_the_viewer_and_turn_with_the_head():
    plain = normals(MEAN_SHAPE)
    np.testing.assert_allclose(np.linalg.norm(plain, axis=1), 1, atol=1e-9)
    assert plain[NOSE_TIP, 2] < -0.9
    assert plain[234, 0] < -0.9 and plain[454, 0] > 0.9
    np.testing.assert_allclose(normals(turned(MEAN_SHAPE, 40)), turned(plain, 40), atol=1e-9)
