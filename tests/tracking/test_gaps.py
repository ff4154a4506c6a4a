"""Faces in gaps: found where they are, at the right place, and not where they are not."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from tests.helpers.people_clips import Cover, Head, everybody, picture, wall
from videoswap.detection.face_view import FaceView, FramePicture
from videoswap.detection.search import FaceSearch
from videoswap.settings import AnalysisSettings
from videoswap.tracking.gaps import (
    SOME_PARTS,
    TrackedFrame,
    compare,
    fill_gap,
)

SETTINGS = AnalysisSettings(min_face=Fraction(1, 9))


@pytest.fixture(scope="module")
def heads():
    return everybody()


@pytest.fixture
def look(heads, detector, landmarker):
    """Return a function that draws a frame and takes Ann's face in it, without searching."""

    def draw(pts, *things, tone=0):
        drawn, _ = picture(things, wall(tone), heads)
        return FramePicture(pts, drawn, np.eye(2, 3))

    def see(pts, *things):
        frame = draw(pts, *things)
        face = detector.detect(frame.picture)[0]
        return FaceView.of(frame, face, landmarker.landmarks(frame.picture, face.points5))

    return draw, see


def ann(x):
    return Head("ann", x, 180, 110)


class Blind:
    """A search that finds nothing."""

    def again(self, picture, expected):
        return None


BETWEEN = {  # what is drawn half way between x = 200 and x = 220, and where Ann is
    "as expected": ([ann(210)], 210),
    "jerked": ([ann(217)], 217),
    "half covered": ([ann(210), Cover(212, 0, 640, 360)], 210),
    "darker": ([Head("ann", 210, 180, 110, light=0.5)], 210),
    "gone": ([], None),
    "covered": ([ann(210), Cover(100, 60, 330, 320)], None),
    "somebody else": ([Head("bob", 210, 180, 110)], None),
    "turned away": ([Head("ann", 210, 180, 110, turn=120)], None),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_the_picture_alone_says_where_a_face_is(look, face_models, name):
    draw, see = look
    things, place = BETWEEN[name]
    before, after = see(0, ann(200)), see(10, ann(220))
    missed = [TrackedFrame(draw(5, *things), (), ())]
    found = fill_gap(before, after, missed, Blind(), face_models)
    if place is None:
        assert found == []
        return
    (view,) = found
    assert view.detection.score == 0.0 and view.frame.pts == 5
    shift = view.landmarks - before.landmarks
    assert np.abs(shift.mean(axis=0) - [place - 200, 0]).max() < 2.5


def test_a_second_search_finds_what_the_first_one_missed(look, detector, face_models):
    draw, see = look
    before, after = see(0, ann(200)), see(10, ann(260))
    frame = draw(5, ann(245))  # the way was not even
    search = FaceSearch(detector, SETTINGS)
    (view,) = fill_gap(before, after, [TrackedFrame(frame, (), ())], search, face_models)
    assert view.detection.score > 0.2
    assert np.abs((view.landmarks - before.landmarks).mean(axis=0) - [45, 0]).max() < 2.5


def test_a_face_behind_another_one_is_left_alone(look, detector, face_models):
    _, see = look
    before, after = see(0, ann(200)), see(10, ann(220))
    bob = see(5, Head("bob", 215, 185, 120))
    missed = [TrackedFrame(bob.frame, (7,), (bob,))]
    assert fill_gap(before, after, missed, FaceSearch(detector, SETTINGS), face_models) == []


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flash_or_a_black_frame_shows_nothing(look, level):
    _, see = look
    view = see(0, ann(200))
    blank = np.full_like(view.frame.picture, level)
    blurred = cv2.GaussianBlur(view.frame.picture, (0, 0), 40)
    for shown in (blank, blurred):
        assert compare(shown, view.detection, (view,))[0] < SOME_PARTS
    assert compare(view.frame.picture, view.detection, (view,))[0] == 1.0
