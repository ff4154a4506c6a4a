"""The frozen identity encoder of a swapper's training, through which gradients flow."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...geometry.affine import invert
from ...networks.lite import SIZE as LITE_SIZE
from ...records import Array
from ...weights import require
from ...weights.loading import load_into
from .settings import IDENTITY_NETWORKS, IdentitySettings


class IdentityEncoder(nn.Module):
    """Says who a face is; it never learns.

    Args:
        network: Takes (B, 3, side, side) RGB in [-1, 1] and gives (B, D).
        side: Of its input.

    Attributes:
        side: Of its input.
        dim: Length of its embeddings.
    """

    def __init__(self, network: nn.Module, side: int) -> None:
        super().__init__()
        self.network, self.side = network, side
        self.requires_grad_(False).eval()
        with torch.no_grad():
            self.dim = int(network(torch.zeros(1, 3, side, side)).shape[1])

    def train(self, mode: bool = True) -> IdentityEncoder:
        """Stay in eval mode."""
        return super().train(False)

    def forward(self, faces: Tensor, placed: Tensor | None = None) -> Tensor:
        """Embed faces (B, 3, S, S) RGB in [-1, 1], as they are: (B, D) float32.

        They are made smaller or larger bilinearly, as GHOST does in training.

        Args:
            faces: Of any size.
            placed: (B, 2, 3), where the encoder's crop lies in them, as :func:`placed` says; None
                embeds the whole picture.
        """
        with torch.autocast(faces.device.type, enabled=False):
            faces = faces.float()
            size = (self.side, self.side)
            if placed is not None:
                shape = [len(faces), 3, *size]
                grid = F.affine_grid(placed.float(), shape, align_corners=False)
                faces = F.grid_sample(faces, grid, padding_mode="border", align_corners=False)
            elif faces.shape[-1] != self.side:
                faces = F.interpolate(faces, size, mode="bilinear", align_corners=False)
            embedding: Tensor = self.network(faces)
            return embedding.float()


def placed(matrix: Array, side: int, crop_side: int) -> Array:
    """Return where a crop lies in a picture, as ``affine_grid`` wants it.

    Args:
        matrix: (2, 3) from pixels of the picture to those of the crop.
        side: Of the picture.
        crop_side: Of the crop.

    Returns:
        (2, 3) float32, from the crop to the picture, where both reach from -1 to 1.
    """
    onto = invert(matrix)
    linear = onto[:, :2] * crop_side / side
    middle = onto[:, :2] @ np.full(2, (crop_side - 1) / 2) + onto[:, 2]
    return np.column_stack([linear, (2 * middle + 1) / side - 1]).astype(np.float32)


def load_identity(settings: IdentitySettings) -> IdentityEncoder:
    """Load the encoder, strictly.

    Raises:
        InputError: ``missing_weights``, or why the file cannot be used.
    """
    name = IDENTITY_NETWORKS[settings.network]
    path = settings.path
    if path is None:
        assert name is not None  # the settings see to it
        path = require(name)
    network = load_into(settings.network, path)
    side = LITE_SIZE if settings.network == "lite_encoder" else int(getattr(network, "size", 112))
    return IdentityEncoder(network, side)
