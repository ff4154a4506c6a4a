"""The key of an analysis: a hash of everything that decides its result."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import asdict
from pathlib import Path

from ..settings import AnalysisSettings

WHOLE_UP_TO = 1 << 30  # bytes; larger files are sampled
SAMPLES, SAMPLE_SIZE = 64, 1 << 22
LIBRARIES = ("av", "numpy", "opencv-python", "scipy")


def fingerprint(path: Path) -> str:
    """Return size and SHA-256 of a file; above 1 GB of 64 evenly spread pieces of 4 MB."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE_UP_TO:
            return f"{size}-{hashlib.file_digest(file, 'sha256').hexdigest()}"
        digest = hashlib.sha256()
        for index in range(SAMPLES):
            file.seek((size - SAMPLE_SIZE) * index // (SAMPLES - 1))
            digest.update(file.read(SAMPLE_SIZE))
    return f"{size}-sampled-{digest.hexdigest()}"


def analysis_key(
    path: Path,
    settings: AnalysisSettings,
    span: tuple[int | None, int | None],
    parts: tuple[str, ...],
) -> str:
    """Return the key as 40 hex digits.

    Args:
        path: The video.
        settings: How faces are looked for.
        span: First and last pts looked at.
        parts: Keys of detector, landmarker and recognizer, version of the pass.
    """
    wishes = {name: str(value) for name, value in asdict(settings).items()}
    facts = [fingerprint(path), wishes, span, parts, [_version(name) for name in LIBRARIES]]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:40]


def _version(distribution: str) -> str:
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{distribution} missing"
