"""Train every recipe for some steps on photos that Python packages carry, on a CPU, in minutes.

    python examples/train_demo.py [RECIPE ...]

Photos, data, runs and sample sheets lie in demo/training/ afterwards. A recipe takes part if
examples/training/ has its settings: RECIPE.toml, and RECIPE-data.toml for its data, or for data
that several recipes read: faces-data.toml and triplets-data.toml. The photos are
scikit-image's astronaut (NASA, public domain) and those inside the insightface package, which are
not ours: do not publish what is made from them.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
from pathlib import Path

import cv2
import skimage.data
import torch
from safetensors.torch import save_file

from videoswap.cli.entry import main as videoswap
from videoswap.networks.clip_vision import ClipShape, ClipVision

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "examples" / "training"
DEMO = Path("demo/training")
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


def train(recipe: str) -> int:
    """Pack the data of a recipe and train it; returns the exit code."""
    for data in SHARED_DATA.get(recipe, (recipe,)):
        settings = SETTINGS / f"{data}-data.toml"
        words = ["--settings", str(settings), "--out", str(DEMO / f"{data}-data")]
        if settings.is_file() and (code := videoswap(["train", "prepare", data, *words])):
            return code
    words = ["--settings", str(SETTINGS / f"{recipe}.toml"), "--out", str(DEMO / recipe)]
    return videoswap(["train", recipe, *words])


def main() -> int:
    """Train all of them, or those that are named."""
    known = [p.stem for p in SETTINGS.glob("*.toml") if not p.stem.endswith("-data")]
    known.sort(key=lambda recipe: (recipe in TRAINED_BEFORE, recipe))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipes", nargs="*", choices=[[], *known], metavar="RECIPE")
    recipes = parser.parse_args().recipes or known
    before = [one for recipe in recipes for one in TRAINED_BEFORE.get(recipe, ())]
    recipes = [*(one for one in dict.fromkeys(before) if one not in recipes), *recipes]
    write_photos(DEMO / "photos")
    write_random_clip(DEMO / "random_clip.safetensors")
    for recipe in recipes:
        if code := train(recipe):
            return code
    sheets = sorted(DEMO.glob("*/sheets/*.png"))
    print(f"Sample sheets: {', '.join(map(str, sheets))}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
