"""Which photo fits a frame, and whose folds are drawn."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.engines.test_chart import SIZE, head, photo_and_crop, picture
from videoswap import Crop
from videoswap.engines.mesh.chart import (
    draw_chart,
    fitting_texture,
    make_chart_texture,
    rasterize_face,
)
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.engines.mesh.expression import (
    MOUTH,
    expression_change,
    photo_shares,
    read_expression,
)
from videoswap.engines.mesh.folds import take_folds
from videoswap.geometry.face_mesh import INNER_LIPS, OUTER_LIPS

# Down from the wings of the nose, image left first.
FOLDS = (203, 206, 216), (423, 426, 436)


def smiling(points, by=0.12):
    """Return a face whose mouth is wider."""
    lips = np.union1d(INNER_LIPS, OUTER_LIPS)
    made = points.copy()
    middle = points[lips].mean(axis=0)
    made[lips] = middle + (points[lips] - middle) * np.array([1 + 2 * by, 1, 1], np.float32)
    return made


def tinted(points, color):
    return np.clip(picture(points) * np.array(color), 0, 255).astype(np.uint8), points


@pytest.mark.parametrize("degrees", [-30, 0, 30])
@pytest.mark.parametrize("scale", [40.0, 90.0])
def test_a_turn_is_read_and_neither_size_nor_expression_with_it(degrees, scale):
    read = read_expression(head(degrees, scale))
    assert read[0] * 0.35 == pytest.approx(np.deg2rad(-degrees), abs=0.02)
    np.testing.assert_allclose(read[MOUTH], read_expression(head())[MOUTH], atol=0.05)


@pytest.mark.parametrize(("by", "change"), [(0.0, 0.0), (0.02, 0.0), (0.3, 1.0)])
def test_a_change_of_the_mouth_is_one_and_a_turn_is_none(by, change):
    one, other = read_expression(head()), read_expression(smiling(head(25), by))
    assert expression_change(one, other) == pytest.approx(change, abs=0.05)


@pytest.mark.parametrize(("fits", "degrees"), [(0, -30), (1, 30)])
def test_the_photo_is_drawn_that_fits_the_frame(fits, degrees):
    photos = [tinted(head(-30), (1, 0, 0)), tinted(head(30), (0, 1, 0))]
    texture = make_chart_texture(photos)
    frame = head(degrees)
    view = draw_chart(
        fitting_texture(texture, read_expression(frame)), rasterize_face(frame, SIZE), SIZE
    )
    middle = view.pixels[120:150, 100:156].mean(axis=(0, 1))
    assert middle[fits] > 3 * middle[1 - fits]


def test_shares_of_photos_change_smoothly_and_bad_ones_have_none():
    photos = [read_expression(head(degrees)) for degrees in (-35, 0, 35)]
    shares = np.array(
        [
            photo_shares(photos, [100.0] * 3, read_expression(head(degrees)))
            for degrees in np.arange(-40, 40.5, 0.5)
        ]
    )
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert np.abs(np.diff(shares, axis=0)).max() < 0.04
    assert shares[:, 0].max() > 0.85 and shares[0, 2] == 0.0
    assert shares[len(shares) // 2].argmax() == 1


def test_one_photo_has_all():
    one = read_expression(head())
    np.testing.assert_array_equal(photo_shares([one], [50.0], one + 9.0), [1.0])


def folded(points, pixels):
    """Return a picture with dark folds from the nose to the mouth."""
    made = pixels.astype(np.float32).copy()
    dark = np.zeros(made.shape[:2], np.float32)
    for line in FOLDS:
        marks = np.round(points[list(line), :2]).astype(np.int32)
        cv2.polylines(dark, [marks], isClosed=False, color=1.0, thickness=5)
    made *= 1.0 - 0.5 * cv2.GaussianBlur(dark, (0, 0), 1.5)[..., None]
    return made


def depth(pixels, points):
    """Return how dark the folds are against their surroundings, in log units."""
    grey = np.log(cv2.GaussianBlur(pixels[..., 1], (0, 0), 1.0) + 8)
    wide = cv2.GaussianBlur(grey, (0, 0), 14)
    x, y = np.round(points[[206, 426, 203, 423], :2]).astype(int).T
    return float((wide - grey)[y, x].mean())


def charted():
    """Return a face's landmarks, its picture, and where in the chart its pixels lie."""
    points = head(scale=95.0)
    plain = picture(points).astype(np.float32)
    places = draw_chart(
        make_chart_texture([(picture(points), points)]), rasterize_face(points, SIZE), SIZE
    ).places
    return points, plain, places


@pytest.mark.parametrize("hidden", ["", "in front", "beard"])
def test_folds_become_the_targets_where_nothing_is_in_front(hidden):
    points, plain, places = charted()
    every = np.ones((SIZE, SIZE), np.float32)
    front, beard = every if hidden == "in front" else None, every if hidden == "beard" else None
    target = Crop(plain, np.eye(2, 3), np.zeros((68, 2), np.float32), 0, 0, 0, front)
    smoothed, creased = folded(points, plain), plain.copy()
    before = depth(smoothed, points)
    take_folds(smoothed, target, places, 1.0, beard)
    take_folds(creased, replace(target, pixels=folded(points, plain)), places, 1.0, beard)
    assert before > 0.2
    if hidden:
        assert depth(smoothed, points) == pytest.approx(before)
    else:
        assert depth(smoothed, points) < 0.45 * before
        assert depth(creased, points) > 0.5 * before


@pytest.mark.parametrize("level", [8.0, 250.0])
def test_a_thing_in_front_does_not_glow_on_the_skin_beside_it(level):
    points, plain, places = charted()
    covered, front = plain.copy(), np.zeros((SIZE, SIZE), np.float32)
    rows = slice(int(points[2, 1]) - 12, int(points[2, 1]) + 12)  # under the nose
    covered[rows], front[rows] = level, 1.0
    target = Crop(covered, np.eye(2, 3), np.zeros((68, 2), np.float32), 0, 0, 0, front)
    lit = plain.copy()
    take_folds(lit, target, places, 1.0)
    assert np.abs(lit - plain).max() < 1.0


def test_folds_of_a_photo_fade_as_the_expression_changes():
    points = head(scale=95.0)
    photo, crop = photo_and_crop(dense=True, points=points)
    creased = np.clip(folded(points, photo.pixels), 0, 255).astype(np.uint8)
    engine = MeshEngine()
    bare = replace(crop, pixels=picture(points).astype(np.float32))
    deeper = []
    for by in (0.0, 0.3):
        target = replace(bare, dense_landmarks=smiling(points, by))
        plain, frozen = (
            engine.swap([target], [engine.identity([replace(photo, pixels=one)])])[0].pixels
            for one in (photo.pixels, creased)
        )
        deeper.append(depth(frozen, points) - depth(plain, points))
    assert deeper[0] > 0.2
    assert deeper[1] < 0.6 * deeper[0]
