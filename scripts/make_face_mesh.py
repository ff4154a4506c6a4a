"""Make `videoswap/geometry/face_mesh.npz`: mean shape and triangles of the dense landmarks.

The triangles are those of the connection list `face_mesh_connections.py` of the package mediapipe
0.10.21 (Apache-2.0), which names them edge by edge, three edges a triangle; eyes and mouth, which
it leaves open, are closed. The mean shape is that of the network's own answers for many photos,
aligned and made symmetric.

    python scripts/make_face_mesh.py face_landmark_with_attention.tflite \
        face_mesh_connections.py PHOTO...
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path

import cv2
import numpy as np

from videoswap.detection.dense_landmarks import MESH_POINTS, DenseLandmarker
from videoswap.detection.face_detector import FaceDetector

OUT = Path(__file__).parent.parent / "videoswap" / "geometry" / "face_mesh.npz"
# Edges of the openings from corner to corner: upper and lower, image left first.
OPENINGS = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)),
    (
        (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
        (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    ),
)
ROUNDS = 6


def listed_triangles(path: Path) -> np.ndarray:
    """Return the triangles (T, 3) that the connection list names."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "FACEMESH_TESSELATION":
            edges = np.array(ast.literal_eval(node.value.args[0]))
            first, second, third = edges[0::3], edges[1::3], edges[2::3]
            assert (first[:, 1] == second[:, 0]).all() and (second[:, 1] == third[:, 0]).all()
            assert (third[:, 1] == first[:, 0]).all()
            return np.column_stack([first[:, 0], second[:, 0], third[:, 0]])
    sys.exit(f"{path} holds no tesselation")


def closing_triangles() -> np.ndarray:
    """Return triangles (T, 3) between the edges of eyes and mouth."""
    made = []
    for upper, lower in OPENINGS:
        for a, b, c, d in zip(upper, upper[1:], lower, lower[1:], strict=False):
            made += [(a, b, d), (a, d, c)]
    return np.array([one for one in made if len(set(one)) == 3])


def clockwise(triangles: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return triangles (T, 3) that all turn the same way, clockwise as displayed."""
    a, b, c = (shape[triangles[:, corner], :2] for corner in range(3))
    across, along = b - a, c - a
    areas = across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0]
    return triangles if np.median(areas) > 0 else triangles[:, ::-1]


def aligned(points: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Return points (N, 3) moved, turned and scaled onto others by least squares (Umeyama)."""
    a, b = points - points.mean(axis=0), to - to.mean(axis=0)
    left, singular, right = np.linalg.svd(a.T @ b)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = (left * sign) @ right
    scale = (singular * sign).sum() / (a**2).sum()
    return scale * a @ turn + to.mean(axis=0)


def mean_shape(shapes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the symmetric mean (468, 3) and every point's mirror image (468,).

    x goes right, y down, z away, the origin is the middle, the unit half the width at the ears.
    """
    mean = shapes[0]
    for _ in range(ROUNDS):
        mean = np.mean([aligned(one, mean) for one in shapes], axis=0)
    right = mean[454] - mean[234]
    right /= np.linalg.norm(right)
    down = mean[152] - mean[10]
    down -= (down @ right) * right
    down /= np.linalg.norm(down)
    shape = (mean - mean.mean(axis=0)) @ np.column_stack([right, down, np.cross(right, down)])
    across = np.array([-1.0, 1.0, 1.0])
    for _ in range(ROUNDS):
        apart = np.linalg.norm((shape * across)[:, None] - shape[None], axis=2)
        mirror = apart.argmin(axis=1)
        assert (mirror[mirror] == np.arange(len(mirror))).all()
        shape = (shape + (shape * across)[mirror]) / 2
    return shape * 2 / (shape[454, 0] - shape[234, 0]), mirror


def main() -> None:
    """Read the photos and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("connections", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    args = parser.parse_args()
    detector, landmarker = FaceDetector(), DenseLandmarker(args.network)
    shapes = []
    for path in args.photos:
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        for face in detector.detect(picture)[:1]:
            found = landmarker.landmarks(picture, face.points5)
            if found is not None:
                shapes.append(found.points[:MESH_POINTS].astype(np.float64))
    shape, mirror = mean_shape(shapes)
    parts = (listed_triangles(args.connections), closing_triangles())
    triangles = np.vstack([clockwise(part, shape) for part in parts])
    np.savez_compressed(
        OUT,
        shape=shape.astype(np.float32),
        triangles=triangles.astype(np.int16),
        mirror=mirror.astype(np.int16),
    )
    print(f"{len(shapes)} faces, {len(triangles)} triangles, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
