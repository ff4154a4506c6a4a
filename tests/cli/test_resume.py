"""``videoswap resume``: what was interrupted is listed, and goes on to the same bytes."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import videoswap.jobs.copies
from videoswap import SwapSettings, swap_video
from videoswap.cli import entry
from videoswap.cli.resume import listing
from videoswap.jobs.unfinished import CommandLine, Unfinished, differences, list_unfinished
from videoswap.locks import try_lock
from videoswap.rendering.segment_folder import lock_of
from videoswap.rendering.segments import SegmentOutputs


@dataclass
class Desk:
    """A folder with a film of two segments and a photo, a cache, and a way to be interrupted."""

    folder: Path
    cache: Path
    patch: pytest.MonkeyPatch

    def words(self, out, *more):
        return ["swap", "-s", "me.png", "-i", "film.mp4", "-o", out, "--mark", "plain", *more]

    def interrupted(self, run):
        real = SegmentOutputs.open

        def failing(outputs, segment, info):
            if segment.number == 1:
                raise KeyboardInterrupt
            return real(outputs, segment, info)

        with self.patch.context() as patch:
            patch.setattr(SegmentOutputs, "open", failing)
            return run()

    def rendered(self, *words):
        """Run a command; returns its exit code and the segments that it rendered."""
        real, numbers = SegmentOutputs.open, []

        def counting(outputs, segment, info):
            numbers.append(segment.number)
            return real(outputs, segment, info)

        with self.patch.context() as patch:
            patch.setattr(SegmentOutputs, "open", counting)
            return entry.main(words), sorted(numbers)

    def begin(self, *more):
        words = self.words("out.mp4", *more)
        assert self.interrupted(lambda: entry.main(words)) == 130
        (found,) = list_unfinished(self.cache)
        return found


@pytest.fixture
def desk(solo_clip, photos, tmp_path, monkeypatch):
    folder, elsewhere = tmp_path / "desk", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    shutil.copy(solo_clip, folder / "film.mp4")
    shutil.copy(photos["source"], folder / "me.png")
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(elsewhere))
    monkeypatch.chdir(folder)
    real = videoswap.jobs.copies.plan_segments
    monkeypatch.setattr(
        videoswap.jobs.copies,
        "plan_segments",
        lambda pts, scenes, longest, *others: real(pts, scenes, 8, *others),
    )
    return Desk(folder, tmp_path / "cache", monkeypatch)


def test_it_goes_on_to_the_same_bytes_from_anywhere(desk, capsys):
    """Also without the configuration file that the run began with."""
    config = desk.folder.parent / "elsewhere" / "videoswap" / "config.toml"
    config.parent.mkdir()
    config.write_text("crf = 30\n")
    found = desk.begin()
    assert (found.done, found.segments, found.running) == (1, 2, False)
    assert found.command.folder == str(desk.folder)
    assert "--crf=30" in found.command.words
    (about,) = desk.cache.glob("renders/*/about.json")
    assert about.stat().st_mode & 0o777 == 0o600
    config.unlink()
    desk.patch.chdir(desk.folder.parent / "elsewhere")
    capsys.readouterr()
    assert entry.main(["resume"]) == 0
    _, line, how = capsys.readouterr().out.splitlines()
    assert how == "Go on with `videoswap resume 1`, or `videoswap resume --all`."
    assert line.split() == [
        *("1", "1", "of", "2", "just", "now"),
        *(str(desk.folder / "film.mp4"), "->", str(desk.folder / "out.mp4")),
    ]
    assert desk.rendered("resume", "1") == (0, [1])
    assert "Starting anew" not in capsys.readouterr().out
    assert list_unfinished(desk.cache) == []
    desk.patch.chdir(desk.folder)
    assert entry.main(desk.words("whole.mp4", "--crf", "30")) == 0
    whole, resumed = desk.folder / "whole.mp4", desk.folder / "out.mp4"
    assert whole.read_bytes() == resumed.read_bytes()
    assert entry.main(["resume", "--all"]) == 0
    assert "Nothing is unfinished" in capsys.readouterr().out


def test_another_photo_is_told_and_begins_anew(desk, photos, capsys):
    desk.begin()
    shutil.copy(photos["other"], desk.folder / "me.png")
    assert desk.rendered("resume", "--all") == (0, [0, 1])
    told = [line for line in capsys.readouterr().out.splitlines() if "Starting anew" in line]
    assert told == ["Starting anew, since this is another than before: the source photo me.png."]
    assert list_unfinished(desk.cache) == []  # what was of the other photo is gone too


def left_behind(cache, **facts):
    """What an interrupted render leaves, without the render."""
    folder = cache / "renders" / ("a" * 32)
    folder.mkdir(parents=True)
    (folder / "about.json").write_text(json.dumps(facts))
    return folder


def test_what_runs_is_let_be(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(tmp_path))
    command = {"words": ["swap"], "folder": str(tmp_path)}
    folder = left_behind(tmp_path, command=command, parts={}, film="f.mp4")
    lock = try_lock(lock_of(folder))
    try:
        assert entry.main(["resume", "1"]) == 2
        assert "It is running." in capsys.readouterr().err
        assert entry.main(["resume", "--all"]) == 0
        assert "Left alone: f.mp4" in capsys.readouterr().out
        assert entry.main(["resume"]) == 0
        assert "  running  " in capsys.readouterr().out
    finally:
        lock.release()
    assert folder.is_dir()


def test_what_python_began_is_continued_from_python(desk, capsys):
    settings = SwapSettings(cache_dir=desk.cache, device="cpu")

    def run():
        with pytest.raises(KeyboardInterrupt):
            swap_video("me.png", "film.mp4", "out.mp4", settings=settings)

    desk.interrupted(run)
    (found,) = list_unfinished(desk.cache)
    assert found.command is None
    assert found.facts["settings"]["device"] == "cpu"
    assert set(found.facts["photos"]) == {"me.png"}
    assert entry.main(["resume"]) == 0
    assert "1: It was begun from Python." in capsys.readouterr().out
    assert entry.main(["resume", "1"]) == 2
    assert "Continue from Python" in capsys.readouterr().err


def kept(tmp_path, **changes):
    known = {
        "path": tmp_path / ("a" * 32),
        "film": "/film.mp4",
        "out": "/out.mp4",
        "done": 3,
        "segments": 12,
        "used": 1000.0,
        "running": False,
        "command": CommandLine(("swap",), str(tmp_path)),
        "facts": {"parts": {}},
    }
    return Unfinished(**{**known, **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, None),
        ({"running": True}, None),
        ({"command": None}, "1: It was begun from Python. Continue from Python: the same call"),
        ({"command": CommandLine((), "/")}, "1: Its input or its result is a pipe."),
        ({"facts": {}, "segments": None}, "1: An earlier version of videoswap began it."),
    ],
)
def test_the_list(tmp_path, changes, told):
    head, line, *why = listing([kept(tmp_path, **changes)], now=1000.0 + 7300)
    assert head.split() == ["SEGMENTS", "LAST", "USED", "FILM", "->", "RESULT"]
    assert line.startswith("1  3 of 12" if "segments" not in changes else "1  3 of ? ")
    assert ("running" if "running" in changes else "2 hours ago") in line
    assert line.endswith("  /film.mp4 -> /out.mp4")
    able = [] if changes else ["Go on with `videoswap resume 1`, or `videoswap resume --all`."]
    assert [one[: len(told)] if told else one for one in why] == ([told] if told else able)


def test_a_list_of_several_says_how_to_go_on_with_the_first_that_can_be(tmp_path):
    found = [kept(tmp_path, command=None), kept(tmp_path)]
    assert listing(found)[-1].startswith("Go on with `videoswap resume 2`, ")


def test_where_nothing_is_kept_it_says_what_starts_again():
    (line,) = listing([])
    assert line.startswith("Nothing is unfinished; ") and "by its own command" in line


def test_without_a_word_of_itself_a_folder_is_listed(tmp_path):
    for name, text in (
        ("a", "{"),
        ("b", "[]"),
        ("c", '{"command": {"words": 1}, "segments": "x"}'),
    ):
        folder = tmp_path / "renders" / (name * 32)
        folder.mkdir(parents=True)
        (folder / "about.json").write_text(text)
    found = list_unfinished(tmp_path)
    assert [(one.film, one.segments, one.command) for one in found] == [("", None, None)] * 3


REQUEST = {
    "film_digest": "f",
    "photos": {"me.png": "p"},
    "settings": {"blend.strength": "1.0", "device": "cpu"},
    "parts": {"engine": "e", "analysis": "a", "plans": "p", "device": "d"},
    "versions": "v",
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"film_digest": "g", "parts": {**REQUEST["parts"], "analysis": "b"}}, ["the film"]),
        ({"photos": {"me.png": "q"}}, ["the source photo me.png"]),
        ({"photos": {"you.png": "q"}}, ["the source photos"]),
        (
            {"settings": {"blend.strength": "0.5", "device": "cpu"}},
            ["the setting blend.strength (it was 1.0, it is 0.5)"],
        ),
        (
            {"parts": {**REQUEST["parts"], "engine": "x"}, "versions": "w"},
            ["the engine's weights or options", "videoswap or a library"],
        ),
        ({"parts": {**REQUEST["parts"], "plans": "x"}}, ["who gets which face"]),
    ],
)
def test_what_differs(changes, told):
    before = json.loads(json.dumps(REQUEST))
    assert differences(before, {**REQUEST, **changes}) == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["1"], "There is no unfinished run 1."),
        (["0"], "There is no unfinished run 0."),
        (["1", "--all"], "exclude each other"),
        (["one"], "is not a whole number"),
    ],
)
def test_wrong_words(tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(tmp_path))
    assert entry.main(["resume", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_folder_that_is_gone_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(tmp_path))
    command = {"words": ["swap"], "folder": str(tmp_path / "gone")}
    left_behind(tmp_path, command=command, parts={})
    assert entry.main(["resume", "1"]) == 3
    assert "gone, where it was begun, cannot be entered" in capsys.readouterr().err
