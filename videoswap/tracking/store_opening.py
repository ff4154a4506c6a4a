"""Opens the kept analysis of a video: to read it, to go on with it, or one of this run's own.

A finished analysis is only read, and a process without the writer's lock makes no tables. A file
that is damaged is put aside and said; a disk or another process that is in the way leaves it alone.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from ..locks import try_lock
from ..records import Fallback
from . import store_tables as tables
from .store import Store, not_writable, unkept

_BEING_WRITTEN = Fallback(
    "the kept one", "an analysis for this run alone", "another process is writing that"
)


def open_store(cache_dir: Path | None, key: str, film: Path | None = None) -> Store:
    """Open the analysis with a key, or begin it.

    Args:
        cache_dir: Folder of the analyses, made if it is missing; None keeps nothing.
        key: Hash of everything that decides the result.
        film: The video, whose name ``videoswap cache`` shows.

    Returns:
        The analysis. Where the folder cannot be written it is a private one without a key, whose
        ``fallbacks`` say why.

    Raises:
        OutputError: ``cache_not_writable`` if there is no room for a temporary one either.
    """
    if cache_dir is None:
        return _private("")
    path = cache_dir / f"{key}.sqlite"
    about = {"film": _name(film), "began": datetime.now(UTC).isoformat()}
    try:
        cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = _finished(path, key)
        if kept is not None:
            return kept
        lock = try_lock(path.with_suffix(".lock"))
        if lock is None:
            return _finished(path, key) or _private(key, _BEING_WRITTEN)
        try:
            return _writer(path, key, lock, about)
        except BaseException:
            lock.release()
            raise
    except (OSError, sqlite3.OperationalError) as error:
        return _private("", unkept(path, error))


def is_finished(cache_dir: Path, key: str) -> bool:
    """Tell whether a finished analysis with a key is kept."""
    store = _finished(cache_dir / f"{key}.sqlite", key)
    if store is not None:
        store.close()
    return store is not None


def _finished(path: Path, key: str) -> Store | None:
    """Open a finished analysis to read it; None if there is none that is sound."""
    try:
        if not path.stat().st_size:
            return None
        store = Store(path, key, None)
    except (OSError, sqlite3.Error, ValueError):
        return None  # whoever gets the lock finds out what it is
    if not store.finished:
        store.close()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # when it was last used
    return store


def _writer(path: Path, key: str, lock: FileLock, about: Mapping[str, str]) -> Store:
    """Open an unfinished file to go on with it, or what takes the place of a damaged one."""
    path.touch(mode=0o600)
    try:
        store = Store(path, key, lock, about)
    except (sqlite3.Error, ValueError) as error:
        if not tables.is_damage(error):
            raise
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        path.touch(mode=0o600)
        store = Store(path, key, lock, about)
        reason = f"the file was damaged ({error}); it lies in {aside} now"
        store.fallbacks.append(Fallback("the kept one", "a new analysis", reason))
    if store.finished:  # meanwhile
        store.unlock()
    return store


def _private(key: str, *fallbacks: Fallback) -> Store:
    """Begin an analysis of this run's own."""
    try:
        store = Store(None, key, None)
    except sqlite3.OperationalError as error:
        raise not_writable(error) from error
    store.fallbacks += fallbacks
    return store


def _name(film: Path | None) -> str:
    """Return the name of a film for people; SQLite keeps no bytes that are not UTF-8."""
    return "" if film is None else os.fsencode(film.absolute()).decode("utf-8", "replace")
