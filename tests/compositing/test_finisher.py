from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.helpers.portraits import oval, portrait
from videoswap.compositing.finisher import Finisher
from videoswap.compositing.kept_regions import EYES, MOUTH, eye_outlines, keep_eyes
from videoswap.geometry.face_mesh import INNER_LIPS
from videoswap.records import Crop, FrameSwap, SwappedCrop
from videoswap.settings import BlendSettings

SIDE = 128
EYE, LIPS, CHEEK = (50, 40), (90, 64), (75, 40)  # row, column


def landmarks():
    points = np.full((68, 2), 64.0, np.float32)

    def ring(middle, width, height, count):
        turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
        return np.stack(
            [middle[1] + width * np.cos(turn), middle[0] + height * np.sin(turn)], axis=1
        )

    points[36:42] = ring(EYE, 9, 5, 6)
    points[42:48] = ring((EYE[0], 88), 9, 5, 6)
    points[60:68] = ring(LIPS, 14, 6, 8)
    return points


def swap(target=50.0, painted=200.0, frame=0):
    crop = Crop(np.full((SIDE, SIDE, 3), target, np.float32), np.eye(2, 3), landmarks(), 0, 0, 0)
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[20:108, 20:108] = 1.0
    return FrameSwap(crop, SwappedCrop(np.full((SIDE, SIDE, 3), painted, np.float32), mask), frame)


@pytest.mark.parametrize(
    ("settings", "keeps", "eye", "lips"),
    [
        (BlendSettings(), frozenset(), 200, 200),
        (BlendSettings(), frozenset({EYES, MOUTH}), None, 50),
        (BlendSettings(keep_mouth=True), frozenset(), 200, 50),
        (BlendSettings(keep_eyes=True), frozenset(), None, 200),
    ],
)
def test_what_is_kept_is_the_targets(settings, keeps, eye, lips):
    made = Finisher(settings, keeps).finish([swap()], 0).pixels
    assert made[LIPS][0] == pytest.approx(lips, abs=2)
    # Kept eyes take part of the shade of the new sockets: between target and swap.
    assert (made[EYE][0] == pytest.approx(200, abs=2)) == (eye == 200)
    assert made[CHEEK][0] == pytest.approx(200, abs=2)


def test_what_the_engine_did_not_paint_in_a_crop_is_kept():
    given = swap()
    given = replace(given, swapped=replace(given.swapped, keeps=frozenset({EYES})))
    made = Finisher(BlendSettings(), frozenset()).finish([given], 0).pixels
    assert made[EYE][0] != pytest.approx(200, abs=2)
    assert made[LIPS][0] == pytest.approx(200, abs=2)


def test_kept_regions_follow_the_dense_landmarks():
    dense = np.zeros((478, 3), np.float32)
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    dense[INNER_LIPS, :2] = np.stack([64 + 14 * np.cos(turn), 90 + 2 * np.sin(turn)], axis=1)
    given = swap()
    given = replace(given, crop=replace(given.crop, dense_landmarks=dense))
    made = Finisher(BlendSettings(keep_mouth=True)).finish([given], 0).pixels
    assert made[LIPS][0] < 100
    assert made[LIPS[0] + 5, LIPS[1]][0] == pytest.approx(200, abs=4)  # 6 by the 68 landmarks


@pytest.mark.parametrize(
    ("first", "shade"),
    [(SIDE, 57.6), (44, 57.6), (0, 50.0)],
    ids=["nothing in front", "a stick beside it", "all hidden"],
)
def test_what_is_in_front_does_not_shade_an_eye(first, shade):
    target = np.full((SIDE, SIDE, 3), 50.0, np.float32)
    if first < SIDE:
        target[:, 44:] = [0.0, 255.0, 0.0]
    front = np.zeros((SIDE, SIDE), np.float32)
    front[:, first:] = 1.0
    lit = np.full((SIDE, SIDE, 3), 62.0, np.float32)
    keep_eyes(lit, target, eye_outlines(swap().crop), front)
    assert lit[EYE] == pytest.approx(shade, abs=0.5)  # 50 times (74 / 62) ** 0.8, or as it was


@pytest.mark.parametrize(
    ("settings", "middle", "near_edge"),
    [
        (BlendSettings(), 1.0, 1.0),
        (BlendSettings(strength=0.25), 0.25, 0.25),
        (BlendSettings(feather=0.2), 1.0, pytest.approx(0.1, abs=0.1)),
    ],
)
def test_masks_take_strength_and_feather(settings, middle, near_edge):
    mask = Finisher(settings).finish([swap()], 0).mask
    assert mask[64, 64] == pytest.approx(middle)
    assert mask[64, 23] == near_edge
    assert not mask[:20].any()


def test_what_is_in_front_is_cut_out_of_the_mask():
    given = swap()
    front = np.zeros((SIDE, SIDE), np.float32)
    front[55:75] = 1.0
    mask = (
        Finisher(BlendSettings())
        .finish([replace(given, crop=replace(given.crop, occluder_mask=front))], 0)
        .mask
    )
    assert not mask[58:72].any()
    assert mask[45, 64] == 1.0


def test_an_engine_that_finishes_itself_is_left_alone():
    given = swap()
    made = Finisher(BlendSettings(strength=0.5), frozenset({EYES}), as_is=True).finish([given], 0)
    assert made is given.swapped


def test_the_edges_of_a_thing_in_front_do_not_count_as_the_faces():
    film = cv2.GaussianBlur(portrait(), (0, 0), 2.5)
    stick = np.zeros(film.shape[:2], np.float32)
    stick[:, 84:104] = 1.0
    held = film.copy()
    held[stick > 0] = 0.0
    held[:, 88:100] = 255.0

    def detail(target, front):
        crop = Crop(target, np.eye(2, 3), landmarks(), 0, 0, 0, front)
        made = (
            Finisher(BlendSettings())
            .finish([FrameSwap(crop, SwappedCrop(portrait(), oval()), 0)], 0)
            .pixels
        )
        return float(np.abs(np.diff(made[70:125, 58:76], axis=1)).mean())

    free = detail(film, None)
    assert detail(held, stick) == pytest.approx(free, rel=0.1)
    assert detail(held, None) > 1.3 * free


@pytest.mark.parametrize(("frames", "weight"), [((0, 1), 0.801), ((0, 2), 0.411), ((5, 3), 0.411)])
def test_a_hole_of_the_track_is_time_that_passes(frames, weight):
    """Two faces side by side in the window, with a frame without the face between them."""
    window = [
        swap(painted=value, frame=frame)
        for value, frame in zip((100.0, 200.0), frames, strict=True)
    ]
    plain = BlendSettings(mask="outline", grain=False)
    filtered = Finisher(plain).finish(window, 0).pixels
    alone = Finisher(plain).finish(window[:1], 0).pixels
    moved = (filtered - alone)[CHEEK][0]
    assert moved == pytest.approx(100.0 * weight / (1.0 + weight), abs=0.3)
