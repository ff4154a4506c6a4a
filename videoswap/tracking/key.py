"""The key of a kept analysis: a hash of the video, the settings, all models and all code stages."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

from ..detection.face_models import FaceModels
from ..detection.occluded_landmarks import occluded_landmarks_key
from ..fingerprint import digest_of, file_digest, library_versions
from ..occlusion.builtin import networks_key
from ..settings import AnalysisSettings
from ..video.packets import unreadable_file
from ..video.sequences.pattern import files_of
from .store_tables import SCHEMA as TABLES_SCHEMA

#: Of each stage, raised whenever its code gives other results. Models have keys of their own.
STAGE_SCHEMAS = {"scan": 16, "refine landmarks": 2}
WHOLE_FILE_BYTES = 1 << 30  # bytes; larger files are sampled
SAMPLE_COUNT, SAMPLE_BYTES = 64, 1 << 22


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
        if size <= WHOLE_FILE_BYTES:
            return f"{size}-{file_digest(path)}"
        with path.open("rb") as file:
            digest = hashlib.sha256()
            for index in range(SAMPLE_COUNT):
                file.seek((size - SAMPLE_BYTES) * index // (SAMPLE_COUNT - 1))
                digest.update(file.read(SAMPLE_BYTES))
    except OSError as error:
        raise unreadable_file(path, error) from error
    return f"{size}-{found.st_mtime_ns}-sampled-{digest.hexdigest()}"


def analysis_key(
    path: Path,
    settings: AnalysisSettings,
    span: tuple[int | None, int | None],
    models: FaceModels,
) -> str:
    """Return the key as 40 hex digits.

    It changes with the content of the video and of every model file that takes part, with the
    settings, with the libraries whose arithmetic shows, and with the schema of every stage.

    Args:
        path: The video.
        settings: How faces are searched.
        span: First and last pts of the analyzed part.
        models: The networks that see faces.
    """
    wishes = {name: str(value) for name, value in asdict(settings).items()}
    stages = STAGE_SCHEMAS, TABLES_SCHEMA
    parts = video_digest(path), wishes, span, model_keys(models), stages, library_versions()
    return digest_of(*parts)[:40]


def model_keys(models: FaceModels) -> tuple[str, ...]:
    """Return a text for every model of an analysis that changes with the content of its files."""
    faces = models.detector.key, models.landmarks_key, models.recognizer.key
    return (*faces, networks_key(), occluded_landmarks_key())
