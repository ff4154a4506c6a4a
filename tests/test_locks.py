"""However locks, folders and files come and go, one process at a time works on a thing."""

import shutil
from contextlib import closing

import pytest

from videoswap import cache
from videoswap.locks import discard, try_lock
from videoswap.rendering import segment_folder as pieces
from videoswap.tracking.store_opening import open_store

ANALYSIS, RENDER = "0" * 40, "ab" * 16


def piece_folder(tmp_path):
    return pieces.open_segment_folder(
        tmp_path, RENDER, tmp_path / "o.mp4", tmp_path / "f.mp4", print
    )


def test_a_lock_is_held_once(tmp_path):
    path = tmp_path / "a.lock"
    first = try_lock(path)
    assert try_lock(path) is None
    first.release()
    second = try_lock(path)
    discard(second)
    assert not path.exists()
    assert try_lock(path) is not None


def test_a_lock_that_was_opened_before_it_was_deleted_is_none(tmp_path, monkeypatch):
    """Its holder deletes it between the opening and the locking by the next one."""
    path = tmp_path / "a.lock"
    first, others = try_lock(path), []
    import filelock._unix as unix

    real = unix.lock_fd_nonblocking

    def late(fd):
        monkeypatch.setattr(unix, "lock_fd_nonblocking", real)
        discard(first)
        others.append(try_lock(path))
        return real(fd)

    monkeypatch.setattr(unix, "lock_fd_nonblocking", late)
    mine = try_lock(path)
    assert others[0] is not None
    assert mine is None


def test_clearing_the_cache_spares_the_locks_of_running_processes(tmp_path):
    writer = open_store(tmp_path, ANALYSIS)
    with closing(writer):
        (tmp_path / f"{ANALYSIS}.sqlite").unlink()  # not written yet, say
        cache.clear(tmp_path)
        with closing(open_store(tmp_path, ANALYSIS)) as other:
            assert other.path is None
    cache.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["finished", "cleared"])
def test_a_folder_that_is_being_deleted_is_nobody_elses(tmp_path, monkeypatch, end):
    real, entered = shutil.rmtree, []

    def slow(folder, **options):
        monkeypatch.setattr(shutil, "rmtree", real)
        for entry in folder.iterdir():
            entry.unlink()
        with piece_folder(tmp_path) as other:  # another process, now
            entered.append(other)
            (other / "000000.segment").write_bytes(b"mine")
            real(folder, **options)
            assert (other / "000000.segment").exists()

    with piece_folder(tmp_path) as mine:
        (mine / "000000.segment").write_bytes(b"done")
        if end == "finished":
            monkeypatch.setattr(shutil, "rmtree", slow)
    if end == "cleared":
        mine.mkdir(exist_ok=True)
        (mine / "000000.segment").write_bytes(b"done")
        monkeypatch.setattr(shutil, "rmtree", slow)
        cache.clear(tmp_path)
    assert entered
    assert entered[0] != mine
