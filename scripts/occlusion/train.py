"""Train the network that finds what is in front of a face, and write its ONNX file.

    python scripts/occlusion/train.py --faces ../shared/faces --out own --minutes 120

Writes ``own.safetensors`` every few minutes and ``own.onnx`` at the end; ``--resume`` goes on from
the former. On a CPU with bfloat16 a sample costs about 8 ms of one core. Photos in which somebody
already holds something before the face teach the wrong thing: after a first run ``--bare`` with
its weights leaves out those in which the network finds something. ``--deep`` trains the larger
network that looks where something was found; the weights of the smaller one are its start.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from hands import Array
from loop import HELD_OUT, Batches, as_input, options_of, save_graph, trained
from network import Exported, InFront
from photos import Pool, load
from safetensors.torch import load_file
from samples import make_sample
from shapes import SIDE
from things import KINDS
from torch.nn import functional

NOT_BARE = 0.03  # share of a face found to be hidden above which its photo is left out
CHECKED = 40  # samples of every kind


def loss_of(
    network: torch.nn.Module, pictures: torch.Tensor, front: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Return cross entropy plus a share of one minus the soft intersection over union."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(as_input(pictures))[:, 0]
    logits, front, weight = logits.float(), front / 255, weight / 255
    each = functional.binary_cross_entropy_with_logits(logits, front, reduction="none")
    entropy = ((each * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=100)).mean()
    found = torch.sigmoid(logits)
    both = (found * front * weight).sum((1, 2))
    either = ((found + front - found * front) * weight).sum((1, 2))
    some = ((front * weight).sum((1, 2)) > 60).float()
    missed = ((1 - (both + 1) / (either + 1)) * some).sum() / some.sum().clamp(min=1)
    return entropy + 0.25 * missed


@torch.no_grad()
def check(network: torch.nn.Module, pool: Pool, numbers: Array) -> str:
    """Return the mean intersection over union by kind, and what is wrongly found ("bare")."""
    scores: dict[str, dict[str, float]] = {}
    for reference in ("same", "clean"):
        rng = np.random.default_rng(77)
        for kind in (*KINDS, "bare"):
            values = []
            for _ in range(CHECKED):
                number = int(rng.choice(numbers))
                bare = kind == "bare"
                one = make_sample(rng, pool, number, None if bare else kind, bare, reference)
                logits = network(as_input(np.dstack([one.picture, one.reference])[None]))
                inside = one.weight > 0.5
                found, truth = (logits[0, 0].numpy() > 0) & inside, (one.front > 0.5) & inside
                if bare:
                    values.append(found.sum() / max(inside.sum(), 1))
                elif truth.sum() > 60:
                    values.append((found & truth).sum() / (found | truth).sum())
            scores.setdefault(reference, {})[kind] = round(float(np.mean(values)), 4)
    return json.dumps(scores)


@torch.no_grad()
def bare_photos(network: InFront, pool: Pool) -> Array:
    """Return the numbers of the photos in which nothing is found before the face."""
    network.eval()
    kept = []
    for number, photo in enumerate(pool.pictures):
        small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        found = network(as_input(np.dstack([small, small])[None]))[0, 0].numpy() > 0
        counts = np.minimum(pool.face[number], pool.sure[number])
        inside = cv2.resize(counts, (SIDE, SIDE)) > 200
        if found[inside].mean() < NOT_BARE:
            kept.append(number)
    return np.array(kept)


def chosen(pool: Pool, bare: Path | None) -> Array:
    """Return the numbers of all photos, or of those that the weights ``bare`` find bare."""
    if bare is None:
        return np.arange(len(pool.pictures))
    judge = InFront()
    judge.load_state_dict(load_file(bare))
    return bare_photos(judge, pool)


def mirrored(batch: tuple[Array, ...]) -> tuple[Array, ...]:
    """Mirror the pictures and maps of a batch, all (B, SIDE, SIDE, ...)."""
    return tuple(np.ascontiguousarray(one[:, :, ::-1]) for one in batch)


def save(network: InFront, out: Path) -> None:
    """Write the ONNX file."""
    inputs = {"picture": (1, SIDE, SIDE, 3), "reference": (1, SIDE, SIDE, 3)}
    save_graph(Exported(network), inputs, ("in_front",), out)


def main() -> None:
    """Train."""
    parser = options_of(__doc__)
    parser.add_argument("--deep", action="store_true", help="the larger network")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    cv2.setNumThreads(1)
    pool = load(options.faces, options.hand_model, options.textures)
    for_check = np.arange(len(pool.pictures))[::HELD_OUT]

    def draw(rng: np.random.Generator, number: int) -> tuple[Array, ...]:
        one = make_sample(rng, pool, number)
        fronts = ((map_ * 255).astype(np.uint8) for map_ in (one.front, one.weight))
        return np.dstack([one.picture, one.reference]), *fronts

    numbers = np.setdiff1d(chosen(pool, options.bare), for_check)
    batches = Batches(draw, numbers, options.seed, mirrored)
    network = InFront(options.deep).to(memory_format=torch.channels_last)
    mean = trained(
        network,
        batches.loaded(options.workers),
        loss_of,
        options,
        lambda made: check(made, pool, for_check),
    )
    save(mean, options.out)


if __name__ == "__main__":
    main()
