"""Settings of the packing of faces; importing them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ...errors import UsageError
from ...fieldtypes import conform

#: How a face lies in its crop, and the side of a crop that the recipes of each use.
FRAMINGS = {"arcface": 112, "ghost": 256, "ffhq": 256}
_CHOICES = {
    "framing": tuple(FRAMINGS),
    "aligned": ("", *FRAMINGS),
    "identities": ("auto", "faces", "none"),
    "several": ("auto", "largest", "all", "refuse"),
    "landmarks": ("dlib", "dense"),
}


@dataclass(frozen=True, slots=True)
class FacesSettings:
    """What is packed, and what is refused.

    Attributes:
        sources: Folders of pictures and videos, tar files of pictures, or single ones.
        framing: How a face lies in its crop: ``arcface``, ``ghost`` or ``ffhq``, see
            ``dataset.framing_matrix``.
        size: Side of a crop in pixels; 0 takes the usual one of the framing.
        aligned: Framing in which the pictures are already, as those of MS1M are (``arcface``):
            no face is searched, and in the same framing they stay as they are; empty for photos of
            any kind.
        identities: Who people are: ``auto`` takes the folders of pictures and the table, and finds
            people by their faces where these say nothing; ``faces`` finds them all by their faces;
            ``none`` leaves those unknown whom folders and table do not name.
        table: CSV with the columns file and identity.
        several: What becomes of a picture with several faces: ``largest`` keeps one, ``all`` each,
            ``refuse`` none; ``auto`` is ``largest`` where the picture's person is known, else
            ``all``.
        landmarks: ``dlib`` for the 68 alone, ``dense`` for MediaPipe's 478 as well.
        parts: Whether the parts of faces are stored too, see ``FacePart``.
        min_score: Of the detector, 0 to 1.
        min_size: Of a face in the picture, in pixels.
        max_outside: Share of the crop that may lie outside of the picture.
        max_yaw: Degrees that a head may turn aside.
        max_pitch: Degrees that it may look up or down.
        min_sharpness: See ``scan.sharpness``.
        every: Seconds between two pictures of a track of a video.
        per_track: Pictures of a track, at most.
        near_bits: A picture of a track with no more than so many of 64 bits other than the one
            before is refused.
        duplicate_bits: So many bits of 64 may differ between two pictures that are the same.
        duplicate_distance: And so far may their embeddings be apart.
        min_pictures: Of a person; people with fewer are left out.
        held: One person of so many is held out of training, and one face of nobody known.
        per_shard: Faces in a shard.
        per_unit: Pictures that are scanned at once: what a killed run repeats.
        keep_scan: Whether what was found is kept beside the shards.
        seed: Of the order of the faces in the shards.
    """

    sources: tuple[Path, ...] = ()
    framing: str = "ffhq"
    size: int = 0
    aligned: str = ""
    identities: str = "auto"
    table: Path | None = None
    several: str = "auto"
    landmarks: str = "dlib"
    parts: bool = False
    min_score: float = 0.6
    min_size: int = 80
    max_outside: float = 0.2
    max_yaw: float = 75.0
    max_pitch: float = 50.0
    min_sharpness: float = 0.03
    every: Fraction = Fraction(1, 2)
    per_track: int = 20
    near_bits: int = 8
    duplicate_bits: int = 6
    duplicate_distance: float = 0.25
    min_pictures: int = 1
    held: int = 25
    per_shard: int = 2000
    per_unit: int = 100
    keep_scan: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        conform(self)
        for name, words in _CHOICES.items():
            if getattr(self, name) not in words:
                known = ", ".join(word or "nothing" for word in words)
                raise UsageError("wrong_setting", f"{name} must be one of {known}.")
        for name in ("per_track", "min_pictures", "held", "per_shard", "per_unit"):
            if getattr(self, name) < 1:
                raise UsageError("wrong_setting", f"{name} must be at least 1.")
        for name in ("size", "min_size", "every", "near_bits", "duplicate_bits", "seed"):
            if getattr(self, name) < 0:
                raise UsageError("wrong_setting", f"{name} must not be negative.")

    @property
    def crop_size(self) -> int:
        """Side of a crop in pixels."""
        return self.size or FRAMINGS[self.framing]
