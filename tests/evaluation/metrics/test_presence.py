import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import SIDE, face_pair, flat, history, points, textured
from videoswap.detection.face_models import FaceModels
from videoswap.evaluation.face_motion import FaceHistory
from videoswap.evaluation.metrics.presence import (
    BystanderFamily,
    FallbackFamily,
    MissedFamily,
    changed_share,
)
from videoswap.geometry.affine import five_points
from videoswap.records import Face
from videoswap.settings import AnalysisSettings

FILM = textured()


def repainted(landmarks, change=12, noise=0):
    """The film with another tone on a face, and with the noise of another encoding."""
    seen = face_pair(FILM, FILM, smooth=landmarks)
    whole = np.zeros((SIDE * 3, SIDE * 3), bool)
    x0, y0, x1, y1 = (value + SIDE for value in seen.window)
    whole[y0:y1, x0:x1] = seen.inside
    made = FILM.astype(int)
    made[whole[SIDE : 2 * SIDE, SIDE : 2 * SIDE]] += change
    made += np.random.default_rng(0).integers(-noise, noise + 1, made.shape)
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("change", "fallback"), [(12, 0.0), (0, 1.0)])
def test_a_face_that_shows_the_original_is_a_fallback(change, fallback):
    result = repainted(points(), change, noise=3)
    found = FallbackFamily().measure(history(face_pair(FILM, result)))
    assert found["fallback"] == fallback
    assert (found["changed"] > 0.6) == (change > 0)


def test_an_empty_mask_over_the_face_is_a_fallback():
    mask = np.zeros((SIDE, SIDE), np.uint8)
    result = repainted(points())
    found = FallbackFamily().measure(history(face_pair(FILM, result, mask=mask)))
    assert found["fallback"] == 1.0


def test_somebody_who_was_changed_without_being_asked_for():
    changed = face_pair(FILM, repainted(points()), source=None)
    left = face_pair(FILM, repainted(points(), 0, noise=3), source=None)
    assert BystanderFamily().measure(history(changed))["disturbed"] == 1.0
    assert BystanderFamily().measure(history(left))["disturbed"] == 0.0


@pytest.mark.parametrize("shift", [0, 50, 200])
def test_a_swapped_face_in_front_of_another_is_not_its_change(shift):
    swapped = points() + np.float32([shift, 0])
    result = repainted(swapped)
    front = face_pair(FILM, result, smooth=swapped, source=0)
    behind = face_pair(FILM, result, source=None)
    found = BystanderFamily().measure(FaceHistory(behind, (), [front]))
    assert found.get("disturbed", 0.0) == 0.0
    assert np.isnan(changed_share(behind, [front])) == (shift == 0)


SEEN = face_pair(flat(), flat())
BOX = SEEN.face.box


class Everywhere:
    """Sees one face, always in the same place of the whole picture."""

    key = "everywhere"
    providers = ()

    def detect(self, picture, threshold=0.5):
        scale = picture.shape[0] / SIDE
        return [Face(BOX, five_points(SEEN.smooth), 0.9).moved(scale)]


class Points:
    key = "points"

    def landmarks(self, picture, points5):
        return SEEN.smooth


class Level:
    """Takes the level of the face for the person."""

    name = key = "level"
    dim = 1
    default_threshold = cluster_threshold = 5.0

    def embed(self, picture, landmarks):
        x, y = landmarks[30].astype(int)
        return picture[y, x, :1].astype(np.float32)

    def distance(self, one, other):
        return float(np.abs(one - other).sum())


def swapped():
    made = flat()
    cv2.ellipse(made, (119, 128), (50, 50), 0, 0, 360, (160, 160, 160), -1)
    return made


@pytest.mark.parametrize(
    ("result", "person", "tracked", "missed"),
    [
        (flat(), 120, False, 1),
        (flat(), 120, True, 0),  # a track says so: then it is a fall-back frame
        (flat(), 60, False, 0),  # somebody else
        (swapped(), 120, False, 0),  # swapped all the same
    ],
)
def test_a_person_without_a_track_is_missed_where_the_original_is_seen(
    result, person, tracked, missed
):
    tools = FaceModels(Everywhere(), Points(), Level())
    family = MissedFamily([np.array([person], np.float32)], tools, AnalysisSettings())
    one = face_pair(flat(), result)
    assert family.measure(one.pair, [one] if tracked else []) == {"missed": missed}
