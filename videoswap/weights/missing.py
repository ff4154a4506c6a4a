"""Which weight files of an engine are here, and what to do about those that are not."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from .manifest import load_manifest, weights_dir
from .store import find


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
    verb = "is" if len(absent) == 1 else "are"
    if any(model.downloadable for model in absent):
        return f"{files} {verb} not there (`videoswap models download {download}` fetches it)"
    return f"{files} {verb} not there (`videoswap models path {absent[0].name}` says how to get it)"


def missing_torch() -> str | None:
    """Say that torch is not installed, without importing it."""
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed (pip install 'videoswap[neural]')"
    return None
