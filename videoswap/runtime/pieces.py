"""Where encoded pieces wait to be joined, so that an interrupted render can go on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..fingerprint import code_digest, digest_of, library_versions
from ..media.files import output_errors

FOLDER = "renders"


def render_key(**parts: Any) -> str:
    """Return a digest of everything that decides how the pieces come out.

    Two renders with the same key would write the same pieces. This code and the libraries are
    among it, so that no result is put together of what two versions made.
    """
    return digest_of(parts, code_digest(), library_versions())[:32]


@contextmanager
def piece_folder(cache_dir: Path | None, key: str, out: Path) -> Iterator[Path]:
    """Give a private folder for the pieces of one render.

    With a cache the folder outlives a failure or an interruption and is found again by its
    key; it is removed after success. Without one, or while another process renders the same,
    it is a temporary folder beside the result that never outlives the run.

    Args:
        cache_dir: The cache, or None.
        key: See ``render_key``.
        out: The result.

    Raises:
        OutputError: ``unwritable_output`` or ``disk_full``.
    """
    if cache_dir is None:
        with output_errors(out):
            temporary = tempfile.TemporaryDirectory(dir=out.parent, prefix=".videoswap-")
        with temporary as name:
            yield Path(name)
        return
    folder = cache_dir / FOLDER / key
    with output_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            yield folder
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        with piece_folder(None, key, out) as other:
            yield other
