"""The protocol that every engine follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..crops import CropSpec
from ..records import Crop, Photo, SwappedCrop


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """What an engine keeps of one source person.

    Attributes:
        label: Name to show, usually the path of the photo.
        data: The engine's own; read by nobody else.
    """

    label: str
    data: Any


class Engine(Protocol):
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
