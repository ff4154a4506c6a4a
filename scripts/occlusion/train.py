"""Train the network that finds what is in front of a face, and write its ONNX file.

    python scripts/occlusion/train.py --faces ../shared/faces --out own --minutes 120

Writes ``own.safetensors`` every few minutes and ``own.onnx`` at the end; ``--resume`` goes on from
the former. On a CPU with bfloat16 a sample costs about 8 ms of one core. Photos in which somebody
already holds something before the face teach the wrong thing: after a first run ``--bare`` with
its weights leaves out those in which the network finds something.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from hands import Array
from network import Exported, InFront
from photos import Pool, load
from safetensors.torch import load_file, save_file
from samples import make_sample
from shapes import SIDE
from things import KINDS
from torch.nn import functional

BATCH = 32
HELD_OUT = 25  # every so manieth photo is for the check only
NOT_BARE = 0.03  # share of a face found to be hidden above which its photo is left out
CHECKED = 40  # samples of every kind


class Samples(torch.utils.data.IterableDataset):
    """Batches of samples without end: pictures with references, fronts, weights; all uint8."""

    def __init__(self, pool: Pool, numbers: Array, seed: int) -> None:
        self._pool, self._numbers, self._seed = pool, numbers, seed

    def __iter__(self) -> Iterator[tuple[Array, Array, Array]]:
        """Yield batches."""
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        while True:
            batch = [
                make_sample(rng, self._pool, int(rng.choice(self._numbers))) for _ in range(BATCH)
            ]
            yield (
                np.stack([np.dstack([one.picture, one.reference]) for one in batch]),
                np.stack([(one.front * 255).astype(np.uint8) for one in batch]),
                np.stack([(one.weight * 255).astype(np.uint8) for one in batch]),
            )


def as_input(pictures: Array | torch.Tensor) -> torch.Tensor:
    """Turn (B, S, S, 6), 0 to 255, into the network's input."""
    moved = torch.as_tensor(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    return moved.contiguous(memory_format=torch.channels_last)


def loss_of(logits: torch.Tensor, front: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return cross entropy plus a share of one minus the soft intersection over union."""
    logits = logits[:, 0].float()
    each = functional.binary_cross_entropy_with_logits(logits, front, reduction="none")
    entropy = ((each * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=100)).mean()
    found = torch.sigmoid(logits)
    both = (found * front * weight).sum((1, 2))
    either = ((found + front - found * front) * weight).sum((1, 2))
    some = ((front * weight).sum((1, 2)) > 60).float()
    missed = ((1 - (both + 1) / (either + 1)) * some).sum() / some.sum().clamp(min=1)
    return entropy + 0.25 * missed


@torch.no_grad()
def check(network: InFront, pool: Pool, numbers: Array) -> dict[str, dict[str, float]]:
    """Return the mean intersection over union by kind, and what is wrongly found ("bare")."""
    network.eval()
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
    return scores


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


def save_weights(network: InFront, out: Path) -> None:
    """Write the weights, to go on from there."""
    packed = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(packed, out.with_suffix(".safetensors"))


def save(network: InFront, out: Path) -> None:
    """Write the ONNX file."""
    empty = torch.zeros(1, SIDE, SIDE, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, that it is the older one
        torch.onnx.export(
            Exported(network).eval(),
            (empty, empty),
            str(out.with_suffix(".onnx")),
            input_names=["picture", "reference"],
            output_names=["in_front"],
            opset_version=17,
            dynamo=False,
        )


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--bare", type=Path, help="network that chooses the photos")
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    cv2.setNumThreads(1)
    pool = load(options.faces)
    numbers = np.arange(len(pool.pictures))
    for_check = numbers[::HELD_OUT]
    if options.bare:
        judge = InFront()
        judge.load_state_dict(load_file(options.bare))
        numbers = bare_photos(judge, pool)
    samples = Samples(pool, np.setdiff1d(numbers, for_check), options.seed)
    batches = torch.utils.data.DataLoader(
        samples, batch_size=None, num_workers=options.workers, prefetch_factor=6
    )
    network = InFront().to(memory_format=torch.channels_last)
    if options.resume:
        network.load_state_dict(load_file(options.resume))
    mean = copy.deepcopy(network)  # of the latest weights: steadier than any of them
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    began = saved = time.monotonic()
    for step, (pictures, front, weight) in enumerate(batches, 1):
        done = (time.monotonic() - began) / (60 * options.minutes)
        if done >= 1:
            break
        for group in optimizer.param_groups:  # up at first, down at last
            group["lr"] = options.rate * min(1, step / 200) * min(1, (1 - done) / 0.45)
        network.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(as_input(pictures))
        loss = loss_of(logits, torch.as_tensor(front) / 255, torch.as_tensor(weight) / 255)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        keep = min(0.998, step / (step + 20))
        for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(keep).add_(new, alpha=1 - keep)
        if time.monotonic() - saved > 240:
            saved = time.monotonic()
            save_weights(mean, options.out)
            print(step, f"{loss.item():.3f}", json.dumps(check(mean, pool, for_check)), flush=True)
    save_weights(mean, options.out)
    print(json.dumps(check(mean, pool, for_check)))
    save(mean, options.out)


if __name__ == "__main__":
    main()
