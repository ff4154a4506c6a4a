"""What is known of each file: its digest once something vouches for it, checked from then on.

A digest is written down when the file has loaded for the first time, when it came with a digest
that somebody published, or when the file was made here. So a broken file is never held for the
right one. The record ``known.json`` lies beside the weights. A file whose size and time of change
are those of its last check is not read again; :func:`check` with ``thorough`` always reads it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from ..errors import InputError, reason_of
from ..fingerprint import file_digest
from ..jsonfile import parsed_json, write_json
from ..video.files import output_errors
from .manifest import Model, load_manifest, weights_dir

_log = logging.getLogger(__name__)
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
        proof: What vouches for it: loaded, published or made; empty in records of versions that
            did not ask, which bind nobody.
    """

    sha256: str
    size: int
    mtime_ns: int
    source: str
    first_seen: str
    proof: str = ""


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
        raw = parsed_json(path.read_text(encoding="utf-8"))
        return {file: Seen(**entry) for file, entry in raw.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            "bad_known_file",
            f"{path}, which holds the digests of the weights, cannot be read: {reason_of(error)}.",
            "Delete it only if you trust the files beside it: they are then believed anew.",
        ) from None


def expected_sha256(model: Model, folder: Path) -> str | None:
    """Return the digest that a file must have: the manifest's, else the recorded one, else None."""
    seen = recorded(folder).get(model.file)
    return model.sha256 or (seen.sha256 if seen and seen.proof else None)


def digest_of(model: Model, folder: Path) -> str:
    """Return the SHA-256 of a file that was checked already, from the record where it is there."""
    return expected_sha256(model, folder) or file_digest(folder / model.file)


def record(model: Model, folder: Path, sha256: str, source: str, proof: str) -> None:
    """Write down what a file was found to be; its first date stays.

    Args:
        model: Which file; it must lie in its place.
        folder: The folder of weights.
        sha256: Its digest.
        source: Where it came from.
        proof: What vouches for it; see :class:`Seen`.

    Raises:
        OutputError: If the lock file cannot be written.
    """
    path = folder / FILE_NAME
    with output_errors(path), FileLock(folder / f".{FILE_NAME}.lock"):
        known = recorded(folder)
        before = known.get(model.file)
        same = before is not None and before.sha256 == sha256
        facts = (folder / model.file).stat()
        known[model.file] = Seen(
            sha256,
            facts.st_size,
            facts.st_mtime_ns,
            before.source if before and same else source,
            before.first_seen if before and same else datetime.now(UTC).isoformat("T", "seconds"),
            proof,
        )
        _write(path, known)


def forget(files: Iterable[str], folder: Path) -> list[str]:
    """Take files out of the record, so that they are believed anew once they load.

    Args:
        files: File names of the manifest.
        folder: The folder of weights.

    Returns:
        Those that were in it.

    Raises:
        OutputError: If the record cannot be written.
    """
    path = folder / FILE_NAME
    with output_errors(path), FileLock(folder / f".{FILE_NAME}.lock"):
        known = recorded(folder)
        gone = [file for file in files if known.pop(file, None) is not None]
        if gone:
            _write(path, known)
    return gone


def confirm(path: Path) -> None:
    """Write down the digest of a weight file that has just loaded, if nothing is known of it yet.

    It is said, once, in the log. Files elsewhere, and those that are part of the project, which a
    newer project may replace, are left alone; so is a folder that cannot be written.
    """
    folder = weights_dir()
    try:
        file = path.resolve().relative_to(folder.resolve()).as_posix()
    except (ValueError, OSError):
        return
    model = next((one for one in load_manifest().models if one.file == file), None)
    if model is None:  # a copy that was made of one
        model = Model(file, file, "", (), "")
    if model.shipped or expected_sha256(model, folder) or not os.access(folder, os.W_OK):
        return
    digest = file_digest(path)
    record(model, folder, digest, str(path), "loaded")
    _log.warning(
        "%s: nobody here has used this file before. It loads, so it is trusted as it came: "
        "SHA-256 %s is recorded and checked from now on.",
        file,
        digest,
    )


def check(model: Model, folder: Path, thorough: bool = False) -> Path:
    """Check a file that lies in its place against what is known of it.

    A file of which nothing is known passes; see :func:`confirm`. So does one that is part of the
    project.

    Args:
        model: Which file.
        folder: The folder of weights.
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
    proven = seen is not None and seen.proof and model.sha256 in (None, seen.sha256)
    if proven and unchanged and not thorough:
        return path
    wanted = expected_sha256(model, folder)
    if wanted is None:
        return path
    found = digests(path).sha256
    if wanted != found:
        ways = f"Fetch it again: videoswap models download {model.name}"
        if model.sha256 is None:
            ways += (
                "\nIf you know that this one is right: "
                f"videoswap models verify --forget {model.name}"
            )
        raise InputError(
            "changed_weights",
            f"{path} is not the file it should be: SHA-256 {found} instead of {wanted}.",
            ways,
        )
    if os.access(folder, os.W_OK):  # a read-only installation is checked, but not recorded
        proof = seen.proof if seen is not None and seen.proof else "published"
        record(model, folder, found, str(path), proof)
    return path


def _write(path: Path, known: Mapping[str, Seen]) -> None:
    write_json(path, dict(sorted(known.items())))
