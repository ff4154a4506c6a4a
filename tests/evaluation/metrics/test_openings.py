import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import SIDE, face_pair, history, points
from videoswap.evaluation.metrics import openings
from videoswap.evaluation.metrics.columns import Collector
from videoswap.evaluation.metrics.openings import (
    EYE_MODEL,
    MOUTH_MODEL,
    OpeningFamily,
    OpeningReader,
    eye_patches,
    eye_square,
    mouth_patch,
    mouth_square,
)
from videoswap.evaluation.report import values_of


@pytest.fixture(scope="module")
def faces(group, detector, landmarker):
    """Pictures (H, W, 3) uint8 of the group photo's faces with landmarks (68, 2)."""
    found = detector.detect(group)
    return [(group, landmarker.landmarks(group, one.points5)) for one in found]


def shut(picture, landmarks):
    """Return a picture whose eyes are covered by the skin under them, but for a line of lashes."""
    made = picture.copy()
    for first in (36, 42):
        eye = landmarks[first : first + 6]
        width = np.hypot(*(eye[3] - eye[0]))
        middle = eye.mean(axis=0)
        height = 0.45 * width
        patch = np.zeros(picture.shape[:2], np.uint8)
        cv2.ellipse(
            patch,
            (int(middle[0]), int(middle[1])),
            (int(0.62 * width), int(height)),
            0,
            0,
            360,
            255,
            -1,
        )
        made = cv2.inpaint(made, patch, 3, cv2.INPAINT_TELEA)
        low = middle[0], middle[1] + 0.12 * width
        cv2.ellipse(
            made,
            (int(low[0]), int(low[1])),
            (int(0.5 * width), int(0.08 * width)),
            0,
            0,
            180,
            (70, 45, 40),
            1,
        )
    return made


def agape(picture, landmarks):
    """Return a picture with a dark mouth, as high as a quarter of the eyes' distance."""
    made = picture.copy()
    unit = float(np.hypot(*(landmarks[45] - landmarks[36])))
    middle = landmarks[[48, 54]].mean(axis=0) + np.array([0, 0.08 * unit])
    size = int(0.2 * unit), int(0.125 * unit)
    cv2.ellipse(made, (int(middle[0]), int(middle[1])), size, 0, 0, 360, (150, 70, 70), 3)
    cv2.ellipse(made, (int(middle[0]), int(middle[1])), size, 0, 0, 360, (35, 15, 15), -1)
    return made


def test_shut_eyes_read_as_shut(faces):
    read = OpeningReader(EYE_MODEL)
    opened, closed = (
        np.array([read(np.stack(eye_patches(change(*face), face[1]))).mean() for face in faces])
        for change in (lambda picture, _: picture, shut)
    )
    # One of the six has shut eyes in the photo itself, and one is in profile.
    assert np.median(opened) > 0.13
    assert np.median(closed) < 0.06
    assert (closed < opened).all()


def test_an_open_mouth_reads_as_open(faces):
    read = OpeningReader(MOUTH_MODEL)
    before, after = (
        np.array([read(mouth_patch(change(*face), face[1])[None])[0] for face in faces])
        for change in (lambda picture, _: picture, agape)
    )
    assert (after > before + 0.04).all()


def level(patches):
    """Read the mean level of patches instead of an opening."""
    return patches.reshape(len(patches), -1).mean(axis=1) / 255


def measured(original, result, monkeypatch):
    """Return numbers over frames whose eyes and mouth have these levels."""
    family = OpeningFamily()
    monkeypatch.setattr(family, "_eye", level)
    monkeypatch.setattr(family, "_mouth", level)
    kept = Collector(family.columns)
    for index, both in enumerate(zip(original, result, strict=True)):
        pictures = [np.full((SIDE, SIDE, 3), round(one * 255), np.uint8) for one in both]
        pair = face_pair(*pictures, index=index)
        kept.add(pair.pair, pair, family.measure(history(pair)))
    found = values_of(family.metrics, kept.columns, True, True)
    return {one.metric.key: one.number for one in found}


BLINKS = np.array([0.4, 0.4, 0.0, 0.4, 0.4, 0.2, 0.0, 0.4, 0.4, 0.4])


@pytest.mark.parametrize(
    ("result", "follows", "apart"),
    [(BLINKS, 1, 0), (BLINKS / 2, 1, BLINKS.mean() / 2), (0.4 - BLINKS, -1, 0.36)],
    ids=["the same", "half of it", "the contrary"],
)
def test_openings_over_time(result, follows, apart, monkeypatch):
    found = measured(BLINKS, result, monkeypatch)
    for name, other in (("lids_follow", "lid_opening"), ("lips_follow", "lip_opening")):
        assert found[name] == pytest.approx(follows, abs=0.01)
        assert found[other] == pytest.approx(apart, abs=0.01)


def test_where_nothing_moves_nothing_is_said(monkeypatch):
    found = measured(np.full(10, 0.4), BLINKS, monkeypatch)
    assert found["lids_follow"] is None and found["lips_follow"] is None


def test_squares_turn_with_the_face_and_do_not_follow_the_mouth():
    turn = cv2.getRotationMatrix2D((120, 120), -20, 1.5)
    face = points()
    turned = (face @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    for square in (lambda one: eye_square(one, 0), lambda one: eye_square(one, 1), mouth_square):
        level_one, turned_one = square(face), square(turned)
        place = turn @ [level_one.x, level_one.y, 1]
        assert place == pytest.approx((turned_one.x, turned_one.y), abs=0.01)
        assert turned_one.side == pytest.approx(1.5 * level_one.side, rel=1e-4)
        assert np.degrees(turned_one.angle) == pytest.approx(20, abs=0.01)


def test_patches_are_of_one_size_and_the_right_eye_is_mirrored():
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[:, : SIDE // 2] = 200
    face = points()
    left, right = eye_patches(picture, face)
    assert left.shape == right.shape == (openings.PATCH_SIZE, openings.PATCH_SIZE, 3)
    picture = np.dstack([np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))] * 3)
    left, right = eye_patches(picture, face)
    assert left[0, 0, 0] < left[0, -1, 0] and right[0, 0, 0] > right[0, -1, 0]
