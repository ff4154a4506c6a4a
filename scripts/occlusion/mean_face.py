"""Average the faces of ``../shared/faces``: what a face looks like of which nothing is known.

    python scripts/occlusion/mean_face.py ../shared/faces videoswap/analysis/mean_face.npz

The synthetic ones only, so that nobody's face is in it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from photos import load

from videoswap.alignment import crop_matrix, five_points, similarity, transform
from videoswap.cropping import warped
from videoswap.finding.appearance import FRAMING, SIDE

FLOOR = 12.0  # of 255, of the logarithms that are averaged


def main(faces: Path, out: Path) -> None:
    """Write the picture (SIDE, SIDE, 3) uint8 RGB and its landmarks (68, 2) float32."""
    pool = load(faces, hands=1)
    names = np.load(faces / "landmarks_embeddings.npz")["name"]
    chosen = [n for n, name in enumerate(names) if str(name).startswith("syn_")][::4]
    total = np.zeros((SIDE, SIDE, 3))
    shapes = []
    for number in chosen:
        marks = pool.landmarks[number].astype(np.float64)
        matrix = crop_matrix(five_points(marks), FRAMING, SIDE)
        framed = warped(pool.pictures[number].astype(np.float32), matrix, SIDE)
        total += np.log(framed + FLOOR)
        shapes.append(transform(matrix, marks))
    shape = np.mean(shapes, axis=0)
    shape = transform(similarity(five_points(shape), FRAMING * SIDE), shape)
    picture = np.clip(np.exp(total / len(chosen)) - FLOOR, 0, 255)
    np.savez_compressed(
        out, picture=np.rint(picture).astype(np.uint8), landmarks=shape.astype(np.float32)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
