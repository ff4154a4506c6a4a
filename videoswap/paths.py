"""Paths: questions about them that do not fail, and the paths that users give.

The methods of ``Path`` raise where a name is too long, a folder may not be looked into or a link
leads to itself. Whoever opens such a path later says in a sentence what is wrong with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .errors import UsageError

END_CHARACTERS = 60  # characters of either end of a path


def is_folder(path: Path) -> bool:
    """Tell whether a folder is there and can be seen."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Tell whether a file is there and can be seen."""
    return os.path.isfile(path)  # noqa: PTH113


def is_link(path: Path) -> bool:
    """Tell whether a link is there and can be seen, wherever it leads."""
    return os.path.islink(path)  # noqa: PTH114


def real_path(path: Path) -> Path:
    """Return the path that links lead to, as far as they do."""
    return Path(os.path.realpath(path))


def shortened(path: Path | str) -> str:
    """Return a path for a message about it being too long: its beginning and its end."""
    text = str(path)
    if len(text) <= 2 * END_CHARACTERS:
        return text
    return f"{text[:END_CHARACTERS]}...{text[-END_CHARACTERS:]}"


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
