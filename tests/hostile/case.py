"""What a row of the table is: inputs, a command line, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tests.hostile.scene import Scene

# Exit codes of the README, without 1, which is a defect.
DOCUMENTED_CODES = (0, 2, 3, 4, 5, 6, 130, 143)

Maker: TypeAlias = "Callable[[Scene], object]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a process did.

    Attributes:
        code: Its exit code; negative for a signal.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
        seconds: Wall time.
        peak: Largest resident memory of it and its children, in bytes.
        stopped: Why it was killed by the runner; empty if it was not.
        orphans: Names of processes that it started and that outlived it.
    """

    code: int
    out: str
    err: str
    seconds: float
    peak: int
    stopped: str = ""
    orphans: tuple[str, ...] = ()


Way: TypeAlias = "Callable[[Scene, Case], Outcome]"
Check: TypeAlias = "Callable[[Scene, Outcome], str]"


@dataclass(frozen=True, slots=True)
class Case:
    """One row.

    Attributes:
        id: What is hostile about it.
        words: The command line; the first word is a command of ``videoswap`` or a flag of
            ``inference.py``. Paths are relative to the scene's folder.
        code: The exit code it must have, or those it may have.
        says: Pattern that what it prints must hold.
        never: Pattern that what it prints must not hold.
        make: Puts its inputs beside ``film.mp4``, ``me.png`` and ``left.png``.
        leaves: Files that a success leaves, and that nothing else may.
        keeps: Files that may be left after a failure as well.
        changes: Files that were there and may be other ones afterwards.
        shell: Bash script that starts the command as ``"$@"``; empty starts it as it is.
        environment: Variables beside the usual ones; None takes one away.
        nobody: Run as a user who owns nothing (if the tests are run by root).
        way: How the process is run, where that is more than to wait for it.
        check: Looks at what came out; returns what is wrong with it.
        needs: Says what this machine lacks for the row; empty if nothing.
        seconds: Time limit, far above what it takes.
        lines: Lines that an error may have.
    """

    id: str
    words: tuple[str, ...]
    code: int | tuple[int, ...] = 0
    says: str = ""
    never: str = ""
    make: Maker | None = None
    leaves: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    shell: str = ""
    environment: Mapping[str, str | None] = field(default_factory=dict)
    nobody: bool = False
    way: Way | None = None
    check: Check | None = None
    needs: Callable[[], str] | None = None
    seconds: float = 100.0
    lines: int = 1

    @property
    def codes(self) -> tuple[int, ...]:
        """Return the exit codes it may have."""
        return (self.code,) if isinstance(self.code, int) else self.code


def film_words(video: str, out: str | None = "out.mp4", *more: str) -> tuple[str, ...]:
    """Return the words that put ``me.png`` into a video."""
    named = () if out is None else ("--out_video_name", out)
    return ("--source_paths", "me.png", "--target_video", video, *named, "--device", "cpu", *more)


def picture_words(photo: str, target: str = "left.png", out: str = "out.png") -> tuple[str, ...]:
    """Return the words that put a photo into a picture."""
    return ("--source_paths", photo, "--target_image", target, "--out_image_name", out)


def folder_words(*more: str) -> tuple[str, ...]:
    """Return the words that put ``me.png`` into all of ``in``."""
    return ("--source_paths", "me.png", "--target_dir", "in", "--out_dir", "results", *more)


def frames_of(path: Path) -> int:
    """Count the frames of a video that decode."""
    import av

    with av.open(f"file:{path}") as container:
        return sum(1 for _ in container.decode(video=0))


def has_frames(expected: int, name: str = "out.mp4") -> Check:
    """Demand that a result has this many frames."""

    def check(scene: Scene, outcome: Outcome) -> str:
        found = frames_of(scene.work / name)
        return "" if found == expected else f"{name} has {found} frames instead of {expected}"

    return check
