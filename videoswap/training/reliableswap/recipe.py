"""ReliableSwap's training: a swapper that learns from triplets whose answer is a photo.

Source: ReliableSwap (Yuan et al., 2023, arXiv 2306.05356; ygtxr1997/ReliableSwap), on top of
FaceShifter (Li et al., 2019, arXiv 1912.13457). Written from the published facts and numbers, not
from its code.

A batch is of one kind. Every fifth shows the same picture as source and target; of the others about
21 % are triplets, and the rest pairs of different people.

What the published code gets wrong is not repeated here: there the codes of the kinds are
overwritten before hair and mouth are chosen, so that the hair term reaches pairs of different
people alone and the mouth term nothing; and the identity loss zeroes the marks of same pictures
before the reconstruction reads them, so that they have none while there are triplets. What
identity and mouth of a triplet are compared with is not known: here it is the answer, a photo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from ...errors import InputError
from ...geometry.resample import resize, warp
from ...networks.aei_net import GHOST_WIDTHS, AEINet
from ...networks.discriminator import MultiscaleDiscriminator
from ...networks.iresnet import IResNet
from ...networks.reliableswap import MOUTH_BOX, MOUTH_FEATURES, FixerNet, FSGenerator, NamedAADBlock
from ...networks.vgg19 import CLASSIFIER, VGG19, feature_difference
from ...records import Array, Fallback
from ...weights.loading import fit, load_state, load_states, misfit
from .. import losses as shared
from ..ordering import AUGMENTATION, ORDER, generator
from ..recipe import Batch
from ..swapper.identity import IdentityEncoder, placed
from ..swapper.pairs import jittered
from ..swapper.recipe import DISCRIMINATOR, GENERATOR, Swap, SwapperRecipe
from ..triplets.dataset import HAIR, MOUTH, TripletShards, part_mask
from . import losses
from .settings import ReliableSwapSettings

SAME, TRIPLET, PHOTOS = "same", "triplet", "photos"
_FACE_SIZE = 112  # of the face that FixerNet sees
_STAGES = range(1, 5)
_PART = "G."  # of the official file: the generator
_KINDS = 1  # tells the random numbers of the kinds from those of the order

_Network = TypeVar("_Network", bound=nn.Module)


class ReliableSwapRecipe(SwapperRecipe):
    """Builds networks, data and optimizers.

    Args:
        settings: All of its settings.

    Raises:
        InputError: As :class:`SwapperRecipe`; ``other_shards`` if triplets have another framing
            than the swaps.
    """

    name = "reliableswap"
    settings: ReliableSwapSettings

    def __init__(self, settings: ReliableSwapSettings) -> None:
        self.settings = settings
        self.mouth: IdentityEncoder | None = None
        self._vgg: VGG19 | None = None
        notes = []
        if settings.fixernet is not None:
            self.mouth = IdentityEncoder(load_fixernet(settings.fixernet), _FACE_SIZE)
        elif settings.weights.mouth or settings.weights.triplet_mouth:
            reason = "fixernet names no weights"
            notes.append(Fallback("FixerNet's numbers of the mouth", "", reason))
        self.triplets: TripletShards | None = None
        if settings.triplets is not None and settings.triplet_share:
            self.triplets = TripletShards(settings.triplets, naive=settings.naive)
            if self.triplets.framing != settings.framing:
                problem = (
                    f"The triplets in {settings.triplets} have the framing "
                    f"{self.triplets.framing}, the swaps {settings.framing}."
                )
                raise InputError("other_shards", problem, "Make them of faces in that framing.")
            self._order = self.triplets.order(settings.loop.batch, settings.loop.seed)
            if settings.vgg is not None:
                self._vgg = load_vgg(settings.vgg)
            elif settings.triplet_parts.features:
                reason = "vgg names no weights"
                notes.append(Fallback("the difference of VGG-19's maps", "", reason))
        self.notes = tuple(notes)
        super().__init__(replace(settings, initial_generator=None))
        self.settings = settings
        if self.triplets is not None:
            self.data_key = f"{self.data_key} {self.triplets.key}"
        if settings.initial_generator is not None:
            _take_generator(self.networks[GENERATOR], settings.initial_generator)
        if self.mouth is not None:
            self.frozen = {**self.frozen, "mouth": self.mouth}
        if self._vgg is not None:
            self.frozen = {**self.frozen, "vgg": self._vgg}

    def make_generator(self) -> nn.Module:
        """Build the generator, which is told of identity and mouth."""
        settings = self.settings
        told = self.identity.dim + (0 if self.mouth is None else MOUTH_FEATURES)
        widths = GHOST_WIDTHS[: settings.size.bit_length() - 2]
        if settings.generator == "ghost":
            return AEINet(settings.backbone, settings.num_blocks, told, widths, settings.width)  # type: ignore[arg-type]
        return AEINet("unet", 2, told, widths, settings.width, NamedAADBlock)

    def make_discriminator(self) -> nn.Module:
        """Build the discriminator, with batch norm."""
        shape = self.settings.discriminator
        return MultiscaleDiscriminator(shape.width, shape.layers, shape.scales, "batch")

    def kind_of(self, step: int) -> str:
        """Return what a step's batch is: ``same``, ``triplet`` or ``photos``."""
        settings = self.settings
        if settings.same_every and step % settings.same_every == settings.same_every - 1:
            return SAME
        if self.triplets is None:
            return PHOTOS
        random = generator(ORDER, self.loop.seed, _KINDS, step)
        return TRIPLET if random.random() < settings.triplet_share else PHOTOS

    def batch(self, step: int, part: int, parts: int) -> Batch:
        """Decode a part of a step's batch, which is of one kind."""
        kind = self.kind_of(step)
        rows = (self._order if kind == TRIPLET else self.pairs).rows(step, part, parts)
        made = []
        for number, row in enumerate(rows.tolist()):
            random = generator(AUGMENTATION, self.loop.seed, step, part, number)
            if kind == TRIPLET:
                made.append(self.triplet(row, random))
            elif kind == SAME:
                made.append(self.pair(row, row, same=True, random=random))
            else:
                made.append(self.sample(row, random))
        return self.stacked(made, step)

    def triplet(self, number: int, random: np.random.Generator) -> dict[str, Array]:
        """Return a triplet as :meth:`sample` returns a pair.

        Besides it has ``answer`` (side, side, 3), and ``hair`` and ``lips`` (side, side), where the
        answer shows them. ``source``, for the discriminator, is the answer, which is a photo.
        """
        assert self.triplets is not None  # the kind says so
        settings, one = self.settings, self.triplets.triplet(number)
        size, face_framing, side = settings.size, self._face_framing, 2 * self.identity.side
        matrix = self.triplets.matrix(one.source_points, face_framing, side)
        made = {
            "face": jittered(_warped(one.source, matrix, side), settings.jitter, random),
            "source": _resized(one.answer, size),
            "target": _resized(one.target, size),
            "answer": _resized(one.answer, size),
            "hair": part_mask(one.parts, HAIR, size),
            "lips": part_mask(one.parts, MOUTH, size),
            "same": np.array(False),
        }
        if face_framing != settings.framing:
            points = (one.points + 0.5) * (size / self.triplets.size) - 0.5
            onto = self.triplets.matrix(points, face_framing, self.identity.side)
            made["placed"] = placed(onto, size, self.identity.side)
        return made

    def condition(self, embedding: Tensor, faces: Tensor) -> Tensor:
        """Return the direction of the embedding, and the mouth's numbers as they are."""
        return self._told(embedding, None if self.mouth is None else self.mouth(faces))

    def terms(self, batch: Batch, swap: Swap) -> dict[str, Tensor]:
        """Compute the terms of a kind of batch."""
        kind, weights, result = self.kind_of(batch.step), self.settings.weights, swap.picture
        terms: dict[str, Tensor] = {}
        if weights.adversarial or weights.feature_matching:
            maps = self._maps(result)
            terms["adversarial"] = losses.adversarial([one[-1] for one in maps])
            if weights.feature_matching:
                with torch.no_grad():
                    wanted = self._maps(batch["target"])
                terms["feature_matching"] = losses.feature_matching(wanted, maps)
        if weights.attributes:
            terms["attributes"] = shared.attributes(swap.maps, self.attributes(result))
        terms |= self._likeness(batch, swap, "triplet_" if kind == TRIPLET else "")
        if kind == SAME and weights.reconstruction:
            every = torch.ones_like(batch["same"])
            terms["reconstruction"] = shared.reconstruction(result, batch["target"], every)
        if kind == TRIPLET and weights.triplet:
            terms["triplet"] = self.difference(batch, result)
        if kind == PHOTOS and weights.cycle:
            terms["cycle"] = self._cycle(batch, result)
        return terms

    def _likeness(self, batch: Batch, swap: Swap, prefix: str) -> dict[str, Tensor]:
        """Compute identity and mouth: against the source, or a triplet's answer."""
        weights, terms = self.settings.weights, dict[str, Tensor]()
        if getattr(weights, f"{prefix}identity"):
            wanted = swap.identity
            if prefix:
                with torch.no_grad():
                    wanted = self.embedded(batch, batch["answer"])
            made = self.embedded(batch, swap.picture)
            terms[f"{prefix}identity"] = shared.identity(wanted, made)
        if self.mouth is not None and getattr(weights, f"{prefix}mouth"):
            with torch.no_grad():
                wanted = (
                    self._mouths(batch, batch["answer"]) if prefix else self.mouth(batch["face"])
                )
            terms[f"{prefix}mouth"] = shared.identity(wanted, self._mouths(batch, swap.picture))
        return terms

    def difference(self, batch: Batch, result: Tensor) -> Tensor:
        """Return how far results are from the answers of triplets, a tensor of shape ()."""
        parts, answer = self.settings.triplet_parts, batch["answer"]
        total = parts.pixels * F.l1_loss(result, answer)
        if self._vgg is not None and parts.features:
            with torch.no_grad():
                wanted = [one.float() for one in self._vgg(answer)]
            made = [one.float() for one in self._vgg(result)]
            total = total + parts.features * feature_difference(made, wanted)
        for weight, mask in ((parts.hair, batch["hair"]), (parts.mouth, batch["lips"])):
            total = total + weight * losses.masked_difference(result, answer, mask)
        return total

    def _cycle(self, batch: Batch, result: Tensor) -> Tensor:
        """Swap the target's face back onto the results, which gives the targets again."""
        target = batch["target"]
        with torch.no_grad():
            mouths = None if self.mouth is None else self._mouths(batch, target)
            told = self._told(self.embedded(batch, target), mouths)
        again, _ = self.networks[GENERATOR](result, told)
        every = torch.ones_like(batch["same"])
        return shared.reconstruction(again.float(), target, every)

    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute the losses of the generator or the discriminator."""
        if phase == DISCRIMINATOR:
            real, fake = self.judged(batch["source"]), self.judged(batch.kept["result"])
            return {"total": losses.discriminator(real, fake)}
        return super().losses(phase, batch)

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write the networks, and ``reliableswap.safetensors`` as the engine reads it.

        The latter has the generator with the official layer names, and FixerNet where there is one;
        the engine takes ArcFace from its own file.
        """
        paths = super().export(networks, folder)
        if self.settings.generator != "reliableswap":
            return paths
        matrix = FSGenerator.framing_matrix(self.settings.size)
        parts = {"G.": networks[GENERATOR]} | (
            {} if self.mouth is None else {"mouth_net.": self.mouth.network}
        )
        whole = {"trans_matrix": matrix} | {
            prefix + key: one.detach().cpu().contiguous()
            for prefix, network in parts.items()
            for key, one in network.state_dict().items()
        }
        path = folder / "reliableswap.safetensors"
        save_file(whole, path)
        return (*paths, path)

    def _told(self, embedding: Tensor, mouths: Tensor | None) -> Tensor:
        direction = F.normalize(embedding)
        return direction if mouths is None else torch.cat([direction, mouths], dim=1)

    def _mouths(self, batch: Batch, pictures: Tensor) -> Tensor:
        """Return the mouths' numbers of pictures that lie as the targets of a batch do."""
        assert self.mouth is not None  # the caller's check
        where = batch["placed"] if "placed" in batch.tensors else None
        return cast("Tensor", self.mouth(pictures, where))

    def _maps(self, pictures: Tensor) -> list[list[Tensor]]:
        found = self.networks[DISCRIMINATOR].maps(pictures)  # type: ignore[operator]
        return [[one.float() for one in maps] for maps in found]


def _take_generator(network: nn.Module, path: Path) -> None:
    """Give a generator the weights of a file of its own, or of a whole official one.

    Raises:
        InputError: ``missing_file``, ``damaged_weights`` or ``wrong_weights``.
    """
    expected, states = network.state_dict(), load_states(path)
    parts = [{k: v for k, v in state.items() if k.startswith(_PART)} or state for state in states]
    for part in parts:
        fitting = fit("the generator", expected, part)
        if fitting is not None:
            network.load_state_dict(fitting)
            return
    raise misfit(path, "the generator", expected, parts)


def load_vgg(path: Path) -> VGG19:
    """Load the convolutions of VGG-19 from torchvision's file, frozen.

    Raises:
        InputError: ``missing_file``, ``damaged_weights`` or ``wrong_weights``.
    """
    state = {k: v for k, v in load_state(path).items() if not k.startswith(CLASSIFIER)}
    return _frozen(VGG19(), state, path, "VGG-19")


def load_fixernet(path: Path) -> FixerNet:
    """Load a FixerNet of any depth and widths, frozen.

    Raises:
        InputError: ``missing_file``, ``damaged_weights`` or ``wrong_weights``.
    """
    state = load_state(path)
    left, _, right, _ = MOUTH_BOX
    depth = [
        len({k.split(".")[2] for k in state if k.startswith(f"backbone.layer{n}.")})
        for n in _STAGES
    ]
    convolutions = [state.get("backbone.conv1.weight")]
    convolutions += [state.get(f"backbone.layer{n}.0.conv1.weight") for n in _STAGES]
    if any(one is None for one in convolutions):
        raise misfit(path, "FixerNet", FixerNet().state_dict(), [state])
    widths = [len(cast("Tensor", one)) for one in convolutions]
    backbone = IResNet(depth, MOUTH_FEATURES, right - left, widths)
    return _frozen(FixerNet(backbone), state, path, "FixerNet")


def _frozen(network: _Network, state: dict[str, Tensor], path: Path, name: str) -> _Network:
    expected = network.state_dict()
    fitting = fit(name, expected, state)
    if fitting is None:
        raise misfit(path, name, expected, [state])
    network.load_state_dict(fitting)
    return network.requires_grad_(False).eval()


def _resized(picture: Array, size: int) -> Array:
    return resize(picture, size, size).astype(np.float32) / 255


def _warped(picture: Array, matrix: Array, side: int) -> Array:
    return warp(picture, matrix, side).astype(np.float32) / 255
