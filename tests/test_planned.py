"""A swap by plan: the frames of the same swap without one, and what an edited plan changes."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from videoswap import (
    EncodeSettings,
    PeopleSettings,
    make_plan,
    preview_by_plan,
    read_plan,
    swap_by_plan,
    swap_image,
    swap_video,
)
from videoswap.cli import entry
from videoswap.errors import InputError, UsageError
from videoswap.rendering.render import CONTEXT
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader, upright_picture


def shown(path):
    """Return every frame of a video as it is shown."""
    info = probe(path)
    with VideoReader(info) as reader:
        return np.stack([upright_picture(info, frame) for frame in reader.frames()])


@pytest.fixture
def lossless(settings):
    return replace(settings, encode=EncodeSettings(encoder="ffv1"))


@pytest.fixture
def planned(clip, photos, lossless, tmp_path):
    """Return a plan of two people, and edit it."""
    two = replace(lossless, people=PeopleSettings(persons=(0, 1)))
    file = tmp_path / "film.plan.json"
    make_plan([photos["source"], photos["other"]], clip, file, settings=two)

    def edited(change=lambda data: None):
        data = json.loads(file.read_text())
        change(data)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.plan.json"
        path.write_text(json.dumps(data))
        return path

    return edited


def test_a_plan_does_what_the_same_swap_does(clip, photos, lossless, planned, tmp_path):
    two = replace(lossless, people=PeopleSettings(persons=(0, 1)))
    swap_video([photos["source"], photos["other"]], clip, tmp_path / "direct.mkv", settings=two)
    # Defaults: the plan knows the encoder and the segments.
    usual = replace(two, encode=EncodeSettings(), people=PeopleSettings())
    report = swap_by_plan(planned(), tmp_path / "planned.mkv", settings=usual)
    assert np.array_equal(shown(tmp_path / "direct.mkv"), shown(tmp_path / "planned.mkv"))
    assert [one.source for one in report.people] == ["source.png", "other.png"]
    assert report.analysis_cached


def test_an_edited_plan(clip, photos, lossless, planned, tmp_path):
    plain = shown(clip)

    def change(data):
        first, second = data["people"]
        first["source"] = [{"source": "source.png", "to": 0.3}]
        second["source"] = [
            {"source": "other.png", "to": 0.3},
            {"source": "source.png", "from": 0.5},
        ]

    path = planned(change)
    settings = replace(lossless, overwrite=True)
    swap_by_plan(path, tmp_path / "edited.mkv", settings=settings)
    swap_by_plan(planned(), tmp_path / "whole.mkv", settings=settings)
    info = probe(clip)
    with VideoReader(info) as reader:
        times = [float((frame.pts - info.start_pts) * info.time_base) for frame in reader.frames()]
    edited, whole = shown(tmp_path / "edited.mkv"), shown(tmp_path / "whole.mkv")
    end = next(number for number, time in enumerate(times) if time >= 0.3)
    assert end > 2 * CONTEXT
    for number, time in enumerate(times):
        if 0.3 <= time < 0.5:  # nobody gets anything
            assert np.array_equal(edited[number], plain[number]), time
        else:
            assert not np.array_equal(edited[number], plain[number]), time
        # So long before the end nothing that is shared between frames sees it yet.
        if number < end - CONTEXT:
            assert np.array_equal(edited[number], whole[number]), time
        if time >= 0.5:
            assert not np.array_equal(edited[number], whole[number]), time
    out = tmp_path / "look.png"
    preview_by_plan(path, out, moment=Fraction("0.55"), settings=settings)
    number = next(index for index, time in enumerate(times) if time > 0.55) - 1
    assert np.array_equal(
        cv2.imread(str(out))[-plain.shape[1] :, plain.shape[2] :, ::-1], edited[number]
    )


def test_a_plan_is_for_its_video(clip, solo_clip, photos, planned, settings, tmp_path):
    with pytest.raises(InputError) as caught:
        swap_by_plan(planned(), tmp_path / "out.mp4", video=solo_clip, settings=settings)
    assert caught.value.code == "plan_of_other_video"
    with pytest.raises(UsageError) as refused:
        make_plan([photos["source"]], tmp_path, settings=settings)
    assert refused.value.code == "plan_of_folder"
    assert not (tmp_path / "out.mp4").exists()


def test_a_plan_of_a_picture(group_photo, photos, settings, tmp_path):
    file, two = tmp_path / "t1.plan.json", replace(settings, people=PeopleSettings(persons=(0, 3)))
    sources = [photos["source"], photos["other"]]
    plan = make_plan(sources, group_photo, file, settings=two)
    assert [bool(one.sources) for one in plan.people] == [True, False, False, True, False, False]
    assert "seconds" not in plan.people[0].facts
    swap_image(sources, group_photo, tmp_path / "direct.png", settings=two)
    report = swap_by_plan(file, tmp_path / "planned.png", settings=settings)
    direct, by_plan = (cv2.imread(str(tmp_path / f"{one}.png")) for one in ("direct", "planned"))
    assert np.array_equal(direct, by_plan) and report.people[3].source == "other.png"
    preview_by_plan(file, tmp_path / "look.png", settings=settings)
    look = cv2.imread(str(tmp_path / "look.png"))
    assert np.array_equal(look[-direct.shape[0] :, direct.shape[1] :], direct)
    data = json.loads(file.read_text())
    first, fourth = data["people"][0], data["people"][3]
    fourth["tracks"] += first["tracks"]
    first["tracks"] = []
    file.write_text(json.dumps(data))
    report = swap_by_plan(file, tmp_path / "merged.png", settings=settings)
    assert report.people[3].tracks == 2 and report.people[0].tracks == 0
    data["people"][3]["tracks"][1]["track"] = 6
    file.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"people\[3\].tracks\[1\]: the video has no track 6"):
        swap_by_plan(file, tmp_path / "wrong.png", settings=settings)


def test_what_a_plan_made_is_measured(clip, photos, lossless, planned, tmp_path, monkeypatch):
    def change(data):
        data["people"][1]["source"] = [{"source": "other.png", "to": 0.4}]

    path, result = planned(change), tmp_path / "result.mkv"
    swap_by_plan(path, result, settings=lossless, save_masks=tmp_path / "masks.mkv")
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(lossless.cache_dir))
    numbers = tmp_path / "numbers.json"
    words = ["evaluate", str(clip), str(result), "--plan", str(path), "--device", "cpu"]
    files = ["--masks", str(tmp_path / "masks.mkv"), "--json", str(numbers)]
    assert entry.main([*words, *files]) == 0
    found = json.loads(numbers.read_text())["groups"]
    groups = {one["name"]: one for one in reversed(found)}  # of a name the swapped one
    assert groups["person 1"]["source"] == "source.png"
    assert groups["person 1"]["rows"] == 24
    # From 0.4 s on nobody asks for a swap of the second person.
    swapped, alone = (groups[one]["over_time"]["seconds"] for one in ("person 2", "all left alone"))
    assert max(swapped) < 0.4 <= min(alone)
    identity = groups["person 1"]["metrics"]["distance_to_source"]
    assert identity["label"] and set(identity["plot"]) <= set(groups["person 1"]["over_time"])
    assert entry.main([*words, "--person", "1"]) == 2
    assert entry.main(words[:3]) == 2


def test_a_plan_is_never_written_over(planned, settings, tmp_path):
    path = planned()
    with pytest.raises(Exception, match="plan") as caught:
        swap_by_plan(
            path, tmp_path / "o.mp4", report_file=path, settings=replace(settings, overwrite=True)
        )
    assert caught.value.code == "output_is_input"
    assert read_plan(path).people


def test_the_command_line(clip, photos, settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(settings.cache_dir))
    monkeypatch.chdir(tmp_path)
    words = [str(clip), "-s", str(photos["source"]), "--device", "cpu"]
    targets = ["--target_faces_paths", str(photos["left"])]
    assert entry.main(["plan", *words, *targets]) == 0
    file = tmp_path / "two people.plan.json"
    found = read_plan(file)
    gets = next(one for one in found.people if one.sources)
    assert gets.facts["distance"] < 0.2 < gets.facts["runner_up"]["distance"]
    assert gets.facts["threshold"] == 0.6 and gets.facts["target"] == str(photos["left"])
    capsys.readouterr()
    assert entry.main(["plan", *words, *targets, "-o", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(file.read_text())
    assert entry.main(["swap", "--plan", str(file), "-o", "o.mp4", "--dry_run"]) == 0
    assert "next person" in capsys.readouterr().out
    over = ["swap", "--plan", str(file), "-o", "o.mp4", "--report", str(file), "--overwrite"]
    assert entry.main(over) == 6 and read_plan(file) == found
    capsys.readouterr()
    assert entry.main(["swap", "--plan", str(file), "--crf", "20"]) == 2
    assert "The plan decides what --crf" in capsys.readouterr().err
    assert entry.main(["swap", "-i", str(clip)]) == 2
    assert "--source_paths is missing" in capsys.readouterr().err
    assert entry.main(["plan", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "videoswap swap plan"
