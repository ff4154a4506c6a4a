"""File names that shells, ffmpeg, terminals and file systems trip over."""

from __future__ import annotations

import os

from tests.hostile.broken import taken
from tests.hostile.case import Case, film_words, folder_words
from tests.hostile.scene import Scene

NAMES = {
    "spaces": " a  b .mp4",
    "quotes": 'it\'s "quoted".mp4',
    "a colon": "C: a.mp4",
    "number patterns": "x%03d%n.mp4",
    "wild cards": "[x]*?{a,b}.mp4",
    "a shell's substitution": "$(touch owned);`touch owned`.mp4",
    "a line break": "a\nb.mp4",
    "an escape code": "a\x1b[31m\x1b]0;owned\x07b.mp4",
    "an emoji": "\N{GRINNING FACE}\N{ZERO WIDTH JOINER}.mp4",
    "right to left": "a\N{RIGHT-TO-LEFT OVERRIDE}4pm.mp4",
    "an accent in two parts": "e\N{COMBINING ACUTE ACCENT}.mp4",
    "a leading dash": "-i.mp4",
    "a leading at sign": "@film.mp4",
    "a pipe of ffmpeg": "pipe:0.mp4",
    "a protocol": "http:__x.mp4",
    "a filter's separators": "a;b|c,d=e\\f'.mp4",
    "upper case": "FILM.MP4",
    "no suffix": "film",
    "nothing but a suffix": ".mp4",
    "two suffixes": "film.tar.mp4",
    "a long name": "n" * 236 + ".mp4",
}
TOO_LONG = "\N{HIRAGANA LETTER A}" * 83 + ".mp4"  # 253 bytes: no room for _swapped
NOT_UTF8 = os.fsdecode(b"caf\xe9.mp4")


def _named(id: str, name: str) -> Case:
    words = film_words(name, "result.mp4")
    return Case(
        f"a name with {id}",
        words,
        0,
        make=taken("film.mp4", name),
        leaves=("result.mp4",),
    )


def _results_named(id: str, name: str) -> Case:
    return Case(
        f"a result's name with {id}",
        film_words("film.mp4", name if "." in name.lstrip(".") else f"{name}.mp4"),
        0,
        leaves=(_literal(name if "." in name.lstrip(".") else f"{name}.mp4"),),
    )


def _literal(name: str) -> str:
    """Return a pattern of fnmatch that only this name fits."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _folder_with_odd_names(scene: Scene) -> None:
    for name in (NOT_UTF8, "a\nb.mp4", "z.mp4", TOO_LONG):
        scene.take("film.mp4", f"in/{name}")


ROWS = (
    *(_named(id, name) for id, name in NAMES.items()),
    *(
        _results_named(id, name)
        for id, name in NAMES.items()
        if id not in ("a long name", "no suffix")
    ),
    Case(
        "a name that is not UTF-8",
        film_words(NOT_UTF8, "result.mp4"),
        0,
        make=taken("film.mp4", NOT_UTF8),
        leaves=("result.mp4",),
    ),
    Case(
        "a result's name that is not UTF-8",
        film_words("film.mp4", NOT_UTF8),
        (0, 6),
        leaves=(NOT_UTF8,),
    ),
    Case(
        "a report about a name that is not UTF-8",
        film_words(NOT_UTF8, "result.mp4", "--report", "r.json"),
        0,
        make=taken("film.mp4", NOT_UTF8),
        leaves=("result.mp4", "r.json"),
    ),
    Case(
        "no room for _swapped in the name",
        film_words(TOO_LONG, None),
        (0, 6),
        make=taken("film.mp4", TOO_LONG),
        leaves=("*_swapped.mp4",),
    ),
    Case(
        "a result's name of 255 bytes",
        film_words("film.mp4", "n" * 251 + ".mp4"),
        (0, 6),
        leaves=("n" * 251 + ".mp4",),
    ),
    Case("a result's name of 300 bytes", film_words("film.mp4", "n" * 300 + ".mp4"), 6),
    Case("an input's name of 300 bytes", film_words("n" * 300 + ".mp4"), 3),
    Case("a path of 5000 bytes", film_words("x/" * 2500 + "film.mp4"), 3),
    Case(
        "a folder with odd names",
        folder_words(),
        (0, 5),
        make=_folder_with_odd_names,
        leaves=("results/*",),
        check=lambda scene, outcome: _three_of(scene),
    ),
)


def _three_of(scene: Scene) -> str:
    found = [path for path in (scene.work / "results").iterdir() if path.is_file()]
    return "" if len(found) >= 3 else f"only {len(found)} results"
