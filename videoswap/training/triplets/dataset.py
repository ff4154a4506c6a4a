"""Packed triplets as a recipe reads them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from ...detection.face_parser import FacePart
from ...errors import InputError
from ...geometry.resample import resize
from ...records import Array
from ..faces.dataset import framing_matrix
from ..ordering import EpochOrder
from ..shards import PackedPictures

#: Which quarter of a sample is what in its triplets: source, target, answer. See ``prepare``.
_ONE, _OTHER, _ONE_ON_OTHER, _OTHER_ON_ONE = range(4)
_COPY, _PHOTO, _FAKE, _BACK = range(4)
CYCLE = {
    "pair": (
        (_ONE_ON_OTHER, _OTHER_ON_ONE, _ONE),
        (_OTHER_ON_ONE, _ONE_ON_OTHER, _OTHER),
    ),
    "single": ((_COPY, _FAKE, _PHOTO),),
}
NAIVE = {
    "pair": ((_ONE, _OTHER, _ONE_ON_OTHER), (_OTHER, _ONE, _OTHER_ON_ONE)),
    "single": ((_COPY, _FAKE, _BACK),),
}
#: Whose geometry each quarter has: one of the two upper pictures.
_GEOMETRY = {"pair": (0, 1, 1, 0), "single": (0, 1, 1, 1)}
HAIR = (FacePart.HAIR,)
MOUTH = (FacePart.LIPS, FacePart.MOUTH)


@dataclass(frozen=True, slots=True, eq=False)
class Triplet:
    """What a swapper gets and what it should give, (S, S, 3) uint8 RGB each.

    Attributes:
        source: Whose face it is.
        target: Onto what it goes.
        answer: What that should give.
        parts: (S, S) uint8 `FacePart` of a photo with the answer's geometry, or of the answer.
        source_points: (5, 2) float32 points of the source in pixels.
        points: (5, 2) float32 points of target and answer.
    """

    source: Array
    target: Array
    answer: Array
    parts: Array
    source_points: Array
    points: Array


class TripletShards:
    """Triplets by number; may be asked from several threads.

    Attributes:
        size: Side S of the pictures.
        framing: How faces lie in them, see ``faces.dataset.framing_matrix``.
        training: (n,) int64 numbers of triplets to learn from.
        held_out: (n,) int64 numbers of the others.
        key: Text that changes with the content and the kinds of triplets.

    Args:
        folder: Of the shards of ``videoswap train prepare triplets``.
        naive: Whether naive triplets count beside cycle triplets.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``; ``other_shards`` if they hold no triplets of
            one framing and size.
    """

    def __init__(self, folder: str | os.PathLike[str], *, naive: bool = False) -> None:
        self._packed = PackedPictures(folder)
        columns = self._packed.columns
        kinds = {name: np.unique(columns.get(name, [])) for name in ("framing", "side")}
        if any(len(found) != 1 for found in kinds.values()) or "dropped" not in columns:
            raise InputError(
                "other_shards",
                f"The shards in {folder} are not triplets of one framing and size.",
                "Make them with `videoswap train prepare triplets`.",
            )
        self.framing, self.size = str(kinds["framing"][0]), int(kinds["side"][0])
        self._roles = [
            (row, kind, roles)
            for row, kind in enumerate(columns["kind"].tolist())
            for roles in (*CYCLE[kind], *(NAIVE[kind] if naive else ()))
        ]
        held = np.array([columns["held"][row] for row, _, _ in self._roles], bool)
        self.training, self.held_out = np.flatnonzero(~held), np.flatnonzero(held)
        self.key = f"{self._packed.key} {'naive and cycle' if naive else 'cycle'}"

    def __len__(self) -> int:
        return len(self._roles)

    def order(self, batch: int, seed: int) -> EpochOrder:
        """Return the order of the training triplets, see :class:`EpochOrder`.

        Raises:
            InputError: ``no_shards``, if all of them are held out.
        """
        if not len(self.training):
            raise InputError("no_shards", "There are no triplets that are not held out.")
        return EpochOrder(self.training, batch, seed)

    def triplet(self, number: int) -> Triplet:
        """Return a triplet.

        Raises:
            InputError: ``damaged_shard``.
        """
        row, kind, (source, target, answer) = self._roles[number]
        square, size = self._packed.picture(row), self.size
        geometry = _GEOMETRY[kind]
        points = self._packed.columns["points5"][row] * np.float32(size) - np.float32(0.5)
        return Triplet(
            _quarter(square, source, size),
            _quarter(square, target, size),
            _quarter(square, answer, size),
            _quarter(self._packed.parts(row), geometry[answer], size),
            points[geometry[source]],
            points[geometry[answer]],
        )

    def matrix(self, points5: Array, framing: str, size: int) -> Array:
        """Return the (2, 3) matrix from pixels of a picture to those of another framing."""
        return framing_matrix(points5.astype(np.float64), framing, size)


def part_mask(parts: Array, wanted: tuple[FacePart, ...], size: int) -> Array:
    """Return where one of some parts is, (size, size) float32 in [0, 1].

    Args:
        parts: (S, S) uint8 classes.
        wanted: Parts that count.
        size: Side of the mask.
    """
    return resize(np.isin(parts, wanted).astype(np.float32), size, size)


def _quarter(square: Array, number: int, size: int) -> Array:
    row, column = divmod(number, 2)
    return square[row * size : (row + 1) * size, column * size : (column + 1) * size]
