"""What was seen of each file: its digest at the first meeting, checked at all later ones.

The lock file ``known.json`` lies beside the weights. A file whose size and time of change are
those of its last check is not read again; :func:`check` with ``thorough`` always reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from ..errors import InputError
from ..media.files import atomic_output, output_errors
from .manifest import Model

FILE_NAME = "known.json"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a file.

    Attributes:
        sha256: Digest, hex digits.
        size: Bytes.
        mtime_ns: Time of change when it was last checked, nanoseconds since 1970.
        source: Where it came from.
        first_seen: When it was recorded, ISO 8601.
    """

    sha256: str
    size: int
    mtime_ns: int
    source: str
    first_seen: str


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of a whole file.

    Attributes:
        sha256: Hex digits.
        crc32: Eight lower-case hex digits, as in FaceFusion's ``.hash`` files.
        size: Bytes.
    """

    sha256: str
    crc32: str
    size: int


def digests(path: Path) -> Digests:
    """Read a file once for all digests."""
    sha, crc, size = hashlib.sha256(), 0, 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
            crc = zlib.crc32(block, crc)
            size += len(block)
    return Digests(sha.hexdigest(), f"{crc:08x}", size)


def recorded(folder: Path) -> dict[str, Seen]:
    """Return what is known, by file name as in the manifest.

    Raises:
        InputError: ``bad_known_file``.
    """
    path = folder / FILE_NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {file: Seen(**entry) for file, entry in raw.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            "bad_known_file",
            f"{path}, which holds the digests of the weights, cannot be read: {error}.",
            "Delete it only if you trust the files beside it: they are then believed anew.",
        ) from None


def expected_sha256(model: Model, folder: Path) -> str | None:
    """Return the digest that a file must have: the manifest's, else the recorded one, else None."""
    seen = recorded(folder).get(model.file)
    return model.sha256 or (seen.sha256 if seen else None)


def digest_of(model: Model, folder: Path) -> str:
    """Return the SHA-256 of a file that was checked already, from the record where it is there."""
    return expected_sha256(model, folder) or digests(folder / model.file).sha256


def record(model: Model, folder: Path, found: Digests, source: str) -> None:
    """Write down what a file was found to be; its first date stays.

    Args:
        model: Which file; it must lie in its place.
        folder: The folder of weights.
        found: Its digests.
        source: Where it came from.

    Raises:
        OutputError: If the lock file cannot be written.
    """
    path = folder / FILE_NAME
    with output_errors(path), FileLock(folder / f".{FILE_NAME}.lock"):
        known = recorded(folder)
        before = known.get(model.file)
        same = before is not None and before.sha256 == found.sha256
        known[model.file] = Seen(
            found.sha256,
            found.size,
            (folder / model.file).stat().st_mtime_ns,
            before.source if before and same else source,
            before.first_seen if before and same else datetime.now(UTC).isoformat("T", "seconds"),
        )
        text = json.dumps({file: asdict(seen) for file, seen in sorted(known.items())}, indent=1)
        with atomic_output(path) as part:
            part.write_text(text + "\n", encoding="utf-8")


def check(model: Model, folder: Path, say: Say = lambda line: None, thorough: bool = False) -> Path:
    """Check a file that lies in its place against what is known of it.

    A file that nobody has seen before is trusted and its digest recorded, which is said. One that
    is part of the project is not: a newer project may bring a newer one.

    Args:
        model: Which file.
        folder: The folder of weights.
        say: Told of a first meeting.
        thorough: Read the file even if neither size nor time of change are new.

    Returns:
        Its path.

    Raises:
        InputError: ``changed_weights`` if it is not what it was.
    """
    path = folder / model.file
    if model.shipped and model.sha256 is None:
        return path
    seen = recorded(folder).get(model.file)
    now = path.stat()
    unchanged = seen is not None and (now.st_size, now.st_mtime_ns) == (seen.size, seen.mtime_ns)
    if seen is not None and unchanged and not thorough and model.sha256 in (None, seen.sha256):
        return path
    found = digests(path)
    wanted = expected_sha256(model, folder)
    if wanted not in (None, found.sha256):
        raise InputError(
            "changed_weights",
            f"{path} is not the file it should be: SHA-256 {found.sha256} instead of {wanted}.",
            f"Delete it and fetch it again. If you know that the new one is right, take its entry "
            f"out of {folder / FILE_NAME} instead.",
        )
    if wanted is None:
        say(first_meeting(model, found))
    if os.access(folder, os.W_OK):  # a read-only installation is checked, but not recorded
        record(model, folder, found, str(path))
    return path


def first_meeting(model: Model, found: Digests) -> str:
    """Return the sentence that says aloud that a digest is believed."""
    return (
        f"{model.file}: nobody here has seen this file before, so it is trusted as it came: "
        f"SHA-256 {found.sha256} is recorded and checked from now on."
    )
