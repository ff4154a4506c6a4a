"""Inputs that can be read only once, kept in a private file as long as they are needed."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

import videoswap.video.spool as spool
from videoswap.errors import InputError, OutputError
from videoswap.video.spool import (
    STDIN,
    is_stream,
    private_folder,
    spooled,
)

DATA = os.urandom(3_000_000)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of our own for temporary files, and little patience."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(spool.tempfile, "tempdir", None)
    monkeypatch.setattr(spool, "WRITER_TIMEOUT", 0.2)
    return folder


def _fifo(folder: Path, data: bytes | None, wait: float = 0.0) -> Path:
    path = folder / "pipe.mp4"
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb") as out:
            time.sleep(wait)
            out.write(data or b"")

    if data is not None:
        threading.Thread(target=write, daemon=True).start()
    return path


@pytest.mark.parametrize("wait", [0.0, 0.5])
def test_a_pipe(wait: float, tmp_path: Path, place: Path) -> None:
    said: list[str] = []
    path = _fifo(tmp_path, DATA, wait)  # a slow writer is waited for, longer than for none
    assert is_stream(path)
    with spooled(path, said.append) as file:
        assert file.read_bytes() == DATA and file.name == "pipe.mp4"
        (folder,) = place.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(place.iterdir()) == []
    assert "3.0 MB" in said[-1]


def test_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "film").write_bytes(DATA)
    saved = os.dup(0)
    handle = os.open(tmp_path / "film", os.O_RDONLY)
    os.dup2(handle, 0)
    try:
        with spooled(STDIN, lambda line: None) as file:
            assert file.read_bytes() == DATA and file.name == "stdin"
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(handle)


@pytest.mark.parametrize("data", [None, b""])
def test_nothing_comes(data: bytes | None, tmp_path: Path, place: Path) -> None:
    path = _fifo(tmp_path, data)
    with pytest.raises(InputError) as caught, spooled(path, lambda line: None):
        pass
    assert caught.value.code == "empty_file"
    assert list(place.iterdir()) == []


def test_files_are_left_alone(tmp_path: Path, place: Path) -> None:
    (tmp_path / "film").touch()
    for path in (tmp_path / "film", tmp_path / "missing", Path("/dev/null")):
        with spooled(path, lambda line: pytest.fail(line)) as file:
            assert file == path
    assert list(place.iterdir()) == []


def test_a_full_disk(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "full")

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *rest: object) -> None:
            pass

    usual = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, *rest, **more: (
            Full() if rest == ("wb",) and more else usual(self, *rest, **more)
        ),
    )
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)
    threading.Thread(target=lambda: os.write(os.open(path, os.O_WRONLY), b"x"), daemon=True).start()
    with pytest.raises(OutputError) as caught, spooled(path, lambda line: None):
        pass
    assert caught.value.code == "disk_full" and "TMPDIR" in caught.value.hint
    assert list(place.iterdir()) == []


def test_a_folder_of_our_own(place: Path) -> None:
    with pytest.raises(KeyboardInterrupt), private_folder("result") as folder:
        (folder / "x").touch()
        raise KeyboardInterrupt
    assert list(place.iterdir()) == []
