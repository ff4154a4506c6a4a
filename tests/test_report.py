"""Reports hold what docs/report.md says, and JSON can hold them."""

from __future__ import annotations

import json
from dataclasses import fields
from fractions import Fraction
from importlib import resources

import jsonschema
import pytest

from tests.helpers.report_keys import documented, keys_of
from videoswap import __version__, swap_image
from videoswap.jobs.folder_record import FolderItem, FolderReport, is_folder_report
from videoswap.lost import Gap, Lost
from videoswap.people.photo_advice import CheckedPhoto, PhotoAdvice
from videoswap.records import Fallback, RunnerUp, observation
from videoswap.rendering.failed_swaps import FailedSwap
from videoswap.rendering.pipeline import StageTime
from videoswap.report import InputFile, PersonReport, Report, Stretch, WeightFile

GAP = Gap(Fraction(1, 2), Fraction(3, 4), 6)
FAULT = PhotoAdvice("blurred", "the face is blurred", "take a sharper photo", 1.0)
PHOTOS = (CheckedPhoto("a.jpg", 1, (FAULT,), "a.jpg", True),)
REPORT = Report(
    input="in.mp4",
    output="out.mp4",
    engine="mesh",
    device="cpu",
    recognizer="dlib",
    threshold=0.6,
    frames=9,
    swapped_frames=8,
    segments=1,
    encoder="libx264 yuv420p",
    people=(PersonReport(0, "a.jpg", "b.jpg", 0.4, Fraction(1, 3), 8, 1, RunnerUp(2, 0.7)),),
    notes=(
        Fallback("AAC", "Opus", "webm cannot hold AAC"),
        observation("the only person is taken"),
    ),
    unmatched=("c.jpg",),
    seconds={"analyze": 1.5},
    stages=(StageTime("decode", 9, 0.5, 0.25),),
    crop_sizes=(256,),
    lost=Lost(1, Fraction(1, 25), (GAP,), GAP, 1, 1, (Fraction(1, 7),), ("subtitle 3",)),
    photos=PHOTOS,
    kept=(Stretch(Fraction(0), Fraction(1, 25), 2),),
    kept_frames=2,
    filled=(Stretch(Fraction(1), Fraction(1), 1),),
    filled_frames=1,
    failed_swaps=(FailedSwap(0, Fraction(1, 2), Fraction(3, 4), 6, "black"),),
    failed_frames=6,
    inputs=(InputFile("a.jpg", "source", "12-ab"),),
    weights=(WeightFile("a.onnx", "ab"),),
    throughput={"render": 4.5},
    settings={"device": "cpu"},
    peak_memory=1,
    copied_frames=3,
)


def test_the_page_lists_every_key_of_a_swap():
    data = json.loads(REPORT.to_json())
    assert keys_of(data) == documented("Swap")
    assert set(data) == {"kind", "schema", "videoswap", *(one.name for one in fields(Report))}
    assert (data["kind"], data["schema"]) == ("videoswap swap report", 3)
    assert data["videoswap"] == __version__
    assert data["people"][0]["first_seconds"] == pytest.approx(1 / 3)
    assert [note["text"] for note in data["notes"]] == [
        "Opus instead of AAC, because webm cannot hold AAC",
        "the only person is taken",
    ]


def test_the_page_lists_every_key_of_a_folder(tmp_path):
    item = FolderItem("in.mp4", REPORT, output="in.mp4", seconds=1.5)
    report = FolderReport((item,), ("notes.txt",), ("old.gif",), seconds=2.0, photos=PHOTOS)
    data = json.loads(report.to_json())
    assert keys_of(data) == documented("Folder")
    assert data["items"][0]["report"] == json.loads(REPORT.to_json())
    report.save(tmp_path / "r.json")
    REPORT.save(tmp_path / "one.json")
    assert is_folder_report(tmp_path / "r.json") and not is_folder_report(tmp_path / "one.json")


def test_a_real_report_has_no_other_keys(photos, settings, tmp_path):
    path = tmp_path / "r.json"
    report = swap_image(
        photos["source"], photos["left"], tmp_path / "o.png", settings=settings, report_file=path
    )
    data = json.loads(path.read_text())
    assert data == json.loads(report.to_json())
    assert keys_of(data) - {"lost.end", "people[].runner_up"} <= documented("Swap")
    assert {"people[].source", "notes[].text", "seconds.*"} <= keys_of(data)


SCHEMA = json.loads((resources.files("videoswap") / "report.schema.json").read_text("utf-8"))


def test_the_schema_has_the_keys_of_the_page():
    for section in ("Swap", "Folder", "Evaluation"):
        assert schema_keys(SCHEMA["$defs"][section.lower()]) == documented(section)


def schema_keys(node, path=""):
    """Return the paths of all plain values that a schema knows."""
    if path == "items[].report":
        return {path}
    if "items" in node:
        return schema_keys(node["items"], f"{path}[]")
    inner = dict(node.get("properties", {}))
    if isinstance(node.get("additionalProperties"), dict):
        inner["*"] = node["additionalProperties"]
    found = [schema_keys(one, f"{path}.{name}" if path else name) for name, one in inner.items()]
    return set().union(*found) if found else {path}


def test_reports_follow_the_schema(photos, settings, tmp_path):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    follows = jsonschema.Draft202012Validator(SCHEMA)
    item = FolderItem("in.mp4", REPORT, output="in.mp4", seconds=1.5)
    follows.validate(json.loads(REPORT.to_json()))
    follows.validate(json.loads(FolderReport((item,), (), seconds=2.0, photos=PHOTOS).to_json()))
    for dry_run in (True, False):
        report = swap_image(
            photos["source"], photos["left"], tmp_path / "o.png", settings=settings, dry_run=dry_run
        )
        data = json.loads(report.to_json())
        follows.validate(data)
        assert [one["role"] for one in data["inputs"]] == ["video", "source"]
        assert all(one["digest"] for one in data["inputs"]) and data["peak_memory"] > 1 << 20
        assert data["settings"]["device"] == "cpu"
        assert not has_pixels(data)
    with pytest.raises(jsonschema.ValidationError):
        follows.validate({**json.loads(REPORT.to_json()), "frames": "nine"})


def has_pixels(value):
    """Tell whether data hold a long list of numbers or a long text: a picture or an embedding."""
    if isinstance(value, dict):
        return any(map(has_pixels, value.values()))
    if isinstance(value, list):
        return len(value) > 64 or any(map(has_pixels, value))
    return isinstance(value, str) and len(value) > 1000


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(ValueError):
        Report(**{**_arguments(), "threshold": value}).to_json()


def _arguments():
    return {one.name: getattr(REPORT, one.name) for one in fields(Report)}
