"""What a face detector, a landmarker and a face recognizer must be able to do.

The models that do it: `centerface`, `landmarks`, `recognition` and `insightface`.
"""

from __future__ import annotations

from typing import Protocol

from ..records import Array, Face


class Detector(Protocol):
    """Finds faces in a picture."""

    @property
    def key(self) -> str:
        """Text that changes whenever results could; part of the key of the cache."""

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that are really in use."""

    def detect(self, picture: Array, threshold: float = 0.5) -> list[Face]:
        """Return the faces of a (H, W, 3) uint8 RGB picture, best first."""


class Landmarker(Protocol):
    """Finds dense points of a face that was detected."""

    @property
    def key(self) -> str:
        """Text that changes whenever results could; part of the key of the cache."""

    def landmarks(self, picture: Array, points5: Array) -> Array:
        """Return (68, 2) float32 landmarks, given (5, 2) points in the same picture."""


class Recognizer(Protocol):
    """Turns a face into numbers that tell people apart.

    Distances are in the encoder's own unit; smaller is more alike.
    """

    @property
    def name(self) -> str:
        """Short name for reports."""

    @property
    def key(self) -> str:
        """Text that changes whenever results could; part of the key of the cache."""

    @property
    def dim(self) -> int:
        """Length of an embedding."""

    @property
    def default_threshold(self) -> float:
        """Largest distance between a reference photo and the same person in a video."""

    @property
    def cluster_threshold(self) -> float:
        """Largest mean distance between tracks of one person."""

    def embed(self, picture: Array, landmarks: Array) -> Array:
        """Return (dim,) float32, given (H, W, 3) uint8 RGB and (68, 2) landmarks in it."""

    def distance(self, one: Array, other: Array) -> float:
        """Return the distance of two embeddings."""

    def distances(self, ones: Array, others: Array) -> Array:
        """Return the (n, m) float64 distances of (n, dim) and (m, dim) embeddings."""
