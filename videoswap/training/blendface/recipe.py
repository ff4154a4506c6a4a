"""The training of BlendFace's encoder.

An encoder is trained as a classifier of people by ArcFace's loss, on photos of which a share shows
the named person's inner face pasted onto somebody else, in that one's color. So hair, outline and
skin tone say nothing of who it is, and a swapped face is as near to its source as another photo.
Source: BlendFace (Shiohara et al., ICCV 2023, arXiv 2307.10854), by its published code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ... import networks
from ...errors import InputError
from ...geometry.resample import resize
from ...networks.iresnet import IResNet
from ...networks.lite import SIZE as LITE_SIZE
from ...networks.lite import LiteEncoder
from ...records import Array, counted
from ..augment import augment
from ..classification import classify
from ..encoder.export import write_onnx, write_safetensors
from ..faces.dataset import UNKNOWN, FaceShards
from ..margins import Centers, Margin, sample_people
from ..ordering import AUGMENTATION, EpochOrder, generator
from ..recipe import Batch, Phase, Recipe, as_input
from ..schedules import blendface as parabola
from ..sheets import grid
from .pairs import (
    CROP_SIZE,
    FRAMING,
    FacePaster,
    Pasted,
    PseudoPositive,
    measure_pairs,
    pseudo_positives,
)
from .settings import BlendFaceSettings

_SPREAD = 0.01  # of the first centers
_SAMPLED = 1  # tells the draw of people from that of an augmentation
MEASURED, SHEET_ROWS = 500, 8


class BlendFaceRecipe(Recipe):
    """Builds network, data and optimizer of the training.

    Args:
        settings: All of its settings.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``, ``other_shards``, ``no_parts``,
            ``too_few_people``, or why the first weights cannot be used.
    """

    name = "blendface"
    averaged, divided = ("encoder",), ("people",)
    settings: BlendFaceSettings

    def __init__(self, settings: BlendFaceSettings) -> None:
        self.settings, self.loop = settings, settings.loop
        faces = self._faces = FaceShards(settings.data)
        self.data_key = self._faces.key
        whose = _people(faces, singles=settings.singles)
        rows = np.flatnonzero(~faces.held & (whose != UNKNOWN))
        known, numbers = np.unique(whose[rows], return_inverse=True)
        if len(known) < 2:
            people = counted(len(known), "person")
            problem = f"{settings.data} holds photos of {people} to train with."
            raise InputError("too_few_people", problem, "At least 2 are needed; see singles.")
        self._person = np.full(len(faces), UNKNOWN)
        self._person[rows] = numbers
        self._paster = None
        if settings.p_augment:
            self._paster = FacePaster(
                faces,
                faces.training,
                _people(faces, singles=True),
                candidates=settings.candidates,
                search=settings.search,
            )
        self._order = EpochOrder(rows, self.loop.batch, self.loop.seed)
        self._held = self._pairs()
        self._margin = Margin(settings.scale, settings.angle, settings.cosine)
        torch.manual_seed(self.loop.seed)
        encoder, dim = _encoder(settings)
        self._people, self._centers = len(known), Centers(len(known), dim, spread=_SPREAD)
        self.networks = {"encoder": encoder, "people": self._centers}
        optimizer = torch.optim.SGD(
            [*encoder.parameters(), *self._centers.parameters()],
            lr=settings.rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
        schedule = parabola(optimizer, self.loop.steps)
        self.phases = (Phase("encoder", ("encoder", "people"), optimizer, schedule),)

    def batch(self, step: int, part: int, parts: int) -> Batch:
        """Decode, paste and augment the samples of a part of a step."""
        rows, settings = self._order.rows(step, part, parts), self.settings
        place = (AUGMENTATION, self.loop.seed, step, part)
        made = [self._sample(int(row), generator(*place, n)) for n, row in enumerate(rows)]
        crops, pasted = (np.array(one) for one in zip(*made, strict=True))
        labels = self._person[rows]
        tensors = {"face": _as_input(crops), "pasted": torch.from_numpy(pasted)}
        if settings.sampled < 1:
            # The same people for all parts of a step, wherever they are computed.
            random = generator(AUGMENTATION, self.loop.seed, step, _SAMPLED)
            whole = self._person[self._order.rows(step)]
            sampled = sample_people(whole, self._people, settings.sampled, random)
            labels = np.searchsorted(sampled, labels)
            tensors["sampled"] = torch.from_numpy(sampled)
        tensors["person"] = torch.from_numpy(labels)
        return Batch(tensors, step)

    def _sample(self, row: int, random: np.random.Generator) -> tuple[Array, int]:
        pasted = Pasted.NOT_ASKED
        if self._paster is not None and random.random() < self.settings.p_augment:
            crop, pasted = self._paster.sample(row, random)
        else:
            crop = self._faces.cropped(row, FRAMING, CROP_SIZE)
        side = _side(self.networks["encoder"])
        return augment(crop, side, self.settings.augmentation, random), int(pasted)

    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute the margin loss.

        Returns:
            ``total``; ``right``: share of the batch whose own person is the nearest; ``pasted``
            and ``refused``: shares that were pasted, or should have been and could not.
        """
        embedding: Tensor = self.networks["encoder"](batch["face"])
        labels, pasted = batch["person"], batch["pasted"]
        with torch.autocast(embedding.device.type, enabled=False):
            sampled = batch.tensors.get("sampled")
            found = classify(self._centers, self._margin, embedding.float(), labels, sampled)
        return {
            **found,
            "pasted": (pasted == Pasted.DONE).float().mean(),
            "refused": (pasted == Pasted.REFUSED).float().mean(),
        }

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Measure held-out faces pasted onto each other; see :func:`measure_pairs`."""
        if not self._held:
            return {}
        encoder = networks["encoder"]
        return measure_pairs(lambda crops: embedded(encoder, crops, self.loop.batch), self._held)

    def sheet(self, networks: Mapping[str, nn.Module]) -> Array | None:
        """Show photos, other photos of the people, partners, and the faces pasted onto them."""
        if not self._held:
            return None
        shown = self._held[:: max(1, len(self._held) // SHEET_ROWS)][:SHEET_ROWS]
        return grid([[one.anchor, one.other, one.partner, one.swapped] for one in shown])

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write ``encoder.safetensors``, and ``encoder.onnx`` of the small encoder.

        ``videoswap verify --encoder blendface --weights`` reads the first, or ``--encoder lite``
        the second.
        """
        encoder, path = networks["encoder"], folder / "encoder.safetensors"
        if not isinstance(encoder, LiteEncoder):
            write_safetensors(encoder, path, half=False)
            return (path,)
        write_safetensors(encoder, path)
        write_onnx(encoder, folder / "encoder.onnx")
        return path, folder / "encoder.onnx"

    def _pairs(self) -> list[PseudoPositive]:
        """Paste held-out faces, as many as are measured; of those with a second photo if any."""
        faces, held = self._faces, self._faces.held_out
        if len(held) < 2 or faces.parts(int(held[0])) is None:
            return []
        people = _people(faces, singles=True)
        paster = FacePaster(faces, held, people, candidates=self.settings.candidates)
        rows = [row for row in held.tolist() if len(paster.others_of(row))] or held.tolist()
        every = -(-len(rows) // MEASURED)
        return pseudo_positives(faces, rows[::every], paster, self.loop.seed)


def embedded(encoder: nn.Module, crops: Array, at_once: int) -> Array:
    """Embed (N, 112, 112, 3) uint8 crops; (N, D) float32."""
    device, side = next(encoder.parameters()).device, _side(encoder)
    found = []
    for first in range(0, len(crops), at_once):
        some = np.stack([resize(crop, side, side) for crop in crops[first : first + at_once]])
        faces = _as_input(some.astype(np.float32) / 255).to(device)
        found.append(encoder(faces).float().cpu().numpy())
    return np.concatenate(found)


def _encoder(settings: BlendFaceSettings) -> tuple[nn.Module, int]:
    """Return the network in training mode, and the length of its embeddings."""
    name = "lite_encoder" if settings.network == "lite" else settings.network
    encoder = networks.build(name).train()
    if settings.initial is not None:
        from ...weights.loading import fitted_state

        encoder.load_state_dict(fitted_state(name, settings.initial))
    last = [one for one in encoder.modules() if isinstance(one, nn.Linear)][-1]
    return encoder, last.out_features


def _as_input(crops: Array) -> Tensor:
    # The gradient of PReLU in channels-last order crashes at some widths (torch 2.9, CPU).
    return as_input(crops).contiguous()


def _side(encoder: nn.Module) -> int:
    return LITE_SIZE if isinstance(encoder, LiteEncoder) else cast("IResNet", encoder).size


def _people(faces: FaceShards, *, singles: bool) -> Array:
    """Return whose face each is, (N,) int64; unknown ones are people of their own if wanted."""
    whose = faces.identities.copy()
    if singles:
        unknown = np.flatnonzero(whose == UNKNOWN)
        whose[unknown] = len(faces.people) + np.arange(len(unknown))
    return whose
