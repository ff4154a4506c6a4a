"""The cache: analyses and unfinished renders that are kept between runs.

It is listed, cleared and held within a limit here. Foreign files are never touched, nor is what a
running process uses.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from re import compile as pattern

from .locks import discard, try_lock
from .records import counted
from .rendering import segment_folder as pieces
from .tracking import store_tables as tables

_ANALYSIS = pattern(r"[0-9a-f]{40}\.(sqlite|damaged)")
_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite leaves beside a file
_LOCK = pattern(r"([0-9a-f]{32}|[0-9a-f]{40})\.lock")
_RENDER = pattern(r"[0-9a-f]{32}")
DAY = 86400.0  # seconds
ABANDONED = 30 * DAY  # after which an unfinished render or a damaged file is deleted

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """Something that is kept.

    Attributes:
        path: The file, or the folder of a render.
        kind: analysis, render or damaged.
        film: The video it is of; empty if it does not say.
        state: finished, unfinished, or old for what only another version could use.
        used: When it was last used, seconds since 1970.
        size: Bytes.
    """

    path: Path
    kind: str
    film: str
    state: str
    used: float
    size: int


def entries(folder: Path) -> list[CacheEntry]:
    """Return everything that is kept in a folder, the last used first."""
    found = []
    for path, read in (*_analyses(folder), *_renders(folder)):
        try:
            found.append(read(path))
        except OSError:  # gone meanwhile, or another user's
            continue
    return sorted(found, key=lambda one: -one.used)


def listing(folder: Path, now: float | None = None) -> list[str]:
    """Return a line for everything in the cache, and one with the sum."""
    now = time.time() if now is None else now
    kept = entries(folder)
    if not kept:
        return [f"{folder}: nothing is kept"]
    rows = [("SIZE", "KIND", "STATE", "LAST USED", "FILM")]
    rows += [
        (_size(one.size), one.kind, one.state, age(now - one.used), _printable(one.film) or "?")
        for one in kept
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join([row[0].rjust(widths[0]), *map(str.ljust, row[1:4], widths[1:]), row[4]])
        for row in rows
    ]
    return [*lines, f"{_size(sum(one.size for one in kept))} in {folder}"]


def clear(
    folder: Path,
    older_than: float | None = None,
    larger_than: int | None = None,
    now: float | None = None,
) -> list[str]:
    """Delete what is not in use by a running process.

    Args:
        folder: The cache.
        older_than: Only what was not used for so many seconds.
        larger_than: Only what has more bytes.
        now: Seconds since 1970; None for now.

    Returns:
        What happened, in lines.
    """
    now = time.time() if now is None else now
    chosen = [
        one
        for one in entries(folder)
        if (older_than is None or now - one.used > older_than)
        and (larger_than is None or one.size > larger_than)
    ]
    gone = _deleted(chosen)
    in_use = [f"in use: {one.kind} of {_name(one)}" for one in chosen if one not in gone]
    if not entries(folder) and folder.is_dir():
        _delete_locks(folder)
    return [*in_use, f"deleted: {_size(sum(one.size for one in gone))} in {folder}"]


def tidy(folder: Path, limit: int | None, say: Say, now: float | None = None) -> None:
    """Delete entries of other versions, abandoned ones, and the oldest above a limit.

    Args:
        folder: The cache.
        limit: Most bytes that may be kept; None for no limit.
        say: Told what was deleted, except entries of other versions.
        now: Seconds since 1970; None for now.
    """
    now = time.time() if now is None else now
    try:
        kept = entries(folder)
    except OSError:  # nothing can be kept there either, which is said where it is tried
        return
    old = [one for one in kept if one.state == "old"]
    left = [one for one in kept if one.state != "old"]
    _deleted(old)
    abandoned = [
        one for one in left if one.kind in ("render", "damaged") and now - one.used > ABANDONED
    ]
    _report(_deleted(abandoned), f"unused for {ABANDONED / DAY:.0f} days", say)
    left = [one for one in left if one not in abandoned]
    if limit is None:
        return
    total, excess = 0, []
    for one in left:  # the last used first
        total += one.size
        if total > limit:
            excess.append(one)
    why = f"the cache may hold {_size(limit)} (VIDEOSWAP_CACHE_LIMIT)"
    _report(_deleted(excess), why, say)


def forget(folder: Path, path: Path) -> None:
    """Delete one thing that is kept in a folder, unless a running process uses it."""
    _deleted(one for one in entries(folder) if one.path == path)


def _report(gone: Iterable[CacheEntry], why: str, say: Say) -> None:
    for one in gone:
        say(f"Deleted from the cache: {one.kind} of {_name(one)}, {_size(one.size)} ({why}).")


def _deleted(chosen: Iterable[CacheEntry]) -> list[CacheEntry]:
    """Delete entries; returns those that are gone."""
    gone = []
    for one in chosen:
        try:
            lock = try_lock(one.path.with_suffix(".lock"))
            if lock is None:  # in use
                continue
            try:
                if one.kind == "render":
                    shutil.rmtree(one.path)
                else:
                    one.path.unlink(missing_ok=True)
                    for beside in _BESIDE:
                        one.path.with_name(one.path.name + beside).unlink(missing_ok=True)
            finally:
                discard(lock)
        except OSError:  # another user's
            continue
        gone.append(one)
    return gone


def _delete_locks(folder: Path) -> None:
    """Delete the locks that nobody holds, of what was finished or never begun."""
    for path in (*folder.glob("*.lock"), *(folder / pieces.RENDERS_FOLDER).glob("*.lock")):
        if _LOCK.fullmatch(path.name):
            with contextlib.suppress(OSError):  # another user's
                lock = try_lock(path)
                if lock is not None:
                    discard(lock)


def _analyses(folder: Path) -> Iterator[tuple[Path, Callable[[Path], CacheEntry]]]:
    if folder.is_dir():
        for path in folder.iterdir():
            if _ANALYSIS.fullmatch(path.name) and path.is_file():
                yield path, _analysis


def _renders(folder: Path) -> Iterator[tuple[Path, Callable[[Path], CacheEntry]]]:
    renders = folder / pieces.RENDERS_FOLDER
    if renders.is_dir():
        for path in renders.iterdir():
            if _RENDER.fullmatch(path.name) and path.is_dir():
                yield path, _render


def _analysis(path: Path) -> CacheEntry:
    facts = path.stat()
    about = tables.about(path)
    damaged = path.suffix == ".damaged"
    state = "finished" if about.get("finished") == "yes" else "unfinished"
    if not damaged and about and about.get("schema") != tables.SCHEMA:
        state = "old"
    kind = "damaged" if damaged else "analysis"
    return CacheEntry(path, kind, about.get("film", ""), state, facts.st_mtime, facts.st_size)


def _render(path: Path) -> CacheEntry:
    files = [file.stat() for file in path.iterdir() if file.is_file()]
    used = max((file.st_mtime for file in files), default=path.stat().st_mtime)
    size = sum(file.st_size for file in files)
    film = str(pieces.about(path).get("film", ""))
    return CacheEntry(path, "render", film, "unfinished", used, size)


def _size(count: int) -> str:
    """Return bytes as a person reads them, in powers of 1000."""
    units = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
    unit = next((unit for unit, size in units.items() if count < 999.95 * size), "TB")
    return f"{count / units.get(unit, 1e12):.1f} {unit}"


def age(seconds: float) -> str:
    """Return how long ago something was."""
    for unit, length in (("day", DAY), ("hour", 3600.0), ("minute", 60.0)):
        count = int(seconds // length)
        if count:
            return f"{counted(count, unit)} ago"
    return "just now"


def _name(one: CacheEntry) -> str:
    return _printable(one.film) or one.path.name


def _printable(text: str) -> str:
    """Return a name without what would move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
