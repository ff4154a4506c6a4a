"""Drawn faces whose dense landmarks are the mean shape of the mesh."""

from __future__ import annotations

import cv2
import numpy as np

from videoswap.detection.face_parser import FacePart
from videoswap.geometry.face_mesh import BROWS, EYES, INNER_LIPS, MEAN_SHAPE, OUTER_LIPS, OUTLINE
from videoswap.training.shards import pack

TONES = {
    FacePart.BACKGROUND: (60, 90, 120),
    FacePart.SKIN: (215, 170, 140),
    FacePart.BROWS: (80, 55, 40),
    FacePart.EYES: (235, 235, 240),
    FacePart.LIPS: (190, 80, 90),
    FacePart.MOUTH: (60, 20, 20),
    FacePart.HAIR: (45, 30, 25),
    FacePart.NECK: (190, 145, 120),
}


def mesh_points(size):
    """Return (478, 2) float64: the mean face in the middle of a picture."""
    points = np.zeros((478, 2))
    points[:468] = MEAN_SHAPE[:, :2]
    points[468:] = points[[33] * 5 + [263] * 5]
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 0.66 * size / (high[1] - low[1])
    return (points - (low + high) / 2) * scale + np.array([0.5, 0.56]) * size


def mesh_face(size=160, person=0):
    """Return picture (size, size, 3) uint8, label (size, size) uint8 and points (478, 2)."""
    points = mesh_points(size)
    label = np.zeros((size, size), np.uint8)
    center = points[OUTLINE].mean(axis=0).round().astype(int)
    axes = (np.ptp(points[OUTLINE], axis=0) * [0.62, 0.66]).round().astype(int)
    cv2.ellipse(label, center.tolist(), axes.tolist(), 0, 170, 370, int(FacePart.HAIR), -1)
    low = points[152].round().astype(int)
    neck = (low - [axes[0] // 2, axes[1] // 3]), (low[0] + axes[0] // 2, size)
    cv2.rectangle(label, neck[0].tolist(), [int(v) for v in neck[1]], int(FacePart.NECK), -1)
    for outline, part in (
        (OUTLINE, FacePart.SKIN),
        *((one, FacePart.BROWS) for one in BROWS),
        *((one, FacePart.EYES) for one in EYES),
        (OUTER_LIPS, FacePart.LIPS),
        (INNER_LIPS, FacePart.MOUTH),
    ):
        cv2.fillPoly(label, [points[outline].round().astype(np.int32)], int(part))
    random = np.random.default_rng(person)
    tones = np.array([TONES.get(part, (0, 0, 0)) for part in FacePart], float)
    tones = tones + random.normal(size=tones.shape) * 12
    picture = tones[label] + random.normal(size=(size, size, 1)) * 4
    return np.clip(picture, 0, 255).astype(np.uint8), label, points


def pack_mesh_faces(folder):
    """Pack eight drawn faces to learn and two held out."""

    def fill(name, shard):
        for person in range(10):
            picture, label, points = mesh_face(person=person)
            shard.add(
                picture,
                name=f"p{person}",
                identity="",
                kind="plain",
                label=label,
                points=((points + 0.5) / len(picture)).astype(np.float16),
                glasses=False,
                beard=False,
                held=person >= 8,
            )

    pack(folder, ["faces-0"], fill)
    return folder
