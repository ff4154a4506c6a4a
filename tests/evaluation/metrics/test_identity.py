import numpy as np
import pytest

from tests.helpers.face_pairs import face_pair, flat, history
from videoswap.evaluation.expected import Known
from videoswap.evaluation.metrics.identity import IdentityFamily


class Grey:
    """Takes the mean level of a picture for the person."""

    name = key = "grey"
    dim = 1
    default_threshold = cluster_threshold = 10.0

    def embed(self, picture, landmarks):
        return np.array([picture.mean()], np.float32)

    def distance(self, one, other):
        return float(np.abs(one - other).sum())


KNOWN = [
    Known("a.png", "source", 0, np.array([100], np.float32)),
    Known("b.png", "source", 1, np.array([140], np.float32)),
    Known("person 0", "original", 0, np.array([60], np.float32)),
    Known("person 1", "original", 1, np.array([200], np.float32)),
    Known("c.png", "gallery", -1, np.array([115], np.float32)),
]
FAMILY = IdentityFamily(KNOWN, {0: 0, 1: 1}, Grey())
CASES = {  # level of the result: distances to source and original, retrieved, wrong
    102: (2, 42, 1, 0),
    112: (12, 52, 0, 0),  # nearer to somebody of the gallery
    138: (38, 78, 0, 1),  # the other source
    61: (39, 1, 0, 0),  # still the original person
}


@pytest.mark.parametrize("level", CASES)
def test_distances_retrieval_and_wrong_person(level):
    found = FAMILY.measure(history(face_pair(flat(60), flat(level))))
    names = ("to_source", "to_original", "retrieved", "wrong_source")
    assert tuple(found[name] for name in names) == CASES[level]


def test_every_track_has_its_own_source_and_person():
    found = FAMILY.measure(history(face_pair(flat(200), flat(140), source=1, track=1)))
    assert (found["to_source"], found["to_original"], found["retrieved"]) == (0, 60, 1)
