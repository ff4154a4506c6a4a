"""The training of the network that finds what is in front of a face, and what both trainings share.

Photos in which somebody already holds something before the face teach the wrong thing: ``bare``
leaves them out. ``deep`` trains the larger network that looks where something was found.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import InputError, reason_of
from ...networks.occlusion import OCCLUSION_SIZE, ExportedOcclusion, OcclusionNetwork
from ...occlusion.builtin import load_coarse_model
from ...records import Array
from ..faces.dataset import FaceShards
from ..ordering import AUGMENTATION, EpochOrder, generator
from ..recipe import Batch, Phase, Recipe, warmup_stable_decay
from ..sheets import grid
from .export import write_graph, write_weights
from .photos import Pool
from .samples import Sample, make_sample
from .settings import CoveredFacesSettings, OcclusionSettings
from .things import KINDS

NOT_BARE = 0.03  # share of a face found to be hidden above which its photo is left out
SHEET_FACES = 24
EVALUATION_SEED = 77


class CoveredFacesRecipe(Recipe):
    """Builds data and optimizer of a training on faces with things before them.

    Args:
        settings: All of its settings.
        network: What is trained, freshly made after the seed was set.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``, ``other_shards``, ``bad_hand_model``,
            ``damaged_weights``.
    """

    settings: CoveredFacesSettings

    def __init__(self, settings: CoveredFacesSettings, network: nn.Module) -> None:
        self.settings, self.loop = settings, settings.loop
        self._faces = FaceShards(settings.data)
        self.data_key = self._faces.key
        self._pool = Pool.of(self._faces, settings)
        rows = self._bare(self._faces.training) if settings.bare else self._faces.training
        if not len(rows):
            raise InputError("no_shards", f"No photo of {settings.data} is left to train on.")
        self._order = EpochOrder(rows, self.loop.batch, self.loop.seed)
        network = network.train()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if settings.initial is not None:
            _load(network, settings.initial)
        self.networks = {self.name: network}
        self.averaged = (self.name,)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay
        )
        schedule = warmup_stable_decay(self, optimizer, settings.warmup, settings.decay)
        self.phases = (Phase(self.name, (self.name,), optimizer, schedule),)
        self._drawn = lru_cache(maxsize=max(2 * settings.again, 1))(self._draw_batch)

    def batch(self, step: int, part: int, parts: int) -> Batch:
        """Draw the samples of a part of a step, or take those of an earlier one again."""
        later = self.settings.again
        if not later:
            return Batch(_as_tensors(self._draw_batch(step, part, parts)), step)
        block, place = divmod(step, 2 * later)
        drawn = self._drawn(block * later + place % later, part, parts)
        return Batch(_as_tensors(drawn if place < later else self._again(drawn)), step)

    def _draw_batch(self, number: int, part: int, parts: int) -> dict[str, Array]:
        rows = self._order.rows(number, part, parts).tolist()
        made = [
            self._sample(row, generator(AUGMENTATION, self.loop.seed, number, part, place))
            for place, row in enumerate(rows)
        ]
        return {name: np.stack([one[name] for one in made]) for name in made[0]}

    @abstractmethod
    def _sample(self, row: int, rng: np.random.Generator) -> dict[str, Array]:
        """Draw a sample of a photo."""

    def _again(self, drawn: dict[str, Array]) -> dict[str, Array]:
        """Return a batch as it comes for the second time."""
        return drawn

    def _held_out(self) -> Array:
        """Return the rows of an evaluation: those held out, or all if there are none."""
        held = self._faces.held_out
        return held if len(held) else self._faces.training

    def _bare(self, rows: Array) -> Array:
        """Return those photos in which the package's own network finds nothing."""
        find = load_coarse_model()
        kept = []
        for row in rows.tolist():
            photo = self._pool.photo(row)
            size = (OCCLUSION_SIZE, OCCLUSION_SIZE)
            small = cv2.resize(photo.picture, size, interpolation=cv2.INTER_AREA)
            found = find(small.astype(np.float32), small.astype(np.float32)) > 0.5
            inside = cv2.resize(np.minimum(photo.face, photo.sure), size) > 200
            if inside.any() and found[inside].mean() < NOT_BARE:
                kept.append(row)
        return np.array(kept, np.int64)


class OcclusionRecipe(CoveredFacesRecipe):
    """The training of the small or deep network of what is in front of a face."""

    name = "occlusion"

    def __init__(self, settings: OcclusionSettings) -> None:
        torch.manual_seed(settings.loop.seed)
        super().__init__(settings, OcclusionNetwork(settings.deep))

    def _sample(self, row: int, rng: np.random.Generator) -> dict[str, Array]:
        one = make_sample(rng, self._pool, row)
        front, weight = ((level * 255).astype(np.uint8) for level in (one.front, one.weight))
        return {"pictures": _both(one), "front": front, "weight": weight}

    def _again(self, drawn: dict[str, Array]) -> dict[str, Array]:
        """Mirror pictures and maps, all (B, S, S, ...)."""
        return {name: np.ascontiguousarray(one[:, :, ::-1]) for name, one in drawn.items()}

    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute the cross-entropy and one minus the soft intersection over union (``missed``)."""
        logits = self.networks[self.name](scaled(batch["pictures"]))[:, 0]
        with torch.autocast(logits.device.type, enabled=False):
            return occlusion_losses(
                logits.float(), batch["front"].float() / 255, batch["weight"].float() / 255
            )

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Measure on photos that are held out, with a clean reference and with none.

        Returns:
            By reference and kind of thing the mean intersection over union, their mean ``iou``,
            and the share of bare faces that is wrongly found (``bare``).
        """
        found: dict[str, float] = {}
        rows = self._held_out()
        for reference in ("same", "clean"):
            rng = np.random.default_rng(EVALUATION_SEED)
            for kind in (*KINDS, "bare"):
                shares = []
                for _ in range(self.settings.checked):
                    bare = kind == "bare"
                    one = make_sample(
                        rng, self._pool, int(rng.choice(rows)), None if bare else kind,
                        bare=bare, reference=reference,
                    )  # fmt: skip
                    inside = one.weight > 0.5
                    answer, truth = self._answer(networks, one) > 0.5, one.front > 0.5
                    answer, truth = answer & inside, truth & inside
                    if bare:
                        shares.append(answer.sum() / max(inside.sum(), 1))
                    elif truth.sum() > 60:
                        shares.append((answer & truth).sum() / (answer | truth).sum())
                if shares:
                    found[f"{reference} {kind}"] = float(np.mean(shares))
        things = [value for name, value in found.items() if not name.endswith("bare")]
        return {"iou": float(np.mean(things)) if things else 0.0, **found}

    def sheet(self, networks: Mapping[str, nn.Module]) -> Array | None:
        """Show samples of held-out photos: picture, reference, truth and answer."""
        rng = np.random.default_rng(EVALUATION_SEED)
        rows = self._held_out()
        cells = []
        for _ in range(SHEET_FACES):
            one = make_sample(rng, self._pool, int(rng.choice(rows)))
            answer = self._answer(networks, one)
            maps = [np.repeat((level * 255)[..., None], 3, axis=2) for level in (one.front, answer)]
            cells += [one.picture, one.reference, *(level.astype(np.uint8) for level in maps)]
        return grid([cells[first : first + 12] for first in range(0, len(cells), 12)])

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write ``occlusion.safetensors`` and ``occlusion.onnx``."""
        network = cast("OcclusionNetwork", copy.deepcopy(networks[self.name]))
        paths = (folder / "occlusion.safetensors", folder / "occlusion.onnx")
        write_weights(network, paths[0])
        write_occlusion_graph(network, paths[1])
        return paths

    def _answer(self, networks: Mapping[str, nn.Module], one: Sample) -> Array:
        """Return what a network finds in a sample, (S, S) 0 to 1."""
        network = networks[self.name]
        device = next(network.parameters()).device
        given = scaled(torch.from_numpy(_both(one)[None]).to(device))
        return np.asarray(torch.sigmoid(network(given)[0, 0].float()).cpu().numpy())


def occlusion_losses(logits: Tensor, front: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Compute the cross-entropy plus a quarter of one minus the soft intersection over union.

    Args:
        logits: (B, S, S).
        front: (B, S, S), 0 to 1, what is in front.
        weight: (B, S, S), 0 to 1, how much each pixel counts.
    """
    each = functional.binary_cross_entropy_with_logits(logits, front, reduction="none")
    entropy = ((each * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=100)).mean()
    found = torch.sigmoid(logits)
    both = (found * front * weight).sum((1, 2))
    either = ((found + front - found * front) * weight).sum((1, 2))
    some = ((front * weight).sum((1, 2)) > 60).float()
    missed = ((1 - (both + 1) / (either + 1)) * some).sum() / some.sum().clamp(min=1)
    return {"total": entropy + 0.25 * missed, "entropy": entropy, "missed": missed}


def write_occlusion_graph(network: OcclusionNetwork, path: Path) -> None:
    """Write the ONNX file that ``videoswap.occlusion.builtin`` takes."""
    shape = (1, OCCLUSION_SIZE, OCCLUSION_SIZE, 3)
    inputs = {"picture": shape, "reference": shape}
    write_graph(ExportedOcclusion(network.eval()), inputs, ("in_front",), path)


def scaled(pictures: Tensor) -> Tensor:
    """Return (B, S, S, C) uint8 as (B, C, S, S) in [-1, 1], channels last."""
    moved = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    return moved.contiguous(memory_format=torch.channels_last)


def _both(one: Sample) -> Array:
    return np.dstack([one.picture, one.reference])


def _as_tensors(drawn: dict[str, Array]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(one) for name, one in drawn.items()}


def _load(network: nn.Module, path: Path) -> None:
    """Load weights; what the network has more is made so that it changes nothing at first.

    Raises:
        InputError: ``damaged_weights``.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        odd = network.load_state_dict(load_file(path), strict=False).unexpected_keys
    except (OSError, SafetensorError, RuntimeError) as error:
        problem = f"{path} cannot be used: {reason_of(error)}."
        raise InputError("damaged_weights", problem) from None
    if odd:
        raise InputError("damaged_weights", f"{path} is of another network: {odd[0]}.")
