"""The analysis of one video in one SQLite file.

The file's name is its key: a hash of everything that decides the result. It holds face
landmarks and embeddings, so its folder is 0700 and it is 0600. It is written in batches, each
with the state needed to go on after it. One process writes at a time, guarded by a lock file; a
second one that wants the same unfinished analysis makes its own in a private temporary database.
What is found again in a finished one (see `uncover`) is the same whoever finds it, so anyone may
add it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from ..errors import OutputError
from ..finding.appearance import MOST, Appearance
from ..records import Array, Face, Fallback
from .samples import Sample
from .scan import Scanned, ScanState
from .state import from_json, to_json

TOGETHER = 256  # rows of a commit
SCHEMA = "5"
TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE frames (pts INTEGER PRIMARY KEY, scene INTEGER NOT NULL);
CREATE TABLE faces (
    track INTEGER NOT NULL, pts INTEGER NOT NULL, score REAL NOT NULL,
    box BLOB NOT NULL, points5 BLOB NOT NULL, landmarks BLOB NOT NULL,
    PRIMARY KEY (track, pts)
) WITHOUT ROWID;
CREATE TABLE samples (
    track INTEGER NOT NULL, pts INTEGER NOT NULL, quality REAL NOT NULL, embedding BLOB NOT NULL
);
CREATE TABLE motions (
    track INTEGER NOT NULL, pts INTEGER NOT NULL, motion BLOB NOT NULL,
    PRIMARY KEY (track, pts)
) WITHOUT ROWID;
CREATE TABLE appearances (
    track INTEGER NOT NULL, pts INTEGER NOT NULL, jpeg BLOB NOT NULL, landmarks BLOB NOT NULL
);
CREATE TABLE uncovered (
    track INTEGER NOT NULL, pts INTEGER NOT NULL, landmarks BLOB NOT NULL, hidden BLOB NOT NULL,
    PRIMARY KEY (track, pts)
) WITHOUT ROWID;
CREATE TABLE uncovered_tracks (track INTEGER PRIMARY KEY);
CREATE INDEX faces_by_pts ON faces (pts);
CREATE INDEX appearances_by_track ON appearances (track, pts);
"""


@dataclass(frozen=True, slots=True, eq=False)
class Uncovered:
    """The landmarks of a face with something before it.

    Attributes:
        track: Its track.
        pts: The frame.
        landmarks: (68, 2) float32 in upright full-resolution pixels, as found with that known.
        hidden: (68,) bool, which of them cannot be seen.
    """

    track: int
    pts: int
    landmarks: Array
    hidden: Array


class Store:
    """Rows of one analysis; safe to read from several threads.

    Use `open_store`. Attributes:
        path: The file, None for a private temporary database.
        fallbacks: What could not be done as wanted.
    """

    def __init__(self, path: Path | None, key: str, lock: FileLock | None) -> None:
        self.path = path
        self.fallbacks: list[Fallback] = []
        self._lock = lock
        self._guard = threading.RLock()
        # The empty name is SQLite's word for a private temporary database.
        self._base = sqlite3.connect("" if path is None else path, check_same_thread=False)
        self._prepare(key)

    def _prepare(self, key: str) -> None:
        base = self._base
        try:
            if not base.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                base.executescript(TABLES)
                with base:
                    rows = [("schema", SCHEMA), ("key", key)]
                    base.executemany("INSERT INTO meta VALUES (?, ?)", rows)
            elif base.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("the check of the file failed")
            if self._meta("schema") != SCHEMA or self._meta("key") != key:
                raise sqlite3.DatabaseError("it belongs to something else")
            self.state()
        except (sqlite3.Error, ValueError):
            base.close()
            raise

    @property
    def finished(self) -> bool:
        """Whether all frames are in."""
        return self._meta("finished") == "yes"

    def state(self) -> ScanState | None:
        """Return the state after the last frame kept; None at the beginning."""
        text = self._meta("state")
        return None if text is None else from_json(text)

    def add(self, windows: Sequence[Scanned]) -> None:
        """Keep what some windows showed, all or nothing.

        Raises:
            OutputError: ``cache_not_writable``.
        """
        if not windows:
            return
        try:
            with self._guard, self._base:
                for window in windows:
                    self._insert(window)
                self._set("state", to_json(windows[-1].state))
        except sqlite3.OperationalError as error:
            raise _not_writable(self.path, error) from error

    def _insert(self, window: Scanned) -> None:
        base = self._base
        frames = [(pts, window.scene) for pts in window.pts]
        base.executemany("INSERT INTO frames VALUES (?, ?)", frames)
        base.executemany("INSERT INTO faces VALUES (?, ?, ?, ?, ?, ?)", map(_row, window.faces))
        samples = [
            (track, one.pts, one.quality, one.embedding.tobytes()) for track, one in window.samples
        ]
        base.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", samples)
        motions = [(track, pts, motion.tobytes()) for track, pts, motion in window.motions]
        base.executemany("INSERT INTO motions VALUES (?, ?, ?)", motions)
        looks = [
            (track, one.pts, one.jpeg, one.landmarks.tobytes()) for track, one in window.appearances
        ]
        base.executemany("INSERT INTO appearances VALUES (?, ?, ?, ?)", looks)
        for split in window.splits:
            for table in ("faces", "samples", "motions", "appearances"):
                base.execute(
                    f"UPDATE {table} SET track = ? WHERE track = ? AND pts >= ?",
                    (split.new, split.old, split.pts),
                )

    def finish(self) -> None:
        """Note that all frames are in and let another process write."""
        try:
            with self._guard, self._base:
                self._set("finished", "yes")
                self._base.execute("DELETE FROM meta WHERE name = 'state'")
        except sqlite3.OperationalError as error:
            raise _not_writable(self.path, error) from error
        self.unlock()

    def keep_uncovered(self, tracks: Collection[int], found: Iterable[Uncovered]) -> None:
        """Keep landmarks that were found again; see `uncovered`.

        Args:
            tracks: Where all of what there is to find is among them.
            found: The faces with something before them. It may read this store meanwhile; the
                tracks do not count as looked at if it raises.

        Raises:
            OutputError: ``cache_not_writable``.
        """
        rows = (
            (one.track, one.pts, one.landmarks.tobytes(), one.hidden.tobytes()) for one in found
        )
        insert = "INSERT OR REPLACE INTO uncovered VALUES (?, ?, ?, ?)"
        try:
            # In short transactions: others may be reading.
            while some := list(islice(rows, TOGETHER)):
                with self._guard, self._base as base:
                    base.executemany(insert, some)
            with self._guard, self._base as base:
                marks = [(track,) for track in tracks]
                base.executemany("INSERT OR REPLACE INTO uncovered_tracks VALUES (?)", marks)
        except sqlite3.OperationalError as error:
            raise _not_writable(self.path, error) from error

    def uncovered_tracks(self) -> set[int]:
        """Return the tracks that were looked through for faces with something before them."""
        with self._guard:
            rows = self._base.execute("SELECT track FROM uncovered_tracks").fetchall()
        return {int(track) for (track,) in rows}

    def uncovered(self, track: int, first_pts: int, last_pts: int) -> list[Uncovered]:
        """Return by pts what was found again of a track; not all of it while it is being found."""
        query = (
            "SELECT track, pts, landmarks, hidden FROM uncovered "
            "WHERE track = ? AND pts BETWEEN ? AND ? ORDER BY pts"
        )
        with self._guard:
            rows = self._base.execute(query, (track, first_pts, last_pts)).fetchall()
        return [
            Uncovered(
                int(number),
                int(pts),
                np.frombuffer(marks, np.float32).reshape(68, 2),
                np.frombuffer(hidden, np.bool_),
            )
            for number, pts, marks, hidden in rows
        ]

    def frames(self) -> tuple[Array, Array]:
        """Return (n,) int64 pts, ascending, and (n,) int64 numbers of the shots."""
        with self._guard:
            rows = self._base.execute("SELECT pts, scene FROM frames ORDER BY pts").fetchall()
        table = np.array(rows, np.int64).reshape(-1, 2)
        return table[:, 0].copy(), table[:, 1].copy()

    def spans(self) -> list[tuple[int, int, int, int]]:
        """Return track, first pts, last pts and number of found faces of all tracks."""
        query = "SELECT track, MIN(pts), MAX(pts), SUM(score > 0) FROM faces GROUP BY track"
        with self._guard:
            return [tuple(map(int, row)) for row in self._base.execute(query)]  # type: ignore[misc]

    def best_face(self, track: int) -> int:
        """Return the pts of a track's face with the highest score."""
        query = "SELECT pts FROM faces WHERE track = ? ORDER BY score DESC, pts LIMIT 1"
        with self._guard:
            return int(self._base.execute(query, (track,)).fetchone()[0])

    def samples(self, track: int) -> list[Sample]:
        """Return the embedded faces of a track, by pts."""
        query = "SELECT pts, embedding, quality FROM samples WHERE track = ? ORDER BY pts"
        with self._guard:
            rows = self._base.execute(query, (track,)).fetchall()
        return [Sample(int(pts), np.frombuffer(blob, np.float32), q) for pts, blob, q in rows]

    def faces(self, track: int, first_pts: int, last_pts: int) -> list[Face]:
        """Return the faces of a track with ``first_pts <= pts <= last_pts``, as found."""
        query = (
            "SELECT pts, score, box, points5, landmarks FROM faces "
            "WHERE track = ? AND pts BETWEEN ? AND ? ORDER BY pts"
        )
        with self._guard:
            rows = self._base.execute(query, (track, first_pts, last_pts)).fetchall()
        return [_face(row) for row in rows]

    def appearances(self, track: int) -> list[Appearance]:
        """Return at most ``MOST`` of a track's pictures, evenly spread, by pts."""
        kept = self.appearance_pts(track)
        number = len(kept)
        # Whole numbers: a picture is taken where the count of those taken goes up by one.
        taken = (pts for k, pts in enumerate(kept) if (k + 1) * MOST // number > k * MOST // number)
        return [self.appearance(track, pts) for pts in (taken if number > MOST else kept)]

    def appearance_pts(self, track: int) -> list[int]:
        """Return the frames of which there is a picture of a track's face, ascending."""
        query = "SELECT pts FROM appearances WHERE track = ? ORDER BY pts"
        with self._guard:
            return [int(pts) for (pts,) in self._base.execute(query, (track,))]

    def appearance(self, track: int, pts: int) -> Appearance:
        """Return how the face of a track looks in one of those frames."""
        query = "SELECT jpeg, landmarks FROM appearances WHERE track = ? AND pts = ?"
        with self._guard:
            jpeg, marks = self._base.execute(query, (track, pts)).fetchone()
        return Appearance(pts, jpeg, np.frombuffer(marks, np.float32).reshape(68, 2))

    def motions(self, track: int, first_pts: int, last_pts: int) -> dict[int, Array]:
        """Return by pts how the landmarks of a track moved since the frame before: (68, 3)."""
        query = "SELECT pts, motion FROM motions WHERE track = ? AND pts BETWEEN ? AND ?"
        with self._guard:
            rows = self._base.execute(query, (track, first_pts, last_pts)).fetchall()
        return {int(pts): np.frombuffer(blob, np.float32).reshape(-1, 3) for pts, blob in rows}

    def close(self) -> None:
        """Close the file; a temporary database is gone then."""
        with self._guard:
            self._base.close()
        self.unlock()

    def unlock(self) -> None:
        """Let another process write."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _meta(self, name: str) -> str | None:
        with self._guard:
            row = self._base.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _set(self, name: str, value: str) -> None:
        self._base.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def open_store(cache_dir: Path | None, key: str) -> Store:
    """Open the analysis with a key, or begin it.

    Args:
        cache_dir: Folder of the analyses, made if it is missing; None keeps nothing.
        key: Hash of everything that decides the result.

    Raises:
        OutputError: ``cache_not_writable``.
    """
    if cache_dir is None:
        return Store(None, key, None)
    try:
        cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = cache_dir / f"{key}.sqlite"
        lock = _locked(path.with_suffix(".lock"))
        path.touch(mode=0o600)
    except OSError as error:
        raise _not_writable(cache_dir, error) from error
    try:
        return _kept(path, key, lock)
    except sqlite3.OperationalError as error:
        raise _not_writable(cache_dir, error) from error


def _kept(path: Path, key: str, lock: FileLock | None) -> Store:
    """Open a file, or what takes its place if it is damaged or being written."""
    if lock is None:
        # Another process writes it, or wrote it and still reads it.
        with contextlib.suppress(sqlite3.Error, ValueError):
            store = Store(path, key, None)
            if store.finished:
                return store
            store.close()
        store = Store(None, key, None)
        store.fallbacks.append(
            Fallback("the kept analysis", "a new one", "another process is writing that")
        )
        return store
    try:
        store = Store(path, key, lock)
    except (sqlite3.Error, ValueError) as error:
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        path.touch(mode=0o600)
        store = Store(path, key, lock)
        reason = f"the file was damaged ({error}); it lies in {aside} now"
        store.fallbacks.append(Fallback("the kept analysis", "a new one", reason))
    if store.finished:
        store.unlock()
    return store


def _locked(path: Path) -> FileLock | None:
    """Return a lock that is held, or None if another process holds it."""
    # The store may be closed by another thread than the one that opened it.
    lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def _not_writable(path: Path | None, error: Exception) -> OutputError:
    return OutputError(
        "cache_not_writable",
        f"The analysis cannot be kept in {path or 'a temporary database'}: {error}.",
        "Choose another cache folder, make room, or use --no_cache.",
    )


def _row(entry: tuple[int, Face]) -> tuple[int, int, float, bytes, bytes, bytes]:
    track, face = entry
    if face.landmarks is None:
        raise ValueError("a stored face needs landmarks")
    blobs = (face.box.tobytes(), face.points5.tobytes(), face.landmarks.tobytes())
    return track, face.pts, face.score, *blobs


def _face(row: tuple[int, float, bytes, bytes, bytes]) -> Face:
    pts, score, box, points5, landmarks = row
    return Face(
        pts=int(pts),
        box=np.frombuffer(box, np.float32),
        points5=np.frombuffer(points5, np.float32).reshape(5, 2),
        landmarks=np.frombuffer(landmarks, np.float32).reshape(68, 2),
        score=float(score),
    )
