"""Packed strips of drawn triplets: the swap is too dark and of another tint than the answer."""

from __future__ import annotations

import cv2
import numpy as np

from tests.helpers.mesh_faces import mesh_face
from videoswap.training.lite.prepare import strip
from videoswap.training.lite.synthesis import KEPT_SIZE, Triplet
from videoswap.training.shards import pack


def drawn_triplet(person: int) -> Triplet:
    """Return a triplet whose swap is right but for light, and whose target shows somebody else."""
    answer = mesh_face(KEPT_SIZE, person)[0]
    other = mesh_face(KEPT_SIZE, person + 50)[0]
    mask = np.zeros((KEPT_SIZE, KEPT_SIZE), np.uint8)
    cv2.ellipse(mask, (64, 70), (34, 44), 0, 0, 360, 255, -1)
    target = np.where(mask[..., None] > 0, other[:, ::-1], answer)
    swap = np.asarray(answer * [0.6, 0.7, 0.8] + 10, np.uint8)
    descriptor = np.random.default_rng(person).normal(size=128).astype(np.float32)
    return Triplet(target, swap, mask, answer, answer[:, ::-1].copy(), descriptor, "other")


def pack_triplets(folder):
    """Pack eight triplets to learn and four held out."""

    def fill(name, shard):
        for person in range(12):
            triplet = drawn_triplet(person)
            shard.add(
                strip(triplet),
                name=f"p{person}|other",
                identity="",
                kind="triplets",
                descriptor=triplet.identity.astype(np.float16),
                held=person >= 8,
            )

    pack(folder, ["triplets-000"], fill)
    return folder
