"""Inputs that can be read only once (stdin, pipes), kept in a file for as long as they are needed.

A video is read several times: while faces are looked for, while they are swapped, and for its
sound.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InputError, OutputError
from .files import clear_leftovers, locked_scratch, scratch_path

STDIN = Path("-")
CHUNK_BYTES = 1 << 20
WRITER_TIMEOUT = 5.0  # seconds that a named pipe may be without anybody who writes into it
DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
POLL_INTERVAL = 0.05  # seconds between two looks at it


def is_stream(path: Path) -> bool:
    """Whether a path stands for something that can be read only once."""
    if path == STDIN:
        return True
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False


@contextmanager
def spooled(path: Path, tell: Callable[[str], None]) -> Iterator[Path]:
    """Give a file with what comes from a stream; any other path is given as it is.

    Args:
        path: ``-`` for stdin, a pipe, or a file.
        tell: Called with a sentence before and after reading.

    Raises:
        InputError: ``stdin_is_terminal``, ``empty_file`` or ``unreadable_file``.
        OutputError: ``disk_full`` or ``unwritable_output``.
    """
    if not is_stream(path):
        yield path
        return
    label = "stdin" if path == STDIN else str(path)
    with private_folder("spool") as folder:
        nameless = path == STDIN or path.parts[:2] in (("/", "dev"), ("/", "proc"))
        file = folder / ("stdin" if nameless else path.name)
        tell(f"Reading {label} into a temporary file: a video is read more than once.")
        size = _copied(path, label, file)
        tell(f"Read {size / 1e6:.1f} MB from {label}.")
        yield file


@contextmanager
def private_folder(kind: str) -> Iterator[Path]:
    """Make a folder for large temporary files that only this user can read.

    It lies where TMPDIR says, else in /var/tmp, which is made for large files, or the usual place.

    Args:
        kind: A word for what it is.
    """
    large = Path("/var/tmp")
    usable = "TMPDIR" not in os.environ and large.is_dir() and os.access(large, os.W_OK)
    place = large if usable else Path(tempfile.gettempdir())
    clear_leftovers(place)
    folder = scratch_path(place, kind)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise _no_room(place, error) from error
    try:
        with locked_scratch(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def send_to_stdout(file: Path) -> None:
    """Write a finished file to stdout.

    Raises:
        OutputError: ``unwritable_output`` or ``disk_full``.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        with file.open("rb") as data, os.fdopen(os.dup(1), "wb", buffering=0) as out:
            while chunk := data.read(CHUNK_BYTES):
                while chunk:
                    chunk = chunk[out.write(chunk) :]
    except OSError as error:
        full = error.errno in DISK_FULL_ERRORS
        raise OutputError(
            "disk_full" if full else "unwritable_output",
            f"stdout cannot be written to: {os.strerror(error.errno or errno.EIO)}.",
            "Name a file with --output.",
        ) from error


def _copied(path: Path, label: str, file: Path) -> int:
    """Copy a stream to its end; return its bytes."""
    try:
        handle, data = (os.dup(0), b"") if path == STDIN else _opened(path, label)
    except OSError as error:
        raise _unreadable(label, error) from None
    size = 0
    with os.fdopen(handle, "rb", buffering=0) as stream, _written(file) as out:
        if stream.isatty():
            raise InputError(
                "stdin_is_terminal", "Nothing is sent to stdin.", "Send a video: ... < film.mp4"
            )
        while data := data or _read(handle, label):
            size += len(data)
            out(data)
            data = b""
    if not size:
        raise InputError("empty_file", f"Nothing came from {label}.")
    return size


@contextmanager
def _written(file: Path) -> Iterator[Callable[[bytes], None]]:
    """Give what writes to a new file."""
    place = file.parent.parent
    try:
        out = file.open("wb", buffering=0)
    except OSError as error:
        raise _no_room(place, error) from error

    def write(data: bytes) -> None:
        try:
            while data:
                data = data[out.write(data) :]
        except OSError as error:
            raise _no_room(place, error) from error

    with out:
        yield write


def _read(handle: int, label: str) -> bytes:
    try:
        return os.read(handle, CHUNK_BYTES)
    except OSError as error:
        raise _unreadable(label, error) from None


def _opened(path: Path, label: str) -> tuple[int, bytes]:
    """Open a pipe once somebody writes into it; return it and what was read on the way."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    deadline = time.monotonic() + WRITER_TIMEOUT
    try:
        data = b""
        with suppress(BlockingIOError):  # somebody will write
            while not (data := os.read(handle, CHUNK_BYTES)):
                if time.monotonic() > deadline:
                    message = f"Nothing came from {label}: no program writes to it."
                    raise InputError("empty_file", message)
                time.sleep(POLL_INTERVAL)
        os.set_blocking(handle, True)
    except BaseException:
        os.close(handle)
        raise
    return handle, data


def _unreadable(label: str, error: OSError) -> InputError:
    return InputError("unreadable_file", f"{label} cannot be read: {error.strerror}.")


def _no_room(place: Path, error: OSError) -> OutputError:
    full = error.errno in DISK_FULL_ERRORS
    return OutputError(
        "disk_full" if full else "unwritable_output",
        f"{place} cannot take what comes: {os.strerror(error.errno or errno.EIO)}.",
        "Let TMPDIR name a folder with more room.",
    )
