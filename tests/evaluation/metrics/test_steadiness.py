import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import SIDE, face_pair, flat, history, points, textured
from videoswap.evaluation.face_pair import FacePair
from videoswap.evaluation.metrics.columns import joined
from videoswap.evaluation.metrics.steadiness import JitterFamily, MaskFlickerFamily, WarpingFamily

EYES = float(np.hypot(*(points()[45] - points()[36])))
FRAMES = 40
FILM = textured(size=SIDE + FRAMES)


def run(noise, drift=0, frames=FRAMES):
    """Measure a face whose landmarks tremble by (original, result) pixels while it drifts."""
    random = np.random.default_rng(1)
    family, face_pairs, rows = JitterFamily(), [], []
    for index in range(frames):
        way = drift * index
        film = np.ascontiguousarray(FILM[:SIDE, FRAMES - way : FRAMES - way + SIDE])
        smooth = points() + np.float32([way, 0])
        shaken = random.normal(0, 1, (68, 2))
        fresh = [(smooth + size * shaken).astype(np.float32) for size in noise]
        face_pairs.insert(0, face_pair(film, film, smooth=smooth, fresh=tuple(fresh), index=index))
        rows.append(family.measure(history(*face_pairs[:3])))
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
    family, face_pairs, rows = JitterFamily(), [], []
    for index in range(90):
        seen = face_pair(film, film, index=index)
        told = Restless(2.0, random)
        for picture, own in ((seen.pair.original, 0.5), (seen.pair.result, 1.0)):
            told.true[id(picture)] = points() + random.normal(0, own, (68, 2))
        face_pairs.insert(0, FacePair(seen.pair, 0, 0, seen.face, told))
        rows.append(family.measure(history(*face_pairs[:3])))
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
    seen = face_pair(FILM[:SIDE, :SIDE], FILM[:SIDE, :SIDE])
    original, result = FacePair(seen.pair, 0, 0, seen.face, Noting()).reread
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
    sizes = enumerate((1.0, 0.95, 0.9))
    face_pairs = [face_pair(squeezed(size), flat(), index=index) for index, size in sizes][::-1]
    assert family.measure(history(face_pairs[2])) == {}
    assert family.measure(history(*face_pairs[1:])) == {}
    assert family.measure(history(*face_pairs)) == {"still": 0.0}


def test_what_was_measured_before_a_gap_is_forgotten():
    family = JitterFamily()
    film = FILM[:SIDE, :SIDE]
    early = [face_pair(film, film, index=index) for index in (1, 0)]
    late = [face_pair(film, film, index=index) for index in (9, 8, 7)]
    family.measure(history(*early))
    assert family.measure(history(*late)) == {}


def test_columns_of_several_people_are_joined_by_time():
    one = {"pts": np.array([0.0, 2.0]), "x": np.array([1.0, 3.0])}
    two = {"pts": np.array([1.0]), "x": np.array([2.0])}
    assert joined([one, two])["x"].tolist() == [1, 2, 3]


WARPING = WarpingFamily()


def test_flashing_by_known_levels_is_the_error():
    base = textured()
    face_pairs = [
        face_pair(base + np.uint8(2 * (index % 2)), base + np.uint8(6 * (index % 2)), index=index)
        for index in range(2)
    ]
    found = WARPING.measure(history(face_pairs[1], face_pairs[0]))
    assert found["warp_original"] == pytest.approx(2.0, abs=0.1)
    assert found["warp_result"] == pytest.approx(6.0, abs=0.1)


def test_motion_of_the_original_is_taken_out():
    wide = textured(size=SIDE + 8)
    now, then = wide[4:-4, 4:-4], wide[2:-6, 1:-7]  # moved by three columns and two rows
    found = WARPING.measure(history(face_pair(now, now, index=1), face_pair(then, then)))
    raw = np.abs(now.astype(int) - then).mean()
    assert found["warp_original"] == found["warp_result"] < 0.1 * raw


def test_there_is_nothing_to_say_about_a_first_frame():
    assert WARPING.measure(history(face_pair(flat(), flat()))) == {}


def square(side):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    low = (SIDE - side) // 2
    mask[low : low + side, low : low + side] = 255
    return mask


@pytest.mark.parametrize(("before", "after"), [(60, 60), (60, 48), (48, 60)])
def test_masks_of_a_still_face_overlap_as_their_areas_say(before, after):
    base = textured()
    now, then = (face_pair(base, base, mask=square(side)) for side in (after, before))
    found = MaskFlickerFamily().measure(history(now, then))
    small, large = sorted((before**2, after**2))
    assert found["mask_overlap"] == pytest.approx(small / large, abs=0.01)
    assert found["mask_area_change"] == pytest.approx(1 - small / large, abs=0.01)


def test_without_masks_there_is_no_mask_flicker():
    now, then = face_pair(flat(), flat(), index=1), face_pair(flat(), flat())
    assert MaskFlickerFamily().measure(history(now, then)) == {}
