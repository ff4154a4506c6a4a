"""The protocol that every engine follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..alignment import crop_matrix, five_points
from ..records import Array, Crop, Face, Photo, SwappedCrop

#: Side of the pictures that all generators take.
NETWORK_SIDE = 256

#: Chooses the (5, 2) template in the unit square for (5, 2) points of a face.
TemplateRule = Callable[[Array], Array]
#: Smooths the faces of a track, given the pts of all frames and by pts the motion of its landmarks.
Smoother = Callable[[Sequence[Face], Array, Mapping[int, Array]], list[Face]]


@dataclass(frozen=True, slots=True, eq=False)
class CropSpec:
    """How an engine wants faces cut out.

    Attributes:
        template: (5, 2) float64, where the five points lie in the unit square, or the rule that
            gives it for a face.
        sizes: Sides in pixels that the engine takes, ascending. The smallest that does not
            lose detail of the target is used, one for a whole track.
        points: Whether the five points come from the 68 landmarks or from the detector.
        black_outside: Whether what lies outside the picture is black; otherwise its border goes on.
        smoother: Smoothing of the tracks in place of the usual one.
        stretch: How much a face may be enlarged before the next size is taken.
        boost: Most sub-images a side that a crop is split into, see ``boosted``.
    """

    template: Array | TemplateRule
    sizes: tuple[int, ...]
    points: Literal["landmarks", "detector"] = "landmarks"
    black_outside: bool = False
    smoother: Smoother | None = None
    stretch: float = 1.0
    boost: int = 1

    def size_for(self, pixels: float) -> int:
        """Return the side for a face whose crop covers ``pixels`` of the frame."""
        fitting = (size for size in self.sizes if size * self.stretch >= pixels)
        return next(fitting, self.sizes[-1])

    def boost_for(self, size: int) -> int:
        """Return how many sub-images a side a crop of ``size`` is split into; 1 for none."""
        return max(1, min(self.boost, size // NETWORK_SIDE))

    def points_of(self, face: Face) -> Array:
        """Return the five points (5, 2) of a face by which it is cut."""
        if self.points == "detector":
            return face.points5
        assert face.landmarks is not None  # the analysis always fills them
        return five_points(face.landmarks)

    def matrix(self, points5: Array, size: int) -> Array:
        """Return the (2, 3) matrix from picture pixels to a crop of ``size`` pixels a side."""
        template = self.template(points5) if callable(self.template) else self.template
        return crop_matrix(points5, template, size)


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """What an engine keeps of one source person.

    Attributes:
        label: Name to show, usually the path of the photo.
        data: The engine's own; read by nobody else.
    """

    label: str
    data: Any


class Swapper(Protocol):
    """An engine: puts a source identity onto aligned crops."""

    @property
    def name(self) -> str:
        """Name on the command line."""

    @property
    def key(self) -> str:
        """Text that changes whenever results could; part of the key of unfinished renders."""

    @property
    def batch_size(self) -> int:
        """Crops that are best given at once."""

    @property
    def spec(self) -> CropSpec:
        """How crops are to be cut."""

    @property
    def keeps(self) -> frozenset[str]:
        """What it does not paint and the target keeps: regions of ``blending.keep``."""

    @property
    def as_is(self) -> bool:
        """Whether its results go onto the frame as they are, with no finishing."""

    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Prepare one person from one or more photos; computed once per run."""

    def swap(self, crops: Sequence[Crop], identities: Sequence[Identity]) -> list[SwappedCrop]:
        """Swap a batch of crops of one size.

        Args:
            crops: Crops, possibly of several frames and people.
            identities: All source identities; ``crop.source`` says which one each crop gets.
        """
