"""What an evaluation says, as data. It holds numbers and names only, no pictures, no embeddings."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..media.files import atomic_output
from ..records import Array, TimeRange
from .metric import Columns, Metric

VERSION = 1  # of the JSON; goes up when a key changes its meaning or goes away
COUNTS = ("frames", "times", "faces", "samples")  # units of whole numbers
NEEDS_MASKS = "needs --masks"
NOTHING = "there was nothing to measure it on"


@dataclass(frozen=True, slots=True)
class Value:
    """One number of the report.

    Attributes:
        metric: What it is.
        number: The number; None if it could not be measured.
        why: Why it could not be measured.
    """

    metric: Metric
    number: float | None
    why: str = ""

    def __str__(self) -> str:
        """Return the number as a table shows it."""
        if self.number is None:
            return f"not measurable: {self.why}"
        if self.metric.unit in COUNTS:
            return f"{self.number:.0f}"
        return f"{self.number:.3f}"


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The numbers of one person, of all swapped people together, or of whole frames.

    Attributes:
        name: ``person 0``, ``all swapped``, ``frames``.
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


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Everything measured on one result.

    Attributes:
        original: The video that was swapped.
        result: What came out.
        masks: Its masks, if given.
        encoder: Name of the face encoder that judged identities.
        frames: Frames compared.
        step: Metrics of single frames looked at every one of so many.
        part: The part of the original that was looked at.
        groups: The numbers.
        notes: Sentences for the user.
    """

    original: str
    result: str
    masks: str | None
    encoder: str
    frames: int
    step: int
    part: TimeRange
    groups: Groups
    notes: tuple[str, ...]

    def number(self, key: str) -> float | None:
        """Return a number over all swapped people, all others or whole frames."""
        groups = self.groups.overall, self.groups.bystanders, self.groups.whole
        found = (group.number(key) for group in groups)
        return next((number for number in found if number is not None), None)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "version": VERSION,
            "original": self.original,
            "result": self.result,
            "masks": self.masks,
            "encoder": self.encoder,
            "frames": self.frames,
            "step": self.step,
            "start": _seconds(self.part.start),
            "end": _seconds(self.part.end),
            "groups": [_group(group) for group in self.groups.all],
            "notes": list(self.notes),
        }

    def save(self, path: Path) -> None:
        """Write it as JSON; the file appears only when it is complete."""
        with atomic_output(path) as part:
            part.write_text(json.dumps(self.as_data(), indent=1), encoding="utf-8")


def values_of(metrics: Sequence[Metric], columns: Columns, masked: bool) -> tuple[Value, ...]:
    """Make the numbers of the columns.

    Args:
        metrics: Which numbers.
        columns: What they are made of.
        masked: Whether there were masks.
    """
    values = []
    for metric in metrics:
        if metric.needs_masks and not masked:
            values.append(Value(metric, None, NEEDS_MASKS))
            continue
        number = metric.value(columns)
        measured = math.isfinite(number)
        values.append(Value(metric, number if measured else None, "" if measured else NOTHING))
    return tuple(values)


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "source": group.source,
        "rows": group.rows,
        "metrics": {
            one.metric.key: {"value": one.number, "unit": one.metric.unit, "why": one.why}
            for one in group.values
        },
        "over_time": {name: _numbers(column) for name, column in group.columns.items()},
    }


def _numbers(column: Array) -> list[float | None]:
    return [round(one, 6) if math.isfinite(one) else None for one in column.tolist()]


def _seconds(time: Fraction | None) -> float | None:
    return None if time is None else float(time)
