"""The training of FixerNet: a classifier of people that sees nothing but mouths.

Source: ReliableSwap (Yuan et al., 2023, arXiv 2306.05356), which trains it on CASIA-WebFace.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD

from ...errors import InputError
from ...evaluation.verification import area_under_curve
from ...networks.iresnet import IResNet
from ...networks.reliableswap import MOUTH_BOX, MOUTH_FEATURES, FixerNet
from ...records import Array
from .. import schedules
from ..classification import classify
from ..encoder.export import write_safetensors
from ..faces.dataset import UNKNOWN, FaceShards
from ..margins import Centers, Margin
from ..ordering import AUGMENTATION, EpochOrder, generator
from ..recipe import Batch, Phase, Recipe, as_input
from ..sheets import grid
from .settings import FixerNetSettings

FACE_SIZE = 112
BATCH_OF_RATE = 512  # for which the rate is given
NEAREST, SHEET_ROWS = 6, 12  # of the sample sheet


class FixerNetRecipe(Recipe):
    """Builds networks, data and optimizer of FixerNet's training.

    Args:
        settings: All of its settings.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``, ``other_shards``, ``too_few_people``.
    """

    name = "fixernet"
    averaged, divided = ("fixernet",), ("people",)
    settings: FixerNetSettings

    def __init__(self, settings: FixerNetSettings) -> None:
        self.settings, self.loop = settings, settings.loop
        self._faces = faces = FaceShards(settings.data)
        self.data_key = self._faces.key
        known = np.flatnonzero(faces.identities != UNKNOWN)
        rows = known[~faces.held[known]]
        people = np.unique(faces.identities[rows])
        if len(people) < 2:
            problem = f"{settings.data} has photos of fewer than two known people to learn from."
            raise InputError("too_few_people", problem, "Name the folders that are people.")
        # The centers belong to those people alone that there is something to learn of.
        self._label = np.searchsorted(people, faces.identities)
        self._held = known[faces.held[known]]
        self._order = EpochOrder(rows, self.loop.batch, self.loop.seed)
        self._margin = Margin(scale=settings.scale, angle=settings.margin)
        torch.manual_seed(self.loop.seed)
        left, _, right, _ = MOUTH_BOX
        backbone = IResNet(settings.depth, MOUTH_FEATURES, right - left, settings.widths)
        fixernet = FixerNet(backbone).train()
        self._centers = Centers(len(people), MOUTH_FEATURES)
        self.networks = {"fixernet": fixernet, "people": self._centers}
        optimizer = SGD(
            [one for network in self.networks.values() for one in network.parameters()],
            settings.rate * self.loop.batch / BATCH_OF_RATE,
            settings.momentum,
            weight_decay=settings.weight_decay,
        )
        schedule = schedules.fixernet(optimizer, self.loop.steps / schedules.FIXERNET_EPOCHS)
        self.phases = (Phase("fixernet", ("fixernet", "people"), optimizer, schedule),)

    def batch(self, step: int, part: int, parts: int) -> Batch:
        """Decode the faces of a part of a step: ``face`` (B, 3, 112, 112) and ``person`` (B,)."""
        rows = self._order.rows(step, part, parts)
        faces = []
        for number, row in enumerate(rows.tolist()):
            face = self._faces.cropped(row, "arcface", FACE_SIZE)
            random = generator(AUGMENTATION, self.loop.seed, step, part, number)
            faces.append(face[:, ::-1] if random.random() < self.settings.mirror else face)
        person = torch.from_numpy(self._label[rows])
        return Batch({"face": _as_input(faces), "person": person}, step)

    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute the cross entropy of the people, with a margin."""
        mouths: Tensor = self.networks["fixernet"](batch["face"])
        with torch.autocast(mouths.device.type, enabled=False):
            return classify(self._centers, self._margin, mouths.float(), batch["person"])

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Measure held-out photos of known people.

        Returns:
            ``found``: share of those of whom there is another held-out photo that are most like
            one. ``auc``: area under the curve of all their pairs. Empty without such photos.
        """
        who = self._faces.identities[self._held]
        alike = who[:, None] == who
        np.fill_diagonal(alike, False)
        several = alike.any(axis=1)
        if not several.any() or alike.sum() + len(who) == len(who) ** 2:
            return {}
        cosines = self._cosines(networks, self._held)
        first, second = np.triu_indices(len(who), 1)
        nearest = cosines.argmax(axis=1)
        return {
            "found": float(alike[np.arange(len(who)), nearest][several].mean()),
            "auc": area_under_curve(cosines[first, second], alike[first, second]),
        }

    def sheet(self, networks: Mapping[str, nn.Module]) -> Array | None:
        """Show mouths, each with those that the network finds most alike."""
        rows = self._held if len(self._held) > 1 else self._order.rows(0)
        cosines = self._cosines(networks, rows)
        np.fill_diagonal(cosines, 2.0)
        left, top, right, bottom = MOUTH_BOX
        mouths = [
            self._faces.cropped(row, "arcface", FACE_SIZE)[top:bottom, left:right]
            for row in rows.tolist()
        ]
        shown = range(0, len(mouths), max(1, len(mouths) // SHEET_ROWS))
        return grid(
            [[mouths[n] for n in np.argsort(-cosines[row])[: NEAREST + 1]] for row in shown]
        )

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write ``fixernet.safetensors`` in half precision, with the official keys."""
        path = folder / "fixernet.safetensors"
        write_safetensors(networks["fixernet"], path)
        return (path,)

    def _cosines(self, networks: Mapping[str, nn.Module], rows: Array) -> Array:
        """Return the cosines (N, N) of the mouths of some rows; 0 with itself."""
        network = networks["fixernet"]
        device = next(network.parameters()).device
        parts = []
        for first in range(0, len(rows), self.loop.batch):
            part = rows[first : first + self.loop.batch].tolist()
            faces = _as_input([self._faces.cropped(row, "arcface", FACE_SIZE) for row in part])
            parts.append(F.normalize(network(faces.to(device)).float()).cpu())
        mouths = torch.cat(parts)
        cosines = (mouths @ mouths.T).numpy()
        np.fill_diagonal(cosines, 0.0)
        return np.asarray(cosines)


def _as_input(faces: list[Array]) -> Tensor:
    # The gradient of PReLU in channels-last order crashes at some widths (torch 2.9, CPU).
    return as_input(np.stack(faces).astype(np.float32) / 255).contiguous()
