"""Faces pasted onto partners, out of packed faces, and what an encoder says of such pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ...errors import InputError
from ...geometry.affine import transform
from ...records import Array
from ..faces.dataset import UNKNOWN, FaceShards
from ..pasting import PASTED_PARTS, Partners, paste_face

#: Side of the crops in which faces are pasted.
CROP_SIZE = 112
FRAMING = "arcface"
# By which faces are near: jaw, brows, nose, eyes and a corner of the mouth. The published code
# names these points and uses them for nothing.
_NEAR_POINTS = [*range(31), *range(36, 49)]


class Pasted(IntEnum):
    """What became of a sample.

    Attributes:
        NOT_ASKED: It is as it was.
        DONE: Its face lies on a partner.
        REFUSED: It is as it was, since there is no partner or the two faces do not overlap enough.
    """

    NOT_ASKED = 0
    DONE = 1
    REFUSED = 2


class FacePaster:
    """Pastes packed faces onto partners.

    Args:
        faces: The faces, packed with their parts.
        rows: (n,) int64, those that are partners of each other.
        people: (N,) int64, whose face each of all faces is; nobody is a partner of himself.
        candidates: A partner is one of so many nearest.
        search: Out of so many that are drawn for each paste; 0 searches all.

    Raises:
        InputError: ``no_parts``, if the faces were packed without.
    """

    def __init__(
        self, faces: FaceShards, rows: Array, people: Array, *, candidates: int, search: int = 0
    ) -> None:
        if faces.parts(int(rows[0])) is None:
            problem = "The faces were packed without their parts, which say what is pasted."
            hint = "Pack them with parts = true, or set p_augment to 0 for plain ArcFace."
            raise InputError("no_parts", problem, hint)
        self._faces, self._rows = faces, rows
        self._place = np.full(len(faces), -1)
        self._place[rows] = np.arange(len(rows))
        self._partners = Partners(
            np.stack([self._near_points(int(row)) for row in rows]),
            people[rows],
            nearest=candidates,
            among=search if search < len(rows) else 0,
        )

    def others_of(self, row: int) -> Array:
        """Return the other rows of the same person, (n,) int64, none where nobody is known."""
        person = int(self._faces.identities[row])
        found = self._faces.of_person(person) if person != UNKNOWN else np.array([], np.int64)
        return np.asarray(found[(self._place[found] >= 0) & (found != row)])

    def partner(self, row: int, random: np.random.Generator) -> int | None:
        """Return the row of a partner of one of the rows, or None if there is nobody else."""
        found = self._partners.choose(int(self._place[row]), random)
        return None if found is None else int(self._rows[found])

    def paste(self, row: int, partner: int) -> Array | None:
        """Return the face of a row on its partner, (112, 112, 3) uint8 RGB; None if refused."""
        return paste_face(
            self._faces.cropped(row, FRAMING, CROP_SIZE),
            self._faces.cropped(partner, FRAMING, CROP_SIZE),
            self._region(row),
            self._region(partner),
        )

    def sample(self, row: int, random: np.random.Generator) -> tuple[Array, Pasted]:
        """Paste a face onto a partner; the plain crop comes back where that is refused."""
        partner = self.partner(row, random)
        made = None if partner is None else self.paste(row, partner)
        if made is None:
            return self._faces.cropped(row, FRAMING, CROP_SIZE), Pasted.REFUSED
        return made, Pasted.DONE

    def _near_points(self, row: int) -> Array:
        matrix = self._faces.matrix(row, FRAMING, CROP_SIZE)
        points = self._faces.landmarks(row)[_NEAR_POINTS]
        return np.asarray(transform(matrix, points), np.float32)

    def _region(self, row: int) -> Array:
        parts = self._faces.cropped_parts(row, FRAMING, CROP_SIZE)
        assert parts is not None
        return np.isin(parts, PASTED_PARTS)


@dataclass(frozen=True, slots=True, eq=False)
class PseudoPositive:
    """A photo, and another one of the person whose face was put onto a partner.

    Attributes:
        anchor: (112, 112, 3) uint8 RGB.
        other: Another photo of the same person, or the same where there is no other.
        partner: Somebody else.
        swapped: The partner with the face of ``other``.
    """

    anchor: Array
    other: Array
    partner: Array
    swapped: Array


def pseudo_positives(
    faces: FaceShards, rows: Sequence[int], paster: FacePaster, seed: int = 0
) -> list[PseudoPositive]:
    """Paste faces for a measurement, each onto its partner, leaving out what is refused.

    Args:
        faces: The faces.
        rows: Anchors, all of them rows of the paster.
        paster: Finds partners.
        seed: Draws other photos and partners.
    """
    made = []
    for row in rows:
        random = np.random.default_rng([seed, row])
        others = paster.others_of(row)
        other = int(random.choice(others)) if len(others) else row
        partner = paster.partner(other, random)
        swapped = None if partner is None else paster.paste(other, partner)
        if partner is not None and swapped is not None:
            one, another, third = (
                faces.cropped(at, FRAMING, CROP_SIZE) for at in (row, other, partner)
            )
            made.append(PseudoPositive(one, another, third, swapped))
    return made


def measure_pairs(
    embed: Callable[[Array], Array], pairs: Sequence[PseudoPositive]
) -> dict[str, float]:
    """Say whether an encoder takes a swapped face for its source.

    Args:
        embed: Returns (N, D) embeddings of any length of (N, 112, 112, 3) uint8 crops.
        pairs: At least one.

    Returns:
        Mean cosines: ``positive`` of anchor and other photo, ``swapped`` of anchor and swapped
        face, ``partner`` of partner and swapped face, ``negative`` of anchor and partner. ``gap``:
        positive minus swapped, 0 if the encoder looks at the inner face alone. ``scaled``: swapped
        where negative is 0 and positive is 1, which compares encoders that tell people apart more
        or less; 0 where these two are equal. ``source``: share of swapped faces that are nearer to
        the anchor than to the partner.
    """
    anchor, other, partner, swapped = (
        _unit(embed(np.stack([getattr(pair, name) for pair in pairs])))
        for name in ("anchor", "other", "partner", "swapped")
    )
    to_source, to_partner = (anchor * swapped).sum(axis=1), (partner * swapped).sum(axis=1)
    positive, negative = (anchor * other).sum(axis=1), (anchor * partner).sum(axis=1)
    span = float((positive - negative).mean())
    return {
        "positive": float(positive.mean()),
        "swapped": float(to_source.mean()),
        "partner": float(to_partner.mean()),
        "negative": float(negative.mean()),
        "gap": float((positive - to_source).mean()),
        "scaled": float((to_source - negative).mean()) / span if span else 0.0,
        "source": float((to_source > to_partner).mean()),
    }


def _unit(embeddings: Array) -> Array:
    return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))
