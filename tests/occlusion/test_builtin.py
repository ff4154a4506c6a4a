import numpy as np
import pytest

from tests.helpers.covered_faces import disc, finger, over, overlap, skin_of, stripe
from videoswap.detection.appearance import FRAMED_SIZE
from videoswap.geometry import face_masks as masks
from videoswap.occlusion import builtin
from videoswap.occlusion.builtin import load_networks, without_lit_nose
from videoswap.occlusion.segmenter import Framed
from videoswap.occlusion.temporal import stabilize_occlusion_mask


def outline(crop):
    """Return the face from the brows down: over its forehead hangs hair, which is in front."""
    return masks.fill_hull(crop.landmarks, len(crop.pixels)) > 0.5


def test_a_bare_face_is_left_alone(finder, face):
    front = stabilize_occlusion_mask([finder.segment(face)], [0], 0)
    assert front is None or (front[outline(face)] > 0.5).mean() < 0.005


def test_six_bare_faces_are_left_alone(finder, group):
    """Beards, smiles, glasses' reflections and turned heads are not in front of a face."""
    assert len(group) == 6
    for crop in group:
        front = stabilize_occlusion_mask([finder.segment(crop)], [0], 0)
        share = 0.0 if front is None else (front[outline(crop)] > 0.5).mean()
        assert share < 0.02


@pytest.mark.parametrize(
    ("color", "turn", "width", "shift"),
    [
        ((20, 20, 25), 1.57, 0.16, 0.05),
        ((200, 40, 40), 0.6, 0.14, 0.0),
        ((235, 235, 230), 0.0, 0.15, 0.1),
        ((150, 105, 80), -0.5, 0.18, 0.05),
        ("skin", 1.2, 0.18, 0.08),
    ],
)
def test_stripes_stay_in_front(finder, face, color, turn, width, shift):
    alpha = stripe(face, turn, width, shift)
    rgb = skin_of(face) * 0.85 if color == "skin" else np.array(color, float)
    front = stabilize_occlusion_mask([finder.segment(over(face, rgb, alpha))], [0], 0)
    inside = outline(face)
    assert overlap(inside & (alpha > 0.5), inside & (front > 0.5)) > 0.9


@pytest.mark.parametrize(("peak", "looks"), [(0.99, 1), (0.6, 2)])
def test_where_the_network_is_unsure_it_looks_into_a_mirror_too(monkeypatch, peak, looks):
    picture = np.zeros((FRAMED_SIZE, FRAMED_SIZE, 3), np.float32)
    picture[:, :20] = 255.0
    found = np.zeros((FRAMED_SIZE, FRAMED_SIZE), np.float32)
    found[40:90, 30:80] = peak
    seen = []

    def deep(given, reference):
        seen.append(given)
        return found

    monkeypatch.setattr(builtin, "_open", lambda path: deep)
    look = load_networks(lambda given, reference: np.ones_like(found))
    expected = found if looks == 1 else (found + found[:, ::-1]) / 2
    np.testing.assert_array_equal(look(picture, picture), expected)
    assert [bool(one[0, 0, 0]) for one in seen] == [True, False][:looks]


@pytest.mark.parametrize(("point", "radius"), [(48, 0.1), (30, 0.12), (45, 0.09)])
def test_discs_stay_in_front(finder, face, point, radius):
    alpha = disc(face, point, radius)
    size = len(face.pixels)
    weave = 60 + 40 * np.sin(np.arange(size) * 1.1)[:, None] * np.sin(np.arange(size) * 1.1)
    front = stabilize_occlusion_mask(
        [finder.segment(over(face, np.repeat(weave[..., None], 3, 2), alpha))], [0], 0
    )
    inside = outline(face)
    assert overlap(inside & (alpha > 0.5), inside & (front > 0.5)) > 0.9


def test_a_finger_stays_in_front(finder, face):
    color, alpha = finger(face)
    front = stabilize_occlusion_mask([finder.segment(over(face, color, alpha))], [0], 0)
    inside = outline(face)
    assert overlap(inside & (alpha > 0.5), inside & (front > 0.5)) > 0.85


@pytest.mark.parametrize(
    ("tone", "shift", "radius", "stays"),
    [
        (230.0, 0.0, 6, False),  # a lit tip
        (60.0, 0.0, 6, True),  # something dark on the nose
        (230.0, 0.0, 30, True),  # something bright and larger than the nose
        (230.0, 45.0, 6, True),  # something bright beside it
    ],
)
def test_a_lit_nose_is_nothing_in_front(tone, shift, radius, stays):
    marks = np.zeros((68, 2), np.float32)
    marks[27:36] = [
        *([64, 40], [64, 48], [64, 56], [64, 66]),
        *([56, 70], [60, 71], [64, 72], [68, 71], [72, 70]),
    ]
    y, x = np.mgrid[:FRAMED_SIZE, :FRAMED_SIZE]
    place = np.hypot(x - 64 - shift, y - 62) < radius
    picture = np.full((FRAMED_SIZE, FRAMED_SIZE, 3), 140.0, np.float32)
    picture[place] = tone
    elsewhere = np.hypot(x - 20, y - 110) < 8
    mask = (0.9 * (place | elsewhere)).astype(np.float32)
    made = without_lit_nose(mask, Framed(picture, marks, np.eye(2, 3)))
    assert made[elsewhere].min() == np.float32(0.9)
    if stays:
        np.testing.assert_array_equal(made, mask)
    else:
        assert made[place].max() == 0
