"""The source's eyes drawn between the target's lids, on drawn faces whose eyes are known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.engines.test_chart import IBUG_68, SIZE, head
from videoswap import Crop, Face, MeshOptions, Photo
from videoswap.compositing.finisher import Finisher
from videoswap.compositing.kept_regions import EYES as KEPT_EYES
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.engines.mesh.eyes import IRISES, eye_openings, share_of_source, take_irises
from videoswap.geometry import face_masks as masks
from videoswap.geometry.face_mesh import CHART, EYES, INNER_LIPS, OUTER_LIPS
from videoswap.records import FrameSwap
from videoswap.settings import BlendSettings

SCALE = 105.0
SKIN, WHITE, BLUE, BROWN, TEETH, LIPS = (
    (190, 140, 110), (225, 220, 215), (60, 110, 200), (90, 55, 30), (250, 250, 240), (170, 70, 70),
)  # fmt: skip
RADIUS = 6.5


def face(look=0.0, opening=1.0, mouth=1.0, scale=SCALE):
    """Return the dense landmarks (478, 3) of a face that looks `look` pixels to the right."""
    points = head(scale=scale)
    points[:, 1] += 0.1 * scale
    for number, eye in enumerate(EYES):
        middle = points[eye, 1].mean()
        points[eye, 1] = middle + (points[eye, 1] - middle) * 1.3 * opening
        centre = points[eye].mean(axis=0) + np.array([look, 0, 0])
        rim = np.array([[1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]]) * RADIUS * scale / SCALE
        points[IRISES[number] : IRISES[number] + 5] = np.vstack([centre, centre + rim])
    middle = points[INNER_LIPS, 1].mean()
    points[INNER_LIPS, 1] = middle + (points[INNER_LIPS, 1] - middle) * mouth
    return points


def drawn(points, iris=BROWN, inside=(40, 20, 20), spot=None, white=WHITE):
    """Return the picture (SIZE, SIZE, 3) uint8 of a face."""
    picture = np.full((SIZE, SIZE, 3), SKIN, np.float32)

    def fill(mask, color):
        nonlocal picture
        picture = picture + (np.array(color, np.float32) - picture) * mask[..., None]

    rows, columns = np.mgrid[:SIZE, :SIZE]
    for number, eye in enumerate(EYES):
        opened = masks.fill_polygon(points[eye, :2], SIZE)
        fill(opened, white)
        centre, radius = points[IRISES[number]], np.ptp(points[IRISES[number] + 1 :][:4, 0]) / 2
        distance = np.hypot(columns - centre[0], rows - centre[1])
        disc = np.clip(radius + 0.5 - distance, 0, 1)
        fill(opened * disc, iris)
        fill(opened * np.clip(0.4 * radius + 0.5 - distance, 0, 1), (15, 15, 15))
        if spot is not None:
            near = np.hypot(columns - centre[0] - spot[0], rows - centre[1] - spot[1])
            fill(opened * np.clip(2.0 - near, 0, 1), (255, 255, 255))
    fill(masks.fill_polygon(points[OUTER_LIPS, :2], SIZE), LIPS)
    fill(masks.fill_polygon(points[INNER_LIPS, :2], SIZE), inside)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def photo(points, **looks):
    landmarks = points[IBUG_68, :2]
    box = np.array([*landmarks.min(axis=0), *landmarks.max(axis=0)], np.float32)
    five = np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0), *landmarks[[30, 48, 54]]])
    found = Face(box, five, 1.0, landmarks=landmarks, dense_landmarks=points)
    return Photo("photo", drawn(points, **looks), found)


def crop(points, **looks):
    pixels = drawn(points, **looks).astype(np.float32)
    return Crop(pixels, np.eye(2, 3), points[IBUG_68, :2], 0, 0, 0, dense_landmarks=points)


def swapped(source, target, settings=None):
    engine = MeshEngine(options=MeshOptions(shape=0.0))  # so that eyes and lips are where they were
    made = engine.swap([target], [engine.identity([source])])[0]
    return Finisher(settings or BlendSettings(), engine.keeps).finish([FrameSwap(target, made)])


def blue(pixels):
    return np.clip((pixels[..., 2] - pixels[..., 0]) / 60, 0, 1)


def eye_part(points, number):
    low = np.floor(points[EYES[number], :2].min(axis=0)).astype(int) - 3
    high = np.ceil(points[EYES[number], :2].max(axis=0)).astype(int) + 4
    return np.s_[low[1] : high[1], low[0] : high[0]], low


@pytest.mark.parametrize("look", [-5.0, 0.0, 5.0])
@pytest.mark.parametrize("number", [0, 1])
def test_the_iris_of_the_source_lies_where_the_targets_is(look, number):
    points = face(look)
    made = swapped(photo(face(), iris=BLUE), crop(points)).pixels
    part, low = eye_part(points, number)
    found = blue(made[part])
    rows, columns = np.mgrid[: found.shape[0], : found.shape[1]]
    assert found.sum() > 25
    across = (found * columns).sum() / found.sum() + low[0]
    assert across == pytest.approx(points[IRISES[number], 0], abs=1.0)
    assert np.hypot(columns + low[0] - points[IRISES[number], 0], rows * 0)[found > 0.5].max() < 9


def test_the_white_is_in_the_light_of_the_target():
    points = face(4.0)
    target = crop(points)
    target = replace(target, pixels=target.pixels * np.float32(0.5))
    made = swapped(photo(face(), iris=BLUE), target).pixels
    x, y = (points[EYES[0], :2].mean(axis=0) + np.array([-8, 1])).round().astype(int)
    np.testing.assert_allclose(made[y, x], np.array(WHITE) / 2, atol=18)


def test_a_closed_eye_shows_no_iris():
    blue_eyed, brown_eyed = (
        swapped(photo(face(), iris=iris), crop(face(opening=0.05))).pixels for iris in (BLUE, BROWN)
    )
    for number in (0, 1):
        part, _ = eye_part(face(), number)
        np.testing.assert_allclose(blue_eyed[part], brown_eyed[part], atol=2.0)


def test_an_eye_that_the_film_does_not_show_is_not_drawn_where_landmarks_see_one():
    source = photo(face(), iris=BLUE)
    unseen = np.full((SIZE, SIZE, 3), SKIN, np.float32)
    unseen += 4 * np.sin(np.arange(SIZE))[:, None, None]
    shown, hidden = (
        blue(swapped(source, one).pixels[eye_part(face(), 0)[0]]).max()
        for one in (crop(face()), replace(crop(face()), pixels=unseen))
    )
    assert shown > 0.3
    assert hidden < 0.1


@pytest.mark.parametrize("white", [WHITE, (205, 150, 125)])
def test_an_iris_is_no_bluer_since_lids_make_its_white_red(white):
    grey = (95, 85, 80)
    picture = drawn(face(), iris=grey, white=white)
    iris, _ = take_irises([(picture, face())])
    middle = iris.levels[0][len(iris.levels[0]) // 2, len(iris.levels[0]) // 2 + 22]
    assert middle[2] - middle[0] < 0.13  # it would be 0.18


@pytest.mark.parametrize(("iris", "blue"), [((30, 40, 70), False), (BLUE, True)])
def test_the_sky_in_a_dark_iris_makes_no_blue_eye(iris, blue):
    taken, _ = take_irises([(drawn(face(), iris=iris), face())])
    middle = taken.levels[0][len(taken.levels[0]) // 2, len(taken.levels[0]) // 2 + 22]
    assert (middle[2] - middle[0] > 0.1) == blue


def test_an_eye_that_closes_shows_less_and_less():
    source = photo(face(), iris=BLUE)
    sums = []
    for opening in (1.0, 0.7, 0.5, 0.35, 0.2):
        part, _ = eye_part(face(), 0)
        sums.append(blue(swapped(source, crop(face(opening=opening))).pixels[part]).sum())
    assert sums == sorted(sums, reverse=True)
    assert sums[0] > 25 and sums[-1] < 2


@pytest.mark.parametrize(
    ("narrow", "wide", "alike"), [(0.13, 0.18, True), (0.02, 0.3, False)], ids=["squint", "wink"]
)
def test_no_eye_is_drawn_more_than_the_other_unless_one_winks(narrow, wide, alike):
    points = face()
    for eye, opening in zip(EYES, (narrow, wide), strict=True):
        middle = points[eye, 1].mean()
        points[eye, 1] = middle + (points[eye, 1] - middle) * opening / eye_openings(face())[0]
    made = swapped(photo(face(), iris=BLUE), crop(points)).pixels
    left, right = (float(blue(made[eye_part(points, number)[0]]).sum()) for number in (0, 1))
    assert right > 5
    assert (left > 0.6 * right) is alike


def test_an_eye_that_cannot_be_drawn_says_nothing_of_the_other_one():
    points, source = face(), photo(face(), iris=BLUE)
    part, _ = eye_part(points, 1)
    usual = float(blue(swapped(source, crop(points)).pixels[part]).sum())
    middle = points[EYES[0], :2].mean(axis=0)
    points[EYES[0], :2] = middle + (points[EYES[0], :2] - middle) * 0.4
    left, _ = eye_part(points, 0)
    made = swapped(source, crop(points)).pixels
    assert float(blue(made[left]).sum()) < 0.05 * usual
    assert float(blue(made[part]).sum()) > 0.7 * usual


def test_the_highlight_is_the_targets():
    points = face()
    source = photo(face(), iris=BLUE, spot=(-3, -1))
    plain, lit = (
        swapped(source, crop(points, spot=spot)).pixels.mean(axis=2) for spot in (None, (3, -1))
    )
    x, y = points[IRISES[0], :2].round().astype(int)
    assert lit[y - 1, x + 3] > plain[y - 1, x + 3] + 60
    bare = swapped(photo(face(), iris=BLUE), crop(points)).pixels.mean(axis=2)
    assert abs(plain[y - 1, x - 3] - bare[y - 1, x - 3]) < 15  # the photo's own is gone


@pytest.mark.parametrize(
    ("points", "looks"),
    [(face(opening=0.3), {}), (face(), {"iris": WHITE}), (face(scale=30.0), {})],
    ids=["closed", "sunglasses", "tiny"],
)
def test_a_photo_that_shows_no_eyes_leaves_the_targets(points, looks):
    pixels = drawn(points, **looks)
    if looks:  # all of both eyes is black
        for eye in EYES:
            mask = masks.fill_polygon(masks.scale_points(points[eye, :2], 2.0), SIZE)
            pixels[mask > 0.5] = 12
    assert take_irises([(pixels, points)]) is None
    source = replace(photo(points), pixels=pixels)
    made = MeshEngine()
    (swap,) = made.swap([crop(face())], [made.identity([source])])
    assert KEPT_EYES in swap.keeps


def test_the_photo_with_open_eyes_gives_them():
    shut, opened = photo(face(opening=0.1)), photo(face(), iris=BLUE)
    alone = take_irises([(opened.pixels, opened.face.dense_landmarks)])
    both = take_irises([(one.pixels, one.face.dense_landmarks) for one in (shut, opened)])
    np.testing.assert_array_equal(both[0].levels[0], alone[0].levels[0])


@pytest.mark.parametrize(("scale", "share"), [(SCALE, 1.0), (30.0, 0.0)])
def test_small_eyes_stay_the_targets(scale, share):
    assert share_of_source(face(scale=scale)) == share


def test_the_targets_eyes_are_kept_if_that_is_wanted():
    made = swapped(photo(face(), iris=BLUE), crop(face()), BlendSettings(keep_eyes=True)).pixels
    part, _ = eye_part(face(), 0)
    assert blue(made[part]).max() < 0.05


def test_teeth_of_a_photo_are_not_drawn_on_shut_lips():
    toothy = photo(face(), inside=TEETH)
    target = crop(face(mouth=0.05))
    made = swapped(toothy, target).pixels
    lips = masks.fill_polygon(masks.scale_points(face()[OUTER_LIPS, :2], 0.9), SIZE) > 0.5
    assert made[lips].mean(axis=1).max() < np.mean(LIPS) + 30
    plain = cv2.GaussianBlur(made[..., 1], (0, 0), 1.0)
    assert plain[lips].max() < 110


@pytest.mark.parametrize(("opening", "kept"), [(0.0, True), (1.0, False)])
def test_a_photo_with_shut_eyes_leaves_the_target_its_eyes_and_lids(opening, kept):
    source = photo(face(opening=opening))
    assert (max(eye_openings(source.face.dense_landmarks)) < 0.01) == kept
    engine = MeshEngine(options=MeshOptions(shape=0.0))
    made = engine.paint([crop(face())], [engine.identity([source]).data])[0]
    at = face()[EYES[0], :2].mean(axis=0).astype(int)
    assert (made.mask[at[1], at[0]] < 0.05) == kept
    assert (KEPT_EYES in made.keeps) == kept
    assert made.mask[at[1] + 40, at[0]] > 0.9


def test_an_eye_that_is_shut_comes_from_the_other_side():
    points = face()
    shut = face(opening=0.0)
    points[EYES[0]] = shut[EYES[0]]
    seen = MeshEngine().identity([photo(points)]).data.chart.seen
    x, y = (CHART[EYES[0]].mean(axis=0) * len(seen)).astype(int)
    assert seen[y, x] > 0.9


def test_a_highlight_on_the_white_is_the_targets_too():
    spot = (RADIUS + 3, -1)
    dim, lit = (
        swapped(photo(face()), crop(face(), spot=one, white=(150, 145, 140))).pixels.mean(axis=2)
        for one in (None, spot)
    )
    x, y = np.rint(face()[IRISES[0], :2] + spot).astype(int)
    assert lit[y, x] > dim[y, x] + 30


def test_an_open_eye_has_lashes():
    points = face()
    lid = points[EYES[0], :2][points[EYES[0], 1] < points[IRISES[0], 1] - 4]
    columns, rows = np.rint(lid).astype(int).T
    made = swapped(photo(points), crop(points)).pixels.mean(axis=2)
    around = np.mean(SKIN)
    assert made[rows, columns].mean() < 0.8 * around
    assert made[rows - 8, columns].mean() > 0.95 * around


def test_a_highlight_on_the_white_does_not_spread():
    points, source = face(), photo(face())
    rows, columns = np.mgrid[:SIZE, :SIZE]
    centre, eye = points[IRISES[0]], masks.fill_polygon(points[EYES[0], :2], SIZE) > 0.99
    target = crop(points)
    dim = target.pixels * np.float32(0.6)
    from_spot = np.hypot(columns - centre[0] - RADIUS - 4, rows - centre[1])
    spot = (np.clip(3 - from_spot, 0, 1) * eye)[..., None].astype(np.float32)
    plain, shining = (
        swapped(source, replace(target, pixels=pixels)).pixels
        for pixels in (dim, dim + (255 - dim) * spot)
    )
    white = eye & (np.hypot(columns - centre[0], rows - centre[1]) > RADIUS + 2)
    white &= (columns > centre[0]) & (from_spot > 5)
    assert white.sum() > 40
    assert np.abs(shining - plain)[white].mean() < 8.0
