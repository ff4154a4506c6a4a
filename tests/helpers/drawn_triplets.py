"""Packed triplets of drawn faces: the swaps are mixtures, the classes rectangles."""

from __future__ import annotations

import numpy as np

from tests.helpers.drawn_faces import drawn
from videoswap.detection.face_parser import FacePart
from videoswap.geometry.affine import TEMPLATES
from videoswap.training.shards import pack
from videoswap.training.triplets.synthesis import Fault

SIZE = 32
POINTS = np.stack([TEMPLATES["arcface_112_v2"]] * 2).astype(np.float32)


def square_of(person):
    """Return the square (64, 64, 3) uint8 of a sample: two faces, and each inside the other."""
    one, other = drawn(person, size=SIZE), drawn(person + 50, size=SIZE)
    middle = np.s_[SIZE // 4 : 3 * SIZE // 4, SIZE // 4 : 3 * SIZE // 4]
    there, back = other.copy(), one.copy()
    there[middle], back[middle] = one[middle], other[middle]
    return np.vstack([np.hstack([one, other]), np.hstack([there, back])])


def classes():
    """Return the classes (64, 64) uint8: hair above, a mouth below, of both upper pictures."""
    parts = np.zeros((2 * SIZE, 2 * SIZE), np.uint8)
    parts[: SIZE // 4] = FacePart.HAIR
    parts[SIZE // 2 : 3 * SIZE // 4, : SIZE // 2] = FacePart.LIPS
    parts[SIZE // 2 : 3 * SIZE // 4, SIZE : SIZE + SIZE // 2] = FacePart.MOUTH
    return parts


def pack_drawn_triplets(folder, pairs=4, singles=2, held=1, framing="arcface"):
    """Pack triplets to learn from and held-out pairs; returns folder."""

    def fill(name, shard):
        kinds = ["pair"] * (pairs + held) + ["single"] * singles
        for number, kind in enumerate(kinds):
            shard.add(
                square_of(number),
                parts=classes(),
                kind=kind,
                held=pairs <= number < pairs + held,
                name=f"p{number}|p{number + 50}",
                framing=framing,
                side=np.int32(SIZE),
                points5=POINTS,
                identity="",
                dropped=np.zeros(len(Fault), np.int32),
            )

    pack(folder, ["triplets-0"], fill)
    return folder
