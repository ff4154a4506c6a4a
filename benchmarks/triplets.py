"""Cycle triplets against plain supervision: small swappers trained both ways, at equal steps.

    python benchmarks/triplets.py --faces DIR --triplets DIR --encoder FILE --out DIR

A tiny AEI-Net of 64 pixels learns from photos alone (``plain``), and from photos and triplets with
the published share of triplets (``cycle``) and with half of the batches (``half``); all else is the
same: seed, steps, networks, terms and weights. A run goes on where it stopped. The table has swaps
of held-out faces, judged by dlib, which taught none of the networks.

DIR of --faces comes from ``videoswap train prepare faces``, that of --triplets from ``videoswap
train prepare triplets``, both in ArcFace's framing; --encoder is a file of the small encoder.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from videoswap.training.loop import train
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.recipe import as_input
from videoswap.training.reliableswap.recipe import ReliableSwapRecipe
from videoswap.training.reliableswap.settings import ReliableSwapSettings, ReliableSwapWeights
from videoswap.training.swapper.evaluation import HeldOutSwaps
from videoswap.training.swapper.recipe import GENERATOR, load_initial
from videoswap.training.swapper.settings import DiscriminatorSettings, IdentitySettings

SHARES = {"plain": 0.0, "cycle": 0.21, "half": 0.625}  # of the batches that are not same pictures
PAIRS = 160
SIZE, WIDTH = 64, 0.25
COLUMNS = ("identity", "target identity", "pose", "expression", "reconstruction")
UNITS = ("to source, larger", "to target, smaller", "degrees", "face heights", "levels of 255")


def settings_of(variant: str, options: argparse.Namespace) -> ReliableSwapSettings:
    """Return how a variant is trained."""
    return ReliableSwapSettings(
        data=options.faces,
        framing="arcface",
        triplets=options.triplets,
        triplet_share=SHARES[variant],
        generator="ghost",
        num_blocks=1,
        size=SIZE,
        width=WIDTH,
        generator_rate=4e-4,
        discriminator_rate=4e-4,
        discriminator=DiscriminatorSettings(width=8, layers=3, scales=2),
        identity=IdentitySettings("lite_encoder", options.encoder),
        # The cycle of photos takes a second pass of the generator, which triplets do not need.
        weights=ReliableSwapWeights(cycle=0.0),
        loop=LoopSettings(
            steps=options.steps, batch=8, clip_norm=0, ema_decay=0.995, precision="float32",
            threads=1, log_every=50, checkpoint_every=100, evaluate_every=0,
        ),
    )  # fmt: skip


class _Judge:
    """Measures swaps of the held-out faces, the same ones for all variants."""

    def __init__(self, recipe: ReliableSwapRecipe) -> None:
        side = 2 * recipe.identity.side
        self._recipe, shown = recipe, ("arcface", SIZE)
        self._swaps = HeldOutSwaps(
            recipe.pairs, shown, face=("arcface", side), judge="dlib", most=PAIRS
        )

    def trained(self, weights: Path) -> tuple[dict[str, float], Any]:
        """Return the measures of a generator's file, and a sheet."""
        network = self._recipe.make_generator()
        load_initial(network, weights, "the generator")
        network.eval()

        @torch.no_grad()
        def swap(faces: Any, targets: Any) -> Any:
            seen = as_input(faces)
            told = self._recipe.condition(self._recipe.identity(seen), seen)
            pictures, maps = network(as_input(targets), told)
            return ((pictures.permute(0, 2, 3, 1) + 1) / 2).clamp(0, 1).numpy(), maps

        return self._swaps.measure(swap), self._swaps.draw(swap)

    def unchanged(self) -> dict[str, float]:
        """Return the measures of targets that are left as they are."""
        return self._swaps.measure(lambda faces, targets: (targets, []))


def main() -> None:
    """Train what is missing, then print the table of what there is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--triplets", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--variants", nargs="*", choices=list(SHARES), default=list(SHARES))
    options = parser.parse_args()
    facts = options.out / "facts.json"
    judge, rows = None, {}
    for variant in options.variants:
        recipe = ReliableSwapRecipe(settings_of(variant, options))
        folder, began = options.out / variant, time.process_time()
        outcome = train(recipe, folder, device="cpu", say=print)
        judge = judge or _Judge(recipe)
        rows[variant], sheet = judge.trained(folder / f"{GENERATOR}.safetensors")
        cv2.imwrite(str(folder / "sheet.png"), np.asarray(sheet)[..., ::-1])
        print(f"{variant}: {outcome.totals.step} steps, {time.process_time() - began:.0f} s of CPU")
    assert judge is not None  # there is at least one variant
    rows = {"target as it is": judge.unchanged(), **rows}
    facts.write_text(json.dumps(rows, indent=1))
    print(f"| | {' | '.join(COLUMNS)} |\n|---|{'---:|' * len(COLUMNS)}")
    print(f"| | {' | '.join(UNITS)} |")
    for name, found in rows.items():
        print(f"| {name} | {' | '.join(f'{found[column]:.3f}' for column in COLUMNS)} |")


if __name__ == "__main__":
    main()
