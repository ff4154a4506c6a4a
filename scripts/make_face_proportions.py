"""Make `videoswap/geometry/face_proportions.npz`: how faces differ, and people in themselves.

It reads face crops packed as tars with a table (`faces.csv`: file, set, identity, five landmarks
`lx0` to `ly4`), finds their dense landmarks, and compares the changes within the people who are
named in the table with the differences between all other photos. Only means over thousands of faces
are kept.

    python scripts/make_face_proportions.py face_landmark_with_attention.tflite FOLDER
"""

from __future__ import annotations

import argparse
import csv
import tarfile
from pathlib import Path

import cv2
import numpy as np

from videoswap.detection.dense_landmarks import DenseLandmarker
from videoswap.geometry.face_mesh import MEAN_SHAPE
from videoswap.geometry.face_proportions import HALF, mesh_pose, symmetric

OUT = Path(__file__).parent.parent / "videoswap" / "geometry" / "face_proportions.npz"
LEAST_SCORE = 0.8
MOST_YAW = 25.0  # degrees; more turned faces are left out
DIRECTIONS = 24
LEAST_SHARE = 0.25  # of the person in a direction that counts; less is expression, pose and noise
LEAST_PHOTOS = 10  # of a person
NEAREST = 0.85  # share of a person's photos that counts: a few have the wrong name


def found_landmarks(network: Path, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the dense landmarks (N, 478, 3) of real faces, and their names, empty for none."""
    with (folder / "faces.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    landmarker = DenseLandmarker(network)
    points, names = [], []
    for archive in sorted(folder.glob("*.tar")):
        with tarfile.open(archive) as tar:
            for member in tar:
                row = rows.get(member.name.removeprefix("./"))
                if row is None or not row["set"].startswith(("real_", "id_")):
                    continue
                held = tar.extractfile(member)
                assert held is not None
                pixels = cv2.imdecode(np.frombuffer(held.read(), np.uint8), cv2.IMREAD_COLOR)
                five = [[float(row[f"l{axis}{number}"]) for axis in "xy"] for number in range(5)]
                found = landmarker.landmarks(
                    cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.array(five, np.float32)
                )
                if found is not None and found.score >= LEAST_SCORE:
                    points.append(found.points)
                    names.append(row["identity"] if row["set"].startswith("id_") else "")
    return np.array(points), np.array(names)


def symmetric_shapes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shapes (N, 1404) against the mean shape, and which (N,) are nearly frontal."""
    pose = mesh_pose(points)
    shape = symmetric(pose.unposed(points[:, : len(MEAN_SHAPE)].astype(np.float64)))
    yaw = np.degrees(np.arcsin(np.clip(pose.turn[:, 0, 2], -1, 1)))
    return (shape - MEAN_SHAPE).reshape(len(points), -1), np.abs(yaw) < MOST_YAW


def changes_within(shapes: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Return how photos differ from the mean of their person, (M, 1404)."""
    changes = []
    for name in np.unique(names):
        own = shapes[names == name]
        if len(own) < LEAST_PHOTOS:
            continue
        apart = np.linalg.norm(own - np.median(own, axis=0), axis=1)
        own = own[apart <= np.quantile(apart, NEAREST)]
        changes.append(own - own.mean(axis=0))
    return np.vstack(changes)


def main() -> None:
    """Read the faces and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    points, names = found_landmarks(args.network, args.folder)
    shapes, frontal = symmetric_shapes(points)
    named = names != ""
    people = shapes[frontal & ~named]
    people = people - np.median(people, axis=0)
    _, lengths, directions = np.linalg.svd(people, full_matrices=False)
    directions = directions[:DIRECTIONS]
    deviation = lengths[:DIRECTIONS] / np.sqrt(len(people))
    changes = changes_within(shapes[frontal & named], names[frontal & named])
    whitened = changes @ directions.T / deviation
    within, axes = np.linalg.eigh(whitened.T @ whitened / len(whitened))
    kept = axes * (1 - within > LEAST_SHARE) @ axes.T
    person = deviation[:, None] * kept / deviation
    half = directions.reshape(DIRECTIONS, -1, 3)[:, HALF]
    np.savez_compressed(OUT, directions=half.astype(np.float16), person=person.astype(np.float32))
    print(
        f"{len(people)} people, {len(changes)} photos of {len(np.unique(names)) - 1}, share of the "
        f"person {np.round(1 - within, 2)}, {OUT.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
