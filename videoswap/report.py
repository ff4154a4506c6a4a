"""The report of a run: what was done, and what was done otherwise than asked.

``docs/report.md`` describes every key of the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ._version import __version__
from .jsonfile import JsonDocument, plain_fields
from .lost import Lost
from .marks import Provenance
from .people.photo_advice import CheckedPhoto
from .records import Fallback, RunnerUp
from .rendering.failed_swaps import FailedSwap
from .rendering.pipeline import StageTime

#: Of the JSON of all reports; goes up when a key is renamed or removed, or its meaning changes.
SCHEMA = 3
KIND = "videoswap swap report"


def report_head(kind: str) -> dict[str, Any]:
    """Return the keys that every report begins with.

    Args:
        kind: What it is a report of.
    """
    return {"kind": kind, "schema": SCHEMA, "videoswap": __version__}


@dataclass(frozen=True, slots=True)
class PersonReport:
    """A person of the video.

    Attributes:
        person: Number of the person.
        source: Label of the source photo it gets; None if it keeps its face.
        target: Label of the target face it was matched with; None without target faces.
        distance: Distance of that match in the recognizer's unit; None without target faces.
        first_seconds: First appearance.
        frames: Frames in which the person was found.
        tracks: Number of tracks.
        runner_up: Who is next nearest to that target face; None where nobody is.
    """

    person: int
    source: str | None
    target: str | None
    distance: float | None
    first_seconds: Fraction
    frames: int
    tracks: int
    runner_up: RunnerUp | None = None


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a run read.

    Attributes:
        path: The file, as it was given.
        role: video (also a picture), source or target.
        digest: Its size and the SHA-256 of its content, above 1 GB of samples of it; None if it
            could not be read any more.
    """

    path: str
    role: str
    digest: str | None


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A model file that a run used.

    Attributes:
        path: The file.
        sha256: Its digest, hex digits.
    """

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames that follow each other.

    Attributes:
        start: Time of the first, in seconds from the first frame of the video.
        end: Time of the last.
        frames: How many.
    """

    start: Fraction
    end: Fraction
    frames: int


@dataclass(frozen=True, slots=True)
class Report(JsonDocument):
    """What a run did, or with ``dry_run`` would do. Holds no pictures and no embeddings.

    Attributes:
        input: The video or picture.
        output: The result; None for a dry run.
        engine: Name of the engine.
        device: cpu or cuda.
        recognizer: Name of the face recognition in use.
        threshold: Largest distance that counts as the same person.
        frames: Frames of the result.
        swapped_frames: Frames in which at least one swapped face is to be seen; for a dry run
            those in which a face was found that would be swapped.
        segments: Segments it was rendered in.
        copied_frames: Frames whose packets were copied from the video, because nothing in them is
            swapped; for a dry run those that would be.
        encoder: Encoder and pixel format; None for pictures.
        decoder: What decoded the frames of the render, cpu or nvdec; None where nothing was
            rendered and for pictures.
        people: The people found.
        notes: What was done otherwise than asked or expected.
        unmatched: Labels of target faces that were not found.
        analysis_cached: Whether the analysis came from the cache.
        seconds: Wall time of each part.
        stages: Where the render's time went.
        crop_sizes: Sides in pixels of the crops that faces were swapped in, ascending.
        pixel_boost: Most sub-images a side that a crop was split into; 1 for none.
        restorer: What redrew the swapped faces; None for nothing.
        masks: Where the masks are; None if not asked for.
        dry_run: Whether nothing was written.
        lost: What of the film is not in the result.
        photos: The photos of the sources, and what makes swaps from them worse.
        kept: Where no face was to be swapped; the first of these stretches.
        kept_frames: Frames in which that was so.
        filled: Where a swapped face was not found and lies between its neighbors; the first of
            these stretches.
        filled_frames: Frames in which that was so.
        failed_swaps: Where a face kept its original because the engine's swap was wrong, twice;
            the first of these stretches.
        failed_frames: Frames in which that was so.
        provenance: What the result says about itself.
        inputs: The files that were read, with digests of their content.
        weights: The model files, with digests.
        throughput: Frames a second of the analysis and of the render, as far as they ran.
        settings: The settings of the run, as plain data.
        peak_memory: Most bytes of memory that the process had so far; None where nobody says.
    """

    input: str
    output: str | None
    engine: str
    device: str
    recognizer: str
    threshold: float
    frames: int
    swapped_frames: int
    segments: int
    encoder: str | None
    people: tuple[PersonReport, ...]
    notes: tuple[Fallback, ...]
    unmatched: tuple[str, ...]
    analysis_cached: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    stages: tuple[StageTime, ...] = ()
    crop_sizes: tuple[int, ...] = ()
    pixel_boost: int = 1
    restorer: str | None = None
    masks: str | None = None
    dry_run: bool = False
    lost: Lost = field(default_factory=Lost)
    photos: tuple[CheckedPhoto, ...] = ()
    kept: tuple[Stretch, ...] = ()
    kept_frames: int = 0
    filled: tuple[Stretch, ...] = ()
    filled_frames: int = 0
    failed_swaps: tuple[FailedSwap, ...] = ()
    failed_frames: int = 0
    provenance: Provenance = field(default_factory=Provenance)
    inputs: tuple[InputFile, ...] = ()
    weights: tuple[WeightFile, ...] = ()
    throughput: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    peak_memory: int | None = None
    copied_frames: int = 0
    decoder: str | None = None

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for was done."""
        return not self.unmatched and not self.failed_frames

    def as_data(self) -> dict[str, Any]:
        """Return the report as plain data; times are decimal seconds."""
        return {**report_head(KIND), **plain_fields(self)}
