"""What the page shows of a finished run, in words and curves."""

from __future__ import annotations

import json

import pytest

from videoswap.errors import InputError
from videoswap.ui.run_views import MOST_POINTS, quality_view, report_view
from videoswap.ui.runs import Run, read_run


@pytest.fixture
def swapped(tmp_path):
    folder = tmp_path / "run-a"
    folder.mkdir()
    (folder / "film.plan.json").write_text(
        json.dumps({"people": [{"name": "Ann"}, {"name": "Bob"}]})
    )
    return Run("a.mp4", folder, ".mp4", film="/films/a.mp4")


@pytest.fixture
def measured(swapped, tmp_path):
    folder = tmp_path / "measure-a"
    folder.mkdir()
    return Run("a.mp4", folder, ".mp4", ("--device", "cpu"), swapped.film, "run-a")


def test_a_report_names_people_as_the_plan_does(swapped):
    people = [
        {"person": 0, "source": "me.jpg", "frames": 9},
        {"person": 1, "source": None, "frames": 5},
    ]
    report = {
        "people": people, "frames": 10, "swapped_frames": 9, "engine": "mesh", "device": "cpu",
        "encoder": "libx264", "seconds": {"render": 2.0}, "notes": [{"text": "It is dark"}],
    }  # fmt: skip
    swapped.report.write_text(json.dumps(report))
    told = report_view(swapped)
    assert [(one["name"], one["gets"]) for one in told["people"]] == [
        ("Ann", "me.jpg"),
        ("Bob", None),
    ]
    assert told["notes"] == ["It is dark"] and told["swapped"] == 9


def metric(label, good, plot=()):
    return {"value": 0.5, "unit": "", "label": label, "plot": plot, "good": good, "range": "<= 1"}


def test_a_measurement_says_who_is_not_good_in_what_and_thins_its_curves(measured):
    count = 3 * MOST_POINTS - 1
    values = [None] * count
    values[1], values[count - 1] = 0.7, 0.2
    over_time = {"seconds": [number / 10 for number in range(count)], "to_source": values}
    groups = [
        {"name": "all swapped", "source": None, "rows": count, "metrics": {}, "over_time": {}},
        {
            "name": "person 2", "source": "me.jpg", "rows": count, "over_time": over_time,
            "metrics": {"d": metric("distance", False, ["to_source"]), "e": metric("other", True)},
        },
        {"name": "frames", "source": None, "rows": 3, "over_time": {"seconds": [0.0]},
         "metrics": {"f": metric("outside", True)}},
    ]  # fmt: skip
    verdict = {"good": False, "judged": 3, "bad": [{"group": "person 2", "metric": "d"}]}
    found = {"verdict": verdict, "groups": groups, "frames": count, "notes": []}
    measured.result.write_text(json.dumps(found))
    told = quality_view(measured)
    assert told["bad"] == [{"who": "Bob", "label": "distance"}]
    assert [one["title"] for one in told["groups"]] == ["Bob", "whole frames"]
    (plot,) = told["groups"][0]["plots"]
    (curve,) = plot["curves"]
    assert len(plot["seconds"]) == len(curve["values"]) == MOST_POINTS
    assert (curve["values"][0], curve["values"][1], curve["values"][-1]) == (0.7, None, 0.2)


def test_a_measurement_reads_what_the_run_made(measured, swapped):
    words = measured.words()
    assert words[:3] == ["evaluate", "/films/a.mp4", str(swapped.result)]
    assert words[words.index("--plan") + 1] == str(swapped.plan)
    assert words[words.index("--masks") + 1] == str(swapped.masks)
    measured.save()
    again = read_run(measured.folder)
    assert again.words() == words and again.as_data()["kind"] == "measure"


def test_a_report_that_is_gone_is_told(swapped):
    with pytest.raises(InputError) as caught:
        report_view(swapped)
    assert caught.value.code == "no_report"
