"""Locks between processes: small files that are held by whoever works on something.

The system lets go of a lock when its process ends, however it ends, so none is ever stale. A
lock's file is deleted only by who holds it: whoever opened it before then finds that it has no
name any more and does not take it for the lock. Deleted by anybody else, two could hold it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from filelock import FileLock, Timeout


def try_lock(path: Path) -> FileLock | None:
    """Return a lock that is held, until it is released or collected; None if another holds it.

    Args:
        path: The lock's file, made if it is not there.

    Raises:
        OSError: If it cannot be made.
    """
    # It may be released by another thread than the one that took it.
    lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def discard(lock: FileLock) -> None:
    """Delete the file of a lock that is held, and let go of it."""
    with contextlib.suppress(OSError):  # some systems delete nothing that is open: it stays
        Path(lock.lock_file).unlink()
    lock.release()
