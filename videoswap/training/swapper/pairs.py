"""Pairs of source and target faces: who is swapped onto whom, and in which colors."""

from __future__ import annotations

import cv2
import numpy as np

from ...errors import InputError
from ...geometry.affine import compose, invert
from ...records import Array
from ..faces.dataset import UNKNOWN, FaceShards
from .settings import ColorJitter, SwapperSettings

_GREY = np.array([0.299, 0.587, 0.114], np.float32)


class FacePairs:
    """Draws pairs from packed faces.

    Args:
        settings: Data and chances.
        seed: Of the order.
        batch: Sources a step, over all processes and parts.

    Attributes:
        faces: The packed faces.
        key: Text that changes with the data.
        count: Faces to learn from: sources of an epoch.
        held: Pairs (source, target) of held-out rows of different people, each row a target once.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``, ``other_shards``, ``too_few_people``.
    """

    def __init__(self, settings: SwapperSettings, seed: int, batch: int) -> None:
        self.faces, self._settings = FaceShards(settings.data), settings
        self.key = self.faces.key
        self._person = people_of(self.faces.identities, settings.identities)
        self._rows = self.faces.training
        people = self._person[self._rows]
        if len(np.unique(people)) < (1 if settings.same_person == 1 else 2):
            problem = f"{settings.data} has photos of fewer than two people to learn from."
            raise InputError("too_few_people", problem, "Pack more, or set same_person to 1.")
        self.count = len(self._rows)
        self._order = self.faces.order(batch, seed)
        self._photos = {person: self._rows[people == person] for person in np.unique(people)}
        self.held = self._held_pairs(self.faces.held_out)

    def rows(self, step: int, part: int, parts: int) -> Array:
        """Return the source rows of a part of a step."""
        return self._order.rows(step, part, parts)

    def partner(self, row: int, random: np.random.Generator) -> tuple[int, bool]:
        """Draw the target of a source.

        Args:
            row: The source.
            random: The sample's random numbers.

        Returns:
            Its row, and whether it shows the same person.
        """
        person = self._person[row]
        if random.random() < self._settings.same_person:
            photos = self._photos[person]
            others = photos[photos != row]
            if not self._settings.same_identity or not len(others):
                return row, True
            return int(random.choice(others)), True
        while True:
            other = int(random.choice(self._rows))
            if self._person[other] != person:
                return other, False

    def picture(self, row: int, framing: str, side: int) -> Array:
        """Return a face in a framing, (side, side, 3) float32 in [0, 1]."""
        return self.faces.cropped(row, framing, side).astype(np.float32) / 255

    def jittered(self, row: int, framing: str, side: int, random: np.random.Generator) -> Array:
        """Return a face in a framing, in other colors; (side, side, 3) float32 in [0, 1]."""
        return jittered(self.picture(row, framing, side), self._settings.jitter, random)

    def between(self, row: int, one: tuple[str, int], other: tuple[str, int]) -> Array:
        """Return the (2, 3) matrix from pixels of one framing and side of a face to another's."""
        return compose(self.faces.matrix(row, *other), invert(self.faces.matrix(row, *one)))

    def _held_pairs(self, rows: Array) -> list[tuple[int, int]]:
        pairs = []
        for place, target in enumerate(rows.tolist()):
            others = np.roll(rows, -place - 1)
            others = others[self._person[others] != self._person[target]]
            if len(others):
                pairs.append((int(others[0]), target))
        return pairs


def people_of(identities: Array, counts: bool = True) -> Array:
    """Return (N,) int64, a number for every person.

    Args:
        identities: (N,) numbers, `UNKNOWN` where nobody knows who it is, which is a person of its
            own.
        counts: False makes every photo a person of its own.
    """
    own = -1 - np.arange(len(identities))
    return np.where((identities == UNKNOWN) | (not counts), own, identities)


def jittered(level: Array, jitter: ColorJitter, random: np.random.Generator) -> Array:
    """Change brightness, contrast, saturation and hue, in random order.

    Args:
        level: (S, S, 3) float32 RGB in [0, 1].
        jitter: Largest changes.
        random: The picture's random numbers.

    Returns:
        The same shape and range.
    """
    factors = 1 + random.uniform(-1, 1, 3) * (jitter.brightness, jitter.contrast, jitter.saturation)
    turn = float(random.uniform(-jitter.hue, jitter.hue))
    for change in random.permutation(4):
        if change == 0:
            level = level * factors[0]
        elif change == 1:
            mean = (level @ _GREY).mean()
            level = mean + (level - mean) * factors[1]
        elif change == 2:
            grey = (level @ _GREY)[..., None]
            level = grey + (level - grey) * factors[2]
        elif turn:
            tones = cv2.cvtColor(np.ascontiguousarray(level, np.float32), cv2.COLOR_RGB2HSV)
            tones[..., 0] = (tones[..., 0] + 360 * turn) % 360
            level = cv2.cvtColor(tones, cv2.COLOR_HSV2RGB)
        level = np.clip(level, 0, 1).astype(np.float32)
    return level
