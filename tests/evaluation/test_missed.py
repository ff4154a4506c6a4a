import cv2
import numpy as np
import pytest

from tests.evaluation.looks import SIDE, flat, look
from videoswap.detection.face_detector import Detection
from videoswap.detection.face_models import FaceTools
from videoswap.evaluation.metrics.presence import MissedFamily
from videoswap.geometry.affine import five_points
from videoswap.settings import AnalysisSettings

SEEN = look(flat(), flat())
BOX = SEEN.face.box


class Everywhere:
    """Sees one face, always in the same place of the whole picture."""

    key = "everywhere"
    providers = ()

    def detect(self, picture, threshold=0.5):
        scale = picture.shape[0] / SIDE
        return [Detection(BOX, five_points(SEEN.smooth), 0.9).moved(scale)]


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
    tools = FaceTools(Everywhere(), Points(), Level())
    family = MissedFamily([np.array([person], np.float32)], tools, AnalysisSettings())
    one = look(flat(), result)
    assert family.measure(one.pair, [one] if tracked else []) == {"missed": missed}
