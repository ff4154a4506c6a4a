"""Train every recipe for some steps on photos that Python packages carry, on a CPU, in minutes.

    python examples/train_demo.py [RECIPE ...] [--folder DIR]

Photos, data, runs and sample sheets lie in DIR/demo/training/ afterwards; DIR is this checkout if
none is given, wherever this is called from. A recipe takes part if
examples/training/ has its settings: RECIPE.toml, and RECIPE-data.toml for its data, or for data
that several recipes read: faces-data.toml and triplets-data.toml. The photos are
scikit-image's astronaut (NASA, public domain) and those inside the insightface package, which are
not ours: do not publish what is made from them.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import os
import shutil
import sys
import tarfile
import time
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import torch
from safetensors.torch import save_file

from videoswap.cli.entry import main as videoswap
from videoswap.detection.face_parser import FaceParser, FacePart
from videoswap.networks.clip_vision import ClipShape, ClipVision
from videoswap.training.encoder.sources import FaceSources
from videoswap.training.parser.labels import WEAK_CLASSES
from videoswap.training.shards import encode_jpeg

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "examples" / "training"
DEMO = Path("demo/training")
SHEET_WIDTH, SHEET_COLUMNS = 480, 3
#: Data that recipes share, by recipe, in the order in which it is made; others have their own.
SHARED_DATA = {
    **dict.fromkeys(("blendface", "clipswap", "fixernet", "ghost"), ("faces",)),
    **dict.fromkeys(("landmarks", "occlusion"), ("faces",)),
    "reliableswap": ("faces", "triplets"),
}
#: What has to be trained before, since its weights are used.
TRAINED_BEFORE = {
    **dict.fromkeys(("ghost", "clipswap"), ("encoder",)),
    "reliableswap": ("encoder", "fixernet"),
}


def write_photos(folder: Path) -> None:
    """Write the photos."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "astronaut.png"), skimage.data.astronaut()[..., ::-1])
    spec = importlib.util.find_spec("insightface")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("insightface is not installed: run scripts/install.py first.")
    images = Path(spec.submodule_search_locations[0]) / "data" / "images"
    for name in ("t1.jpg", "Tom_Hanks_54745.png"):
        shutil.copy(images / name, folder / name)


def write_random_clip(path: Path) -> None:
    """Write a small CLIP image encoder with random weights, in the place of a learned one."""
    torch.manual_seed(0)
    network = ClipVision(ClipShape(width=64, layers=2, patch=8, grid=8, dim=32, hidden=128))
    save_file({f"visual.{key}": one for key, one in network.state_dict().items()}, path)


def write_labels(photos: Path, folder: Path) -> None:
    """Write faces and what our own parser says of them, in the place of another one's labels.

    Args:
        photos: Folder of photos.
        folder: Gets ``faces.tar``, ``faces.csv`` and ``labels.tar``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parser = FaceParser()
    weak = np.zeros(len(FacePart), np.uint8)
    weak[WEAK_CLASSES] = np.arange(len(WEAK_CLASSES))
    weak[FacePart.BEARD] = weak[FacePart.HAIR]
    with (
        tarfile.open(folder / "faces.tar", "w") as faces,
        tarfile.open(folder / "labels.tar", "w") as labels,
        (folder / "faces.csv").open("w", newline="") as table,
    ):
        rows = csv.writer(table)
        rows.writerow(["file", *(f"l{axis}{n}" for n in range(5) for axis in "xy")])
        for number, face in enumerate(FaceSources(loose=True).faces(photos)):
            side = len(face.picture)
            parts = parser.parse(face.picture, face.points5)
            _add(faces, f"{number}.jpg", encode_jpeg(face.picture, 95))
            likely = [parts.mask(part, width=side, height=side) for part in FacePart]
            label = weak[np.argmax(likely, axis=0)]
            _add(labels, f"{number}.png", bytes(cv2.imencode(".png", label)[1]))
            rows.writerow([f"{number}.jpg", *face.points5.ravel().tolist()])


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def train(recipe: str) -> int:
    """Pack the data of a recipe and train it; returns the exit code."""
    for data in SHARED_DATA.get(recipe, (recipe,)):
        settings = SETTINGS / f"{data}-data.toml"
        words = ["--settings", str(settings), "--out", str(DEMO / f"{data}-data")]
        if settings.is_file() and (code := videoswap(["train", "prepare", data, *words])):
            return code
    words = ["--settings", str(SETTINGS / f"{recipe}.toml"), "--out", str(DEMO / recipe)]
    return videoswap(["train", recipe, *words])


def draw_sheets(path: Path) -> None:
    """Draw the last sheets of all recipes into one picture, in columns."""
    columns: list[list[np.ndarray]] = [[] for _ in range(SHEET_COLUMNS)]
    for folder in sorted(DEMO.glob("*/sheets")):
        picture = cv2.imread(str(max(folder.glob("*.png"))))
        picture = picture[: picture.shape[1]]  # of a long one the upper part
        height = max(1, round(picture.shape[0] * SHEET_WIDTH / picture.shape[1]))
        title = np.full((28, SHEET_WIDTH, 3), 255, np.uint8)
        cv2.putText(title, folder.parent.name, (8, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 2)
        small = cv2.resize(picture, (SHEET_WIDTH, height), interpolation=cv2.INTER_AREA)
        min(columns, key=lambda column: sum(map(len, column))).extend([title, small])
    tallest = max(sum(map(len, column)) for column in columns)
    for column in columns:
        rest = tallest - sum(map(len, column))
        column.append(np.full((rest, SHEET_WIDTH, 3), 255, np.uint8))
    cv2.imwrite(str(path), np.hstack([np.vstack(column) for column in columns]))


def main() -> int:
    """Train all of them, or those that are named."""
    known = [p.stem for p in SETTINGS.glob("*.toml") if not p.stem.endswith("-data")]
    known.sort(key=lambda recipe: (recipe in TRAINED_BEFORE, recipe))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipes", nargs="*", choices=[[], *known], metavar="RECIPE")
    parser.add_argument("--folder", type=Path, default=ROOT, metavar="DIR")
    arguments = parser.parse_args()
    recipes = arguments.recipes or known
    before = [one for recipe in recipes for one in TRAINED_BEFORE.get(recipe, ())]
    recipes = [*(one for one in dict.fromkeys(before) if one not in recipes), *recipes]
    os.chdir(arguments.folder)
    write_photos(DEMO / "photos")
    write_random_clip(DEMO / "random_clip.safetensors")
    write_labels(DEMO / "photos", DEMO / "labels")
    for recipe in recipes:
        started = time.perf_counter()
        if code := train(recipe):
            return code
        print(f"{recipe}: {time.perf_counter() - started:.0f} s")
    draw_sheets(DEMO / "sheets.png")
    print(f"The sample sheets of all recipes: {(DEMO / 'sheets.png').resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
