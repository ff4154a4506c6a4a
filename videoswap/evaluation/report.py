"""The outcome of an evaluation: values, verdict, JSON and table. No pictures, no embeddings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..jsonfile import JsonDocument, plain
from ..records import Array, Fallback, counted
from ..report import report_head
from ..timerange import TimeRange
from .metrics.columns import Columns
from .metrics.metric import Metric

KIND = "videoswap evaluation"
COUNT_UNITS = ("frames", "times", "faces", "samples")  # units of whole numbers
NEEDS_MASKS = "needs --masks"
NOTHING_MEASURED = "there was nothing to measure it on"


@dataclass(frozen=True, slots=True)
class Value:
    """One number of the report.

    Attributes:
        metric: What it is.
        number: The number; None if it could not be measured.
        why: Why it could not be measured.
        good: Whether it is good; None if nobody can say: it only informs, or was not measured.
    """

    metric: Metric
    number: float | None
    why: str = ""
    good: bool | None = None

    def __str__(self) -> str:
        """Return the number as a table shows it."""
        if self.number is None:
            return f"not measurable: {self.why}"
        if self.metric.unit in COUNT_UNITS:
            return f"{self.number:.0f}"
        return f"{self.number:.3f}"


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The numbers of one person, of all swapped people together, or of whole frames.

    Attributes:
        name: ``person 1``, ``all swapped``, ``frames``.
        source: Label of the source it should have; None for people left alone and groups.
        rows: Faces or frames measured.
        values: The numbers.
        columns: What they were made of, over time.
    """

    name: str
    source: str | None
    rows: int
    values: tuple[Value, ...]
    columns: Columns

    def number(self, key: str) -> float | None:
        """Return the number of a metric; None if it was not measured."""
        return next((one.number for one in self.values if one.metric.key == key), None)


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The numbers of everybody.

    Attributes:
        overall: All swapped people together.
        people: Every swapped person.
        bystanders: Everybody who should be left alone together.
        others: Everybody who should be left alone.
        whole: Whole frames.
    """

    overall: Group
    people: tuple[Group, ...]
    bystanders: Group
    others: tuple[Group, ...]
    whole: Group

    @property
    def all(self) -> tuple[Group, ...]:
        """All groups."""
        return self.overall, *self.people, self.bystanders, *self.others, self.whole


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all numbers say together.

    Attributes:
        good: Whether all that can be judged are good; None if none can.
        judged: How many those are.
        bad: Group and number of each that is not good.
    """

    good: bool | None
    judged: int
    bad: tuple[tuple[str, Value], ...]

    def __str__(self) -> str:
        """Return it as a sentence."""
        if self.good is None:
            return "Verdict: nothing could be judged."
        if self.good:
            return f"Verdict: good in all {self.judged} numbers that are judged."
        bad = "; ".join(
            f"{value.metric.label} {value} ({group}; good: {value.metric.good_words})"
            for group, value in self.bad
        )
        return (
            f"Verdict: not good in {len(self.bad)} of {self.judged} numbers that are judged: {bad}."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation(JsonDocument):
    """Everything measured on one result.

    Attributes:
        original: The video that was swapped.
        result: What came out.
        masks: Its masks, if given.
        recognizer: Name of the face recognition that judged identities.
        lossless: Whether the result was encoded without loss.
        frames: Frames compared.
        step: Metrics of single frames looked at every one of so many.
        part: The part of the original that was looked at.
        groups: The numbers.
        notes: What the user should know about it.
    """

    original: str
    result: str
    masks: str | None
    recognizer: str
    lossless: bool
    frames: int
    step: int
    part: TimeRange
    groups: Groups
    notes: tuple[Fallback, ...]

    @property
    def encoder(self) -> str:
        """Deprecated name of ``recognizer``."""
        return self.recognizer

    def number(self, key: str) -> float | None:
        """Return a number over all swapped people, all others or whole frames."""
        groups = self.groups.overall, self.groups.bystanders, self.groups.whole
        found = (group.number(key) for group in groups)
        return next((number for number in found if number is not None), None)

    @property
    def verdict(self) -> Verdict:
        """What the numbers of every swapped person, of all others and of whole frames say."""
        groups = self.groups
        judged = [
            (group.name, value)
            for group in (*(groups.people or (groups.overall,)), groups.bystanders, groups.whole)
            for value in group.values
            if value.good is not None
        ]
        bad = tuple((name, value) for name, value in judged if not value.good)
        return Verdict(not bad if judged else None, len(judged), bad)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, which ``docs/report.md`` describes."""
        verdict = self.verdict
        return {
            **report_head(KIND),
            "original": self.original,
            "result": self.result,
            "masks": self.masks,
            "recognizer": self.recognizer,
            "lossless": self.lossless,
            "verdict": {
                "good": verdict.good,
                "judged": verdict.judged,
                "bad": [
                    {"group": name, "metric": value.metric.key, "value": value.number}
                    for name, value in verdict.bad
                ],
            },
            "frames": self.frames,
            "step": self.step,
            "start_seconds": plain(self.part.start),
            "end_seconds": plain(self.part.end),
            "groups": [_group(group) for group in self.groups.all],
            "notes": plain(self.notes),
        }


def values_of(
    metrics: Sequence[Metric], columns: Columns, masked: bool, lossless: bool
) -> tuple[Value, ...]:
    """Make the numbers of the columns.

    Args:
        metrics: Which numbers.
        columns: What they are made of.
        masked: Whether there were masks.
        lossless: Whether the result was encoded without loss.
    """
    numbers = {
        metric.key: _finite(metric.value(columns))
        for metric in metrics
        if masked or not metric.needs_masks
    }
    values = []
    for metric in metrics:
        number = numbers.get(metric.key)
        if number is not None:
            values.append(Value(metric, number, good=_judged(metric, number, numbers, lossless)))
        else:
            why = NOTHING_MEASURED if metric.key in numbers else NEEDS_MASKS
            values.append(Value(metric, None, metric.lacking or why))
    return tuple(values)


def _judged(
    metric: Metric, number: float, numbers: Mapping[str, float | None], lossless: bool
) -> bool | None:
    """Tell whether a number is good; None if nobody can say."""
    if metric.good is None:
        return None
    good = metric.good.holds(number, numbers)
    if metric.good.lossless and not lossless and not good:
        return None  # an encoder with loss explains it
    return good


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "source": group.source,
        "rows": group.rows,
        "metrics": {
            one.metric.key: {
                "value": one.number,
                "unit": one.metric.unit,
                "label": one.metric.label,
                "plot": list(one.metric.plot),
                "why": one.why,
                "good": one.good,
                "range": one.metric.good_words,
            }
            for one in group.values
        },
        "over_time": {name: _numbers(column) for name, column in group.columns.items()},
    }


def _numbers(column: Array) -> list[float | None]:
    return [round(one, 6) if math.isfinite(one) else None for one in column.tolist()]


def table(evaluation: Evaluation) -> list[str]:
    """Return the lines of the report, one column for every person."""
    lines = [
        f"{evaluation.result} against {evaluation.original}: "
        f"{counted(evaluation.frames, 'frame')}, identities by {evaluation.recognizer}",
        "",
    ]
    groups = evaluation.groups
    swapped = [groups.overall, *groups.people]
    lines += _block(swapped if len(groups.people) != 1 else swapped[1:])
    if groups.others:
        lines += ["", *_block([groups.bystanders])]
    lines += ["", *_block([groups.whole])]
    return [*lines, "", str(evaluation.verdict)]


def comparison(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """Return one table over several results of one original, by label."""
    labels = list(evaluations)
    rows = [["", *labels, "good"]]
    for parts in zip(*(_compared(one) for one in evaluations.values()), strict=True):
        metric = parts[0].metric
        label = f"{metric.label} [{metric.unit}]" if metric.unit else metric.label
        rows.append([label, *map(marked, parts), metric.good_words])
    verdicts = [f"{label}: {one.verdict}" for label, one in evaluations.items()]
    return [*aligned(rows), "", *verdicts]


def marked(value: Value) -> str:
    """Return a number and whether it is good."""
    if value.number is None:
        return str(value)
    mark = {True: "ok ", False: "BAD", None: "   "}[value.good]
    return f"{value} {mark}"


def _compared(evaluation: Evaluation) -> list[Value]:
    """Return the values of all swapped people, of all others and of whole frames."""
    groups = evaluation.groups
    return [*groups.overall.values, *groups.bystanders.values, *groups.whole.values]


def _block(groups: Sequence[Group]) -> list[str]:
    head = ["", *(_title(group) for group in groups), "good"]
    rows = [head]
    for place, value in enumerate(groups[0].values):
        metric = value.metric
        label = f"{metric.label} [{metric.unit}]" if metric.unit else metric.label
        words = metric.good_words
        rows.append([label, *(marked(group.values[place]) for group in groups), words])
    return aligned(rows)


def _title(group: Group) -> str:
    if group.source is None:
        return f"{group.name} ({group.rows})"
    return f"{group.name} ({group.rows}) as {Path(group.source).stem}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of words as lines, the first column to the left, others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            word.ljust(width) if column in (0, len(row) - 1) else word.rjust(width)
            for column, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
