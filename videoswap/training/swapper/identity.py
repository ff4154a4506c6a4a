"""The frozen identity encoder of a swapper's training, through which gradients flow."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks.lite import SIZE as LITE_SIZE
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

    def forward(self, faces: Tensor) -> Tensor:
        """Embed faces (B, 3, S, S) RGB in [-1, 1], of any size, as they are: (B, D) float32.

        They are made smaller or larger bilinearly, as GHOST does in training.
        """
        with torch.autocast(faces.device.type, enabled=False):
            faces = faces.float()
            if faces.shape[-1] != self.side:
                faces = F.interpolate(
                    faces, (self.side, self.side), mode="bilinear", align_corners=False
                )
            embedding: Tensor = self.network(faces)
            return embedding.float()


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
