from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data

from tests.helpers.covered_faces import over, skin_of, stripe
from videoswap.detection.appearance import FRAMED_SIZE, FRAMING, Appearance
from videoswap.detection.face_detector import FaceDetector
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.geometry import face_masks as masks
from videoswap.occlusion.builtin import BuiltinSegmenter
from videoswap.occlusion.reference import UnoccludedReferences, match_brightness
from videoswap.occlusion.segmenter import Framed
from videoswap.records import Photo


def appearance(pts, level, landmarks=None, hidden=None):
    """Return a grey picture with a red square where something is before the face."""
    picture = np.full((FRAMED_SIZE, FRAMED_SIZE, 3), level, np.uint8)
    if hidden is not None:
        picture[hidden] = (255, 0, 0)
    packed = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    marks = np.zeros((68, 2), np.float32) if landmarks is None else landmarks
    return Appearance(pts, packed, marks)


def red(picture, reference):
    return (picture[..., 0] > picture[..., 1] + 60).astype(np.float32)


GREY = np.full((FRAMED_SIZE, FRAMED_SIZE, 3), 100, np.float32)
MARKS = np.zeros((68, 2), np.float32)


def test_what_is_before_the_face_is_not_in_its_reference():
    here = np.s_[40:60, 40:60]
    kept = [appearance(n, 100, hidden=here if n < 3 else None) for n in range(5)]
    made = UnoccludedReferences(lambda track: kept, red).nearest(0, GREY, MARKS).picture
    np.testing.assert_allclose(made, 100, atol=1)


def test_what_is_always_hidden_is_taken_from_the_picture():
    here = np.s_[40:60, 40:60]
    kept = [appearance(n, 100, hidden=here) for n in range(4)]
    picture = GREY.copy()
    picture[here] = (200, 30, 90)
    made = UnoccludedReferences(lambda track: kept, red).nearest(0, picture, MARKS)
    np.testing.assert_allclose(made.picture[50, 50], (200, 30, 90))
    np.testing.assert_allclose(made.picture[80, 80], 100, atol=1)
    assert not made.known[here].any() and made.known[:30].all()


def test_the_reference_is_of_like_pose():
    poses = [np.full((68, 2), pose, np.float32) for pose in (0, 40)]
    kept = [appearance(n, 90 + 40 * (n // 8), poses[n // 8]) for n in range(16)]
    references = UnoccludedReferences(lambda track: kept, red)
    # The middle of the picture is as bright as the reference, so that its light does not change.
    for level, pose in ((90, poses[0]), (130, poses[1])):
        picture = np.full_like(GREY, level)
        picture[:10] = 0
        np.testing.assert_allclose(
            references.nearest(0, picture, pose).picture[5, 5], level, atol=1
        )


@pytest.mark.parametrize("level", [70, 150])
def test_the_reference_is_in_the_light_of_the_picture(level):
    kept = [appearance(n, 100) for n in range(3)]
    made = UnoccludedReferences(lambda track: kept, red).nearest(
        0, np.full_like(GREY, level), MARKS
    )
    np.testing.assert_allclose(made.picture, level, atol=4)


def test_a_thing_does_not_count_for_the_light():
    """It hides most of the middle, and is white; the face around it is as bright as it was."""
    picture = GREY.copy()
    picture[40:110, 30:100] = 250
    lit = match_brightness(picture, 1.2 * GREY, picture[..., 0] < 200)
    np.testing.assert_allclose(lit, 100, atol=1)
    np.testing.assert_array_equal(match_brightness(picture, GREY, picture[..., 0] < 0), GREY)


def test_a_track_without_pictures_has_no_reference(face):
    assert UnoccludedReferences(lambda track: [], red).nearest(0, GREY, MARKS) is None
    alone, known = (
        BuiltinSegmenter().segment(face),
        BuiltinSegmenter(lambda track: []).segment(face),
    )
    np.testing.assert_array_equal(alone.occluder_mask, known.occluder_mask)


def framed_of(crop, number):
    """Return a crop as the analysis keeps it."""
    free = Framed.of(crop, FRAMING, FRAMED_SIZE)
    colors = cv2.cvtColor(np.rint(free.picture).astype(np.uint8), cv2.COLOR_RGB2BGR)
    packed = cv2.imencode(".png", colors)[1].tobytes()
    return Appearance(number, packed, free.landmarks)


def outline(crop):
    return masks.fill_hull(crop.landmarks, len(crop.pixels))


def test_a_mouth_that_is_gone_is_under_something(face):
    """Plain skin over the lips: on its cheeks nothing shows it, where the mouth was all does."""
    kept = [framed_of(face, number) for number in range(4)]
    shown = over(face, skin_of(face) * 0.97, stripe(face, 1.57, 0.16, 0.22))
    lips = masks.fill_hull(face.landmarks[48:60], len(face.pixels)) > 0.5
    front = BuiltinSegmenter(lambda track: kept).segment(shown).occluder_mask
    assert (front[lips] > 0.5).mean() > 0.8
    assert BuiltinSegmenter(lambda track: kept).segment(face).occluder_mask[lips].max() < 0.5


def test_a_thing_that_passes_does_not_change_the_light(face):
    """Haze is told by dark features: under a stripe they are known from other frames."""
    hazy = replace(face, pixels=face.pixels * 0.65 + 70)
    engine = MeshEngine()
    photo = np.ascontiguousarray(skimage.data.astronaut())
    found = FaceDetector()
    identity = engine.identity([Photo("her", photo, found.detect(photo)[0])])
    alpha = stripe(face, 1.57, 0.2, -0.12)
    kept = [framed_of(hazy, number) for number in range(4)]
    shown = BuiltinSegmenter(lambda track: kept).segment(
        over(hazy, np.array([20.0, 60.0, 30.0]), alpha)
    )
    crops = [hazy, shown, replace(shown, unoccluded=None)]
    free, known, unknown = (one.pixels for one in engine.swap(crops, [identity]))
    beside = (outline(face) > 0.5) & (cv2.dilate(alpha, np.ones((9, 9))) == 0)
    apart = [float(np.abs(one - free)[beside].mean()) for one in (known, unknown)]
    assert apart[0] < 2.0 and apart[0] < 0.5 * apart[1], apart
