"""Makes videoswap/engines/mesh/typical_shading.npy from many photos, once.

python scripts/make_typical_shading.py faces.csv faces-1.tar faces-2.tar faces-3.tar

The crops are those of ../shared/faces (its README says which sets they are of); those that
benchmarks/pairs.py judges by are left out. Each is brought into the chart as a source is, mirrored
too, and counts where the photo shows skin and no beard. Mean and spread are robust: what is more
than two spreads away counts less. Prints how much lies within so many spreads.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pairs import drawn_names

from videoswap.detection.face_parser import FaceParser
from videoswap.engines.mesh.chart import make_chart_texture
from videoswap.engines.mesh.source_parts import parts_of
from videoswap.engines.mesh.typical_shading import FILE, SIDE, shading_of
from videoswap.records import Array
from videoswap.training.encoder.sources import FaceSources
from videoswap.training.triplets.synthesis import MeshSwapper

#: How many crops of each set.
CHOSEN = {
    "real_hq": 400,
    "real_ffhq": 350,
    "real_mebeauty": 350,
    "real_aaf": 150,
    "real_ciplab": 150,
}
MOST_OUTSIDE, LEAST_SIDE = 0.05, 200
SEED, ROUNDS, USUAL = 3, 5, 2.0
UNDERSTATED = 1.15  # by which weights that fall from two spreads on make the spread too small


def chosen_names(table: Path) -> set[str]:
    """Draw crops of each set."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    random, judging = np.random.default_rng(SEED), set(drawn_names())
    found = set()
    for name, count in CHOSEN.items():
        fit = [
            row
            for row in rows
            if row["set"] == name
            and row["file"] not in judging
            and float(row["outside"]) <= MOST_OUTSIDE
            and int(row["crop"]) >= LEAST_SIDE
        ]
        found |= {fit[n]["file"] for n in random.permutation(len(fit))[:count]}
    return found


def shadings(table: Path, archives: list[Path]) -> Iterator[tuple[Array, Array]]:
    """Yield the shading of each photo, (128, 128), and how much each place of it counts."""
    swapper, parser, chosen = MeshSwapper(), FaceParser(), chosen_names(table)
    progress = tqdm(total=len(chosen))
    for archive in archives:
        for face in FaceSources(table).faces(archive):
            if face.name not in chosen:
                continue
            progress.update()
            photo = swapper.read(face.name, face.picture, face.points5)
            dense = photo.face.dense_landmarks
            if dense is None:
                continue
            parts = parts_of(photo, parser)
            texture = make_chart_texture([(face.picture, dense)], [parts], hard_light=True)
            counts = texture.seen
            if texture.beard is not None:
                beard = cv2.resize(texture.beard, counts.shape[::-1])
                counts = counts * (1.0 - np.clip(2.0 * beard, 0.0, 1.0))
            small = cv2.resize(counts, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            yield shading_of(texture.levels[0].astype(np.float32)), small
    progress.close()


def main() -> None:
    """Make the file."""
    table, *archives = map(Path, sys.argv[1:])
    values, counts = (np.stack(one) for one in zip(*shadings(table, archives), strict=True))
    values = np.concatenate([values, values[..., ::-1]])  # a face is alike on both sides
    counts = np.concatenate([counts, counts[..., ::-1]]) + 1e-6
    weights = counts
    for _ in range(ROUNDS):
        total = weights.sum(axis=0)
        mean = (values * weights).sum(axis=0) / total
        spread = UNDERSTATED * np.sqrt((weights * (values - mean) ** 2).sum(axis=0) / total) + 1e-3
        apart = np.abs(values - mean) / spread
        weights = counts * np.minimum(1.0, USUAL / np.maximum(apart, 1e-6)) ** 2
    np.save(FILE, np.stack([mean, spread]).astype(np.float16))
    inside = counts > 0.5
    shares = ", ".join(f"{np.mean(apart[inside] < one):.3f} within {one:g}" for one in (1, 2, 3))
    print(f"{len(values) // 2} photos, spreads: {shares}")


if __name__ == "__main__":
    main()
