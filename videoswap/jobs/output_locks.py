"""Locks on results: of two runs that write the same one, the second is refused at once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock

from ..errors import OutputError
from ..locks import discard, try_lock
from .outputs import place_of

MAX_LOCK_TRIES = 10  # to make a lock while other runs come and go


@contextmanager
def lock_outputs(outputs: Iterable[Path | None]) -> Iterator[None]:
    """Keep other runs of this user from writing the same results meanwhile.

    This saves them useless work. What keeps a file from being replaced without asking is that
    results take their names only where those are free (see ``video.files.atomic_output``), so
    where no lock can be made a run goes on without one.

    Args:
        outputs: The results; None where one is not wanted.

    Raises:
        OutputError: ``output_in_use``.
    """
    with ExitStack() as held:
        for out in outputs:
            if out is None:
                continue
            try:
                lock = _lock(Path(out))
            except OSError:
                continue
            if lock is None:
                message = f"Another run is writing {out} right now."
                raise OutputError("output_in_use", message, "Wait for it, or name another output.")
            held.callback(_let_go, lock)
        yield


def _lock(out: Path) -> FileLock | None:
    name = hashlib.sha256(os.fsencode(place_of(out))).hexdigest()[:32]
    for _ in range(MAX_LOCK_TRIES):
        with contextlib.suppress(FileNotFoundError):  # another run took its folder away
            return try_lock(_folder() / f"{name}.lock")
    raise OSError(f"no lock for {out}")


def _let_go(lock: FileLock) -> None:
    discard(lock)
    with contextlib.suppress(OSError):  # other runs have locks there
        Path(lock.lock_file).parent.rmdir()


def _folder() -> Path:
    """Return a folder that only this user can write to.

    Raises:
        OSError: If there is none.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"videoswap-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    if not stat.S_ISDIR(found.st_mode) or not mine:
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder
