"""Streams, variables, users, caches and weights that are not as they should be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.hostile.broken import both, data, noise, taken
from tests.hostile.case import Case, Maker, Outcome, film_words, has_frames, picture_words
from tests.hostile.scene import ROOT, Scene, environment_of, run_plainly, snapshot
from tests.hostile.stock import FILM_FRAMES

_FILM = film_words("film.mp4")
_PICTURE = picture_words("me.png")
_DONE = ("out.mp4",)
_PIPES = "set -o pipefail; "


def _stream(
    id: str,
    shell: str,
    code: int | tuple[int, ...] = 0,
    words: tuple[str, ...] = _FILM,
    leaves: tuple[str, ...] = _DONE,
) -> Case:
    return Case(id, words, code, shell=shell, leaves=leaves)


def _variables(
    id: str,
    code: int | tuple[int, ...] = 0,
    nobody: bool = False,
    words: tuple[str, ...] = _FILM,
    leaves: tuple[str, ...] = _DONE,
    **variables: str | None,
) -> Case:
    return Case(id, words, code, environment=variables, nobody=nobody, leaves=leaves)


def _make_cache(scene: Scene) -> None:
    """Run once, so that there is a cache to break."""
    first = Case("first", film_words("film.mp4", "first.mp4"))
    outcome = run_plainly(scene, first)
    assert outcome.code == 0, outcome.err
    (scene.work / "first.mp4").unlink()


def _damage(how: str) -> Maker:
    """Break every analysis of the cache."""

    def make(scene: Scene) -> None:
        _make_cache(scene)
        for path in scene.cache.glob("*.sqlite"):
            content = path.read_bytes()
            if how == "noise":
                path.write_bytes(os.urandom(len(content)))
            elif how == "nothing":
                path.write_bytes(b"")
            elif how == "half":
                path.write_bytes(content[: len(content) // 2])
            else:
                _short_blobs(path)

    return make


def _short_blobs(path: Path) -> None:
    """Cut every blob of a database to three bytes."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            for _, column, *_ in columns:
                connection.execute(
                    f'UPDATE "{table}" SET "{column}" = substr("{column}", 1, 3) '
                    f"WHERE typeof(\"{column}\") = 'blob'"
                )
    connection.close()


def _cache_in(
    id: str,
    code: int | tuple[int, ...],
    make: Maker,
    nobody: bool = False,
    folder: str = "kept",
) -> Case:
    return Case(
        id,
        _FILM,
        code,
        make=make,
        nobody=nobody,
        leaves=_DONE,
        environment={"VIDEOSWAP_CACHE_DIR": folder},
    )


def _weights(name: str, content: bytes) -> Maker:
    def make(scene: Scene) -> None:
        (scene.work / "weights").mkdir()
        (scene.work / "weights" / name).write_bytes(content)

    return make


def _bad_weights_are_not_pinned(scene: Scene, outcome: Outcome) -> str:
    """Demand that the run recorded no digest of a file that could not be loaded."""
    known = scene.work / "weights" / "known.json"
    if known.exists() and "scrfd" in known.read_text():
        return "the digest of the broken file was recorded"
    return ""


def _bare_python(scene: Scene, case: Case) -> Outcome:
    """Run without any package: ``python -S`` sees the standard library alone."""
    program = subprocess.run(
        [sys.executable, "-S", str(ROOT / "inference.py"), *case.words],
        cwd=scene.work,
        env=environment_of(scene, {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Outcome(program.returncode, program.stdout, program.stderr, 0, 0)


def _says_nothing(scene: Scene, outcome: Outcome) -> str:
    return "" if snapshot(scene.root / "home") == {} else "something was written to HOME"


STREAMS = (
    _stream("stdout closed", '"$@" >&-'),
    _stream("stderr closed", '"$@" 2>&-'),
    _stream("stdin closed", '"$@" <&-'),
    _stream("all three closed", '"$@" <&- >&- 2>&-'),
    _stream("stdout is full", '"$@" >/dev/full', (0, 6)),
    _stream("stderr is full", '"$@" 2>/dev/full'),
    _stream("stdout is read by head", _PIPES + '"$@" | head -1'),
    _stream("stdout is read by nobody", _PIPES + '"$@" | true'),
    _stream("stderr is read by nobody", '"$@" 2> >(true)'),
    _stream(
        "models list read by head", _PIPES + '"$@" | head -1', (0, 141), ("models", "list"), ()
    ),
    _stream("doctor read by head", _PIPES + '"$@" | head -1', (0, 141), ("doctor",), ()),
    _stream("help read by head", _PIPES + '"$@" | head -1', (0, 141), ("--help",), ()),
    _stream(
        "error with stderr closed",
        '"$@" 2>&- || { echo closed >&2; exit 3; }',
        3,
        film_words("no.mp4"),
        (),
    ),
    _stream(
        "the current folder is deleted",
        'mkdir x && cd x && rmdir ../x && "$@"',
        (2, 3, 6),
        ("--source_paths", "me.png", "--target_video", "film.mp4"),
        (),
    ),
    _stream(
        "the current folder is deleted, whole paths",
        'here=$PWD; mkdir x; cd x; rmdir ../x; "$@" --source_paths $here/me.png --target_video '
        "$here/film.mp4 --out_video_name $here/out.mp4",
        0,
        (),
    ),
    _stream(
        "film from a pipe of the shell",
        '"$@" --target_video <(cat film.mp4)',
        0,
        ("--source_paths", "me.png", "--out_video_name", "out.mp4"),
    ),
    _stream("film from stdin", '"$@" < film.mp4', 0, film_words("-")),
    _stream("film from /dev/stdin", '"$@" < film.mp4', 0, film_words("/dev/stdin")),
    _stream("nothing from stdin", '"$@" < /dev/null', 3, film_words("-"), ()),
    _stream("under 40 open files", 'ulimit -n 40; "$@"', (0, 3, 6)),
    _stream("files may have 4 KB", 'ulimit -f 4; "$@"', 6, leaves=()),
    _stream("no rights for what is made", 'umask 777; "$@"', (0, 6)),
    _stream("background job of a closed terminal", 'trap "" HUP; "$@" & wait $!'),
)

_HOMELESS = {
    "HOME": None,
    "XDG_CACHE_HOME": None,
    "XDG_CONFIG_HOME": None,
    "VIDEOSWAP_CACHE_DIR": None,
}
VARIABLES = (
    _variables("HOME is unset", HOME=None, XDG_CACHE_HOME=None, XDG_CONFIG_HOME=None),
    Case(
        "a user without name and HOME",
        film_words("film.mp4", "out.mp4", "--no_cache"),
        0,
        nobody=True,
        leaves=_DONE,
        environment=_HOMELESS,
    ),
    Case(
        "a user without name, HOME and cache",
        _FILM,
        (0, 6),
        nobody=True,
        leaves=_DONE,
        environment=_HOMELESS,
    ),
    _variables(
        "HOME is a file", HOME="me.png", XDG_CACHE_HOME=None, VIDEOSWAP_CACHE_DIR=None, code=(0, 6)
    ),
    _variables(
        "HOME is missing and cannot be made",
        HOME="/proc/nobody",
        XDG_CACHE_HOME=None,
        VIDEOSWAP_CACHE_DIR=None,
        code=(0, 6),
    ),
    Case(
        "HOME may not be read",
        _FILM,
        (0, 6),
        nobody=True,
        leaves=_DONE,
        make=lambda scene: (scene.root / "home").chmod(0o000),
        environment={"XDG_CACHE_HOME": None, "VIDEOSWAP_CACHE_DIR": None},
    ),
    _variables(
        "XDG_CACHE_HOME is relative",
        XDG_CACHE_HOME="rel",
        VIDEOSWAP_CACHE_DIR=None,
        leaves=("out.mp4", "rel/*"),
    ),
    Case(
        "plain C and ASCII",
        film_words("\N{GRINNING FACE}.mp4"),
        0,
        make=taken("film.mp4", "\N{GRINNING FACE}.mp4"),
        leaves=_DONE,
        environment={
            "LANG": "C",
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONIOENCODING": "ascii",
        },
    ),
    _variables("a language that is not there", LANG="xx_XX.UTF-8", LC_ALL="xx_XX.UTF-8"),
    _variables("a terminal of no columns", COLUMNS="0", LINES="0", TERM="dumb"),
    _variables("columns of nonsense", COLUMNS="wide", TERM=""),
    _variables("Python without docstrings", PYTHONOPTIMIZE="2"),
    _variables("every warning is an error", PYTHONWARNINGS="error"),
    _variables("threads of nonsense", OMP_NUM_THREADS="many"),
    _variables("a time zone of nonsense", TZ="Mars/Olympus"),
    _variables(
        "a proxy that is dead", HTTP_PROXY="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9"
    ),
    _variables("an ffmpeg that is not there", IMAGEIO_FFMPEG_EXE="/no/ffmpeg", code=(0, 6)),
    _variables("TMPDIR is missing", TMPDIR="/no/where", code=(0, 6)),
    _variables("no PATH", PATH=""),
    _variables("weights folder is missing", VIDEOSWAP_WEIGHTS_DIR="/no/where"),
    _variables("weights folder is a file", VIDEOSWAP_WEIGHTS_DIR="me.png", code=(0, 3)),
    Case("help without any package", ("--help",), 0, "usage", way=_bare_python),
    Case("a swap without any package", _FILM, (2, 3), "install", way=_bare_python),
    Case("nothing of ours in HOME", _FILM, 0, leaves=_DONE, check=_says_nothing),
    Case(
        "a film from 1901",
        _FILM,
        0,
        leaves=_DONE,
        make=lambda scene: os.utime(scene.work / "film.mp4", (-2e9, -2e9)),
    ),
    Case(
        "a film from 2100",
        _FILM,
        0,
        leaves=_DONE,
        make=lambda scene: os.utime(scene.work / "film.mp4", (4.1e9, 4.1e9)),
    ),
)

CACHES = (
    *(
        Case(
            f"cache damaged: {how}",
            _FILM,
            0,
            make=_damage(how),
            leaves=_DONE,
            check=has_frames(FILM_FRAMES),
        )
        for how in ("noise", "nothing", "half", "blobs")
    ),
    _cache_in("cache is a file", (0, 6), data("kept", b"precious")),
    _cache_in("cache cannot be made", (0, 6), taken("me.png"), folder="/proc/kept"),
    _cache_in("cache may not be written", (0, 6), lambda scene: _locked(scene, 0o555), nobody=True),
    _cache_in("cache may not be read", (0, 6), lambda scene: _locked(scene, 0o000), nobody=True),
    _cache_in(
        "cache is a dangling link",
        (0, 6),
        lambda scene: (scene.work / "kept").symlink_to("/no/where"),
    ),
    Case(
        "cache holds somebody else's files",
        ("cache", "clear"),
        0,
        make=lambda scene: (scene.cache / "thesis.txt").write_text("mine"),
        check=lambda scene, outcome: (
            "" if (scene.cache / "thesis.txt").exists() else "a stranger's file was deleted"
        ),
    ),
    Case("cache list of a damaged cache", ("cache", "list"), 0, make=_damage("noise")),
    Case("cache clear of a damaged cache", ("cache", "clear"), 0, make=_damage("noise")),
    Case(
        "cache list of a cache that is a file",
        ("cache", "list"),
        (0, 6),
        make=data("kept", b"precious"),
        environment={"VIDEOSWAP_CACHE_DIR": "kept"},
    ),
    Case(
        "cache clear of a cache that is a file",
        ("cache", "clear"),
        (0, 6),
        make=data("kept", b"precious"),
        environment={"VIDEOSWAP_CACHE_DIR": "kept"},
    ),
)

_OWN_WEIGHTS = {"VIDEOSWAP_WEIGHTS_DIR": "weights"}
WEIGHTS = (
    Case(
        "weights of random bytes",
        film_words("film.mp4", "out.mp4", "--face_models", "insightface"),
        (2, 3),
        environment=_OWN_WEIGHTS,
        leaves=("weights/*",),
        make=both(
            _weights("scrfd_10g_bnkps.onnx", os.urandom(5000)),
            noise("weights/glintr100.onnx", 5000),
        ),
        check=_bad_weights_are_not_pinned,
    ),
    Case(
        "a generator of random bytes",
        film_words("film.mp4", "out.mp4", "--G_path", "g.pth", "--swapper", "ghost"),
        (2, 3),
        "ghost",
        make=noise("g.pth", 5000),
    ),
    Case(
        "verify where no weights are",
        ("models", "verify"),
        (0, 3),
        environment=_OWN_WEIGHTS,
        make=lambda scene: (scene.work / "weights").mkdir(),
    ),
    Case(
        "verify weights of random bytes",
        ("models", "verify"),
        (3, 5),
        environment=_OWN_WEIGHTS,
        make=_weights("scrfd_10g_bnkps.onnx", b"random"),
    ),
    Case("convert a photo as weights", ("models", "convert", "me.png"), (2, 3), "me.png", lines=2),
)


def _locked(scene: Scene, mode: int) -> None:
    (scene.work / "kept").mkdir()
    (scene.work / "kept").chmod(mode)


ROWS = (*STREAMS, *VARIABLES, *CACHES, *WEIGHTS)
