"""Train the network that finds the landmarks of a face with something before it.

    python scripts/occlusion/train_landmarks.py --faces ../shared/faces --out landmarks --minutes 75

Writes ``landmarks.safetensors`` every few minutes and ``landmarks.onnx`` at the end; ``--resume``
goes on from the former. ``--bare`` takes the weights of ``train.py`` and leaves out photos in which
something is before the face already.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from hands import Array
from landmark_network import Exported, Landmarks
from landmark_samples import make_landmark_sample
from loop import HELD_OUT, Batches, as_input, options_of, save_graph, trained
from photos import Pool, load
from shapes import SIDE
from train import chosen

from videoswap.detection.base import Landmarker
from videoswap.detection.landmarks import DlibLandmarker

CHECKED = 96  # samples of every kind
KINDS = ("hand", "stripe", "card", "half")
CHIN, BRIDGE = 8, 27  # landmarks whose distance is the unit of errors


def loss_of(
    network: torch.nn.Module, pictures: torch.Tensor, guess: torch.Tensor, landmarks: torch.Tensor
) -> torch.Tensor:
    """Return the mean error plus a share of its logarithm, by which small ones count too."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        own, trust = network(as_input(pictures), guess)
    made = (own, own + trust[..., None] * (guess - own))
    unit = (landmarks[:, CHIN] - landmarks[:, BRIDGE]).norm(dim=1)
    errors = [(points - landmarks).norm(dim=2) / unit[:, None] for points in made]
    return sum(error.mean() + 0.05 * (error + 0.002).log().mean() for error in errors)


@torch.no_grad()
def check(network: torch.nn.Module, pool: Pool, landmarker: Landmarker, numbers: Array) -> str:
    """Return mean errors in heights of a face, of all landmarks and of the visible outline."""
    scores = {}
    for kind in ("any", *KINDS, "bare"):
        rng = np.random.default_rng(5)
        errors, outline = [], []
        for _ in range(CHECKED):
            one = make_landmark_sample(
                rng,
                pool,
                landmarker,
                int(rng.choice(numbers)),
                count=0 if kind == "bare" else 1,
                kind=kind if kind in KINDS else None,
            )
            given = as_input(_stacked(one.picture, one.found)[None])
            own, trust = network(given, torch.from_numpy(one.guess)[None])
            own, trust = own[0].numpy(), trust[0, :, None].numpy()
            made = own + trust * (one.guess - own)
            unit = np.linalg.norm(one.landmarks[CHIN] - one.landmarks[BRIDGE])
            error = np.linalg.norm(made - one.landmarks, axis=1) / unit
            x, y = np.clip(one.landmarks[:17].round().astype(int), 0, SIDE - 1).T
            visible = one.front[y, x] < 0.5
            errors.append(error.mean())
            if visible.any():
                outline.append(error[:17][visible].mean())
        scores[kind] = [round(float(np.mean(one)), 4) for one in (errors, outline)]
    return json.dumps(scores)


def _stacked(picture: Array, found: Array) -> Array:
    return np.dstack([picture, (found * 255).astype(np.uint8)])


def main() -> None:
    """Train."""
    options = options_of(__doc__).parse_args()
    torch.manual_seed(options.seed)
    cv2.setNumThreads(1)
    pool = load(options.faces, options.hand_model, options.textures)
    numbers = chosen(pool, options.bare)
    for_check = numbers[::HELD_OUT]
    landmarker = DlibLandmarker()

    def draw(rng: np.random.Generator, number: int) -> tuple[Array, ...]:
        one = make_landmark_sample(rng, pool, landmarker, number)
        return _stacked(one.picture, one.found), one.guess, one.landmarks

    # Every batch is learnt from twice; mirrored it would not do: dlib has a left and a right.
    batches = Batches(draw, np.setdiff1d(numbers, for_check), options.seed, lambda batch: batch)
    network = Landmarks().to(memory_format=torch.channels_last)
    mean = trained(
        network,
        batches.loaded(options.workers),
        loss_of,
        options,
        lambda made: check(made, pool, landmarker, for_check),
    )
    save(mean, options.out)


def save(network: Landmarks, out: Path) -> None:
    """Write the ONNX file."""
    inputs = {"picture": (1, SIDE, SIDE, 3), "front": (1, SIDE, SIDE), "guess": (1, 68, 2)}
    save_graph(Exported(network), inputs, ("landmarks", "trust"), out)


if __name__ == "__main__":
    main()
