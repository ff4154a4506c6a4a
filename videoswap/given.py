"""Paths as users give them to the functions of the library."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .errors import UsageError

AnyPath = str | os.PathLike[str]
#: One path means a sequence of one.
AnyPaths = AnyPath | Iterable[AnyPath]


def path_of(name: str, given: AnyPath) -> Path:
    """Return a path as a ``Path``.

    Args:
        name: What it is called, for the message.
        given: The path.

    Raises:
        UsageError: ``wrong_type``.
    """
    if not isinstance(given, str | os.PathLike) or not isinstance(os.fspath(given), str):
        raise UsageError("wrong_type", f"{name} must be a path, not {given!r}.")
    if not os.fspath(given):
        raise UsageError("wrong_type", f"{name} must be a path, not an empty text.")
    return Path(given)


def path_or_none(name: str, given: AnyPath | None) -> Path | None:
    """Return a path as a ``Path``, and None as None; arguments and errors as of ``path_of``."""
    return None if given is None else path_of(name, given)


def paths_of(name: str, given: AnyPaths) -> list[Path]:
    """Return one or several paths as a list; arguments and errors as of ``path_of``."""
    if isinstance(given, str | os.PathLike):
        given = [given]
    if not isinstance(given, Iterable) or isinstance(given, bytes | dict):
        raise UsageError("wrong_type", f"{name} must be paths, not {given!r}.")
    return [path_of(name, one) for one in given]
