"""A swapper trained by ClipSwap's losses, with any generator of the base.

ClipSwap (FG 2024) publishes inference and Keras weights, no training. Its README
names the losses; what they are made of here is said in :mod:`.losses`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError
from ...networks.clip_vision import ClipVision, clip_shape, clip_state
from ...records import Array
from ...weights.loading import load_states
from ..recipe import Batch
from ..swapper.recipe import Swap, SwapperRecipe
from . import losses
from .settings import ClipSettings, ClipSwapSettings


class ClipSwapRecipe(SwapperRecipe):
    """Builds networks, data and optimizers.

    Args:
        settings: All of its settings.

    Raises:
        InputError: As :class:`SwapperRecipe`.
    """

    name = "clipswap"
    settings: ClipSwapSettings

    def __init__(self, settings: ClipSwapSettings) -> None:
        super().__init__(settings)
        self._clip: ClipVision | None = None
        if settings.clip.path is not None:
            self._clip = load_clip(settings.clip.path, settings.clip)
            self.frozen = {**self.frozen, "clip": self._clip}

    def sample(self, row: int, random: np.random.Generator) -> dict[str, Array]:
        """Make one pair, as the base does, and ``views``: (V, 6), where its views lie."""
        made = super().sample(row, random)
        settings = self.settings
        sides = random.uniform(settings.smallest_view, 1, settings.views)
        middles = random.uniform(-1, 1, (settings.views, 2)) * (1 - sides)[:, None]
        flips = np.where(random.random(settings.views) < 0.5, -1, 1)
        views = np.zeros((settings.views, 2, 3), np.float32)
        views[:, 0, 0], views[:, 1, 1], views[:, :, 2] = sides * flips, sides, middles
        return {**made, "views": views.reshape(settings.views, 6)}

    def terms(self, batch: Batch, swap: Swap) -> dict[str, Tensor]:
        """Compute the terms of the base and those of ClipSwap."""
        terms, weights = super().terms(batch, swap), self.settings.weights
        if weights.preservation:
            maps = self.attributes(swap.picture)
            terms["preservation"] = losses.preservation(swap.maps, maps)
        if self._clip is None:
            return terms
        if weights.clip:
            with torch.no_grad():
                source = self._clip(batch["source"])
            terms["clip"] = losses.clip_guidance(source, self._clip(swap.picture))
        if weights.contrastive:
            terms["contrastive"] = self._contrastive(batch, swap.picture)
        return terms

    def _contrastive(self, batch: Batch, results: Tensor) -> Tensor:
        """Return the mean of the contrastive loss over the views."""
        assert self._clip is not None
        found = []
        for number in range(self.settings.views):
            where = batch["views"][:, number].reshape(-1, 2, 3)
            with torch.no_grad():
                source, target = (
                    self._clip(viewed(batch[name], where)) for name in ("source", "target")
                )
            found.append(
                losses.contrastive(
                    source,
                    target,
                    self._clip(viewed(results, where)),
                    temperature=self.settings.temperature,
                    same=batch["same"],
                )
            )
        return torch.stack(found).mean()


def viewed(pictures: Tensor, where: Tensor) -> Tensor:
    """Cut views (B, 3, S, S) out of pictures of that shape.

    Args:
        pictures: Float.
        where: (B, 2, 3), from the view to the picture, where both reach from -1 to 1.
    """
    grid = F.affine_grid(where, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def load_clip(path: Path, settings: ClipSettings) -> ClipVision:
    """Load the image encoder of a CLIP file, frozen.

    Args:
        path: Of open_clip or transformers.
        settings: Heads and activation, which weights do not tell.

    Raises:
        InputError: ``wrong_weights``, or what ``videoswap.weights.load_state`` raises.
    """
    for state in load_states(path):
        own = clip_state(state)
        shape = None if own is None else clip_shape(own)
        if own is None or shape is None:
            continue
        with torch.random.fork_rng(devices=[]):
            network = ClipVision(shape, settings.heads, settings.activation)
        try:
            network.load_state_dict(own)
        except RuntimeError as error:
            first = str(error).splitlines()[-1].strip()
            problem = f"{path} does not fit CLIP's image encoder: {first}"
            raise InputError("wrong_weights", problem) from None
        return network.requires_grad_(False).eval()
    raise InputError(
        "wrong_weights",
        f"{path} has no image encoder of CLIP.",
        "Take a ViT of open_clip (open_clip_model.safetensors) or transformers "
        "(model.safetensors of CLIPModel).",
    )
