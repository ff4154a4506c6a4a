"""Results that are inputs, that cannot be written, or that are no files."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from tests.hostile.broken import both, data, noise, taken
from tests.hostile.case import Case, Maker, film_words, picture_words
from tests.hostile.scene import Scene

PRECIOUS = b"precious\n"


def _kept(
    id: str,
    words: tuple[str, ...],
    make: Maker | None = None,
    says: str = "input|also",
    code: int | tuple[int, ...] = 6,
    **more: Any,
) -> Case:
    """A row that must be refused and must leave every input as it is."""
    return Case(id, words, code, says, make=make, **more)


def _link(name: str, target: str) -> Maker:
    return lambda scene: (scene.work / name).symlink_to(target)


def _hard_link(name: str, target: str) -> Maker:
    return lambda scene: (scene.work / name).hardlink_to(scene.work / target)


def _folder(name: str, mode: int = 0o755) -> Maker:
    def make(scene: Scene) -> None:
        (scene.work / name).mkdir()
        (scene.work / name).chmod(mode)

    return make


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


def _is_still_a_device(scene: Scene, outcome: object) -> str:
    return "" if (scene.work / "nul").is_char_device() else "the device is a file now"


def _device(scene: Scene) -> None:
    os.mknod(scene.work / "nul", 0o666 | 0o020000, os.makedev(1, 3))


def _cannot_make_devices() -> str:
    return "" if os.geteuid() == 0 else "only root can make a device"


def _changed_only(name: str) -> Maker:
    return data(name, PRECIOUS)


_OVER = "--overwrite"

INPUTS = (
    _kept("result is the video", film_words("film.mp4", "film.mp4", _OVER)),
    _kept("result is the video by ./", film_words("film.mp4", "./film.mp4", _OVER)),
    _kept("result is the video by ..", film_words("film.mp4", "../work/film.mp4", _OVER)),
    _kept(
        "result is the video by a link",
        film_words("film.mp4", "l.mp4", _OVER),
        _link("l.mp4", "film.mp4"),
    ),
    _kept(
        "result is the video by a hard link",
        film_words("film.mp4", "l.mp4", _OVER),
        _hard_link("l.mp4", "film.mp4"),
    ),
    _kept(
        "result is the video by a linked folder",
        film_words("film.mp4", "f/film.mp4", _OVER),
        _link("f", "."),
    ),
    _kept(
        "video is a link to the result",
        film_words("l.mp4", "film.mp4", _OVER),
        _link("l.mp4", "film.mp4"),
    ),
    _kept(
        "result is the source photo",
        film_words("film.mp4", "me.png", _OVER),
        code=(6, 2),
        says="",
    ),
    _kept(
        "picture's result is the source photo",
        (*picture_words("me.png", out="me.png"), _OVER),
    ),
    _kept(
        "picture's result is the source by a link",
        (*picture_words("me.png", out="l.png"), _OVER),
        _link("l.png", "me.png"),
    ),
    _kept("picture's result is the target", (*picture_words("me.png", out="left.png"), _OVER)),
    _kept(
        "picture's result is a target face",
        (*picture_words("me.png", "t.png", "left.png"), "--target_faces_paths", "left.png", _OVER),
        taken("left.png", "t.png"),
    ),
    _kept(
        "picture's result lies in the source folder and is one of its photos",
        (*picture_words("people", out="people/me.png"), _OVER),
        taken("me.png", "people/me.png"),
    ),
    _kept(
        "masks are the video", film_words("film.mp4", "out.mp4", "--save_masks", "film.mp4", _OVER)
    ),
    _kept(
        "masks are the result",
        film_words("film.mp4", "out.mp4", "--save_masks", "out.mp4", _OVER),
        says="out.mp4",
    ),
    _kept(
        "masks are the source photo", (*picture_words("me.png"), "--save_masks", "me.png", _OVER)
    ),
    _kept(
        "masks are a link to the source photo",
        (*picture_words("me.png"), "--save_masks", "l.png", _OVER),
        _link("l.png", "me.png"),
    ),
    _kept(
        "report is the video",
        film_words("film.mp4", "out.mp4", "--report", "film.mp4", _OVER),
    ),
    _kept(
        "report is the source photo", film_words("film.mp4", "out.mp4", "--report", "me.png", _OVER)
    ),
    _kept(
        "report is a target face",
        film_words(
            "film.mp4", "out.mp4", "--target_faces_paths", "left.png", "--report", "left.png", _OVER
        ),
    ),
    _kept(
        "report is the result",
        film_words("film.mp4", "out.mp4", "--report", "out.mp4", _OVER),
        says="out.mp4",
    ),
    _kept(
        "report is the masks",
        film_words("film.mp4", "out.mp4", "--save_masks", "m.mkv", "--report", "m.mkv", _OVER),
        says="m.mkv",
    ),
    _kept(
        "report exists",
        film_words("film.mp4", "out.mp4", "--report", "r.json"),
        data("r.json", b""),
        says="overwrite",
    ),
)

REFUSED = (
    _kept(
        "the default name is taken by a folder",
        film_words("film.mp4", None),
        _folder("film_swapped.mp4"),
        "director|folder",
    ),
    _kept(
        "the default name is taken by a file",
        film_words("film.mp4", None),
        data("film_swapped.mp4", PRECIOUS),
        "overwrite",
    ),
    _kept("result exists", film_words("film.mp4"), data("out.mp4", PRECIOUS), "overwrite"),
    _kept("result exists and is empty", film_words("film.mp4"), data("out.mp4", b""), "overwrite"),
    Case(
        "result is a folder",
        film_words("film.mp4", "out.mp4"),
        (0, 6),
        make=_folder("out.mp4"),
        leaves=("out.mp4/film_swapped.mp4",),
    ),
    Case(
        "result's name ends in a slash",
        film_words("film.mp4", "results/"),
        (0, 6),
        make=_folder("results"),
        leaves=("results/film_swapped.mp4",),
    ),
    _kept("result in a folder that is missing", film_words("film.mp4", "no/out.mp4"), says="no"),
    _kept(
        "result in a folder that is a file", film_words("film.mp4", "me.png/out.mp4"), says="me.png"
    ),
    _kept(
        "result is a dangling link",
        film_words("film.mp4", "l.mp4"),
        _link("l.mp4", "no/x.mp4"),
        "l.mp4|link",
        never="Result",
    ),
    _kept(
        "result is a link to itself",
        film_words("film.mp4", "l.mp4"),
        _link("l.mp4", "l.mp4"),
        "l.mp4",
    ),
    _kept(
        "result is a device",
        film_words("film.mp4", "/dev/null", _OVER),
        says="/dev/null",
        code=(2, 6),
    ),
    _kept(
        "result is a pipe",
        film_words("film.mp4", "p.mp4", _OVER),
        lambda scene: os.mkfifo(scene.work / "p.mp4"),
        "p.mp4",
    ),
    _kept(
        "report is a device",
        film_words("film.mp4", "out.mp4", "--report", "nul", _OVER),
        _device,
        "nul",
        needs=_cannot_make_devices,
        check=_is_still_a_device,
    ),
    _kept(
        "report is a pipe",
        film_words("film.mp4", "out.mp4", "--report", "p.json", _OVER),
        lambda scene: os.mkfifo(scene.work / "p.json"),
        "p.json",
    ),
    _kept(
        "masks are a device",
        film_words("film.mp4", "out.mp4", "--save_masks", "/dev/full", _OVER),
        says="/dev/full",
        code=(2, 6),
    ),
    _kept(
        "report is a folder",
        film_words("film.mp4", "out.mp4", "--report", "d", _OVER),
        _folder("d"),
        "director|folder",
    ),
    _kept(
        "report in a folder that is missing",
        film_words("film.mp4", "out.mp4", "--report", "no/r.json"),
        says="no",
    ),
    *(
        Case(f"result named {name}", film_words("film.mp4", name), (2, 6), leaves=())
        for name in ("out.txt", "out", "out.m3u8", "out.mp3", "out.exe", "out.", ".hidden")
    ),
    Case("result is an address", film_words("film.mp4", "rtmp://127.0.0.1/x"), (2, 6)),
    Case(
        "result is a number pattern in a folder that is missing",
        film_words("film.mp4", "no/%04d.png"),
        (0, 2, 6),
        leaves=("no/*.png",),
    ),
    Case("picture's result has no suffix", picture_words("me.png", out="out"), 2),
    Case("result in /proc", film_words("film.mp4", "/proc/out.mp4"), 6),
    Case("result in /sys", film_words("film.mp4", "/sys/out.mp4"), 6),
    Case(
        "result in a folder that may not be written",
        film_words("film.mp4", "d/out.mp4"),
        6,
        make=_folder("d", 0o555),
        nobody=True,
    ),
    Case(
        "report in a folder that may not be written",
        film_words("film.mp4", "out.mp4", "--report", "d/r.json"),
        6,
        make=_folder("d", 0o555),
        nobody=True,
    ),
    Case(
        "masks in a folder that may not be written",
        film_words("film.mp4", "out.mp4", "--save_masks", "d/m.mkv"),
        6,
        make=_folder("d", 0o555),
        nobody=True,
    ),
    Case(
        "video that may not be read",
        film_words("x.mp4"),
        3,
        "x.mp4",
        make=both(taken("film.mp4", "x.mp4"), lambda scene: (scene.work / "x.mp4").chmod(0)),
        nobody=True,
        check=None,
    ),
    Case(
        "photo that may not be read",
        picture_words("x.png"),
        3,
        "x.png",
        make=both(taken("me.png", "x.png"), lambda scene: (scene.work / "x.png").chmod(0)),
        nobody=True,
    ),
)

_SHUT = both(
    _folder("shut"),
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
        make=_link("loop", "loop"),
    ),
    Case(
        "targets through a link to itself",
        ("--source_paths", "me.png", "--target_dir", "loop", "--out_dir", "results"),
        3,
        "loop",
        make=_link("loop", "loop"),
    ),
    Case(
        "results through a link to itself",
        ("--source_paths", "me.png", "--target_dir", "in", "--out_dir", "loop"),
        6,
        "loop",
        make=both(_link("loop", "loop"), taken("left.png", "in/a.png")),
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

REPLACED = (
    Case(
        "result replaces a file",
        film_words("film.mp4", "out.mp4", _OVER),
        0,
        make=data("out.mp4", PRECIOUS),
        leaves=("out.mp4",),
        changes=("out.mp4",),
    ),
    Case(
        "result replaces a link, not its target",
        film_words("film.mp4", "l.mp4", _OVER),
        (0, 6),
        make=both(data("target", PRECIOUS), _link("l.mp4", "target")),
        leaves=("l.mp4",),
        changes=("l.mp4",),
    ),
    Case(
        "result beside a file named like the one put aside",
        film_words("film.mp4"),
        0,
        make=data("out.aside.mp4", PRECIOUS),
        leaves=("out.mp4",),
    ),
    Case("a dry run writes nothing", film_words("film.mp4", "out.mp4", "--dry_run"), 0),
    Case(
        "a dry run over a result that exists",
        film_words("film.mp4", "out.mp4", "--dry_run"),
        (0, 6),
        make=data("out.mp4", PRECIOUS),
    ),
    Case(
        "an ffmpeg that finds fault with everything",
        film_words("film.mp4", "out.mp4", _OVER),
        0,
        make=both(data("out.mp4", PRECIOUS), lambda scene: _ffmpeg_that_fails(scene)),
        leaves=("out.mp4",),
        changes=("out.mp4",),
    ),
)


def _ffmpeg_that_fails(scene: Scene) -> None:
    program = scene.root / "bin" / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'it is all wrong' >&2\nexit 1\n")
    program.chmod(0o755)


ROWS = (*INPUTS, *REFUSED, *SHUT, *FULL, *REPLACED)
