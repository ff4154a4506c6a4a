"""What the page shows of a finished run: the report and the measurement, in words and curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..records import person_name
from .runs import Run

MOST_POINTS = 400  # of a curve


def report_view(run: Run) -> dict[str, Any]:
    """Return what a run did: who got what, times, and what was done otherwise than asked.

    Raises:
        InputError: ``no_report``.
    """
    report, names = _read(run.report), _names(run)
    people = [
        {
            "name": names.get(one["person"], person_name(one["person"])),
            "gets": one["source"],
            "frames": one["frames"],
        }
        for one in report["people"]
    ]
    return {
        "frames": report["frames"],
        "swapped": report["swapped_frames"],
        "engine": report["engine"],
        "device": report["device"],
        "encoder": report["encoder"],
        "seconds": report["seconds"],
        "people": people,
        "notes": [one["text"] for one in report["notes"]],
    }


def quality_view(run: Run) -> dict[str, Any]:
    """Return what was measured: the verdict, the numbers by person, and curves over time.

    Raises:
        InputError: ``no_report``.
    """
    found, names = _read(run.result), _names(run)
    labels = {
        (group["name"], key): metric["label"]
        for group in found["groups"]
        for key, metric in group["metrics"].items()
    }
    verdict = found["verdict"]
    bad = [
        {"who": _title(one["group"], names), "label": labels[one["group"], one["metric"]]}
        for one in verdict["bad"]
    ]
    shown = [one for one in found["groups"] if one["rows"] and _is_shown(one)]
    return {
        "good": verdict["good"],
        "judged": verdict["judged"],
        "bad": bad,
        "frames": found["frames"],
        "notes": [one["text"] for one in found["notes"]],
        "groups": [
            {
                "title": _title(one["name"], names),
                "source": one["source"],
                "numbers": list(one["metrics"].values()),
                "plots": _plots(one),
            }
            for one in shown
        ],
    }


def _is_shown(group: dict[str, Any]) -> bool:
    """Tell whether it is a swapped person, all that was left alone, or whole frames."""
    return group["source"] is not None or group["name"] in ("all left alone", "frames")


def _plots(group: dict[str, Any]) -> list[dict[str, Any]]:
    times = group["over_time"]
    step = max(1, -(-len(times["seconds"]) // MOST_POINTS))
    plots = []
    for metric in group["metrics"].values():
        curves = [
            {"name": name.replace("_", " "), "values": _thinned(times[name], step)}
            for name in metric["plot"]
        ]
        if any(value is not None for one in curves for value in one["values"]):
            seconds = times["seconds"][::step]
            plots.append({"label": metric["label"], "seconds": seconds, "curves": curves})
    return plots


def _thinned(values: Sequence[float | None], step: int) -> list[float | None]:
    """Keep of every stretch the largest value."""
    stretches = (values[at : at + step] for at in range(0, len(values), step))
    return [max((one for one in some if one is not None), default=None) for some in stretches]


def _title(group: str, names: dict[int, str]) -> str:
    word, _, number = group.partition(" ")
    if word == "person" and number.isdigit():
        return names.get(int(number) - 1, group)
    return "whole frames" if group == "frames" else group


def _names(run: Run) -> dict[int, str]:
    """Return the names of the people by number."""
    plan = _read(run.plan)
    return {number: one["name"] for number, one in enumerate(plan["people"])}


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError("no_report", "The report of this run is gone.") from None
    return found
