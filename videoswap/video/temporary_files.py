"""Unfinished files beside results: named after their process, locked, and cleared after its death.

A name says which process of which machine the file belongs to. A file is only cleared where that
process is gone and nobody holds the file's lock, so nothing that is still in use is ever touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: no locks of this kind, and nothing is cleared
    fcntl = None  # type: ignore[assignment]

_OURS = re.compile(r"\.videoswap-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.\w+(\.part)?")


def scratch_path(folder: Path, kind: str) -> Path:
    """Return a hidden name in a folder that is this process's own.

    Args:
        folder: The folder of the result.
        kind: A word for what it is, which ends the name.
    """
    return folder / f".videoswap-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:12]}.{kind}"


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Show others, by a lock, that a scratch file or folder is in use."""
    if fcntl is None:
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: the name must do
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def clear_leftovers(folder: Path) -> None:
    """Remove what processes of this machine that were killed left in a folder."""
    if fcntl is None:
        return
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(".videoswap-")]
    except OSError:
        return
    for name in names:
        ours = _OURS.fullmatch(name)
        if ours is None or ours[1] != _machine() or _alive(int(ours[2])):
            continue
        path = folder / name
        with contextlib.suppress(OSError):  # another run clears too, or it is somebody else's
            if path.lstat().st_uid == os.getuid() and _free(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _free(path: Path) -> bool:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
