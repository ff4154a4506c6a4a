"""The tables of a kept analysis: how they are made and checked, and which errors mean damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

SCHEMA = "11"
PATIENCE = 5.0  # seconds that another process may take for a commit
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE frames (pts INTEGER PRIMARY KEY, scene INTEGER NOT NULL);
CREATE TABLE faces (
    track INTEGER NOT NULL, pts INTEGER NOT NULL, score REAL NOT NULL,
    box BLOB NOT NULL, points5 BLOB NOT NULL, landmarks BLOB NOT NULL, dense BLOB,
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
    track INTEGER NOT NULL, pts INTEGER NOT NULL, jpeg BLOB NOT NULL, landmarks BLOB NOT NULL,
    blur REAL NOT NULL
);
CREATE TABLE refined_landmarks (
    track INTEGER NOT NULL, pts INTEGER NOT NULL, landmarks BLOB NOT NULL, hidden BLOB NOT NULL,
    PRIMARY KEY (track, pts)
) WITHOUT ROWID;
CREATE TABLE damage (
    kind TEXT NOT NULL, pts INTEGER NOT NULL, end_pts INTEGER NOT NULL, frames INTEGER NOT NULL,
    PRIMARY KEY (kind, pts)
) WITHOUT ROWID;
CREATE TABLE refined_tracks (track INTEGER PRIMARY KEY);
CREATE INDEX faces_by_pts ON faces (pts);
CREATE INDEX appearances_by_track ON appearances (track, pts);
"""
#: Bytes of the arrays in a row: float32, 68 landmarks of two numbers, a box of four, five points;
#: see `pack_dense` for the dense landmarks.
_LANDMARKS, _BOX, _POINTS5, _HIDDEN = 544, 16, 40, 68
_DENSE = 12 + 2 * 3 * 478
#: What a row of each table looks like if something is wrong with it.
_BROKEN = {
    "faces": f"length(box) <> {_BOX} OR length(points5) <> {_POINTS5} "
    f"OR length(landmarks) <> {_LANDMARKS} OR length(dense) <> {_DENSE}",
    "samples": "length(embedding) = 0 OR length(embedding) % 4 "
    "OR length(embedding) <> (SELECT length(embedding) FROM samples LIMIT 1)",
    "motions": "length(motion) = 0 OR length(motion) % 12",
    "appearances": f"length(landmarks) <> {_LANDMARKS} OR substr(jpeg, 1, 2) IS NOT x'ffd8'",
    "refined_landmarks": f"length(landmarks) <> {_LANDMARKS} OR length(hidden) <> {_HIDDEN}",
}
#: The disk, its rights and other processes; whatever else goes wrong is the file's own fault.
_SURROUNDINGS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
    }
)


def connect(path: Path | None, mode: str) -> sqlite3.Connection:
    """Open a database that is there (mode ro or rw), or for None a private temporary one."""
    # The empty name is SQLite's word for a private temporary database.
    uri = "" if path is None else f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, timeout=PATIENCE, check_same_thread=False, uri=path is not None)


def create(base: sqlite3.Connection, key: str, about: Mapping[str, str]) -> None:
    """Make the tables of a new analysis.

    Args:
        base: An empty database.
        key: What the analysis is found by.
        about: What ``videoswap cache`` shows of it, by name.
    """
    facts = {**about, "schema": SCHEMA, "key": key}
    rows = "".join(
        f"INSERT INTO meta VALUES ({_quoted(name)}, {_quoted(value)});"
        for name, value in facts.items()
    )
    base.executescript(f"BEGIN;{_TABLES}{rows}COMMIT;")


def is_empty(base: sqlite3.Connection) -> bool:
    """Tell whether a database has no tables."""
    return base.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def check(base: sqlite3.Connection, key: str) -> None:
    """Look at every page and row of an analysis.

    Raises:
        sqlite3.Error: If it is damaged, another's, or of another schema.
    """
    if base.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("the check of the file failed")
    facts = dict(base.execute("SELECT name, value FROM meta WHERE name IN ('schema', 'key')"))
    if facts != {"schema": SCHEMA, "key": key}:
        raise sqlite3.DatabaseError("it belongs to something else")
    for table, broken in _BROKEN.items():
        if base.execute(f"SELECT 1 FROM {table} WHERE {broken} LIMIT 1").fetchone():
            raise sqlite3.DatabaseError(f"a row of {table} is not what it was")


def about(path: Path) -> dict[str, str]:
    """Return what a file says of itself by name, such as its film; nothing if it cannot be read."""
    query = "SELECT name, value FROM meta WHERE name <> 'state'"
    try:
        with closing(connect(path, "ro")) as base:
            return {str(name): str(value) for name, value in base.execute(query)}
    except sqlite3.Error:
        return {}


def is_damage(error: Exception) -> bool:
    """Tell a damaged file from a full disk, missing rights or a file that is being written."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or (code & 0xFF) not in _SURROUNDINGS


def _quoted(text: str) -> str:
    text = text.encode(errors="backslashreplace").decode()  # file names need not be UTF-8
    return "'" + text.replace("'", "''").replace("\0", "") + "'"
