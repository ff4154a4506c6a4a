"""Synthetic tracks with known answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.helpers.squares import ColorRecognizer, square_face
from videoswap.settings import AnalysisSettings
from videoswap.tracking.samples import Sample
from videoswap.tracking.tracker import Split, TrackAssigner

A, B, C = np.eye(3, dtype=np.float32)
VECTORS = {"a": A, "b": B, "c": C}
LOOKS = {
    name: np.random.default_rng(seed).integers(-127, 128, (16, 16)).astype(np.int8)
    for seed, name in enumerate(VECTORS)
}


def sample(pts, vector, quality=0.9, covered=False):
    (name,) = [name for name, one in VECTORS.items() if one is vector]
    return Sample(pts, vector, quality, LOOKS[name], covered)


@dataclass
class Run:
    """Feeds frames of {name: (x, y)} to a tracker and notes who got which number."""

    tracker: TrackAssigner = field(
        default_factory=lambda: TrackAssigner(ColorRecognizer(), AnalysisSettings(max_gap=10))
    )
    covered: str = ""
    embedded: int = 0
    numbers: dict[str, list[int]] = field(default_factory=dict)
    size: float = 40.0

    def frame(self, pts, people):
        names = list(people)
        faces = [square_face(*people[name], self.size) for name in names]

        def embed(index):
            self.embedded += 1
            return self._sample(pts, names[index])

        ids = self.tracker.step(pts, faces, [LOOKS[name] for name in names], embed)
        for name, number in zip(names, ids, strict=True):
            self.numbers.setdefault(name, []).append(number)
            for live in list(self.tracker.active):
                if live.id == number and not live.samples:
                    self.tracker.add_sample(live, self._sample(pts, name))

    def _sample(self, pts, name):
        return sample(pts, VECTORS[name], covered=name in self.covered)


def crossing(hide: bool, bounce: bool = False):
    """A goes right and B left on one height; in the middle B may be hidden, both may turn."""
    frames = []
    for k in range(41):
        x = min(k, 40 - k) if bounce else k
        people = {"a": (100 + 4.0 * x, 90.0), "b": (268 - 4.0 * x, 92.0)}
        if hide and abs(people["a"][0] - people["b"][0]) < 22:
            del people["b"]
        frames.append(people)
    return frames


CASES = {
    "alone": [{"a": (100 + 5.0 * k, 90)} for k in range(20)],
    "side by side": [{"a": (100 + k, 90), "b": (145 + k, 90)} for k in range(20)],
    "fast": [{"a": (40 + 22.0 * k, 90)} for k in range(12)],
    "gap": [{} if 5 <= k < 14 else {"a": (100 + 3.0 * k, 90)} for k in range(25)],
    "crossing": crossing(hide=False),
    "crossing, one hidden": crossing(hide=True),
    "meeting and turning": crossing(hide=False, bounce=True),
}


@pytest.mark.parametrize("name", CASES)
def test_everybody_keeps_one_number(name):
    run = Run()
    for pts, people in enumerate(CASES[name]):
        run.frame(pts, people)
    assert all(len(set(numbers)) == 1 for numbers in run.numbers.values()), run.numbers
    assert len({numbers[0] for numbers in run.numbers.values()}) == len(run.numbers)


@pytest.mark.parametrize("name", ["alone", "side by side", "fast"])
def test_clear_cases_need_no_embedding(name):
    run = Run()
    for pts, people in enumerate(CASES[name]):
        run.frame(pts, people)
    assert run.embedded == 0


def test_leaving_and_coming_back_late_is_a_new_track():
    run = Run()
    for pts in range(40):
        run.frame(pts, {} if 5 <= pts < 20 else {"a": (100, 90)})
    assert run.numbers["a"][0] != run.numbers["a"][-1]


def test_somebody_else_at_the_same_place_after_a_gap_is_a_new_track():
    run = Run()
    for pts in range(6):
        run.frame(pts, {"a": (100, 90)})
    for pts in range(6, 11):
        run.frame(pts, {})
    run.frame(11, {"b": (101, 90)})
    assert run.numbers["a"][0] != run.numbers["b"][0]


@pytest.mark.parametrize(("covered", "checked"), [("a", False), ("b", True)])
def test_a_covered_face_at_the_same_place_after_a_gap_is_the_same(covered, checked):
    run = Run(covered=covered)
    for pts in range(6):
        run.frame(pts, {"a": (100, 90)})
    for pts in range(6, 11):
        run.frame(pts, {})
    run.frame(11, {"b": (101, 90)})
    assert run.numbers["a"][0] == run.numbers["b"][0]
    assert run.tracker.wants_sample(run.tracker.active[0], 0.1) == checked  # once it is seen


def test_a_cut_ends_all_tracks():
    run = Run()
    run.frame(0, {"a": (100, 90)})
    run.tracker.end_tracks()
    run.frame(1, {"a": (100, 90)})
    assert run.numbers["a"] == [0, 1]


def test_a_lasting_change_of_identity_splits_the_track():
    run = Run()
    for pts in range(10):
        run.frame(pts, {"a": (100, 90)})
    for pts in range(10, 30):  # a jump, where the other one took over
        run.frame(pts, {"b": (115, 90)})
    live = run.tracker.active[0]
    assert run.tracker.add_sample(live, sample(20, B)) is None
    assert run.tracker.add_sample(run.tracker.active[0], sample(25, B)) == Split(0, 1, 10)
    assert run.tracker.active[0].id == 1


def test_a_covered_face_is_nobody_else_until_it_is_seen():
    run = Run()
    for pts in range(30):
        run.frame(pts, {"a": (100, 90)} if pts < 10 else {"b": (120, 90)})
    assert run.tracker.wants_sample(run.tracker.active[0], 0.1)
    for pts in (12, 16):
        assert run.tracker.add_sample(run.tracker.active[0], sample(pts, B, covered=True)) is None
        assert not run.tracker.wants_sample(run.tracker.active[0], 0.1)  # it still is, as it was
    run.frame(30, {"c": (120, 90)})
    assert run.tracker.wants_sample(run.tracker.active[0], 0.1)
    assert run.tracker.add_sample(run.tracker.active[0], sample(18, B)) is None
    assert run.tracker.add_sample(run.tracker.active[0], sample(25, B)) == Split(0, 1, 10)


@pytest.mark.parametrize("covered", ["", "ab"])
def test_who_changes_places_is_told_by_faces_that_are_alike_covered(covered):
    run = Run(covered=covered)
    run.frame(0, {"a": (100, 90), "b": (124, 90)})
    run.frame(1, {"a": (116, 90), "b": (108, 90)})
    assert run.numbers == {"a": [0, 0], "b": [1, 1]}


def test_a_face_that_was_covered_so_far_is_whoever_is_seen_first():
    run = Run(covered="b")
    for pts in range(30):
        run.frame(pts, {"b": (100, 90)} if pts < 10 else {"a": (115, 90)})
    for pts in (12, 20):
        assert run.tracker.add_sample(run.tracker.active[0], sample(pts, A)) is None
    assert [one.pts for one in run.tracker.active[0].known] == [12, 20]


def test_one_odd_sample_does_not_split():
    run = Run()
    for pts, x in ((0, 100), (1, 100), (2, 115), (3, 115)):
        run.frame(pts, {"a": (x, 90)})
    for pts, vector in ((10, B), (20, A), (30, B), (40, C), (50, A)):
        assert run.tracker.add_sample(run.tracker.active[0], sample(pts, vector)) is None


# 0.27: a head thrown back, which has no more in common with itself than with anybody.
@pytest.mark.parametrize(("quality", "splits"), [(0.1, False), (0.27, False), (0.8, True)])
def test_without_a_jump_only_what_is_clearly_seen_is_somebody_else(quality, splits):
    run = Run()
    for pts in range(30):  # no sudden change: some frames look like neither
        run.frame(pts, {("a" * 7 + "cac" + "b" * 20)[pts]: (100 + pts, 90)})
    taken = [run.tracker.add_sample(run.tracker.active[0], sample(n, B, quality)) for n in (12, 20)]
    assert taken[0] is None
    assert (taken[1] is not None and taken[1].pts in (9, 10)) if splits else taken[1] is None


def test_a_face_that_is_exchanged_between_two_frames_is_embedded():
    run = Run()
    for pts in range(16):
        run.frame(pts, {"a" if pts < 9 else "b": (100, 90)})
        live = run.tracker.active[0]
        assert run.tracker.wants_sample(live, 0.1) == (pts >= 12)


def test_samples_are_few():
    run = Run()
    taken = 0
    for pts in range(500):
        run.frame(pts, {"a": (100, 90)})
        live = run.tracker.active[0]
        if pts % 8 == 0 and run.tracker.wants_sample(live, 0.9):
            run.tracker.add_sample(live, Sample(pts, A, 0.9))
            taken += 1
    assert 4 <= taken <= 9
