"""The files that a run reads, of which none may be written over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..paths import is_folder
from ..people.sources import photo_files
from ..settings import SwapSettings
from ..weights.manifest import load_manifest
from ..weights.store import folder_of
from .outputs import InputFiles


def files_read(
    photos: Iterable[Path], settings: SwapSettings, others: Iterable[Path | None] = ()
) -> InputFiles:
    """Return everything that a run reads.

    Args:
        photos: Photos, and folders of photos.
        settings: Names the weights.
        others: More files, None where one is not given.
    """
    return InputFiles(_files(photos, settings, others))


def _files(
    photos: Iterable[Path], settings: SwapSettings, others: Iterable[Path | None]
) -> Iterator[Path]:
    for path in photos:
        yield from photo_files(Path(path)) if is_folder(Path(path)) else [Path(path)]
    yield from (Path(path) for path in others if path is not None)
    options: Any = settings.engine_options
    if options is not None:
        values = (getattr(options, one.name) for one in fields(options))
        yield from (value for value in values if isinstance(value, Path))
    yield from (folder_of(model) / model.file for model in load_manifest().models)
