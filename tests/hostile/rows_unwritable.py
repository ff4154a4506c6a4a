"""Results in places that cannot be written: shut folders, broken links, full disks."""

from __future__ import annotations

import os
import subprocess

from tests.hostile.broken import both, folder, link, noise, taken
from tests.hostile.case import Case, Maker, film_words, picture_words
from tests.hostile.scene import Scene


def _small_disk(name: str, kilobytes: int) -> Maker:
    """Mount a file system that is nearly full."""

    def make(scene: Scene) -> None:
        (scene.work / name).mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", name]
        subprocess.run(words, cwd=scene.work, check=True, capture_output=True)

    return make


def _cannot_mount() -> str:
    """Say why no small disk can be made here."""
    if os.geteuid() != 0:
        return "only root can mount a small disk"
    tried = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], check=False, capture_output=True
    )
    return "" if tried.returncode == 0 else "no disk can be mounted here"


_SHUT = both(
    folder("shut"),
    taken("film.mp4", "shut/film.mp4"),
    lambda scene: (scene.work / "shut").chmod(0),
)
SHUT = (
    Case(
        "video in a folder that may not be entered",
        film_words("shut/film.mp4"),
        3,
        "shut",
        make=_SHUT,
        nobody=True,
    ),
    Case(
        "photo in a folder that may not be entered",
        picture_words("shut/film.mp4"),
        3,
        "shut",
        make=_SHUT,
        nobody=True,
    ),
    Case(
        "result in a folder that may not be entered",
        film_words("film.mp4", "shut/out.mp4"),
        6,
        "shut",
        make=_SHUT,
        nobody=True,
    ),
    Case(
        "report in a folder that may not be entered",
        film_words("film.mp4", "out.mp4", "--report", "shut/r.json"),
        6,
        "shut",
        make=_SHUT,
        nobody=True,
    ),
    Case(
        "targets in a folder that may not be entered",
        ("--source_paths", "me.png", "--target_dir", "shut/in", "--out_dir", "results"),
        3,
        "shut",
        make=_SHUT,
        nobody=True,
    ),
    Case(
        "results in a folder that may not be entered",
        ("--source_paths", "me.png", "--target_dir", "in", "--out_dir", "shut/results"),
        6,
        "shut",
        make=both(_SHUT, taken("left.png", "in/a.png")),
        nobody=True,
    ),
    Case(
        "people in a folder that may not be entered",
        ("faces", "film.mp4", "--out_dir", "shut/people"),
        6,
        "shut",
        make=_SHUT,
        nobody=True,
    ),
    Case(
        "result through a link to itself",
        film_words("film.mp4", "loop/out.mp4"),
        6,
        "loop",
        make=link("loop", "loop"),
    ),
    Case(
        "targets through a link to itself",
        ("--source_paths", "me.png", "--target_dir", "loop", "--out_dir", "results"),
        3,
        "loop",
        make=link("loop", "loop"),
    ),
    Case(
        "results through a link to itself",
        ("--source_paths", "me.png", "--target_dir", "in", "--out_dir", "loop"),
        6,
        "loop",
        make=both(link("loop", "loop"), taken("left.png", "in/a.png")),
    ),
)

FULL = (
    Case(
        "no room for the result",
        film_words("film.mp4", "full/out.mp4"),
        6,
        "space|full",
        make=_small_disk("full", 8),
        needs=_cannot_mount,
    ),
    Case(
        "no room for a result on another disk than the cache",
        film_words("film.mp4", "full/out.mp4", "--no_cache"),
        6,
        "space|full",
        make=_small_disk("full", 8),
        needs=_cannot_mount,
    ),
    Case(
        "no room for the masks",
        film_words("film.mp4", "out.mp4", "--save_masks", "full/m.mkv"),
        6,
        "full/m.mkv.*space",
        make=_small_disk("full", 8),
        needs=_cannot_mount,
    ),
    Case(
        "no room for the report",
        film_words("film.mp4", "out.mp4", "--report", "full/r.json"),
        6,
        "space|full",
        make=both(_small_disk("full", 4), noise("full/x", 4096)),
        keeps=("out.mp4",),
        needs=_cannot_mount,
    ),
    Case(
        "no room for the picture",
        picture_words("me.png", out="full/out.png"),
        6,
        "space|full",
        make=_small_disk("full", 8),
        needs=_cannot_mount,
    ),
    Case(
        "no room for temporary files",
        film_words("film.mp4"),
        (0, 6),
        make=_small_disk("full", 4),
        leaves=("out.mp4",),
        keeps=("full/*",),
        environment={"TMPDIR": "full"},
        needs=_cannot_mount,
    ),
    Case(
        "no room for the cache",
        film_words("film.mp4"),
        (0, 6),
        make=_small_disk("full", 16),
        leaves=("out.mp4",),
        keeps=("full/*",),
        environment={"VIDEOSWAP_CACHE_DIR": "full"},
        needs=_cannot_mount,
    ),
    Case(
        "no room for the people",
        ("faces", "film.mp4", "--out_dir", "full/people"),
        6,
        "space|full",
        make=_small_disk("full", 8),
        needs=_cannot_mount,
    ),
    Case(
        "result on another disk than the cache",
        film_words("film.mp4", "disk/out.mp4"),
        0,
        make=_small_disk("disk", 9000),
        leaves=("disk/out.mp4",),
        needs=_cannot_mount,
    ),
)

ROWS = (*SHUT, *FULL)
