"""The protocol that every engine follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..records import Array, Crop, Photo, SwappedCrop


@dataclass(frozen=True, slots=True, eq=False)
class CropSpec:
    """How an engine wants faces cut out.

    Attributes:
        template: (5, 2) float64, where the five points lie in the unit square.
        sizes: Sides in pixels that the engine takes, ascending. The smallest that does not
            lose detail of the target is used, one for a whole track.
    """

    template: Array
    sizes: tuple[int, ...]

    def size_for(self, pixels: float) -> int:
        """Return the side for a face whose crop covers ``pixels`` of the frame."""
        return next((size for size in self.sizes if size >= pixels), self.sizes[-1])


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
    def batch_size(self) -> int:
        """Crops that are best given at once."""

    @property
    def spec(self) -> CropSpec:
        """How crops are to be cut."""

    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Prepare one person from one or more photos; computed once per run."""

    def swap(self, crops: Sequence[Crop], identities: Sequence[Identity]) -> list[SwappedCrop]:
        """Swap a batch of crops of one size.

        Args:
            crops: Crops, possibly of several frames and people.
            identities: All source identities; ``crop.source`` says which one each crop gets.
        """
