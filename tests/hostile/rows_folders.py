"""Folders of targets: odd contents, links, names that meet, results among inputs."""

from __future__ import annotations

import os
from pathlib import Path

from tests.hostile.broken import both, data, made, noise, taken, text
from tests.hostile.case import Case, Check, Maker, Outcome, folder_words
from tests.hostile.pictures import encapsulated, saved, squeezed
from tests.hostile.scene import Scene


def _into(name: str, make: Maker) -> Maker:
    def wrapped(scene: Scene) -> None:
        (scene.work / name).mkdir(parents=True, exist_ok=True)
        make(scene)

    return wrapped


def _results(*names: str) -> tuple[str, ...]:
    return tuple(f"results/{name}" for name in names)


def _links(scene: Scene) -> None:
    scene.take("left.png", "in/a.png")
    scene.take("left.png", "elsewhere/b.png")
    work = scene.work
    (work / "in" / "linked.png").symlink_to(work / "elsewhere" / "b.png")
    (work / "in" / "folder").symlink_to(work / "elsewhere")
    (work / "in" / "loop").symlink_to(".")
    (work / "in" / "gone.png").symlink_to("nowhere")
    (work / "in" / "passwd.png").symlink_to("/etc/passwd")
    os.mkfifo(work / "in" / "pipe.mp4")


def _written_through(scene: Scene) -> None:
    scene.take("left.png", "in/sub/a.png")
    (scene.work / "precious").mkdir()
    (scene.work / "results").mkdir()
    (scene.work / "results" / "sub").symlink_to(scene.work / "precious")


def _made(scene: Scene) -> list[Path]:
    """Return the results, without the report and the record of them."""
    files = (path for path in (scene.work / "results").rglob("*") if path.is_file())
    names = ("videoswap-report.json", ".videoswap_done.jsonl")
    return [path for path in files if path.name not in names]


def _count(wanted: int) -> Check:
    def check(scene: Scene, outcome: Outcome) -> str:
        found = len(_made(scene))
        return "" if found == wanted else f"{found} results instead of {wanted}"

    return check


_TWINS = both(
    _into("in", saved("in/a.bmp", of="left.png")),
    saved("in/a.tif", of="left.png"),
    made("-i film.mp4 -c:v flv -an in/v.flv"),
    taken("film.mp4", "in/v.mp4"),
    made("-i film.mp4 -c:v wmv2 -an in/v.wmv"),
)
_ONE_BAD = both(
    taken("left.png", "in/a.png"),
    noise("in/b.mp4", 5000),
    saved("in/c.png", squeezed((8, 2000))),
    encapsulated("in/d.png"),
    taken("nobody.png", "in/e.png"),
    taken("left.png", "in/z.png"),
    text("in/readme.txt", "hello"),
    text("in/evil.m3u8", "#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"),
)

ROWS = (
    Case(
        "results that would have one name",
        folder_words("--overwrite"),
        (0, 2, 3, 6),
        make=_TWINS,
        leaves=("results/*",),
        check=lambda scene, outcome: _all_or_nothing(scene, outcome, 5),
    ),
    Case(
        "results that would have one name, dry run",
        folder_words("--dry_run"),
        (0, 2, 3, 6),
        make=_TWINS,
    ),
    Case(
        "bad files among good ones",
        folder_words(),
        5,
        make=_ONE_BAD,
        leaves=_results("a.png", "z.png"),
    ),
    Case(
        "links of every kind, a loop and a pipe",
        folder_words(),
        (0, 5),
        make=_links,
        leaves=_results("a.png", "linked.png"),
    ),
    Case(
        "results' folder is linked elsewhere",
        folder_words(),
        (0, 6),
        make=_written_through,
        leaves=("precious/a.png",),
    ),
    Case("a folder that is missing", folder_words(), 3, "in"),
    Case("a folder that is a file", folder_words(), 3, "in", make=taken("film.mp4", "in")),
    Case(
        "an empty folder", folder_words(), 3, "in", make=lambda scene: (scene.work / "in").mkdir()
    ),
    Case("a folder of text", folder_words(), 3, "in", make=_into("in", text("in/a.txt", "hello"))),
    Case(
        "results inside the targets",
        ("--source_paths", "me.png", "--target_dir", "in", "--out_dir", "in/results"),
        (2, 3),
        make=taken("left.png", "in/a.png"),
    ),
    Case(
        "results are the targets",
        ("--source_paths", "me.png", "--target_dir", "in", "--out_dir", "in/../in"),
        (2, 3),
        make=taken("left.png", "in/a.png"),
    ),
    Case(
        "results are the targets by a link",
        ("--source_paths", "me.png", "--target_dir", "in", "--out_dir", "l"),
        (2, 3),
        make=both(taken("left.png", "in/a.png"), lambda scene: (scene.work / "l").symlink_to("in")),
    ),
    Case(
        "results' folder is a file",
        folder_words(),
        6,
        "results",
        make=both(taken("left.png", "in/a.png"), data("results", b"precious")),
    ),
    Case(
        "results' folder may not be written",
        folder_words(),
        6,
        "results",
        make=both(taken("left.png", "in/a.png"), lambda scene: _locked(scene)),
        nobody=True,
    ),
    Case(
        "the source photo lies in the folder of results",
        (
            "--source_paths",
            "results/a.png",
            "--target_dir",
            "in",
            "--out_dir",
            "results",
            "--overwrite",
        ),
        6,
        "results/a.png",
        make=both(taken("left.png", "in/a.png"), taken("me.png", "results/a.png")),
    ),
    Case(
        "the source folder holds the results",
        ("--source_paths", "people", "--target_dir", "in", "--out_dir", "people"),
        (0, 2, 3, 6),
        make=both(taken("left.png", "in/a.png"), taken("me.png", "people/me.png")),
        leaves=("people/a.png",),
    ),
    Case(
        "report lies among the targets",
        (*folder_words(), "--report", "in/a.png", "--overwrite"),
        6,
        "in/a.png",
        make=taken("left.png", "in/a.png"),
    ),
    Case(
        "report would be one of the results",
        (*folder_words(), "--report", "results/a.png", "--overwrite"),
        6,
        "results/a.png",
        make=taken("left.png", "in/a.png"),
    ),
    Case(
        "a folder that was finished before",
        folder_words(),
        0,
        make=taken("left.png", "in/a.png"),
        leaves=_results("a.png"),
        shell='"$@" && "$@"',
    ),
    Case(
        "a dry run of a folder whose file lies here too",
        folder_words("--dry_run"),
        0,
        make=both(taken("film.mp4", "in/x/film.mp4")),
    ),
    Case(
        "folders 60 levels deep",
        folder_words(),
        0,
        make=taken("left.png", "in/" + "d/" * 60 + "a.png"),
        leaves=("results/" + "d/" * 60 + "a.png",),
    ),
    Case(
        "hidden files are left alone",
        folder_words(),
        0,
        make=both(taken("left.png", "in/a.png"), taken("left.png", "in/.b.png")),
        leaves=_results("a.png"),
        check=_count(1),
    ),
    Case(
        "two files that differ in case",
        folder_words(),
        0,
        make=both(taken("left.png", "in/a.png"), taken("left.png", "in/A.png")),
        leaves=_results("a.png", "A.png"),
    ),
)


def _locked(scene: Scene) -> None:
    (scene.work / "results").mkdir()
    (scene.work / "results").chmod(0o555)


def _all_or_nothing(scene: Scene, outcome: Outcome, wanted: int) -> str:
    found = len(_made(scene))
    expected = wanted if outcome.code == 0 else 0
    return "" if found == expected else f"{found} results instead of {expected}"
