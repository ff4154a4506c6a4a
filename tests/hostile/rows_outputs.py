"""Results that are inputs, that are refused by their names, or that are there already."""

from __future__ import annotations

import os
from typing import Any

from tests.hostile.broken import both, data, folder, hard_link, link, taken
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


def _is_still_a_device(scene: Scene, outcome: object) -> str:
    return "" if (scene.work / "nul").is_char_device() else "the device is a file now"


def _device(scene: Scene) -> None:
    os.mknod(scene.work / "nul", 0o666 | 0o020000, os.makedev(1, 3))


def _cannot_make_devices() -> str:
    return "" if os.geteuid() == 0 else "only root can make a device"


_OVER = "--overwrite"

INPUTS = (
    _kept("result is the video", film_words("film.mp4", "film.mp4", _OVER)),
    _kept("result is the video by ./", film_words("film.mp4", "./film.mp4", _OVER)),
    _kept("result is the video by ..", film_words("film.mp4", "../work/film.mp4", _OVER)),
    _kept(
        "result is the video by a link",
        film_words("film.mp4", "l.mp4", _OVER),
        link("l.mp4", "film.mp4"),
    ),
    _kept(
        "result is the video by a hard link",
        film_words("film.mp4", "l.mp4", _OVER),
        hard_link("l.mp4", "film.mp4"),
    ),
    _kept(
        "result is the video by a linked folder",
        film_words("film.mp4", "f/film.mp4", _OVER),
        link("f", "."),
    ),
    _kept(
        "video is a link to the result",
        film_words("l.mp4", "film.mp4", _OVER),
        link("l.mp4", "film.mp4"),
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
        link("l.png", "me.png"),
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
        link("l.png", "me.png"),
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
        folder("film_swapped.mp4"),
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
        make=folder("out.mp4"),
        leaves=("out.mp4/film_swapped.mp4",),
    ),
    Case(
        "result's name ends in a slash",
        film_words("film.mp4", "results/"),
        (0, 6),
        make=folder("results"),
        leaves=("results/film_swapped.mp4",),
    ),
    _kept("result in a folder that is missing", film_words("film.mp4", "no/out.mp4"), says="no"),
    _kept(
        "result in a folder that is a file", film_words("film.mp4", "me.png/out.mp4"), says="me.png"
    ),
    _kept(
        "result is a dangling link",
        film_words("film.mp4", "l.mp4"),
        link("l.mp4", "no/x.mp4"),
        "l.mp4|link",
        never="Result",
    ),
    _kept(
        "result is a link to itself",
        film_words("film.mp4", "l.mp4"),
        link("l.mp4", "l.mp4"),
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
        folder("d"),
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
        make=folder("d", 0o555),
        nobody=True,
    ),
    Case(
        "report in a folder that may not be written",
        film_words("film.mp4", "out.mp4", "--report", "d/r.json"),
        6,
        make=folder("d", 0o555),
        nobody=True,
    ),
    Case(
        "masks in a folder that may not be written",
        film_words("film.mp4", "out.mp4", "--save_masks", "d/m.mkv"),
        6,
        make=folder("d", 0o555),
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
        make=both(data("target", PRECIOUS), link("l.mp4", "target")),
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


ROWS = (*INPUTS, *REFUSED, *REPLACED)
