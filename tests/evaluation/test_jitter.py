import cv2
import numpy as np
import pytest

from tests.evaluation.looks import SIDE, flat, look, moment, points, textured
from videoswap.evaluation.face_pair import Look
from videoswap.evaluation.metrics.metric import joined
from videoswap.evaluation.metrics.steadiness import JitterFamily

EYES = float(np.hypot(*(points()[45] - points()[36])))
FRAMES = 40
FILM = textured(size=SIDE + FRAMES)


def run(noise, drift=0, frames=FRAMES):
    """Measure a face whose landmarks tremble by (original, result) pixels while it drifts."""
    random = np.random.default_rng(1)
    family, looks, rows = JitterFamily(), [], []
    for index in range(frames):
        way = drift * index
        film = np.ascontiguousarray(FILM[:SIDE, FRAMES - way : FRAMES - way + SIDE])
        smooth = points() + np.float32([way, 0])
        shaken = random.normal(0, 1, (68, 2))
        fresh = [(smooth + size * shaken).astype(np.float32) for size in noise]
        looks.insert(0, look(film, film, smooth=smooth, fresh=tuple(fresh), index=index))
        rows.append(family.measure(moment(*looks[:3])))
    columns = {name: np.array([row.get(name, np.nan) for row in rows]) for name in family.columns}
    return {metric.key: metric.value(columns) for metric in family.metrics}


@pytest.mark.parametrize("drift", [0, 1])
def test_the_jitter_is_the_standard_deviation_that_was_put_in(drift):
    found = run((0.5, 1.0), drift)
    for kind in ("jitter", "jitter_reread"):  # the readings agree here
        assert found[f"{kind}_ratio"] == pytest.approx(2.0, rel=0.02)
        assert found[f"{kind}_original"] == pytest.approx(0.5 / EYES * 1000, rel=0.05)
    assert found["still_frames"] == FRAMES - 2


class Restless:
    """A landmarker that answers with the truth and an error of its own for every square."""

    key = "restless"

    def __init__(self, noise, random):
        self.noise, self.random, self.true = noise, random, {}

    def landmarks(self, picture, points5):
        return self.true[id(picture)] + self.random.normal(0, self.noise, (68, 2))


def test_the_mean_of_many_readings_tells_the_face_from_the_landmarker():
    random = np.random.default_rng(3)
    film = FILM[:SIDE, :SIDE]
    family, looks, rows = JitterFamily(), [], []
    for index in range(90):
        seen = look(film, film, index=index)
        told = Restless(2.0, random)
        for picture, own in ((seen.pair.original, 0.5), (seen.pair.result, 1.0)):
            told.true[id(picture)] = points() + random.normal(0, own, (68, 2))
        looks.insert(0, Look(seen.pair, 0, 0, seen.face, told))
        rows.append(family.measure(moment(*looks[:3])))
    columns = {name: np.array([row.get(name, np.nan) for row in rows]) for name in family.columns}
    found = {metric.key: metric.value(columns) for metric in family.metrics}
    # Independent errors: 4 square pixels once, a sixteenth of that in the mean of sixteen.
    assert found["jitter_ratio"] == pytest.approx(np.sqrt((1 + 4) / (0.25 + 4)), rel=0.03)
    assert found["jitter_reread_ratio"] == pytest.approx(
        np.sqrt((1 + 4 / 16) / (0.25 + 4 / 16)), rel=0.03
    )


def test_the_squares_of_the_readings_lie_evenly_around_the_face():
    class Noting:
        key = "noting"

        def landmarks(self, picture, points5):
            asked.append(points5)
            return points()

    asked = []
    seen = look(FILM[:SIDE, :SIDE], FILM[:SIDE, :SIDE])
    original, result = Look(seen.pair, 0, 0, seen.face, Noting()).reread
    np.testing.assert_allclose(original, points())
    np.testing.assert_allclose(result, points())
    first, second = asked[:16], asked[16:]
    np.testing.assert_array_equal(first, second)  # both pictures are asked alike
    np.testing.assert_allclose(np.mean(first, axis=0), seen.face.points5, atol=1e-3)
    assert len({one.tobytes() for one in first}) == 16
    moved = np.abs(np.array(first) - seen.face.points5).max()
    assert moved < 0.1 * EYES


def squeezed(share):
    """The film with the face squeezed from above, as if it nodded."""
    film = FILM[:SIDE, :SIDE]
    middle = SIDE / 2
    matrix = np.array([[1, 0, 0], [0, share, middle * (1 - share)]])
    return cv2.warpAffine(film, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


def test_two_frames_are_too_few_and_a_changing_face_is_not_still():
    family = JitterFamily()
    looks = [look(squeezed(s), flat(), index=i) for i, s in enumerate((1.0, 0.95, 0.9))][::-1]
    assert family.measure(moment(looks[2])) == {}
    assert family.measure(moment(*looks[1:])) == {}
    assert family.measure(moment(*looks)) == {"still": 0.0}


def test_what_was_measured_before_a_gap_is_forgotten():
    family = JitterFamily()
    film = FILM[:SIDE, :SIDE]
    early = [look(film, film, index=index) for index in (1, 0)]
    late = [look(film, film, index=index) for index in (9, 8, 7)]
    family.measure(moment(*early))
    assert family.measure(moment(*late)) == {}


def test_columns_of_several_people_are_joined_by_time():
    one = {"pts": np.array([0.0, 2.0]), "x": np.array([1.0, 3.0])}
    two = {"pts": np.array([1.0]), "x": np.array([2.0])}
    assert joined([one, two])["x"].tolist() == [1, 2, 3]
