"""Which numbers are good, and what they say together."""

import numpy as np
import pytest

from videoswap.evaluation.metrics import families
from videoswap.evaluation.metrics.columns import mean
from videoswap.evaluation.metrics.metric import Metric
from videoswap.evaluation.report import Evaluation, Group, Groups, marked, table, values_of
from videoswap.timerange import TimeRange

METRICS = {
    metric.key: metric
    for family in vars(families).values()
    if isinstance(getattr(family, "metrics", None), tuple)
    for metric in family.metrics
}
GOOD = {key: metric.good for key, metric in METRICS.items() if metric.good is not None}


def values(lossless=True, **numbers):
    """Return the values of metrics that gave these numbers."""
    metrics = [Metric(key, key, "", mean(key), good=GOOD.get(key)) for key in numbers]
    columns = {key: np.array([number], float) for key, number in numbers.items()}
    return {one.metric.key: one for one in values_of(metrics, columns, True, lossless)}


def evaluation(*people, whole=()):
    """Return a report on people with these values."""

    def group(name, values=(), source=None):
        return Group(name, source, 1, tuple(values), {})

    persons = tuple(group(f"person {n}", some.values(), "me") for n, some in enumerate(people))
    groups = Groups(persons[0], persons, group("left alone"), (), group("frames", whole))
    return Evaluation("a", "b", None, "dlib", True, 1, 1, TimeRange(), groups, ())


@pytest.mark.parametrize(
    ("key", "number", "good"),
    [
        ("grain", 1.948, False),  # which was called near 1
        ("grain", 1.3, True),
        ("grain", 0.5, False),
        ("sharpness", 0.7, False),
        ("sharpness", 1.0, True),
        ("distance_to_source", 0.61, False),
        ("distance_to_source", 0.45, True),
        ("fallback_frames", 0, True),
        ("fallback_frames", 1, False),
        ("retrieval", 0.9, False),
        ("jitter_reread_ratio", 1.2, False),
        ("jitter_reread_ratio", 0.3, True),
        ("mask_overlap", 0.9, False),
        ("warp_original", 5, None),
        ("grain", np.nan, None),
    ],
)
def test_a_number_is_good_or_not_or_only_informs(key, number, good):
    assert values(**{key: number})[key].good is good


@pytest.mark.parametrize(("original", "good"), [(0.7, True), (0.4, False)])
def test_a_distance_is_held_against_the_other(original, good):
    found = values(distance_to_source=0.5, distance_to_original=original)
    assert found["distance_to_original"].good is good


def test_nothing_is_held_against_what_was_not_measured():
    found = values(distance_to_source=np.nan, distance_to_original=0.5)
    assert found["distance_to_original"].good is None


@pytest.mark.parametrize(("step", "good"), [(1.9, True), (2.1, False)])
def test_a_step_is_held_against_the_gradient(step, good):
    assert values(seam_luma=step, seam_luma_gradient=2.0)["seam_luma"].good is good


@pytest.mark.parametrize(
    ("lossless", "number", "good"),
    [(True, 0, True), (True, 3, False), (False, 3_000_000, None), (False, 0, True)],
)
def test_changed_samples_count_where_the_encoder_changes_none(lossless, number, good):
    assert values(lossless, outside_changed=number)["outside_changed"].good is good


@pytest.mark.parametrize("key", list(GOOD))
def test_every_range_has_words_and_can_be_met_and_missed(key):
    good = GOOD[key]
    others = {good.below: 1.0, good.above: 1.0}
    tried = (-9e9, 0, 0.05, 0.5, 0.9, 0.99, 1.01, 9e9)
    assert {good.holds(number, others) for number in tried} == {True, False}
    assert good.words


def test_the_table_marks_every_number():
    found = values(grain=1.948, sharpness=1.0, warp_original=5.0, retrieval=np.nan)
    assert [marked(one).rstrip() for one in found.values()] == [
        "1.948 BAD",
        "1.000 ok",
        "5.000",
        "not measurable: there was nothing to measure it on",
    ]


def test_the_verdict_names_what_is_not_good_of_whom():
    bad = evaluation(values(grain=1.0), values(grain=1.948, sharpness=1.0, warp_original=5.0))
    assert bad.verdict.good is False
    assert bad.verdict.judged == 3
    assert (
        table(bad)[-1]
        == str(bad.verdict)
        == (
            "Verdict: not good in 1 of 3 numbers that are judged: "
            "grain 1.948 (person 1; good: 0.67 to 1.5)."
        )
    )


def test_the_other_verdicts():
    good = evaluation(values(grain=1.0), whole=values(outside_places=0.0).values())
    assert good.verdict.good is True
    assert str(good.verdict) == "Verdict: good in all 2 numbers that are judged."
    none = evaluation(values(warp_original=1.0))
    assert none.verdict.good is None
    assert str(none.verdict) == "Verdict: nothing could be judged."
