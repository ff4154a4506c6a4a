import cv2
import numpy as np
import pytest

from tests.occlusion.faces import over, skin_of, stripe
from videoswap import masks
from videoswap.finding.appearance import FRAMING, SIDE, Appearance
from videoswap.occlusion.finder import Framed
from videoswap.occlusion.own import OwnFinder
from videoswap.occlusion.reference import References


def appearance(pts, level, landmarks=None, hidden=None):
    """Return a grey picture with a red square where something is before the face."""
    picture = np.full((SIDE, SIDE, 3), level, np.uint8)
    if hidden is not None:
        picture[hidden] = (255, 0, 0)
    packed = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    marks = np.zeros((68, 2), np.float32) if landmarks is None else landmarks
    return Appearance(pts, packed, marks)


def red(picture, reference):
    return (picture[..., 0] > picture[..., 1] + 60).astype(np.float32)


GREY = np.full((SIDE, SIDE, 3), 100, np.float32)
MARKS = np.zeros((68, 2), np.float32)


def test_what_is_before_the_face_is_not_in_its_reference():
    here = np.s_[40:60, 40:60]
    kept = [appearance(n, 100, hidden=here if n < 3 else None) for n in range(5)]
    made = References(lambda track: kept, red)(0, GREY, MARKS)
    np.testing.assert_allclose(made, 100, atol=1)


def test_what_is_always_hidden_is_taken_from_the_picture():
    here = np.s_[40:60, 40:60]
    kept = [appearance(n, 100, hidden=here) for n in range(4)]
    picture = GREY.copy()
    picture[here] = (200, 30, 90)
    made = References(lambda track: kept, red)(0, picture, MARKS)
    np.testing.assert_allclose(made[50, 50], (200, 30, 90))
    np.testing.assert_allclose(made[80, 80], 100, atol=1)


def test_the_reference_is_of_like_pose():
    poses = [np.full((68, 2), pose, np.float32) for pose in (0, 40)]
    kept = [appearance(n, 90 + 40 * (n // 8), poses[n // 8]) for n in range(16)]
    references = References(lambda track: kept, red)
    # The middle of the picture is as bright as the reference, so that its light does not change.
    for level, pose in ((90, poses[0]), (130, poses[1])):
        picture = np.full_like(GREY, level)
        picture[:10] = 0
        np.testing.assert_allclose(references(0, picture, pose)[5, 5], level, atol=1)


@pytest.mark.parametrize("level", [70, 150])
def test_the_reference_is_in_the_light_of_the_picture(level):
    kept = [appearance(n, 100) for n in range(3)]
    made = References(lambda track: kept, red)(0, np.full_like(GREY, level), MARKS)
    np.testing.assert_allclose(made, level, atol=4)


def test_a_track_without_pictures_is_its_own_reference():
    assert References(lambda track: [], red)(0, GREY, MARKS) is GREY


def test_a_mouth_that_is_gone_is_under_something(face):
    """Plain skin over the lips: on its cheeks nothing shows it, where the mouth was all does."""
    free = Framed.of(face, FRAMING, SIDE)
    colours = cv2.cvtColor(np.rint(free.picture).astype(np.uint8), cv2.COLOR_RGB2BGR)
    packed = cv2.imencode(".png", colours)[1].tobytes()
    kept = [Appearance(n, packed, free.landmarks) for n in range(4)]
    shown = over(face, skin_of(face) * 0.97, stripe(face, 1.57, 0.16, 0.22))
    lips = masks.hull(face.landmarks[48:60], len(face.pixels)) > 0.5
    front = OwnFinder(lambda track: kept)(shown).front
    assert (front[lips] > 0.5).mean() > 0.8
    assert OwnFinder(lambda track: kept)(face).front[lips].max() < 0.5
