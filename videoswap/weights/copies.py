"""Copies made of a weight file: what they were made of, and where they lie."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from ..errors import InputError

# Under this key of its metadata a copy names the SHA-256 of the file it was made of.
SOURCE = "source_sha256"


def converted_path(source: Path) -> Path:
    """Return where the converted copy of a file goes: beside it, as safetensors."""
    return source.with_suffix(".safetensors")


def metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file, without its tensors.

    Raises:
        InputError: ``damaged_weights``.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 1 << 26)))
        return dict(header.get("__metadata__", {}))
    except (OSError, ValueError, AttributeError, struct.error):
        raise InputError(
            "damaged_weights", f"{path} is not a safetensors file.", "Delete it and try again."
        ) from None
