"""What is kept between runs, as its owner sees it."""

import os
import sqlite3
from contextlib import closing

import pytest
from filelock import FileLock

from videoswap import cache
from videoswap.cache import DAY, clear, entries, listing, tidy
from videoswap.cli import entry
from videoswap.errors import UsageError
from videoswap.rendering.segment_folder import open_segment_folder
from videoswap.settings import DEFAULT_CACHE_LIMIT, bytes_of, default_cache_limit
from videoswap.tracking.store_opening import open_store

NOW = 2_000_000_000.0


def aged(path, days):
    for file in [path, *(path.iterdir() if path.is_dir() else [])]:
        os.utime(file, (NOW - days * DAY,) * 2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(folder))
    return folder


def keep_analysis(folder, digit, film, days=0.0, finished=True):
    with closing(open_store(folder, digit * 40, film)) as store:
        if finished:
            store.finish()
    path = folder / f"{digit * 40}.sqlite"
    aged(path, days)
    return path


def keep_render(folder, digit, film, days=0.0, size=2_000_000):
    told = []
    with (
        pytest.raises(KeyboardInterrupt),
        open_segment_folder(folder, digit * 32, folder / "out.mp4", film, told.append) as pieces,
    ):
        (pieces / "000000.segment").write_bytes(bytes(size))
        raise KeyboardInterrupt
    assert told == []
    aged(pieces, days)
    return pieces


def test_what_is_listed(folder, tmp_path):
    assert listing(folder) == [f"{folder}: nothing is kept"]
    keep_render(folder, "a", tmp_path / "long film.mp4", days=1.5)
    keep_analysis(folder, "0", tmp_path / "esc\x1b[2J.mp4", days=0.2)
    keep_analysis(folder, "1", tmp_path / "other.mp4", days=5, finished=False)
    (folder / "thesis.txt").write_text("not ours")
    (folder / "renders" / "thesis.txt").write_text("not ours")
    head, *lines, total = listing(folder, NOW)
    assert head.split() == ["SIZE", "KIND", "STATE", "LAST", "USED", "FILM"]
    words = [line.split("  ") for line in lines]
    words = [[word.strip() for word in line if word.strip()] for line in words]
    assert [line[1:] for line in words] == [
        ["analysis", "finished", "4 hours ago", f"{tmp_path}/esc?[2J.mp4"],
        ["render", "unfinished", "1 day ago", f"{tmp_path}/long film.mp4"],
        ["analysis", "unfinished", "5 days ago", f"{tmp_path}/other.mp4"],
    ]
    assert words[1][0] == "2.0 MB"
    assert total.endswith(f"MB in {folder}")


def test_all_is_cleared_but_what_is_not_ours(folder, tmp_path, capsys):
    keep_render(folder, "a", tmp_path / "film.mp4")
    keep_analysis(folder, "0", tmp_path / "film.mp4")
    for name in ("thesis.txt", "renders/thesis.txt"):
        (folder / name).write_text("not ours")
    assert entry.main(["cache", "clear"]) == 0
    assert "deleted: 2." in capsys.readouterr().out
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert left == ["renders/thesis.txt", "thesis.txt"]


@pytest.mark.parametrize(
    ("wish", "left"),
    [
        ({"older_than": 10 * DAY}, {"1", "a"}),
        ({"larger_than": 10**6}, {"0", "1"}),
        ({"older_than": DAY, "larger_than": 10**6}, {"0", "1"}),
        ({"older_than": 10 * DAY, "larger_than": 10**6}, {"0", "1", "a"}),
    ],
)
def test_some_is_cleared(folder, tmp_path, wish, left):
    keep_analysis(folder, "0", tmp_path / "film.mp4", days=20)
    keep_analysis(folder, "1", tmp_path / "film.mp4", days=9)
    keep_render(folder, "a", tmp_path / "film.mp4", days=2)
    clear(folder, **wish, now=NOW)
    assert {one.path.name[0] for one in entries(folder)} == left


@pytest.mark.parametrize(
    ("flags", "wish"),
    [
        (["--older_than", "30d"], (30 * DAY, None)),
        (["--older_than", "12h", "--larger_than", "1.5 GB"], (DAY / 2, 1_500_000_000)),
        ([], (None, None)),
    ],
)
def test_the_words_of_cache_clear(folder, monkeypatch, flags, wish):
    asked = []
    monkeypatch.setattr(cache, "clear", lambda folder, *given: asked.append(given) or [])
    assert entry.main(["cache", "clear", *flags]) == 0
    assert asked == [wish]


@pytest.mark.parametrize(
    "flags", [["clear", "--older_than", "30"], ["clear", "--larger_than", "big"]]
)
def test_words_without_a_meaning(folder, flags, capsys):
    assert entry.main(["cache", *flags]) == 2
    assert "such as" in capsys.readouterr().err


def test_what_a_running_process_uses_is_not_cleared(folder, tmp_path):
    render = keep_render(folder, "c", tmp_path / "film.mp4")
    with FileLock(render.with_suffix(".lock")):
        told = clear(folder)
        tidy(folder, 0, told.append)
    assert told[0] == f"in use: render of {tmp_path / 'film.mp4'}"
    assert (render / "000000.segment").exists()


def test_above_the_limit_the_last_used_stay(folder, tmp_path):
    for digit, days in (("a", 3), ("b", 1), ("c", 2)):
        keep_render(folder, digit, tmp_path / f"{digit}.mp4", days)
    said = []
    tidy(folder, 5_000_000, said.append, NOW)
    assert [one.path.name[0] for one in entries(folder)] == ["b", "c"]
    assert len(said) == 1
    assert f"render of {tmp_path / 'a.mp4'}, 2.0 MB" in said[0]
    tidy(folder, None, said.append, NOW)
    assert len(said) == 1


def test_use_keeps_an_analysis_young(folder, tmp_path):
    path = keep_analysis(folder, "0", tmp_path / "film.mp4", days=20)
    open_store(folder, "0" * 40).close()
    assert path.stat().st_mtime != NOW - 20 * DAY


def test_abandoned_renders_go_with_a_word(folder, tmp_path):
    keep_render(folder, "a", tmp_path / "film.mp4", days=29)
    keep_render(folder, "b", tmp_path / "left.mp4", days=31)
    keep_analysis(folder, "0", tmp_path / "film.mp4", days=300)
    said = []
    tidy(folder, None, said.append, NOW)
    assert {one.path.name[0] for one in entries(folder)} == {"a", "0"}
    assert len(said) == 1
    assert "left.mp4" in said[0]


def test_what_another_version_kept_goes_without_a_word(folder, tmp_path):
    keep_analysis(folder, "0", tmp_path / "film.mp4")
    old = keep_analysis(folder, "1", tmp_path / "film.mp4")
    with closing(sqlite3.connect(old)) as base, base:
        base.execute("UPDATE meta SET value = '5' WHERE name = 'schema'")
    said = []
    tidy(folder, None, said.append, NOW)
    assert [one.path.name[0] for one in entries(folder)] == ["0"]
    assert said == []


def test_a_cache_that_is_no_folder_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("precious")
    tidy(tmp_path / "file", 0, pytest.fail)
    tidy(tmp_path / "file" / "below", 0, pytest.fail)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize(
    ("text", "count"),
    [("500MB", 500 * 10**6), ("1.5 gb", 1_500_000_000), ("7", 7), ("2K", 2000), ("1T", 10**12)],
)
def test_sizes(text, count):
    assert bytes_of(text) == count


@pytest.mark.parametrize("text", ["", "-1", "ten", "1 PB", "1e9", "nan"])
def test_no_sizes(text):
    with pytest.raises(ValueError, match="is not a size"):
        bytes_of(text)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        *((text, DEFAULT_CACHE_LIMIT) for text in (None, "")),
        *(("none", None), ("0", 0), ("3GB", 3 * 10**9)),
    ],
)
def test_the_limit_of_the_environment(monkeypatch, text, limit):
    monkeypatch.delenv("VIDEOSWAP_CACHE_LIMIT", raising=False)
    if text is not None:
        monkeypatch.setenv("VIDEOSWAP_CACHE_LIMIT", text)
    assert default_cache_limit() == limit


def test_a_limit_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_CACHE_LIMIT", "plenty")
    with pytest.raises(UsageError, match="VIDEOSWAP_CACHE_LIMIT"):
        default_cache_limit()
