"""What identifies an input: its content. One mechanism for models, code and settings.

Keys of what is kept between runs are made of these. Names, times and version numbers say too
little: a file may be replaced under its name, and code changes between two releases.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .records import Array

#: Distributions whose arithmetic shows in results, under all names that they are installed by.
LIBRARIES = (
    *("av", "numpy", "scipy", "torch", "insightface", "dlib", "dlib-bin"),
    *("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    *("onnxruntime", "onnxruntime-gpu"),
)
PACKAGE = Path(__file__).parent
_noted: ContextVar[dict[Path, str] | None] = ContextVar("noted", default=None)


def digest_of(*facts: Any, **named: Any) -> str:
    """Return the SHA-256, in hex digits, of facts: plain data, or what has a telling ``repr``."""
    text = json.dumps([facts, named], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex digits; read once in a process while it stays the same.

    Raises:
        OSError: If it cannot be read.
    """
    facts = path.stat()
    digest = _file_digest(path.absolute(), facts.st_size, facts.st_mtime_ns, facts.st_ino)
    noted = _noted.get()
    if noted is not None:
        noted[path] = digest
    return digest


@contextmanager
def noting_digests(noted: dict[Path, str]) -> Iterator[None]:
    """Note files and digests that `file_digest` returns meanwhile, in this thread.

    Everything that computes with a model file makes a key of its digest, so these are the models.
    """
    token = _noted.set(noted)
    try:
        yield
    finally:
        _noted.reset(token)


def digest_of_files(paths: Iterable[Path | None]) -> str:
    """Return the SHA-256 of the contents of files in their order; None stands for a missing one.

    Raises:
        OSError: If one cannot be read.
    """
    return digest_of([None if path is None else file_digest(path) for path in paths])


def pixels_digest(picture: Array) -> str:
    """Return the SHA-256 of a picture's shape, kind of numbers and values in hex digits."""
    content = hashlib.sha256(picture.tobytes()).hexdigest()
    return digest_of(picture.shape, str(picture.dtype), content)


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return the SHA-256 of this package's source code.

    For what must not outlive a change of the code and is not worth keeping over one.
    """
    files = sorted(PACKAGE.rglob("*.py"))
    return digest_of([(str(path.relative_to(PACKAGE)), file_digest(path)) for path in files])


@lru_cache(maxsize=1)
def library_versions() -> tuple[str, ...]:
    """Return name and version of those of ``LIBRARIES`` that are installed."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)


@lru_cache(maxsize=1024)
def _file_digest(path: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
