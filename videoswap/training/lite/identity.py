"""Who a picture shows, as a loss: the lite encoder compares results with answers and targets."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...engines.mesh.engine import MeshEngine
from ...geometry.affine import TEMPLATES, crop_matrix
from ...networks.correction import CORRECTION_SIZE
from ...networks.lite import SIZE, LiteEncoder
from ...weights.loading import fitted_state


class IdentityJudge:
    """A frozen lite encoder that gets crops in the mesh engine's framing.

    Args:
        weights: Of the encoder, a safetensors file.

    Raises:
        InputError: Why they cannot be used.
    """

    def __init__(self, weights: Path) -> None:
        encoder = LiteEncoder()
        encoder.load_state_dict(fitted_state("lite_encoder", weights))
        encoder.eval().requires_grad_(False)
        self._encoder = encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        template = MeshEngine.spec.template
        assert not callable(template)
        matrix = crop_matrix(CORRECTION_SIZE * template, TEMPLATES["arcface_112_v2"], SIZE)
        # Both framings are upright and in the middle: only size and height differ.
        middle = ((SIZE - 1) / 2 - matrix[:, 2]) / matrix[0, 0]
        shift = 2 * (middle + 0.5) / CORRECTION_SIZE - 1
        theta = torch.tensor(
            [[1 / matrix[0, 0] * SIZE / CORRECTION_SIZE, 0, shift[0]],
             [0, 1 / matrix[0, 0] * SIZE / CORRECTION_SIZE, shift[1]]],
            dtype=torch.float32,
        )  # fmt: skip
        self._grid = F.affine_grid(theta[None], [1, 3, SIZE, SIZE], align_corners=False)

    def terms(self, made: Tensor, answer: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Compute the terms of identity.

        Args:
            made: (B, 3, 96, 96) RGB in [-1, 1] in the mesh engine's framing.
            answer: Likewise; who it should be.
            target: Likewise; who it should not be.

        Returns:
            ``identity``: mean of one minus the cosine to the answer. ``away``: by how much it is
            nearer to the target than the answer is. ``features``: how far apart the features of
            result and answer are, of their mean size.
        """
        with torch.no_grad():
            right, features = self._embed(answer)
            wrong, _ = self._embed(target)
        own, seen = self._embed(made)
        with torch.autocast(made.device.type, enabled=False):
            nearer = (own * wrong).sum(1) - (right * wrong).sum(1)
            apart = [
                (one.float() - other.float()).abs().mean() / other.float().abs().mean()
                for one, other in zip(seen, features, strict=True)
            ]
            return {
                "identity": 1 - (own * right).sum(1).mean(),
                "away": F.relu(nearer).mean(),
                "features": torch.stack(apart).mean(),
            }

    def cosines(self, one: Tensor, other: Tensor) -> Tensor:
        """Return how alike (B,) the people of two batches are."""
        return (self._embed(one)[0] * self._embed(other)[0]).sum(1)

    def _embed(self, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return embeddings of length 1 and the features of the first two stages."""
        grid = self._grid.to(picture.device).expand(len(picture), -1, -1, -1)
        flow = F.grid_sample(picture.float(), grid, padding_mode="border", align_corners=False)
        embedding, maps = self._encoder.with_maps(
            flow.contiguous(memory_format=torch.channels_last)
        )
        return embedding, maps[:2]
