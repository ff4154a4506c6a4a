"""GHOST's training: AEI-Net against a multi-scale discriminator, and pupils if wanted.

Source: GHOST (Groshev et al., IEEE Access 2022; ai-forever/ghost), after FaceShifter (Li et al.,
2019, arXiv 1912.13457). Written from the published facts and numbers, not from its code.

What its train.py gets wrong is not repeated here: its switches are bool("False"), which is true;
weights that do not fit are taken in part, and missing ones only mentioned; the running adversarial
loss of ``discr_force`` begins anew every epoch; ``save_epoch`` does nothing; the whole numbers that
``scheduler_gamma`` takes can only be 1 or more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks.face_alignment import FaceAlignmentNetwork
from .. import losses
from ..recipe import Batch, load_initial
from ..swapper.recipe import DISCRIMINATOR, Swap, SwapperRecipe
from .settings import GhostSettings

#: The network of pupils takes pictures of this side.
EYE_SIZE = 256
#: Of WFLW's 98 landmarks.
PUPILS = (96, 97)


class Pupils(nn.Module):
    """The frozen network that sees where pupils are.

    Args:
        network: A :class:`FaceAlignmentNetwork`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the heatmaps (B, 64, 64) of both pupils on (B, 3, S, S) in [-1, 1]."""
        with torch.autocast(pictures.device.type, enabled=False):
            level = (pictures.float() + 1) / 2
            if level.shape[-1] != EYE_SIZE:
                size = (EYE_SIZE, EYE_SIZE)
                level = F.interpolate(level, size, mode="bilinear", align_corners=False)
            maps = self.network(level)
            return maps[:, PUPILS[0]], maps[:, PUPILS[1]]


class GhostRecipe(SwapperRecipe):
    """Builds networks, data and optimizers.

    Args:
        settings: All of its settings.

    Raises:
        InputError: As :class:`SwapperRecipe`.
    """

    name = "ghost"
    changeable = ("max_epoch", "save_epoch")
    settings: GhostSettings

    def __init__(self, settings: GhostSettings) -> None:
        if not settings.pretrained:
            bare = replace(settings, initial_generator=None, initial_discriminator=None)
        super().__init__(settings if settings.pretrained else bare)
        self.settings = settings
        self._pupils: Pupils | None = None
        if settings.eye_detector_loss and settings.eye_detector is not None:
            network = FaceAlignmentNetwork()
            load_initial(network, settings.eye_detector, "the network of pupils")
            self._pupils = Pupils(network)
            self.frozen = {**self.frozen, "pupils": self._pupils}
        self._running = losses.RUNNING_START
        epoch = max(self.pairs.count // self.loop.batch, 1)
        self.loop = replace(
            self.loop,
            steps=min(self.loop.steps, settings.max_epoch * epoch),
            checkpoint_every=min(self.loop.checkpoint_every, settings.save_epoch * epoch),
            precision="float32" if settings.optim_level == "O0" else self.loop.precision,
        )

    def terms(self, batch: Batch, swap: Swap) -> dict[str, Tensor]:
        """Compute the terms, and follow the adversarial one if the discriminator waits for it."""
        terms = super().terms(batch, swap)
        if self.settings.discr_force and "adversarial" in terms:
            value = float(terms["adversarial"].detach())
            self._running = losses.running(self._running, value)
        if self._pupils is not None:
            with torch.no_grad():
                target = self._pupils(batch["target"])
            terms["eyes"] = losses.eyes(target, self._pupils(swap.picture))
        return terms

    def reconstructed(self, batch: Batch) -> Tensor:
        """Return (B,) bool: pairs of one person, or all with ``diff_eq_same``."""
        same = super().reconstructed(batch)
        return torch.ones_like(same) if self.settings.diff_eq_same else same

    def learns(self, phase: str) -> bool:
        """Let the discriminator wait for the generator, if ``discr_force`` asks for it."""
        waits = self.settings.discr_force and self._running >= losses.RUNNING_LIMIT
        return phase != DISCRIMINATOR or not waits

    def state(self) -> dict[str, Any]:
        """Return the running adversarial loss."""
        return {"running": self._running}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        self._running = cast("float", state["running"])
