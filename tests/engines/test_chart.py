"""The source face in the chart of the dense mesh: sampled, filled, and drawn again."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from videoswap import Crop, Face, Photo, crop_face
from videoswap.engines.mesh.chart import draw_chart, make_chart_texture, rasterize_face
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.geometry import face_masks as masks
from videoswap.geometry.face_mesh import MEAN_SHAPE, OUTLINE

SIZE = 256
IBUG_68 = [
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
]


def head(degrees=0.0, scale=75.0):
    """Return the dense landmarks (478, 3) of the mean face, turned about the vertical."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    mesh = MEAN_SHAPE @ turn.T * scale + [SIZE / 2, SIZE / 2, 0]
    return np.vstack([mesh, np.zeros((10, 3))]).astype(np.float32)


def picture(points):
    """Return smooth skin (SIZE, SIZE, 3) uint8 whose red and green say where in the face it is."""
    low, high = points[:468, :2].min(axis=0), points[:468, :2].max(axis=0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    x, y = (columns - low[0]) / (high - low)[0], (rows - low[1]) / (high - low)[1]
    even = 120 + 60 * np.cos(2 * np.pi * (x - 0.5))  # like its mirror image
    return np.clip(np.stack([even, 60 + 120 * y, np.full_like(x, 90)], -1), 0, 255).astype(np.uint8)


def inner(points, size=SIZE):
    outline = points[OUTLINE, :2]
    return masks.fill_polygon(masks.scale_points(outline, 0.6), size) > 0.99


def test_a_face_drawn_where_it_was_sampled_is_itself():
    points = head()
    photo = picture(points)
    view = draw_chart(make_chart_texture([(photo, points)]), rasterize_face(points, SIZE), SIZE)
    apart = np.abs(view.pixels - photo)[inner(points)]
    assert apart.mean() < 3.0  # its outline is drawn in a little
    np.testing.assert_array_equal(view.face[inner(points)], 1.0)
    assert view.face[0].max() == 0.0


def test_it_moves_and_grows_with_the_landmarks():
    points = head()
    texture = make_chart_texture([(picture(points), points)])
    there = points * np.float32(1.5)
    drawn = draw_chart(texture, rasterize_face(there, 384), 384).pixels
    expected = cv2.resize(picture(points), (384, 384)).astype(np.float32)
    assert np.abs(drawn - expected)[inner(there, 384)].mean() < 4.0


@pytest.mark.parametrize("degrees", [-40, 40])
def test_what_a_turned_photo_hides_comes_from_its_mirror_image(degrees):
    front, side = head(), head(degrees)
    truth = picture(front)
    seen = draw_chart(make_chart_texture([(truth, front)]), rasterize_face(side, SIZE), SIZE)
    photo = (seen.pixels * seen.face[..., None]).astype(np.uint8)  # before a black wall
    view = draw_chart(make_chart_texture([(photo, side)]), rasterize_face(front, SIZE), SIZE)
    apart = np.abs(view.pixels - truth)[inner(front)]
    assert apart.mean() < 6.0
    assert np.percentile(apart, 99) < 40.0


def test_near_the_edge_of_a_turned_photo_its_better_side_is_mirrored():
    """A limb is dark, as in photos: only where it is all there is it stays."""
    front = head()
    truth = picture(front)
    darkest = []
    for degrees in (0, 30):
        side = head(degrees)
        seen = draw_chart(make_chart_texture([(truth, front)]), rasterize_face(side, SIZE), SIZE)
        limb = np.clip(masks.depth(seen.face) / 14.0, 0.4, 1.0)[..., None]
        texture = make_chart_texture([((seen.pixels * limb).astype(np.uint8), side)])
        made = draw_chart(texture, rasterize_face(front, SIZE), SIZE).pixels
        row, columns = SIZE // 2, np.arange(SIZE // 2 - 62, SIZE // 2 + 63)
        darkest.append((made[row, columns].mean(axis=1) / truth[row, columns].mean(axis=1)).min())
    assert darkest[1] > darkest[0] + 0.1


def test_the_other_photos_of_a_person_fill_what_the_first_one_hides():
    left, right, front = head(40), head(-40), head()
    texture = make_chart_texture([(picture(front), front)])
    views = [draw_chart(texture, rasterize_face(side, SIZE), SIZE) for side in (left, right)]
    green, blue = (
        np.clip(view.pixels * tint, 0, 255).astype(np.uint8)
        for view, tint in zip(views, ([1, 1, 0], [1, 1, 2]), strict=True)
    )
    alone = draw_chart(
        make_chart_texture([(green, left)]), rasterize_face(front, SIZE), SIZE
    ).pixels
    both = draw_chart(
        make_chart_texture([(green, left), (blue, right)]), rasterize_face(front, SIZE), SIZE
    ).pixels
    assert alone[..., 2][inner(front)].max() < 5.0
    assert both[..., 2][inner(front)].max() > 40.0


def test_a_turned_head_shows_no_triangle_from_behind():
    front, side = head(), head(60)
    view = draw_chart(
        make_chart_texture([(picture(front), front)]), rasterize_face(side, SIZE), SIZE
    )
    hull = masks.fill_hull(side[:468, :2], SIZE)
    assert view.face.sum() > 0.6 * hull.sum()
    assert (view.face * (1 - hull)).sum() < 0.02 * hull.sum()
    assert np.isfinite(view.pixels).all()


def photo_and_crop(dense, points=None):
    points = head() if points is None else points
    landmarks = points[IBUG_68, :2]
    box = np.array([*landmarks.min(axis=0), *landmarks.max(axis=0)], np.float32)
    five = np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0), *landmarks[[30, 48, 54]]])
    face = Face(box, five, 1.0, landmarks=landmarks, dense_landmarks=points if dense else None)
    pixels = picture(points)
    crop = Crop(pixels.astype(np.float32) * 0.6, np.eye(2, 3), landmarks, 0, 0, 0)
    return Photo("photo", pixels, face), replace(crop, dense_landmarks=face.dense_landmarks)


def test_the_engine_gives_the_swap_in_the_chart_the_light_of_the_target():
    photo, crop = photo_and_crop(dense=True)
    engine = MeshEngine()
    (swap,) = engine.swap([crop], [engine.identity([photo])])
    middle = inner(crop.dense_landmarks) & (swap.mask > 0.9)
    assert middle.sum() > 3000
    assert np.abs(swap.pixels - crop.pixels)[middle].mean() < 4.0


def test_without_dense_landmarks_on_both_sides_the_thin_plate_spline_swaps():
    engine = MeshEngine()
    plain_photo, plain_crop = photo_and_crop(dense=False)
    photo, crop = photo_and_crop(dense=True)
    pairs = [(plain_photo, plain_crop), (photo, plain_crop), (plain_photo, crop)]
    swaps = [engine.swap([target], [engine.identity([source])])[0] for source, target in pairs]
    for other in swaps[1:]:
        np.testing.assert_array_equal(swaps[0].pixels, other.pixels)
        np.testing.assert_array_equal(swaps[0].mask, other.mask)


def test_dense_landmarks_are_cut_and_moved_with_the_face_and_so_is_their_depth():
    photo, _ = photo_and_crop(dense=True)
    engine = MeshEngine()
    moved = photo.face.moved(2.0, 10.0, -20.0)
    expected = photo.face.dense_landmarks * [2, 2, 2] + [10, -20, 0]
    np.testing.assert_allclose(moved.dense_landmarks, expected, atol=1e-4)
    crop = crop_face(photo.pixels, photo.face, engine.spec, size=128)
    np.testing.assert_allclose(crop.dense_landmarks[IBUG_68, :2], crop.landmarks, atol=1e-3)
    eyes = [np.subtract(*marks[[36, 45]]) for marks in (crop.landmarks, photo.face.landmarks)]
    scale = np.linalg.norm(eyes[0]) / np.linalg.norm(eyes[1])
    depth = photo.face.dense_landmarks[:, 2] * scale
    np.testing.assert_allclose(crop.dense_landmarks[:, 2], depth, rtol=1e-3, atol=1e-3)
