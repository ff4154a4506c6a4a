"""The training of the small identity encoder by dlib's descriptor.

The student sees a crop in any light, color, sharpness and compression; the teacher saw the clean
one. So it learns who that is and nothing of the light. Pasted faces carry the label of the face
(see :mod:`.synthesis`), and pictures whose person is known are kept apart by a margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...detection.dlib_network import read_dlib_weights
from ...detection.packaged_files import recognition_path
from ...networks.lite import NUMBERS, SIZE, LiteEncoder
from ...records import Array
from ...weights.loading import fitted_state
from ..augment import Augmentation, augment, frame
from ..margins import Centers, Margin
from ..muon import muon_phase
from ..ordering import AUGMENTATION, EpochOrder, generator
from ..quantization import quantize_onnx
from ..recipe import Batch, Recipe, as_input
from ..shards import PackedPictures
from ..sheets import grid
from . import losses
from .export import write_onnx, write_safetensors
from .prepare import FIRST_WEIGHTS, mean_label
from .settings import EncoderSettings
from .teacher import LargeNetwork

NEAREST, SHEET_ROWS = 6, 12  # of the sample sheet
# What faces are exposed to in the evaluation: light and color alone.
_LIGHT = Augmentation(
    **dict.fromkeys(("roll", "zoom", "shift", "mirror", "small", "blur", "jpeg"), 0.0),
    **dict.fromkeys(("occluder", "grain"), 0.0),
    tone=1.0,
    slope=1.0,
)
_NO_SHIFT = np.zeros(2)


class EncoderRecipe(Recipe):
    """Builds networks, data and optimizer of the encoder's training.

    Args:
        settings: All of its settings.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``, or why the first weights cannot be used.
    """

    name = "encoder"
    averaged = ("encoder",)
    settings: EncoderSettings

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings, self.loop = settings, settings.loop
        self._packed = PackedPictures(settings.data)
        self.data_key = self._packed.key
        columns = self._packed.columns
        real = columns["kind"] == "original"
        training = np.flatnonzero(~columns["held"])
        self._training: list[int] = training[real[training]].tolist()
        self._held: list[int] = np.flatnonzero(columns["held"] & real).tolist()
        mean = mean_label(columns)
        self._label = _centered(columns["label"], mean)
        self._own = _centered(columns["teacher"], mean)
        names = np.unique(columns["identity"][columns["identity"] != ""])
        self._person = np.where(
            columns["identity"] == "", -1, np.searchsorted(names, columns["identity"])
        )
        rows = np.concatenate([training, np.repeat(training[real[training]], settings.repeats - 1)])
        self._order = EpochOrder(rows, self.loop.batch, self.loop.seed)
        self._margin = Margin(scale=settings.scale, angle=0.0, cosine=settings.margin)
        torch.manual_seed(self.loop.seed)
        encoder = LiteEncoder().train()
        encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        first = settings.data / FIRST_WEIGHTS if settings.initial is None else settings.initial
        if settings.initial is not None or first.is_file():
            encoder.load_state_dict(fitted_state("lite_encoder", first))
        self._teacher: LargeNetwork | None = None
        if settings.maps:
            self._teacher = LargeNetwork(read_dlib_weights(recognition_path()))
        self._centers = Centers(len(names), NUMBERS)
        self.networks = {"encoder": encoder, "people": self._centers}
        self.phases = (muon_phase(self, "encoder", self.networks, settings),)

    def batch(self, step: int, part: int, parts: int) -> Batch:
        """Decode and augment the samples of a part of a step."""
        rows = self._order.rows(step, part, parts)
        crops = np.stack(
            [
                augment(
                    self._packed.picture(row),
                    SIZE,
                    self.settings.augmentation,
                    generator(AUGMENTATION, self.loop.seed, step, part, number),
                )
                for number, row in enumerate(rows)
            ]
        )
        return Batch(
            {
                "face": as_input(crops),
                "label": torch.from_numpy(self._label[rows]),
                "own": torch.from_numpy(self._own[rows]),
                "person": torch.from_numpy(self._person[rows]),
            },
            step,
        )

    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute distillation, relation, margin and map losses."""
        settings = self.settings
        encoder = cast("LiteEncoder", self.networks["encoder"])
        embedding, found = encoder.with_maps(batch["face"])
        wanted: list[Tensor] = []
        if self._teacher is not None:
            wanted = self._teacher.to(embedding.device).maps(batch["face"])
        with torch.autocast(embedding.device.type, enabled=False):
            embedding = embedding.float()
            teacher = F.normalize(batch["label"] + settings.own * batch["own"])
            distilled = losses.distillation(embedding, teacher)
            related = losses.relation(embedding, teacher)
            apart = losses.people(embedding, self._centers.weight, batch["person"], self._margin)
            total = distilled + settings.relation * related + settings.people * apart
            terms = {"cosine": distilled, "relation": related, "people": apart}
            if wanted:
                terms["maps"] = losses.maps(found, wanted)
                total = total + settings.maps * terms["maps"]
        return {"total": total, **terms}

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Measure held-out photos.

        Returns:
            ``teacher``: mean cosine to the teacher. ``relit``: mean cosine of a photo and its copy
            in other light. ``found``: share of photos whose relit copy is nearer to the photo than
            to all other photos.
        """
        if not len(self._held):
            return {}
        relit = [
            augment(self._packed.picture(row), SIZE, _LIGHT, generator(AUGMENTATION, 0, number))
            for number, row in enumerate(self._held)
        ]
        photos = self._embedded(networks, self._photos(self._held))
        copies = self._embedded(networks, np.stack(relit))
        alike = copies @ photos.T
        return {
            "teacher": float((photos * self._label[self._held]).sum(axis=1).mean()),
            "relit": float(np.diag(alike).mean()),
            "found": float((alike.argmax(axis=1) == np.arange(len(alike))).mean()),
        }

    def sheet(self, networks: Mapping[str, nn.Module]) -> Array | None:
        """Show held-out photos, each with those that the encoder finds most alike."""
        if len(self._held) < 2:
            return None
        photos = [self._photo(row) for row in self._held]
        embedding = self._embedded(networks, np.stack(photos).astype(np.float32) / 255)
        alike = embedding @ embedding.T
        shown = range(0, len(photos), max(1, len(photos) // SHEET_ROWS))
        return grid([[photos[n] for n in np.argsort(-alike[row])[: NEAREST + 1]] for row in shown])

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write ``encoder.safetensors`` in half precision and ``encoder.onnx`` in 8 bits."""
        encoder = cast("LiteEncoder", networks["encoder"])
        paths = (folder / "encoder.safetensors", folder / "encoder.onnx")
        write_safetensors(encoder, paths[0])
        write_onnx(encoder, paths[1])
        if self.settings.calibration:
            rows = self._training[:: max(1, len(self._training) // self.settings.calibration)]
            quantize_onnx(paths[1], "face", (as_input(self._photos([row])).numpy() for row in rows))
        return paths

    def _photo(self, row: int) -> Array:
        """Return a photo as it is, (SIZE, SIZE, 3) uint8."""
        return frame(self._packed.picture(row), SIZE, 0, 1, _NO_SHIFT)

    def _photos(self, rows: Sequence[int]) -> Array:
        """Return photos as they are, (N, SIZE, SIZE, 3) float32 in [0, 1]."""
        return np.stack([self._photo(row) for row in rows]).astype(np.float32) / 255

    def _embedded(self, networks: Mapping[str, nn.Module], crops: Array) -> Array:
        """Embed (N, SIZE, SIZE, 3) float32 in [0, 1]."""
        encoder = networks["encoder"]
        device = next(encoder.parameters()).device
        parts = [
            encoder(as_input(crops[first : first + self.loop.batch]).to(device)).cpu().numpy()
            for first in range(0, len(crops), self.loop.batch)
        ]
        return np.concatenate(parts)


def _centered(descriptors: Array, mean: Array) -> Array:
    moved = descriptors.astype(np.float32) - mean
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))
