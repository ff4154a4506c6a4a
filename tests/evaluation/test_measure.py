"""Which frames are put together, and what becomes of the columns."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.face_pairs import face_pair, flat
from videoswap.evaluation.measure import FRAMES_READ_AHEAD, Families, measure
from videoswap.evaluation.metrics.columns import mean, runs, share_at_most, total
from videoswap.evaluation.metrics.metric import Metric
from videoswap.evaluation.report import NOTHING_MEASURED, values_of


class Counting:
    """Notes how many frames before are put together with each."""

    columns = ("before", "others")
    metrics = ()

    def __init__(self, over_time=True):
        self.over_time = over_time

    def measure(self, history):
        return {"before": len(history.before), "others": len(history.swapped)}


class Faces:
    """Tracks by the frames they are seen in."""

    def __init__(self, tracks, count):
        self.tracks = tracks
        self.frames = SimpleNamespace(pts=np.arange(count))
        self.asked = 0

    def faces_between(self, first, last):
        self.asked += 1
        face = face_pair(flat(), flat()).face
        return {
            pts: [(track, face) for track, seen in self.tracks.items() if pts in seen]
            for pts in range(first, last + 1)
        }


def run(tracks, count, sources, step=1):
    pairs = (face_pair(flat(), flat(), index=index).pair for index in range(count))
    families = Families((Counting(),), (Counting(over_time=False),), ())
    faces = Faces(tracks, count)
    persons = {track: track for track in tracks}
    return measure(
        pairs, faces, persons, lambda track, pts: sources.get(track), families, None, step
    ), faces


def test_only_frames_that_follow_each_other_are_put_together():
    found, _ = run({0: {0, 1, 2, 3, 5, 6}}, 8, {0: 0})
    assert found.swapped[0]["before"].tolist() == [0, 1, 2, 2, 0, 1]
    assert found.swapped[0]["pts"].tolist() == [0, 1, 2, 3, 5, 6]
    assert found.count == 8 and len(found.frames["pts"]) == 8


def test_people_left_alone_have_columns_of_their_own_and_know_their_neighbours():
    found, _ = run({0: {0, 1}, 1: {1, 2}, 2: {0, 1, 2}}, 3, {0: 0, 1: 1})
    assert found.swapped.keys() == {0, 1} and found.others.keys() == {2}
    assert found.swapped[0]["others"].tolist() == [0, 1]
    assert found.others[2]["others"].tolist() == [1, 2, 1]


def test_a_step_thins_out_what_looks_at_single_frames():
    found, _ = run({0: set(range(9)), 1: set(range(9))}, 9, {0: 0}, step=4)
    assert np.isfinite(found.swapped[0]["before"]).all()
    assert np.nonzero(np.isfinite(found.others[1]["before"]))[0].tolist() == [0, 4, 8]


def test_faces_are_read_a_stretch_at_a_time():
    _, faces = run({0: {0}}, FRAMES_READ_AHEAD + 1, {0: 0})
    assert faces.asked == 2


def test_runs_are_counted_track_by_track():
    marks, tracks = [1, 1, 0, 1, 0, 1, 1], [0, 0, 0, 0, 0, 1, 1]
    columns = {"x": np.array(marks, float), "track": np.array(tracks, float)}
    assert runs("x")(columns) == 3
    mixed = np.array([0, 5, 1, 6, 2, 3, 4])  # two people in turn
    assert runs("x")({name: values[mixed] for name, values in columns.items()}) == 3


COLUMNS = {"a": np.array([1, 2, np.nan]), "b": np.array([2, 1, 0]), "c": np.full(3, np.nan)}


@pytest.mark.parametrize(
    ("rule", "number"),
    [(mean("a"), 1.5), (total("b"), 3), (share_at_most("a", "b"), 0.5), (mean("c"), None)],
)
def test_columns_become_numbers_and_missing_ones_say_why(rule, number):
    (value,) = values_of([Metric("k", "label", "", rule)], COLUMNS, False, True)
    assert value.number == number
    assert (value.why == NOTHING_MEASURED) == (number is None)


def test_no_rows_at_all_are_nothing_to_measure():
    (value,) = values_of([Metric("k", "l", "", total("a"))], {"a": np.zeros(0)}, True, True)
    assert str(value) == f"not measurable: {NOTHING_MEASURED}"
