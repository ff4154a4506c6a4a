"""The functions of the library, as a program uses them."""

import inspect
import os
import sys
import threading
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

import videoswap
from tests.helpers.locations import ROOT
from videoswap import CancelledError, api, swap_folder, swap_image, swap_video
from videoswap.errors import UsageError
from videoswap.rendering.progress import ProgressBar
from videoswap.watching import watched

FUNCTIONS = [
    thing
    for thing in (getattr(videoswap, name) for name in videoswap.__all__)
    if inspect.isfunction(thing) and thing.__module__ == api.__name__
]


class Elsewhere(os.PathLike):
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return str(self.path)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_tells_how_far_it_is_and_can_be_ended(function):
    kinds = inspect.signature(function).parameters
    assert {"progress", "cancel", "settings"} <= set(kinds)
    plain = [one for one in kinds.values() if one.kind is not one.KEYWORD_ONLY]
    assert 1 <= len(plain) <= 3
    ended = threading.Event()
    ended.set()
    words = ["nothing.mp4"] * len(plain)
    with pytest.raises((CancelledError, videoswap.VideoswapError)):
        function(*words, cancel=ended)


def test_its_types_are_shipped():
    assert (ROOT / "videoswap" / "py.typed").is_file()
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["packages"] == ["videoswap"]
    assert not {"exclude", "only-include"} & {*build, *build["targets"]["wheel"]}


@pytest.mark.parametrize("path", [str, Path, Elsewhere])
def test_a_path_may_be_anything_that_names_one(path, photos, settings, tmp_path):
    report = swap_image(
        path(photos["source"]),
        path(photos["right"]),
        path(tmp_path / "o.png"),
        target_faces=path(photos["right"]),
        settings=settings,
        save_masks=path(tmp_path / "m.png"),
        report_file=path(tmp_path / "r.json"),
    )
    assert report.complete
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.png", "o.png", "r.json"]


@pytest.mark.parametrize(
    ("words", "more", "named"),
    [
        ((3, "v.mp4", "o.mp4"), {}, "sources"),
        (([3], "v.mp4", "o.mp4"), {}, "sources"),
        ((b"a.png", "v.mp4", "o.mp4"), {}, "sources"),
        (("a.png", None, "o.mp4"), {}, "video"),
        (("a.png", "v.mp4", 1), {}, "out"),
        (("a.png", "v.mp4", ""), {}, "out"),
        (("a.png", "v.mp4", "o.mp4"), {"save_masks": 1}, "save_masks"),
        (("a.png", "v.mp4", "o.mp4"), {"report_file": True}, "report_file"),
        (("a.png", "v.mp4", "o.mp4"), {"settings": {"device": "cpu"}}, "settings"),
        (("a.png", "v.mp4", "o.mp4"), {"target_faces": {"a": 1}}, "target_faces"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(words, more, named):
    with pytest.raises(UsageError) as caught:
        swap_video(*words, **more)
    assert caught.value.code == "wrong_type" and caught.value.message.startswith(named)


def test_nothing_is_printed_or_drawn_unless_it_is_asked_for(
    clip, photos, settings, tmp_path, capfd, monkeypatch
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    told = []
    settings = replace(settings, cache_dir=tmp_path / "cache")  # others may have analyzed the clip
    swap_video(photos["source"], clip, tmp_path / "o.mp4", settings=settings, progress=told.append)
    assert capfd.readouterr() == ("", "")
    last = {update.stage: update for update in told}
    assert {"analyze", "render"} <= set(last)
    assert last["render"].done == last["render"].total > 0
    for stage in last:
        done = [update.done for update in told if update.stage == stage]
        assert done == sorted(done)


def test_bars_are_drawn_for_who_wants_them(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    for bars in (False, True):
        with watched(bars=bars), ProgressBar("render", 3) as bar:
            bar.reach(3)
        assert ("render" in capsys.readouterr().err) is bars


@pytest.mark.parametrize("stage", ["analyze", "render"])
def test_a_run_that_is_ended_leaves_nothing_and_can_go_on(stage, clip, photos, settings, tmp_path):
    settings = replace(settings, cache_dir=tmp_path / "cache")
    results = tmp_path / "results"
    results.mkdir()
    ended = threading.Event()

    def end(update):
        if update.stage == stage and update.done > 2:
            ended.set()

    words = (photos["source"], clip, results / "o.mp4")
    with pytest.raises(CancelledError) as caught:
        swap_video(*words, settings=settings, progress=end, cancel=ended)
    assert caught.value.exit_code == 130
    assert list(results.iterdir()) == []
    assert swap_video(*words, settings=settings).complete


def test_a_folder_that_is_ended_does_not_go_on_with_its_next_file(photos, settings, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("left", "right"):
        (folder / f"{name}.png").write_bytes(photos[name].read_bytes())
    ended, said = threading.Event(), []

    def say(line):
        said.append(line)
        if line.startswith("left"):
            ended.set()

    with pytest.raises(CancelledError):
        swap_folder(
            photos["source"], folder, tmp_path / "out", settings=settings, say=say, cancel=ended
        )
    assert not any(line.startswith("right") for line in said)


def test_a_watcher_in_one_thread_is_not_seen_in_another():
    told = []
    with watched(progress=told.append):
        thread = threading.Thread(target=lambda: ProgressBar("x", 1).close())
        thread.start()
        thread.join()
    assert told == []
