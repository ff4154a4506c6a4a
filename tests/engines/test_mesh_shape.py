"""The source's proportions in the target's face: what moves, and what must not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.engines.test_chart import IBUG_68, SIZE, head, photo_and_crop, picture
from tests.geometry.test_face_proportions import person, posed
from videoswap import MeshOptions
from videoswap.compositing.finisher import Finisher
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.engines.mesh.shape import (
    displacement,
    reshaped,
    source_proportions,
    with_own_lips,
)
from videoswap.errors import UsageError
from videoswap.geometry import face_masks as masks
from videoswap.geometry.face_mesh import EYES, INNER_LIPS, MEAN_SHAPE, OUTER_LIPS, OUTLINE
from videoswap.geometry.face_proportions import difference, mesh_pose, proportions
from videoswap.records import FrameSwap, Unoccluded

SOURCE, TARGET = person(4, size=0.1), person(14, size=0.1)
NOSE = [168, 197, 195, 5]


def dense(shape, **pose):
    """Return the dense landmarks (478, 3) of a shape in the middle of the crop."""
    mesh = posed(shape, **pose) - [300 - SIZE / 2, 200 - SIZE / 2, 10]
    irises = [np.tile(mesh[eye].mean(axis=0), (5, 1)) for eye in EYES]
    return np.vstack([mesh, *irises]).astype(np.float32)


def crop_of(points):
    _, crop = photo_and_crop(dense=True)
    pixels = picture(points).astype(np.float32)
    return replace(crop, pixels=pixels, landmarks=points[IBUG_68, :2], dense_landmarks=points)


def moved_by(source, points, amount=1.0):
    apart = difference(source_proportions([source]), proportions(points[None])[0])
    return displacement(points.astype(np.float64), apart, amount)


def difference_moves(source, target):
    apart = difference(*proportions(np.stack([source, target])))
    return mesh_pose(target[None]).turned(apart)[0]


def test_eyes_and_nose_go_where_the_source_has_them():
    source, target = dense(SOURCE), dense(TARGET)
    wanted = difference_moves(source, target)
    found = moved_by(source, target)
    assert np.linalg.norm(wanted[NOSE], axis=1).max() > 2.0  # pixels
    assert np.linalg.norm(found[NOSE] - wanted[NOSE], axis=1).max() < 0.5
    for eye in EYES:
        middles = [moves[eye].mean(axis=0) for moves in (wanted, found[:468])]
        assert np.linalg.norm(middles[0]) > 2.0
        np.testing.assert_allclose(middles[1], middles[0], atol=0.5)
    np.testing.assert_allclose(2 * moved_by(source, target, 0.5), found)


def test_the_outline_stays():
    assert np.abs(moved_by(dense(SOURCE), dense(TARGET))[OUTLINE]).max() < 1e-9


def test_the_outline_goes_where_the_source_has_it_if_that_is_wanted():
    source, target = dense(SOURCE), dense(TARGET)
    wanted = difference_moves(source, target)
    assert np.linalg.norm(wanted[OUTLINE], axis=1).max() > 3.0
    apart = difference(source_proportions([source]), proportions(target[None])[0])
    for inside, outline in ((0.0, 1.0), (1.0, 0.5)):
        found = displacement(target.astype(np.float64), apart, inside, outline)[:468]
        np.testing.assert_allclose(found[OUTLINE], outline * wanted[OUTLINE], atol=0.02)
        np.testing.assert_allclose(found[NOSE], inside * wanted[NOSE], atol=0.5)


def test_what_is_around_the_face_moves_along_and_the_border_does_not():
    source, target = dense(SOURCE), dense(TARGET)
    crop = crop_of(target)
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32) * 255.0 / SIZE
    where = np.stack([columns, rows, rows], axis=2)  # pixels say where they were
    crop = replace(crop, pixels=where)
    made, _, around = reshaped(crop, source_proportions([source]), 1.0, 1.0)
    came_from = made.pixels[..., :2] * (SIZE / 255.0)
    motion = np.stack(np.meshgrid(*[np.arange(SIZE)] * 2), axis=2) - came_from
    moves = (made.dense_landmarks - crop.dense_landmarks)[OUTLINE, :2]
    at = np.round(made.dense_landmarks[OUTLINE, 1::-1]).astype(int).T
    assert np.linalg.norm(moves, axis=1).max() > 3.0
    level = np.abs(moves[:, 1]) < 4.0  # not the ears, where the face turns away
    assert level.sum() > 20
    assert np.linalg.norm(motion[tuple(at)] - moves, axis=1)[level].mean() < 0.6
    steps = np.abs(np.diff(came_from[..., 0], axis=1)), np.abs(np.diff(came_from[..., 1], axis=0))
    assert all(step.min() > 0.3 and step.max() < 1.8 for step in steps)  # nothing folds or tears
    length = np.linalg.norm(motion, axis=2)
    assert length[around == 0.0].max() < 0.5
    assert around[length > 1.5].min() > 0.9
    edge = np.concatenate([around[0], around[-1], around[:, 0], around[:, -1]])
    assert edge.max() == 0.0


def test_a_frame_changes_only_where_the_mask_says_so_and_occluders_stay():
    photo, _ = photo_and_crop(dense=True)
    photo = replace(photo, face=replace(photo.face, dense_landmarks=dense(SOURCE)))
    engine = MeshEngine(options=MeshOptions(shape=1.0, shape_outline=1.0))
    hand = np.zeros((SIZE, SIZE), np.float32)
    hand[SIZE // 2 :, : SIZE // 3] = 1.0
    inside_hand = cv2.erode(hand, np.ones((17, 17), np.uint8)) == 1.0  # its edge is soft
    crop = replace(crop_of(dense(TARGET)), occluder_mask=hand)
    (swap,) = engine.swap([crop], [engine.identity([photo])])
    made = Finisher(keeps=engine.keeps).finish([FrameSwap(crop, swap)])
    outside = masks.fill_polygon(crop.dense_landmarks[OUTLINE, :2], SIZE) == 0
    assert (made.mask[outside] > 0.5).mean() > 0.1
    assert made.mask[inside_hand].max() < 0.05
    background = (swap.mask == 0.0) & (made.mask > 0.9)
    np.testing.assert_allclose(made.pixels[background], swap.reshaped.pixels[background], atol=1e-3)


def test_nothing_moves_further_than_a_centimetre():
    giant = dense(person(4, size=1.0))
    moves = moved_by(giant, dense(TARGET))
    assert 8.0 < np.linalg.norm(moves, axis=1).max() <= 0.14 * 80 + 0.5


def test_lips_of_a_source_with_an_open_mouth_grow_no_thicker():
    apart = np.zeros_like(MEAN_SHAPE)
    apart[MEAN_SHAPE[:, 1] > MEAN_SHAPE[[13, 14], 1].mean(), 1] = 0.1
    target = dense(MEAN_SHAPE).astype(np.float64)
    moves = displacement(target, apart, 1.0)[:, 1]
    assert moves[14] == pytest.approx(4.0, abs=0.1)  # half of it, the upper lip moves as far
    assert abs(moves[17] - moves[14]) < 1.5
    assert abs(moves[0] - moves[13]) < 1.5


@pytest.mark.parametrize(("smile", "kept"), [(0.0, False), (0.25, True)])
def test_a_mouth_grows_no_wider_by_a_smile_of_the_photo(smile, kept):
    target, source = dense(SOURCE), dense(SOURCE)
    lips = np.union1d(INNER_LIPS, OUTER_LIPS)
    middle = source[lips].mean(axis=0)
    source[lips] = middle + (source[lips] - middle) * np.float32([1 + 2 * smile, 1, 1])
    source[lips] += np.float32([0, 3, 0])  # and it lies lower
    crop = reshaped(crop_of(target), source_proportions([source]), 1.0)[0]
    widths = [np.ptp(one[OUTER_LIPS, 0]) for one in (crop.dense_landmarks, target)]
    assert widths[0] == pytest.approx(widths[1], abs=0.6 if kept else 3.0)
    lower = (crop.dense_landmarks - target)[lips, 1].mean()
    assert lower > 0.3


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_lips_that_keep_their_shape_go_along_as_a_whole(share):
    apart = np.random.default_rng(3).normal(size=(468, 3))
    found = with_own_lips(apart, share)
    middle = apart[OUTER_LIPS].mean(axis=0)
    np.testing.assert_allclose(
        found[INNER_LIPS] - middle, (1 - share) * (apart[INNER_LIPS] - middle), atol=1e-9
    )
    far = [*OUTLINE, *EYES[0]]
    np.testing.assert_allclose(found[far], apart[far], atol=0.01)


@pytest.mark.parametrize("angles", [(0, 0, 0), (10, 5, 30)])
def test_lids_and_lips_stay_as_far_apart_as_they_are(angles):
    target = dense(TARGET, angles=angles)
    target[[14, 87, 317], 1] += 12.0  # the mouth opens
    target[[145, 374]] = target[[159, 386]]  # and the eyes close
    moves = moved_by(dense(SOURCE), target)
    for upper, lower in ((13, 14), (82, 87), (312, 317), (159, 145), (386, 374)):
        np.testing.assert_allclose(moves[upper], moves[lower], atol=1e-9)


def test_a_source_of_several_photos_counts_frontal_ones_most():
    front, turned = dense(SOURCE), dense(TARGET, angles=(0, 0, 50))
    both = source_proportions([front, turned])
    alone = source_proportions([front]), source_proportions([turned])
    apart = [np.linalg.norm(both - one) for one in alone]
    assert apart[0] < 0.35 * apart[1]


def test_pixels_move_with_their_points_and_nothing_outside_the_face_does():
    source, target = dense(SOURCE), dense(TARGET)
    crop = replace(
        crop_of(target),
        occluder_mask=np.zeros((SIZE, SIZE), np.float32),
        unoccluded=Unoccluded(np.zeros((64, 64, 3), np.float32), np.ones((64, 64), np.float32)),
    )
    made, _, around = reshaped(crop, source_proportions([source]), 1.0)
    assert around is None
    here, there = crop.dense_landmarks, made.dense_landmarks
    assert np.linalg.norm((there - here)[:, :2], axis=1).max() > 3.0
    pixels = [
        one.pixels[tuple(np.round(points[NOSE, 1::-1]).astype(int).T)]
        for one, points in ((crop, here), (made, there))
    ]
    assert np.abs(pixels[1] - pixels[0]).mean() < 1.5
    np.testing.assert_allclose(made.landmarks, there[IBUG_68, :2], atol=1e-4)
    outside = masks.fill_polygon(here[OUTLINE, :2], SIZE) == 0
    assert np.abs(made.pixels - crop.pixels)[outside].max() < 1.0
    assert made.occluder_mask.max() == 0.0
    assert made.unoccluded.known.min() > 0.999


@pytest.mark.parametrize("shape", [0.0, 1.0])
def test_without_shape_the_target_keeps_its_proportions(shape):
    photo, crop = photo_and_crop(dense=True)
    engine = MeshEngine(options=MeshOptions(shape=shape))
    (swap,) = engine.swap([crop], [engine.identity([photo])])
    assert (swap.reshaped is None) == (shape == 0.0)


def test_the_engine_draws_and_the_target_keeps_its_eyes_where_the_source_has_them():
    photo, _ = photo_and_crop(dense=True)
    source, target = dense(SOURCE), dense(TARGET)
    face = replace(photo.face, dense_landmarks=source)
    photo = replace(photo, face=face, pixels=np.full_like(photo.pixels, 128))
    engine = MeshEngine(options=MeshOptions(shape=1.0))
    crop = crop_of(target)
    crop.pixels[...] = 128.0
    spot = np.round(target[EYES[0], :2].mean(axis=0)).astype(int)
    crop.pixels[spot[1] - 1 : spot[1] + 2, spot[0] - 1 : spot[0] + 2] = [255.0, 0.0, 0.0]
    (swap,) = engine.swap([crop], [engine.identity([photo])])
    unshaped = MeshEngine(options=MeshOptions(shape=0.0))
    (plain,) = unshaped.swap([crop], [engine.identity([photo])])
    np.testing.assert_array_equal(swap.mask > 0, plain.mask > 0)
    made = Finisher(keeps=engine.keeps).finish([FrameSwap(crop, swap)]).pixels
    red = np.argwhere(made[..., 0] - made[..., 1] > 60.0)
    moves = moved_by(source, target)[EYES[0], :2].mean(axis=0)
    assert np.linalg.norm(moves) > 1.5
    np.testing.assert_allclose(red.mean(axis=0)[::-1], spot + moves, atol=1.0)


@pytest.mark.parametrize("name", ["shape", "shape_outline"])
@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_shape_out_of_range_is_refused(name, share):
    with pytest.raises(UsageError, match=f"--{name} must") as error:
        MeshOptions(**{name: share})
    assert error.value.code == "bad_shape"


def test_the_shape_is_part_of_the_key():
    options = [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.5, 0.5)]
    assert len({MeshEngine(options=MeshOptions(*shares)).key for shares in options}) == 4


def test_the_expression_of_a_frame_survives_since_its_track_tells_the_proportions():
    source, shut = dense(SOURCE), dense(TARGET)
    opened = shut.copy()
    opened[posed(MEAN_SHAPE)[:, 1].argsort()[-150:], 1] += 10.0
    usual = proportions(shut[None])[0].astype(np.float32)
    crops = [replace(crop_of(one), proportions=usual) for one in (shut, opened)]
    made = [reshaped(one, source_proportions([source]), 1.0)[0].dense_landmarks for one in crops]
    assert np.linalg.norm(made[0] - shut, axis=1).max() > 3.0
    np.testing.assert_allclose(made[1] - made[0], opened - shut, atol=0.5)


def test_the_mean_face_of_the_chart_tests_has_no_proportions_of_its_own():
    assert np.abs(moved_by(head(), head())).max() == 0.0
