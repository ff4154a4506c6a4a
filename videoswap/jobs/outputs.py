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


def default_output(target: Path) -> Path:
    """Return NAME_swapped in the current folder, with the target's suffix."""
    return Path(f"{target.stem}_swapped{target.suffix}")


def default_video_output(video: Path) -> Path:
    """Return NAME_swapped in the current folder, in the video's container if it can be written.

    Raises:
        InputError: If the video cannot be read.
    """
    from ..media.formats import default_suffix  # not needed for --help
    from ..media.probe import probe

    info = probe(video)
    if info.animation in ("gif", "webp"):
        return default_output(video)
    return Path(f"{video.stem}_swapped{default_suffix(info.formats, video, info.pix_fmt)}")
