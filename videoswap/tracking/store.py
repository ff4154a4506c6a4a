"""The analysis of one video in one SQLite file.

The file's name is its key: a hash of everything that decides the result. It holds face
landmarks and embeddings, so its folder is 0700 and it is 0600. It is written in batches, each
with the state needed to go on after it. One process writes at a time, guarded by a lock file; a
second one that wants the same unfinished analysis makes its own in a private temporary database.
A finished one is only read. Refined landmarks are the same whoever computes them,
so any process may add them. Where the disk refuses, the analysis goes on in a temporary database.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from filelock import FileLock

from ..detection.appearance import MAX_APPEARANCES, Appearance
from ..errors import OutputError, reason_of
from ..records import Array, Face, Fallback
from ..video.damage import Damage
from . import store_tables as tables
from .samples import Sample
from .scan_state import ScannedGroup, ScanState, from_json, to_json

ROWS_PER_COMMIT = 256  # rows of a commit


@dataclass(frozen=True, slots=True, eq=False)
class RefinedLandmarks:
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

    Use `opening.open_store`. Attributes:
        path: The file, None for a private temporary database.
        key: What it is found by; empty if nothing can be kept.
        fallbacks: What could not be done as wanted.

    Args:
        path: The file; without a lock it is only read.
        key: What it is found by.
        lock: The lock of its writer, held.
        about: What ``videoswap cache`` shows of it, by name.

    Raises:
        sqlite3.Error: If the file is damaged, or the disk is in the way; see `tables.is_damage`.
        ValueError: If its state cannot be read.
    """

    def __init__(
        self,
        path: Path | None,
        key: str,
        lock: FileLock | None,
        about: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.key = key
        self.fallbacks: list[Fallback] = []
        self._lock = lock
        self._guard = threading.RLock()
        self._reads_only = path is not None and lock is None
        self._base = tables.connect(path, "ro" if self._reads_only else "rw")
        try:
            if not self._reads_only and tables.is_empty(self._base):
                tables.create(self._base, key, about or {})
            elif path is not None:
                tables.check(self._base, key)
            self.state()
        except (sqlite3.Error, ValueError):
            self._base.close()
            raise

    @property
    def finished(self) -> bool:
        """Whether all frames are in."""
        return self._meta("finished") == "yes"

    def state(self) -> ScanState | None:
        """Return the state after the last frame kept; None at the beginning."""
        text = self._meta("state")
        return None if text is None else from_json(text)

    def add(self, windows: Sequence[ScannedGroup], damage: Sequence[Damage] = ()) -> None:
        """Keep what some windows showed and what was wrong with the video, all or nothing.

        Damage may be given again, as where an interrupted pass goes on.

        Raises:
            OutputError: ``cache_not_writable``.
        """
        if not windows and not damage:
            return
        places = [(one.kind, one.pts, one.end_pts, one.frames) for one in damage]

        def insert(base: sqlite3.Connection) -> None:
            for window in windows:
                self._insert(base, window)
            base.executemany("INSERT OR REPLACE INTO damage VALUES (?, ?, ?, ?)", places)
            if windows:
                _set(base, "state", to_json(windows[-1].state))

        self._commit(insert)

    def _insert(self, base: sqlite3.Connection, window: ScannedGroup) -> None:
        frames = [(pts, window.scene) for pts in window.pts]
        base.executemany("INSERT INTO frames VALUES (?, ?)", frames)
        base.executemany("INSERT INTO faces VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, window.faces))
        samples = [
            (track, one.pts, one.quality, one.embedding.tobytes()) for track, one in window.samples
        ]
        base.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", samples)
        motions = [(track, pts, motion.tobytes()) for track, pts, motion in window.motions]
        base.executemany("INSERT INTO motions VALUES (?, ?, ?)", motions)
        pictures = [
            (track, one.pts, one.jpeg, one.landmarks.tobytes(), one.blur)
            for track, one in window.appearances
        ]
        base.executemany("INSERT INTO appearances VALUES (?, ?, ?, ?, ?)", pictures)
        for split in window.splits:
            for table in ("faces", "samples", "motions", "appearances"):
                base.execute(
                    f"UPDATE {table} SET track = ? WHERE track = ? AND pts >= ?",
                    (split.new, split.old, split.pts),
                )

    def finish(self) -> None:
        """Note that all frames are in and let another process write."""

        def end(base: sqlite3.Connection) -> None:
            _set(base, "finished", "yes")
            base.execute("DELETE FROM meta WHERE name = 'state'")

        self._commit(end)
        self.unlock()

    def add_refined(self, tracks: Collection[int], found: Iterable[RefinedLandmarks]) -> None:
        """Keep landmarks that were found again; see `refined`.

        Args:
            tracks: Where all of what there is to find is among them.
            found: The faces with something before them. It may read this store meanwhile; the
                tracks do not count as refined if it raises.

        Raises:
            OutputError: ``cache_not_writable``.
        """
        rows = (
            (one.track, one.pts, one.landmarks.tobytes(), one.hidden.tobytes()) for one in found
        )
        insert = "INSERT OR REPLACE INTO refined_landmarks VALUES (?, ?, ?, ?)"
        # In short transactions: others may be reading.
        while some := list(islice(rows, ROWS_PER_COMMIT)):
            self._commit(partial(_many, insert, some))
        marks = [(track,) for track in tracks]
        mark = "INSERT OR REPLACE INTO refined_tracks VALUES (?)"
        self._commit(partial(_many, mark, marks))

    def refined_tracks(self) -> set[int]:
        """Return the tracks whose landmarks were refined."""
        with self._guard:
            rows = self._base.execute("SELECT track FROM refined_tracks").fetchall()
        return {int(track) for (track,) in rows}

    def refined(self, track: int, first_pts: int, last_pts: int) -> list[RefinedLandmarks]:
        """Return by pts what was found again of a track; not all of it while it is being found."""
        query = (
            "SELECT track, pts, landmarks, hidden FROM refined_landmarks "
            "WHERE track = ? AND pts BETWEEN ? AND ? ORDER BY pts"
        )
        with self._guard:
            rows = self._base.execute(query, (track, first_pts, last_pts)).fetchall()
        return [
            RefinedLandmarks(
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

    def damage(self) -> list[Damage]:
        """Return what was wrong with the video, by pts."""
        query = "SELECT kind, pts, end_pts, frames FROM damage ORDER BY pts, kind"
        with self._guard:
            return [Damage(*row) for row in self._base.execute(query)]

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
            "SELECT pts, score, box, points5, landmarks, dense FROM faces "
            "WHERE track = ? AND pts BETWEEN ? AND ? ORDER BY pts"
        )
        with self._guard:
            rows = self._base.execute(query, (track, first_pts, last_pts)).fetchall()
        return [_face(row) for row in rows]

    def count_faces(self, track: int, first_pts: int, last_pts: int) -> int:
        """Return the number of faces of a track with ``first_pts <= pts <= last_pts``."""
        query = "SELECT COUNT(*) FROM faces WHERE track = ? AND pts BETWEEN ? AND ?"
        with self._guard:
            return int(self._base.execute(query, (track, first_pts, last_pts)).fetchone()[0])

    def count_faces_without_dense(self, track: int) -> int:
        """Return the number of faces of a track without dense landmarks."""
        query = "SELECT COUNT(*) FROM faces WHERE track = ? AND dense IS NULL"
        with self._guard:
            return int(self._base.execute(query, (track,)).fetchone()[0])

    def appearances(self, track: int) -> list[Appearance]:
        """Return at most ``MOST`` of a track's pictures, evenly spread, by pts."""
        kept = self.appearance_pts(track)
        number = len(kept)
        # Whole numbers: a picture is taken where the count of those taken goes up by one.
        taken = (
            pts
            for k, pts in enumerate(kept)
            if (k + 1) * MAX_APPEARANCES // number > k * MAX_APPEARANCES // number
        )
        return [
            self.appearance(track, pts) for pts in (taken if number > MAX_APPEARANCES else kept)
        ]

    def appearance_pts(self, track: int) -> list[int]:
        """Return the frames of which there is a picture of a track's face, ascending."""
        query = "SELECT pts FROM appearances WHERE track = ? ORDER BY pts"
        with self._guard:
            return [int(pts) for (pts,) in self._base.execute(query, (track,))]

    def appearance(self, track: int, pts: int) -> Appearance:
        """Return the picture of a track's face in one of those frames."""
        query = "SELECT jpeg, landmarks, blur FROM appearances WHERE track = ? AND pts = ?"
        with self._guard:
            jpeg, marks, blur = self._base.execute(query, (track, pts)).fetchone()
        return Appearance(pts, jpeg, np.frombuffer(marks, np.float32).reshape(68, 2), blur)

    def blurs(self, track: int) -> Array:
        """Return (N,) how blurred a track's face was wherever that was measured, in pixels."""
        query = "SELECT blur FROM appearances WHERE track = ? AND blur > 0"
        with self._guard:
            return np.array([blur for (blur,) in self._base.execute(query, (track,))])

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

    def _commit(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Write something in one transaction; where the file cannot be written, beside it."""
        with self._guard:
            try:
                if self._reads_only:
                    with closing(tables.connect(self.path, "rw")) as base, base:
                        work(base)
                else:
                    with self._base as base:
                        work(base)
            except sqlite3.OperationalError as error:
                if self.path is None:
                    raise not_writable(error) from error
                self._leave(error)
                with self._base as base:
                    work(base)

    def _leave(self, error: sqlite3.OperationalError) -> None:
        """Go on in a private temporary database with what is there."""
        private = tables.connect(None, "rw")
        try:
            self._base.backup(private)
        except sqlite3.Error:
            private.close()
            raise not_writable(error) from error
        self._base.close()
        self.fallbacks.append(unkept(self.path, error))
        self._base, self.path, self.key, self._reads_only = private, None, "", False
        self.unlock()


def _set(base: sqlite3.Connection, name: str, value: str) -> None:
    base.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def _many(statement: str, rows: Sequence[tuple[object, ...]], base: sqlite3.Connection) -> None:
    base.executemany(statement, rows)


def unkept(path: Path | None, error: Exception) -> Fallback:
    """Say that an analysis is not kept because its file cannot be written."""
    where = path.parent if path is not None else "the cache folder"
    failed = f"{where} cannot be written ({reason_of(error)})"
    why = f"{failed}; VIDEOSWAP_CACHE_DIR names another folder"
    return Fallback("a kept one", "an analysis for this run alone", why)


def not_writable(error: Exception) -> OutputError:
    """Make the error of a disk that takes nothing anywhere."""
    return OutputError(
        "cache_not_writable",
        f"The analysis cannot be kept in a temporary database: {reason_of(error)}.",
        "Make room in the folder for temporary files, or choose another by TMPDIR.",
    )


def _row(entry: tuple[int, Face]) -> tuple[int, int, float, bytes, bytes, bytes, bytes | None]:
    track, face = entry
    if face.landmarks is None:
        raise ValueError("a stored face needs landmarks")
    dense = None if face.dense_landmarks is None else pack_dense(face.dense_landmarks)
    blobs = (face.box.tobytes(), face.points5.tobytes(), face.landmarks.tobytes())
    return track, face.pts, face.score, *blobs, dense


def _face(row: tuple[int, float, bytes, bytes, bytes, bytes | None]) -> Face:
    pts, score, box, points5, landmarks, dense = row
    return Face(
        pts=int(pts),
        box=np.frombuffer(box, np.float32),
        points5=np.frombuffer(points5, np.float32).reshape(5, 2),
        landmarks=np.frombuffer(landmarks, np.float32).reshape(68, 2),
        score=float(score),
        dense_landmarks=None if dense is None else unpack_dense(dense),
    )


def pack_dense(points: Array) -> bytes:
    """Return dense landmarks in half the bytes: whole steps of 1/32767 of their reach.

    Args:
        points: (478, 3) float32.

    Returns:
        Two float32 of their middle and one of a step, then (478, 3) int16.
    """
    middle = points.mean(axis=0) * [1.0, 1.0, 0.0]
    step = max(float(np.abs(points - middle).max()), 1e-6) / 32767
    header = np.array([*middle[:2], step], np.float32)
    whole = np.rint((points - np.append(header[:2], 0.0)) / header[2])
    steps: Array = np.clip(whole, -32768, 32767).astype(np.int16)
    return bytes(header.tobytes() + steps.tobytes())


def unpack_dense(packed: bytes) -> Array:
    """Return the dense landmarks (478, 3) float32 that were packed."""
    header = np.frombuffer(packed, np.float32, 3)
    whole = np.frombuffer(packed, np.int16, offset=header.nbytes).reshape(-1, 3)
    return np.asarray(whole * header[2] + np.append(header[:2], np.float32(0.0)), np.float32)
