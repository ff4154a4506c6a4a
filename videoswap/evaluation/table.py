"""The report as a table in plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .report import Evaluation, Group, Value


def table(evaluation: Evaluation) -> list[str]:
    """Return the lines of the report, one column for every person."""
    lines = [
        f"{evaluation.result} against {evaluation.original}: {evaluation.frames} frames, "
        f"identities by {evaluation.encoder}",
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
