"""Kept analyses: who may write, what is damage, and what only stands in the way."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from filelock import FileLock

from videoswap.detection.appearance import Appearance
from videoswap.records import Face
from videoswap.tracking import store_tables as tables
from videoswap.tracking.samples import Sample
from videoswap.tracking.scan_state import ScannedGroup
from videoswap.tracking.store import RefinedLandmarks
from videoswap.tracking.store_opening import open_store

KEY = "0123456789" * 4


def face(pts):
    marks = np.full((68, 2), pts, np.float32)
    return Face(
        np.zeros(4, np.float32), np.zeros((5, 2), np.float32), 0.9, landmarks=marks, pts=pts
    )


@pytest.fixture
def kept(tmp_path):
    """The file of a finished analysis with a row in every table."""
    with closing(open_store(tmp_path, KEY)) as store:
        marks = np.zeros((68, 2), np.float32)
        with store._base as base:
            store._insert(base, window(marks))
        store.add_refined([1], [RefinedLandmarks(1, 0, marks, np.zeros(68, bool))])
        store.finish()
    return tmp_path / f"{KEY}.sqlite"


def window(marks):
    return ScannedGroup(
        pts=(0, 1),
        scene=0,
        faces=((1, face(0)), (1, face(1))),
        samples=((1, Sample(0, np.ones(128, np.float32), 1.0)),),
        motions=((1, 1, np.zeros((68, 3), np.float32)),),
        appearances=((1, Appearance(0, b"\xff\xd8 picture", marks)),),
        splits=(),
        state=None,
    )


def rows(path):
    with closing(sqlite3.connect(path)) as base:
        return base.execute("SELECT count(*) FROM faces").fetchone()[0]


def test_a_finished_one_is_only_read(kept):
    with closing(open_store(kept.parent, KEY)) as store:
        assert store.finished
        assert len(store.faces(1, 0, 9)) == 2
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store._base.execute("DELETE FROM faces")


def test_readers_need_no_lock_and_may_be_many(kept):
    one = open_store(kept.parent, KEY)
    with FileLock(kept.with_suffix(".lock")), closing(open_store(kept.parent, KEY)) as other:
        assert one.finished and other.finished
        assert one.fallbacks == other.fallbacks == []
    one.close()


def test_what_is_found_again_is_added_by_a_reader(kept):
    marks = np.full((68, 2), 7, np.float32)
    with closing(open_store(kept.parent, KEY)) as store:
        store.add_refined([1, 2], [RefinedLandmarks(1, 1, marks, np.ones(68, bool))])
        assert store.refined_tracks() == {1, 2}
    with closing(open_store(kept.parent, KEY)) as store:
        assert store.refined_tracks() == {1, 2}
        assert [one.pts for one in store.refined(1, 0, 9)] == [0, 1]
        assert store.fallbacks == []


def test_without_the_writers_lock_no_tables_are_made(tmp_path):
    """The writer has its file, and nothing in it yet."""
    path = tmp_path / f"{KEY}.sqlite"
    path.touch()
    with FileLock(path.with_suffix(".lock")), closing(open_store(tmp_path, KEY)) as store:
        assert store.path is None
        assert "another process" in str(store.fallbacks[0])
        assert path.stat().st_size == 0


def test_a_file_that_is_being_written_is_not_damaged(kept, monkeypatch):
    monkeypatch.setattr(tables, "PATIENCE", 0.01)
    with closing(sqlite3.connect(kept)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with closing(open_store(kept.parent, KEY)) as store:
            assert store.path is None
            assert "locked" in str(store.fallbacks[0])
        other.rollback()
    assert not list(kept.parent.glob("*.damaged"))
    with closing(open_store(kept.parent, KEY)) as store:
        assert store.finished and store.fallbacks == []


BROKEN = [
    *(("faces", column) for column in ("box", "points5", "landmarks", "dense")),
    *(("samples", "embedding"), ("motions", "motion")),
    *(("appearances", "landmarks"), ("appearances", "jpeg")),
    *(("refined_landmarks", "landmarks"), ("refined_landmarks", "hidden")),
]


@pytest.mark.parametrize(("table", "column"), BROKEN)
@pytest.mark.parametrize("blob", [b"", b"\x00" * 7])
def test_a_row_of_wrong_length_is_noticed(kept, table, column, blob):
    with closing(sqlite3.connect(kept)) as base, base:
        base.execute(f"UPDATE {table} SET {column} = ?", (blob,))
    with closing(open_store(kept.parent, KEY)) as store:
        assert not store.finished
        assert f"a row of {table}" in str(store.fallbacks[0])
    assert rows(kept.with_suffix(".damaged")) == 2
    with closing(open_store(kept.parent, KEY)) as store:
        assert store.fallbacks == []


def test_an_analysis_says_what_it_is_of(tmp_path):
    film = tmp_path / "it's a film.mp4"
    with closing(open_store(tmp_path, KEY, film)):
        said = tables.about(tmp_path / f"{KEY}.sqlite")
    assert said["film"] == str(film)
    assert said["schema"] == tables.SCHEMA
    assert "finished" not in said
    assert tables.about(tmp_path / "nothing.sqlite") == {}
