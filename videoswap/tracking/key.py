"""The key of an analysis: a hash of everything that decides its result."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..fingerprint import digest_of, file_digest, library_versions
from ..settings import AnalysisSettings
from ..video.packets import unreadable_file
from ..video.sequences.pattern import files_of

WHOLE_UP_TO = 1 << 30  # bytes; larger files are sampled
SAMPLES, SAMPLE_SIZE = 64, 1 << 22


def video_digest(path: Path) -> str:
    """Return size and SHA-256 of a file.

    Above 1 GB it is that of 64 evenly spread pieces of 4 MB, and the time of the last change says
    whether anything between them is another.

    Raises:
        InputError: ``unreadable_file``.
    """
    files = files_of(path)
    if files != (path,):
        contents = "".join(map(video_digest, files))
        return f"{len(files)}-pictures-{hashlib.sha256(contents.encode()).hexdigest()}"
    try:
        found = path.stat()
        size = found.st_size
        if size <= WHOLE_UP_TO:
            return f"{size}-{file_digest(path)}"
        with path.open("rb") as file:
            digest = hashlib.sha256()
            for index in range(SAMPLES):
                file.seek((size - SAMPLE_SIZE) * index // (SAMPLES - 1))
                digest.update(file.read(SAMPLE_SIZE))
    except OSError as error:
        raise unreadable_file(path, error) from error
    return f"{size}-{found.st_mtime_ns}-sampled-{digest.hexdigest()}"


def analysis_key(
    path: Path,
    settings: AnalysisSettings,
    span: tuple[int | None, int | None],
    parts: Sequence[object],
) -> str:
    """Return the key as 40 hex digits.

    Args:
        path: The video.
        settings: How faces are looked for.
        span: First and last pts looked at.
        parts: Keys of all models that take part, numbers of the schema of every stage.
    """
    wishes = {name: str(value) for name, value in asdict(settings).items()}
    return digest_of(video_digest(path), wishes, span, parts, library_versions())[:40]
