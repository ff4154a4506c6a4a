"""A generator that swaps faces, trained against a discriminator: what all such recipes share.

A step: the generator swaps the faces of a batch and learns from the weighted sum of its terms,
then the discriminator learns to tell those results from photos. A recipe of its own derives from
:class:`SwapperRecipe` and changes what it needs to:

- ``terms`` for more or other losses; each key is the name of a field of ``settings.weights``, so a
  recipe with another loss has weights derived from ``SwapperWeights``;
- ``condition`` for what the generator is told of a source (by default the embedding);
- ``make_generator`` for another network (see :class:`SwapGenerator`);
- ``sample`` for what a batch holds of a pair, and ``partner`` of :class:`.pairs.FacePairs`;
- ``frozen`` gets its further helpers (encoders, feature networks) at the end of ``__init__``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from ...networks.aei_net import GHOST_WIDTHS, AEINet, Backbone
from ...networks.discriminator import MultiscaleDiscriminator
from ...records import Array
from .. import losses, schedules
from ..ordering import AUGMENTATION, generator
from ..recipe import Batch, Phase, Recipe, as_input, load_initial
from .evaluation import HeldOutSwaps, Swapper
from .export import write_weights
from .identity import load_identity, placed
from .pairs import FacePairs
from .settings import SwapperSettings

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
_BETAS = (0.0, 0.999)


class SwapGenerator(Protocol):
    """What a generator has to offer; an ``nn.Module``."""

    def __call__(self, target: Tensor, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Swap (B, 3, S, S) by (B, D): the pictures, and the target's attribute maps."""

    def attributes(self, target: Tensor) -> list[Tensor]:
        """Return the attribute maps of pictures."""


@dataclass(slots=True, eq=False)
class Swap:
    """What the generator made of a batch.

    Attributes:
        identity: (B, D) embeddings of the sources.
        picture: (B, 3, S, S) in [-1, 1], float32.
        maps: Attribute maps of the targets, (B, C, h, w) float32 each.
    """

    identity: Tensor
    picture: Tensor
    maps: list[Tensor]


class SwapperRecipe(Recipe):
    """Builds networks, data and optimizers of a swapper's training.

    Args:
        settings: All of its settings.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``, ``too_few_people``, ``missing_weights``, or
            why weights cannot be used.
    """

    averaged = (GENERATOR,)
    settings: SwapperSettings

    def __init__(self, settings: SwapperSettings) -> None:
        self.settings, self.loop = settings, settings.loop
        self.pairs = FacePairs(settings, self.loop.seed, self.loop.batch)
        self.data_key = self.pairs.key
        self.identity = load_identity(settings.identity)
        self.frozen = {"identity": self.identity}
        torch.manual_seed(self.loop.seed)
        self.networks = {
            GENERATOR: self.make_generator().train(),
            DISCRIMINATOR: self.make_discriminator().train(),
        }
        for name, path in (
            (GENERATOR, settings.initial_generator),
            (DISCRIMINATOR, settings.initial_discriminator),
        ):
            if path is not None:
                load_initial(self.networks[name], path, name)
        self.phases = (
            self._phase(GENERATOR, settings.generator_rate),
            self._phase(DISCRIMINATOR, settings.discriminator_rate),
        )

    def _phase(self, name: str, rate: float) -> Phase:
        settings = self.settings
        optimizer = Adam(
            self.networks[name].parameters(), rate, _BETAS, weight_decay=settings.weight_decay
        )
        schedule = None
        if settings.scheduler:
            every, factor = settings.scheduler_step, settings.scheduler_gamma
            schedule = schedules.ghost(optimizer, every, factor)
        return Phase(name, (name,), optimizer, schedule)

    def make_generator(self) -> nn.Module:
        """Build the generator with random weights; see :class:`SwapGenerator`."""
        settings = self.settings
        return AEINet(
            cast("Backbone", settings.backbone),
            settings.num_blocks,
            self.identity.dim,
            GHOST_WIDTHS[: settings.size.bit_length() - 2],
            settings.width,
        )

    def make_discriminator(self) -> nn.Module:
        """Build the discriminator with random weights."""
        shape = self.settings.discriminator
        return MultiscaleDiscriminator(shape.width, shape.layers, shape.scales)

    def batch(self, step: int, part: int, parts: int) -> Batch:
        """Draw and decode the pairs of a part of a step."""
        rows = self.pairs.rows(step, part, parts)
        made = [
            self.sample(int(row), generator(AUGMENTATION, self.loop.seed, step, part, number))
            for number, row in enumerate(rows)
        ]
        return self.stacked(made, step)

    def stacked(self, samples: Sequence[Mapping[str, Array]], step: int) -> Batch:
        """Return samples as a batch: pictures (side, side, 3) as :func:`as_input` gives them."""
        first = samples[0]
        tensors = {name: np.stack([one[name] for one in samples]) for name in first}
        return Batch(
            {
                name: as_input(values)
                if first[name].ndim == 3 and first[name].shape[-1] == 3
                else torch.from_numpy(values)
                for name, values in tensors.items()
            },
            step,
        )

    def sample(self, row: int, random: np.random.Generator) -> dict[str, Array]:
        """Make one pair; see :meth:`pair` for what it holds.

        Args:
            row: The source.
            random: The sample's random numbers.
        """
        other, same = self.pairs.partner(row, random)
        return self.pair(row, other, same=same, random=random)

    def pair(
        self, row: int, other: int, *, same: bool, random: np.random.Generator
    ) -> dict[str, Array]:
        """Return a source and a target.

        Args:
            row: The source.
            other: The target.
            same: Whether both show one person.
            random: The sample's random numbers.

        Returns:
            ``face``: the source for the identity encoder, twice as large as it asks for, as in
            GHOST. ``source``: for the discriminator. ``target``. All (side, side, 3) float32 in
            [0, 1], each in its own colors; they reach :meth:`losses` as (B, 3, side, side) in
            [-1, 1]. ``same``: whether both show one person, bool of shape (). ``placed``: (2, 3),
            where the encoder's crop lies in the target; only where its framing is another one.
        """
        framing, size = self.settings.framing, self.settings.size
        made = {
            "face": self.pairs.jittered(row, self._face_framing, 2 * self.identity.side, random),
            "source": self.pairs.jittered(row, framing, size, random),
            "target": self.pairs.jittered(other, framing, size, random),
            "same": np.array(same),
        }
        if self._face_framing != framing:
            made["placed"] = self.placed(other)
        return made

    def placed(self, row: int) -> Array:
        """Return where the encoder's crop lies in a picture of a face; see :func:`.placed`."""
        side, size = self.identity.side, self.settings.size
        matrix = self.pairs.between(row, (self.settings.framing, size), (self._face_framing, side))
        return placed(matrix, size, side)

    @property
    def _face_framing(self) -> str:
        return self.settings.identity.framing or self.settings.framing

    def embedded(self, batch: Batch, pictures: Tensor) -> Tensor:
        """Return who is on pictures that lie as the targets of a batch do, (B, D)."""
        where = batch["placed"] if "placed" in batch.tensors else None
        embedding: Tensor = self.identity(pictures, where)
        return embedding

    def condition(self, embedding: Tensor, faces: Tensor) -> Tensor:
        """Return what the generator is told of the sources, (B, D).

        Args:
            embedding: (B, D) of the identity encoder.
            faces: (B, 3, S, S) in [-1, 1], which it has seen.
        """
        return embedding

    def swap(self, batch: Batch) -> Swap:
        """Swap the faces of a batch."""
        with torch.no_grad():
            identity = self.identity(batch["face"])
            told = self.condition(identity, batch["face"])
        picture, maps = self.networks[GENERATOR](batch["target"], told)
        return Swap(identity, picture.float(), _floats(maps))

    def terms(self, batch: Batch, swap: Swap) -> dict[str, Tensor]:
        """Compute the terms of the generator's loss, each of shape (), before they are weighted.

        Terms of weight 0 may be left out. Networks run in the precision of the run; what they
        give is compared in float32.
        """
        weights = self.settings.weights
        terms: dict[str, Tensor] = {}
        if weights.adversarial:
            terms["adversarial"] = losses.adversarial(self.judged(swap.picture))
        if weights.attributes:
            terms["attributes"] = losses.attributes(swap.maps, self.attributes(swap.picture))
        if weights.identity:
            terms["identity"] = losses.identity(swap.identity, self.embedded(batch, swap.picture))
        if weights.reconstruction:
            terms["reconstruction"] = losses.reconstruction(
                swap.picture, batch["target"], self.reconstructed(batch)
            )
        return terms

    def reconstructed(self, batch: Batch) -> Tensor:
        """Return (B,) bool: whose result has to be the target again."""
        return batch["same"]

    def attributes(self, pictures: Tensor) -> list[Tensor]:
        """Return the generator's attribute maps of (B, 3, S, S) pictures, float32."""
        return _floats(self.networks[GENERATOR].attributes(pictures))  # type: ignore[operator]

    def judged(self, pictures: Tensor) -> list[Tensor]:
        """Return the discriminator's logits of (B, 3, S, S) pictures, float32, by scale."""
        return _floats(self.networks[DISCRIMINATOR](pictures))

    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute the losses of the generator or the discriminator."""
        if phase == DISCRIMINATOR:
            real, fake = self.judged(batch["source"]), self.judged(batch.kept["result"])
            return {"total": losses.discriminator(real, fake)}
        swap = self.swap(batch)
        batch.kept["result"] = swap.picture.detach()
        terms = self.terms(batch, swap)
        return {"total": losses.weighted(terms, self.settings.weights), **terms}

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Measure swaps of held-out faces; see :meth:`.evaluation.HeldOutSwaps.measure`."""
        return self._held_out.measure(self._swapper(networks[GENERATOR]))

    def sheet(self, networks: Mapping[str, nn.Module]) -> Array | None:
        """Show held-out swaps: source, target, result, and the attributes that were kept."""
        return self._held_out.draw(self._swapper(networks[GENERATOR]))

    @cached_property
    def _held_out(self) -> HeldOutSwaps:
        settings = self.settings
        face = (self._face_framing, 2 * self.identity.side)
        return HeldOutSwaps(
            self.pairs, (settings.framing, settings.size), face=face, judge=settings.judge
        )

    def _swapper(self, network: nn.Module) -> Swapper:
        """Return what swaps pictures by a generator in eval mode."""
        device = next(network.parameters()).device

        def swap(faces: Array, targets: Array) -> tuple[Array, list[Tensor]]:
            seen = as_input(faces).to(device)
            told = self.condition(self.identity(seen), seen)
            pictures, maps = network(as_input(targets).to(device), told)
            levels = (pictures.float().permute(0, 2, 3, 1) + 1) / 2
            return levels.clamp(0, 1).cpu().numpy(), _floats(maps)

        return swap

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write ``generator.safetensors``, its ONNX file, and ``discriminator.safetensors``."""
        return write_weights(networks, folder)


def _floats(maps: Sequence[Tensor]) -> list[Tensor]:
    return [one.float() for one in maps]
