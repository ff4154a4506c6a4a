"""Checks on results before any work is spent on them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import OutputError


def check_output(out: Path, inputs: Iterable[Path], overwrite: bool) -> None:
    """Refuse a result that cannot or must not be written.

    Raises:
        OutputError: ``output_is_input``, ``output_is_directory``, ``output_exists``,
            ``no_output_folder`` or ``unwritable_output``.
    """
    for path in inputs:
        if out.resolve() == path.resolve() or (
            out.exists() and path.exists() and out.samefile(path)
        ):
            raise OutputError("output_is_input", f"{out} is also an input.", "Name another output.")
    if out.is_dir():
        raise OutputError("output_is_directory", f"{out} is a directory.", "Name a file.")
    if out.exists() and not overwrite:
        raise OutputError(
            "output_exists", f"{out} exists already.", "Use --overwrite to replace it."
        )
    folder = out.parent
    if not folder.is_dir():
        raise OutputError(
            "no_output_folder", f"The folder {folder} does not exist.", "Make it first."
        )
    if not os.access(folder, os.W_OK):
        raise OutputError("unwritable_output", f"The folder {folder} cannot be written to.")


def default_output(target: Path, suffix: str | None = None) -> Path:
    """Return NAME_swapped in the current folder, with the target's suffix or another one."""
    return Path(f"{target.stem}_swapped{suffix or target.suffix}")
