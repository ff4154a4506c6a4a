"""Files that a browser sends: written in pieces, within limits, under harmless names."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from fastapi import UploadFile

from ..errors import InputError
from .films import Film
from .settings import UiSettings

CHUNK = 1 << 20  # bytes of an upload that are written at once
MOST_PHOTO_BYTES = 64 * 10**6


async def save_upload(file: UploadFile, path: Path, most: int, free: int) -> None:
    """Write an upload to a file.

    Raises:
        InputError: ``too_large`` or ``disk_full``.
    """
    size = 0
    with path.open("xb") as out:
        while data := await file.read(CHUNK):
            size += len(data)
            if size > most:
                raise InputError(
                    "too_large",
                    f"{path.name} has more than {most / 1e9:g} GB, the most that may be.",
                )
            if shutil.disk_usage(path.parent).free < free + len(data):
                raise InputError("disk_full", "The disk has no room for that file.")
            await asyncio.to_thread(out.write, data)
    if not size:
        raise InputError("empty_file", f"{path.name} is empty.")


def check_room(film: Film, settings: UiSettings) -> None:
    """Refuse a run whose result would fill the disk: it may be twice as large as the film.

    Raises:
        InputError: ``disk_full``.
    """
    needed = 2 * film.path.stat().st_size + settings.min_free
    free = shutil.disk_usage(settings.folder).free
    if free < needed:
        raise InputError(
            "disk_full",
            f"A result may take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.",
            "Delete earlier results, or choose another folder with VIDEOSWAP_CACHE_DIR.",
        )


def unique_name(name: str, taken: set[str]) -> str:
    """Return a name that is not taken yet."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found


def ascii_name(name: str) -> str:
    """Return a file name that a header may hold."""
    return name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
