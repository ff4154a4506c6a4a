"""Online tracking: frame by frame, without what comes later."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.helpers.squares import (
    BLUE,
    GREEN,
    RED,
    ColorRecognizer,
    SquareDetector,
    SquareLandmarker,
    draw,
    nothing_in_front,
)
from videoswap.detection.face_models import FaceModels
from videoswap.settings import AnalysisSettings
from videoswap.tracking import face_tracker
from videoswap.tracking.face_tracker import FaceTracker


@pytest.fixture(autouse=True)
def nothing_before_them(monkeypatch):
    """Squares are no faces: what a network for faces sees before them says nothing."""
    monkeypatch.setattr(face_tracker, "load_coarse_model", lambda: nothing_in_front)


SETTINGS = AnalysisSettings(min_face=Fraction(1, 9))


def tracker():
    models = FaceModels(SquareDetector(), SquareLandmarker(), ColorRecognizer())
    return FaceTracker(models, SETTINGS)


def wandering(count=24):
    """Return pictures in which red and green pass each other."""
    return [draw([(60 + 6 * k, 50, 36, RED), (260 - 6 * k, 130, 30, GREEN)]) for k in range(count)]


def center(face):
    return (face.box[:2] + face.box[2:]) / 2


def test_each_face_keeps_its_number_and_its_place_is_right():
    online = tracker()
    rows: list[dict[int, bool]] = []
    for k, picture in enumerate(wandering()):
        faces = {one.track: one.face for one in online.update(picture, pts=10 * k)}
        assert faces.keys() == {0, 1}
        red, green = sorted(faces.values(), key=lambda face: face.box[1])
        np.testing.assert_allclose(center(red), (60 + 6 * k, 50), atol=1.0)
        np.testing.assert_allclose(center(green), (260 - 6 * k, 130), atol=1.0)
        assert red.pts == green.pts == 10 * k
        assert red.landmarks.shape == (68, 2)
        rows.append({track: center(face)[1] > 90 for track, face in faces.items()})
    assert rows[1:] == rows[:-1]  # they pass each other in x, never in y


def test_a_new_track_gets_an_embedding_at_once_and_then_rarely():
    online = tracker()
    embedded = [
        [one.face.embedding is not None for one in online.update(picture)]
        for picture in wandering(20)
    ]
    assert embedded[0] == [True, True]
    assert 2 <= sum(map(sum, embedded)) < 8


def test_a_newcomer_is_found_at_the_next_keyframe():
    online, comes = tracker(), 3
    seen = []
    for k in range(SETTINGS.keyframe_interval + 1):
        squares = [(60, 60, 36, RED)] + ([(240, 120, 36, GREEN)] if k >= comes else [])
        seen.append(len(online.update(draw(squares))))
    assert seen == [1] * SETTINGS.keyframe_interval + [2]


def test_a_cut_ends_all_tracks():
    online = tracker()
    before = {one.track for k in range(4) for one in online.update(draw([(60, 60, 36, RED)]))}
    other = draw([(160, 90, 60, BLUE)])
    other[:, :60] = other[:, -60:] = (90, 90, 110)
    after = {one.track for _ in range(4) for one in online.update(other)}
    assert before == {0} and after == {1}


def test_a_face_that_is_away_for_a_moment_comes_back_with_its_number():
    online = tracker()
    shown = [k < 3 or k > 5 for k in range(12)]
    tracks = [
        [one.track for one in online.update(draw([(60, 60, 36, RED)] if seen else []))]
        for seen in shown
    ]
    assert tracks == [[0] if seen else [] for seen in shown]


@pytest.mark.parametrize(
    "picture", [np.zeros((90, 160), np.uint8), np.zeros((90, 160, 3), np.float32)]
)
def test_other_pictures_are_refused(picture):
    with pytest.raises(ValueError, match="uint8 expected"):
        tracker().update(picture)
