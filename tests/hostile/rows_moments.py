"""What happens while a run is under way: signals, other runs, inputs that change."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import av

from tests.hostile.broken import both, taken
from tests.hostile.case import Case, Outcome, Way, film_words, frames_of
from tests.hostile.scene import Scene, start, wait
from tests.hostile.stock import LONG_FRAMES

_LONG = film_words("long.mp4")
_LONG_FILM = taken("long.mp4")
_ANALYSIS, _RENDER = "*.sqlite", "renders/*/*.segment"
_LOSSLESS = ("--encoder", "ffv1")  # threads of x264 give other bits now and then
_PATIENCE = 120.0  # seconds until a run must have come so far


def _reached(scene: Scene, pattern: str, running: Callable[[], bool]) -> bool:
    """Wait until the cache holds something."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and running():
        if any(scene.cache.glob(pattern)):
            return True
        time.sleep(0.01)
    return False


def _at(pattern: str, act: Callable[[Scene], object], delay: float = 0.0) -> Way:
    """Do something to the files once the cache holds what the pattern says."""

    def way(scene: Scene, case: Case) -> Outcome:
        process = start(scene, case)
        if _reached(scene, pattern, lambda: process.poll() is None):
            time.sleep(delay)
            act(scene)
        return wait(process, case.seconds)

    return way


def _signalled(pattern: str, number: signal.Signals) -> Way:
    """Send a signal once the cache holds what the pattern says."""

    def way(scene: Scene, case: Case) -> Outcome:
        process = start(scene, case)
        _reached(scene, pattern, lambda: process.poll() is None)
        process.send_signal(number)
        return wait(process, case.seconds)

    return way


def _catches(pid: int, number: signal.Signals) -> bool:
    """Tell whether a process does something of its own at a signal."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        caught = re.search(r"^SigCgt:\t(\w+)$", status, re.MULTILINE)
        return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)
    return False


def _at_once(number: signal.Signals, delay: float) -> Way:
    """Send a signal a moment after the program has begun, while libraries are loaded."""

    def way(scene: Scene, case: Case) -> Outcome:
        process = start(scene, case)
        while process.poll() is None and not _catches(process.pid, signal.SIGTERM):
            time.sleep(0.001)  # before that the interpreter itself is not there yet
        time.sleep(delay)
        process.send_signal(number)
        return wait(process, case.seconds)

    return way


def _pictures(path: Path) -> list[tuple[int | None, str]]:
    """Return time and digest of every frame."""
    with av.open(str(path)) as container:
        return [
            (frame.pts, hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest())
            for frame in container.decode(video=0)
        ]


def _killed_and_resumed(seed: int) -> Way:
    """Kill the run at a random moment, run it again, and compare with a run left in peace."""

    def way(scene: Scene, case: Case) -> Outcome:
        peaceful = replace(
            case,
            words=film_words("long.mp4", "peace.mkv", *_LOSSLESS),
            environment={"VIDEOSWAP_CACHE_DIR": str(scene.root / "peace")},
        )
        reference = wait(start(scene, peaceful), case.seconds)
        if reference.code:
            return reference
        moment = random.Random(seed).uniform(0.2, 1.0) * reference.seconds
        process = start(scene, case)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        wait(process, case.seconds)
        again = replace(case, words=(*case.words, "--overwrite"))
        outcome = wait(start(scene, again), case.seconds)
        peace = scene.work / "peace.mkv"
        same = _pictures(scene.work / "out.mkv") == _pictures(peace)
        peace.unlink()
        return outcome if same else replace(outcome, stopped="the resumed result is another one")

    return way


def _two_at_once(second: tuple[str, ...]) -> Way:
    """Run it twice at the same time, the second time with other words."""

    def way(scene: Scene, case: Case) -> Outcome:
        other = start(scene, replace(case, words=second))
        outcome = wait(start(scene, case), case.seconds)
        told = wait(other, case.seconds)
        codes = sorted((outcome.code, told.code))
        wanted = [0, 0] if second != case.words else [0, 6]
        if codes != wanted:
            return replace(outcome, stopped=f"the two ended with {codes} instead of {wanted}")
        return outcome

    return way


def _replace_film(scene: Scene) -> None:
    """Put another film in the place of the input, as a synchronised folder does."""
    shutil.copyfile(scene.stock / "long_other.mp4", scene.work / "new")
    (scene.work / "new").replace(scene.work / "long.mp4")


def _overwrite_film(scene: Scene) -> None:
    """Write another film into the very file that is being read."""
    shutil.copyfile(scene.stock / "long_other.mp4", scene.work / "long.mp4")


def _shorten_film(scene: Scene) -> None:
    """Cut the file that is being read."""
    os.truncate(scene.work / "long.mp4", 60_000)


def _intact_copy_is_whole(scene: Scene, outcome: Outcome) -> str:
    """Demand that the analysis cut off by the change is not taken for an intact film's."""
    shutil.copyfile(scene.stock / "long.mp4", scene.work / "copy.mp4")
    run = wait(start(scene, Case("copy", film_words("copy.mp4", "whole.mp4"))), _PATIENCE)
    if run.code:
        return f"an intact copy of the film ends with {run.code}: {run.err}"
    found = frames_of(scene.work / "whole.mp4")
    return "" if found == LONG_FRAMES else f"an intact copy gives {found} frames"


def _signal_rows() -> tuple[Case, ...]:
    rows = []
    for number in (signal.SIGINT, signal.SIGTERM):
        for name, pattern in (("analysis", _ANALYSIS), ("render", _RENDER)):
            rows.append(
                Case(
                    f"{number.name} in the {name}",
                    _LONG,
                    128 + number,
                    "interrupted" if number == signal.SIGINT else "terminated",
                    make=_LONG_FILM,
                    way=_signalled(pattern, number),
                )
            )
        for delay in (0.0, 0.5, 1.0):
            rows.append(
                Case(
                    f"{number.name} after {delay} s",
                    _LONG,
                    (0, 128 + number),
                    make=_LONG_FILM,
                    leaves=("out.mp4",),
                    way=_at_once(number, delay),
                )
            )
    return tuple(rows)


ROWS = (
    *_signal_rows(),
    *(
        Case(
            f"killed at random moment {seed} and resumed",
            film_words("long.mp4", "out.mkv", *_LOSSLESS),
            0,
            make=_LONG_FILM,
            leaves=("out.mkv",),
            way=_killed_and_resumed(seed),
            seconds=300,
        )
        for seed in range(5)
    ),
    Case(
        "two runs with one result",
        film_words("film.mp4"),
        (0, 6),
        leaves=("out.mp4",),
        way=_two_at_once(film_words("film.mp4")),
    ),
    Case(
        "two runs with two results",
        film_words("film.mp4"),
        0,
        leaves=("out.mp4", "other.mp4"),
        way=_two_at_once(film_words("film.mp4", "other.mp4")),
    ),
    Case(
        "film replaced in the analysis",
        _LONG,
        3,
        "long.mp4",
        make=_LONG_FILM,
        changes=("long.mp4",),
        way=_at(_ANALYSIS, _replace_film),
    ),
    Case(
        "film overwritten in the analysis",
        _LONG,
        3,
        "long.mp4",
        make=_LONG_FILM,
        changes=("long.mp4",),
        way=_at(_ANALYSIS, _overwrite_film),
        check=_intact_copy_is_whole,
        seconds=240,
    ),
    Case(
        "film replaced in the render",
        _LONG,
        3,
        "long.mp4",
        make=_LONG_FILM,
        changes=("long.mp4",),
        way=_at(_RENDER, _replace_film),
    ),
    Case(
        "film overwritten in the render",
        _LONG,
        3,
        "long.mp4",
        make=_LONG_FILM,
        changes=("long.mp4",),
        way=_at(_RENDER, _overwrite_film),
    ),
    Case(
        "film shortened in the analysis",
        _LONG,
        3,
        "long.mp4",
        make=_LONG_FILM,
        changes=("long.mp4",),
        way=_at(_ANALYSIS, _shorten_film),
        check=_intact_copy_is_whole,
    ),
    Case(
        "film deleted in the render",
        _LONG,
        3,
        "long.mp4",
        make=_LONG_FILM,
        changes=("long.mp4",),
        way=_at(_RENDER, lambda scene: (scene.work / "long.mp4").unlink()),
    ),
    Case(
        "result's name taken in the render",
        _LONG,
        6,
        "out.mp4",
        make=_LONG_FILM,
        keeps=("out.mp4", "out.new.mp4"),
        way=_at(_RENDER, lambda scene: scene.take("me.png", "out.mp4")),
    ),
    Case(
        "result's folder deleted in the render",
        film_words("long.mp4", "d/out.mp4"),
        6,
        "d",
        make=both(_LONG_FILM, lambda scene: (scene.work / "d").mkdir()),
        changes=("d",),
        way=_at(_RENDER, lambda scene: shutil.rmtree(scene.work / "d")),
    ),
    Case(
        "cache deleted in the render",
        _LONG,
        (0, 6),
        make=_LONG_FILM,
        leaves=("out.mp4",),
        way=_at(_RENDER, lambda scene: shutil.rmtree(scene.cache)),
    ),
    Case(
        "source photo replaced in the analysis",
        _LONG,
        (0, 3),
        make=_LONG_FILM,
        leaves=("out.mp4",),
        changes=("me.png",),
        way=_at(_ANALYSIS, lambda scene: scene.take("left.png", "me.png")),
    ),
)
