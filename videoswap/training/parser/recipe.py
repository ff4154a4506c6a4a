"""The training of the face parser on corrected labels, with drawn glasses and beards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...detection.face_parser import FRAME_SHARE, PART_COLORS, FacePart
from ...networks.parser import PARSER_CLASSES, PARSER_SIZE, ParserNetwork
from ...records import Array
from ..augment import Augmentation, change_look
from ..encoder.export import write_safetensors
from ..muon import muon_phase
from ..ordering import AUGMENTATION, EpochOrder, generator
from ..recipe import Batch, Recipe, as_input, load_initial
from ..shards import PackedPictures
from ..sheets import grid
from .beards import draw_beard
from .export import write_parser_onnx
from .glasses import draw_glasses
from .labels import IGNORED
from .settings import ParserSettings

#: How much a pixel of each class counts: small parts more.
CLASS_WEIGHTS = (0.6, 0.8, 1.5, 2.0, 1.5, 1.5, 0.8, 2.5, 1.2, 1.0)
SHEET_FACES, SHEET_COLUMNS = 36, 4
_BORDERS = (cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT, cv2.BORDER_CONSTANT)


class ParserRecipe(Recipe):
    """Builds network, data and optimizer of the parser's training.

    Args:
        settings: All of its settings.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``, or why the first weights cannot be used.
    """

    name = "parser"
    averaged = ("parser",)
    settings: ParserSettings

    def __init__(self, settings: ParserSettings) -> None:
        self.settings, self.loop = settings, settings.loop
        self._packed = PackedPictures(settings.data)
        self.data_key = self._packed.key
        columns = self._packed.columns
        self._held: list[int] = np.flatnonzero(columns["held"]).tolist()
        rows = np.flatnonzero(~columns["held"])
        self._bearded = np.flatnonzero(~columns["held"] & (columns["kind"] == "beard"))
        self._order = EpochOrder(rows, self.loop.batch, self.loop.seed)
        torch.manual_seed(self.loop.seed)
        parser = ParserNetwork().train()
        parser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if settings.initial is not None:
            load_initial(parser, settings.initial, "the parser")
        self.networks = {"parser": parser}
        last = [parser.last.weight]
        self.phases = (muon_phase(self, "parser", self.networks, settings, last),)

    def batch(self, step: int, part: int, parts: int) -> Batch:
        """Decode, draw on and augment the samples of a part of a step."""
        rows = self._order.rows(step, part, parts)
        made = [
            self._sample(int(row), generator(AUGMENTATION, self.loop.seed, step, part, number))
            for number, row in enumerate(rows)
        ]
        crops, labels = (np.stack(one) for one in zip(*made, strict=True))
        return Batch({"face": as_input(crops), "label": torch.from_numpy(labels)}, step)

    def _sample(self, row: int, random: np.random.Generator) -> tuple[Array, Array]:
        columns, settings = self._packed.columns, self.settings
        if len(self._bearded) and random.random() < settings.bearded:
            row = int(random.choice(self._bearded))
        picture, label = self._packed.picture(row), columns["label"][row]
        points = columns["points"][row].astype(np.float64) * len(label) - 0.5
        if random.random() < settings.beard and not columns["beard"][row]:
            picture, label = draw_beard(picture, label, points, random)
        if random.random() < settings.glasses and not columns["glasses"][row]:
            picture, label = draw_glasses(picture, label, points, random)
        picture, label = _framed(picture, label, settings.augmentation, random)
        level = change_look(picture, settings.augmentation, random)
        if random.random() < settings.augmentation.occluder:
            side = len(level)
            width, height = random.integers(side // 10, side // 2, size=2)
            x, y = random.integers(0, side - width), random.integers(0, side - height)
            level[y : y + height, x : x + width] = random.random(3)
            label[y : y + height, x : x + width] = FacePart.BACKGROUND
        return np.clip(level, 0, 1), label

    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute the weighted cross-entropy of the pixels that are not in doubt."""
        logits: Tensor = self.networks["parser"](batch["face"])
        label = batch["label"].long()
        weights = torch.tensor(CLASS_WEIGHTS, device=label.device)
        with torch.autocast(label.device.type, enabled=False):
            total = F.cross_entropy(
                logits.float(),
                label,
                weights,
                ignore_index=IGNORED,
                label_smoothing=self.settings.smoothing,
            )
        with torch.no_grad():
            known = label != IGNORED
            right = (logits.argmax(1) == label)[known].float().mean()
        return {"total": total, "right": right}

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Measure held-out faces against their corrected labels.

        Returns:
            The intersection over union of every class in lower case, and their mean ``iou``.
        """
        if not self._held:
            return {}
        pictures, labels = self._held_out(self._held)
        answers = self._parsed(networks, pictures)
        return class_ious(answers, labels)

    def sheet(self, networks: Mapping[str, nn.Module]) -> Array | None:
        """Show held-out faces and their parts."""
        if not self._held:
            return None
        step = max(1, len(self._held) // SHEET_FACES)
        pictures, _ = self._held_out(self._held[::step][:SHEET_FACES])
        answers = self._parsed(networks, pictures)
        cells = [
            one
            for picture, answer in zip(pictures, answers, strict=True)
            for one in (picture, painted(picture, answer))
        ]
        width = 2 * SHEET_COLUMNS
        return grid([cells[first : first + width] for first in range(0, len(cells), width)])

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write ``parser.safetensors`` in half precision and ``parser.onnx``."""
        parser = cast("ParserNetwork", networks["parser"])
        paths = (folder / "parser.safetensors", folder / "parser.onnx")
        write_safetensors(parser, paths[0])
        write_parser_onnx(parser, paths[1])
        return paths

    def _held_out(self, rows: list[int]) -> tuple[Array, Array]:
        """Return crops (N, S, S, 3) uint8 and their labels (N, S, S), in the network's framing."""
        still = Augmentation(**dict.fromkeys(Augmentation.__slots__, 0.0))
        made = [
            _framed(
                self._packed.picture(row),
                self._packed.columns["label"][row],
                still,
                generator(AUGMENTATION, 0, number),
                border=cv2.BORDER_REPLICATE,
            )
            for number, row in enumerate(rows)
        ]
        pictures, labels = (np.stack(one) for one in zip(*made, strict=True))
        return pictures, labels

    def _parsed(self, networks: Mapping[str, nn.Module], pictures: Array) -> Array:
        """Return the likeliest classes (N, S, S) of crops (N, S, S, 3) uint8."""
        parser = networks["parser"]
        device = next(parser.parameters()).device
        parts = []
        for first in range(0, len(pictures), self.loop.batch):
            crops = pictures[first : first + self.loop.batch].astype(np.float32) / 255
            parts.append(parser(as_input(crops).to(device)).argmax(1).cpu().numpy())
        return np.concatenate(parts)


def class_ious(answers: Array, labels: Array) -> dict[str, float]:
    """Compare classes with labels, leaving out `IGNORED`.

    Args:
        answers: (N, S, S) classes.
        labels: (N, S, S) classes or `IGNORED`.

    Returns:
        The intersection over union of every class that occurs, by its name in lower case, and
        their mean ``iou``.
    """
    known = labels != IGNORED
    found: dict[str, float] = {}
    for part in FacePart:
        said, true = (answers == part) & known, labels == part
        either = int((said | true).sum())
        if either:
            found[part.name.lower()] = float((said & true).sum() / either)
    return {"iou": float(np.mean(list(found.values()))), **found}


def painted(picture: Array, answer: Array) -> Array:
    """Tint a picture (S, S, 3) uint8 by its classes (S, S)."""
    colors = np.array(PART_COLORS, np.float32)[answer]
    return np.asarray(0.45 * picture + 0.55 * colors, np.uint8)


def _framed(
    picture: Array,
    label: Array,
    settings: Augmentation,
    random: np.random.Generator,
    *,
    border: int | None = None,
) -> tuple[Array, Array]:
    """Move a crop and its label in the network's frame; what lies outside is not known."""
    side = PARSER_SIZE
    scale = FRAME_SHARE * np.exp(random.normal() * settings.zoom) * side / len(picture)
    angle = random.normal() * settings.roll
    aspect = np.exp(random.normal() * 0.5 * settings.zoom)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([aspect, 1 / aspect])
    if random.random() < settings.mirror:
        linear = linear @ np.diag([-1.0, 1.0])
    shift = random.normal(size=2) * settings.shift * side
    middle = np.full(2, (len(picture) - 1) / 2)
    matrix = np.column_stack([linear, (side - 1) / 2 + shift - linear @ middle])
    if border is None:
        border = int(random.choice(_BORDERS))
    made = cv2.warpAffine(
        picture,
        matrix,
        (side, side),
        flags=cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR,
        borderMode=border,
        borderValue=random.uniform(0, 255, 3).tolist(),
    )
    moved = cv2.warpAffine(
        label,
        matrix,
        (side, side),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=IGNORED,
    )
    return np.asarray(made), np.asarray(moved)


assert len(CLASS_WEIGHTS) == len(FacePart) == PARSER_CLASSES
