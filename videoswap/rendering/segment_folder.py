"""Where encoded pieces wait to be joined, so that an interrupted render can go on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..errors import reason_of
from ..fingerprint import code_digest, digest_of, library_versions
from ..jsonfile import json_text, parsed_json
from ..locks import discard, try_lock
from ..records import Fallback
from ..video.files import locked_scratch, output_errors, scratch_path

RENDERS_FOLDER = "renders"
ABOUT_FILE = "about.json"


def render_key(**parts: Any) -> str:
    """Return a digest of everything that decides how the pieces come out.

    Two renders with the same key would write the same pieces. This code and the libraries are
    among it, so that no result is put together of what two versions made.
    """
    return digest_of(parts, code_digest(), library_versions())[:32]


@contextmanager
def open_segment_folder(
    cache_dir: Path | None,
    key: str,
    out: Path,
    film: Path,
    tell: Callable[[Fallback], None],
    request: Mapping[str, Any] | None = None,
) -> Iterator[Path]:
    """Give a private folder for the pieces of one render.

    With a cache the folder outlives a failure or an interruption and is found again by its
    key; it is removed after success. Without one, while another process renders the same, or
    where the cache cannot be written, it is a temporary folder beside the result that never
    outlives the run.

    Args:
        cache_dir: The cache, or None.
        key: See ``render_key``.
        out: The result.
        film: The video that is rendered, whose name ``videoswap cache`` shows.
        tell: Told why pieces are not kept.
        request: What was asked for, kept beside the pieces for ``videoswap resume``.

    Raises:
        OutputError: ``unwritable_output`` or ``disk_full``.
    """
    if cache_dir is None:
        with output_errors(out):
            temporary = scratch_path(out.parent, "pieces")
            temporary.mkdir(mode=0o700)
        try:
            with locked_scratch(temporary):
                yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return
    with ExitStack() as stack:
        folder = cache_dir / RENDERS_FOLDER / key
        why = "another process renders the same"
        lock: FileLock | None = None
        try:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = try_lock(lock_of(folder))
            if lock is not None:
                stack.callback(lock.release)
                folder.mkdir(mode=0o700, exist_ok=True)
                _describe(folder, film, out, request or {})
        except OSError as error:
            why = f"the cache fails ({reason_of(error)})"
            lock = None
        if lock is not None:
            yield folder
            shutil.rmtree(folder, ignore_errors=True)
            discard(lock)
            return
        tell(Fallback("pieces that outlive an interruption", "pieces beside the result", why))
        yield stack.enter_context(open_segment_folder(None, key, out, film, tell))


def lock_of(folder: Path) -> Path:
    """Return the lock of a folder of pieces: beside it, to be held until the folder is gone."""
    return folder.with_suffix(".lock")


def about(folder: Path) -> dict[str, Any]:
    """Return what a folder of pieces says of itself by name, such as its film."""
    try:
        facts = parsed_json((folder / ABOUT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _describe(folder: Path, film: Path, out: Path, request: Mapping[str, Any]) -> None:
    """Write down what the pieces are of, and that they are in use now."""
    facts = {**request, "film": str(film.absolute()), "out": str(out.absolute())}
    part = folder / f"{ABOUT_FILE}.part"
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(json_text(facts, indent=None), encoding="utf-8")
    part.replace(folder / ABOUT_FILE)  # a killed process leaves it whole
    os.utime(folder)
