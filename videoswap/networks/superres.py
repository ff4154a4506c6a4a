"""GHOST's super-resolution generator: the same picture, sharper, at the same size.

Architecture: SPADE (Park et al., 2019, arXiv 1903.07291) guided by the picture itself, behind an
encoder with local importance pooling (Gao et al., ICCV 2019, arXiv 1908.04156), the ``lipspade``
generator of HiFaceGAN (Yang et al., 2020, arXiv 2005.05005). Keys as in ai-forever/ghost; the
arithmetic was found from the published numbers. It modulates by ``gamma`` where SPADE's paper has
``1 + gamma``.

GHOST runs this network in train mode by mistake: batch statistics and a step of spectral power
iteration with every call. That is reproduced by calling ``train()`` on it, which changes its
buffers; in eval mode a face does not depend on the others of its batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

LEAK = 0.2
#: Range of the pooling's log-weights.
GATE = 12.0
SHARED_WIDTH = 128
HALVINGS = 5


class _Gate(nn.Module):
    """Squash to (0, 12)."""

    def forward(self, x: Tensor) -> Tensor:
        return GATE * torch.sigmoid(x)


class _ImportancePool(nn.Module):
    """Halve a map by a weighted mean; the weights are learned from the map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.logit = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(channels, affine=True),
            _Gate(),
        )

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.exp(self.logit(x))
        return F.avg_pool2d(x * weight, 3, 2, 1) / F.avg_pool2d(weight, 3, 2, 1)


class _Encoder(nn.Module):
    """Picture to a map of 1/32 of its size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        c, widest = width, 16 * width
        layers: list[nn.Module] = [
            nn.Conv2d(3, c, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(c),
            nn.ReLU(),
        ]
        for _ in range(HALVINGS):
            c_out = min(2 * c, widest)
            layers += [
                _ImportancePool(c),
                nn.Conv2d(c, c_out, 3, 1, 1),
                nn.InstanceNorm2d(c_out),
                nn.ReLU(),
            ]
            c = c_out
        self.model = nn.Sequential(*layers[:-1])  # No ReLU at the end.

    def forward(self, x: Tensor) -> Tensor:
        encoded: Tensor = self.model(x)
        return encoded


class _Spade(nn.Module):
    """Batch norm whose scale and shift are read from the guiding picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        shared = min(SHARED_WIDTH, channels)
        self.param_free_norm = nn.BatchNorm2d(channels, affine=False)
        self.mlp_shared = nn.Sequential(nn.Conv2d(3, shared, 3, 1, 1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(shared, channels, 3, 1, 1, bias=False)
        self.mlp_beta = nn.Conv2d(shared, channels, 3, 1, 1, bias=False)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        shared = self.mlp_shared(F.interpolate(guide, size=x.shape[2:], mode="nearest"))
        gamma, beta = self.mlp_gamma(shared), self.mlp_beta(shared)
        normed: Tensor = self.param_free_norm(x)
        result: Tensor = normed * gamma + beta
        return result


class _Block(nn.Module):
    """Residual block of SPADE norms and spectrally normalised convolutions."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        c_mid = min(c_in, c_out)
        self.changes = c_in != c_out
        self.conv_0 = spectral_norm(nn.Conv2d(c_in, c_mid, 3, 1, 1))
        self.conv_1 = spectral_norm(nn.Conv2d(c_mid, c_out, 3, 1, 1))
        if self.changes:
            self.conv_s = spectral_norm(nn.Conv2d(c_in, c_out, 1, bias=False))
        self.norm_0 = _Spade(c_in)
        self.norm_1 = _Spade(c_mid)
        if self.changes:
            self.norm_s = _Spade(c_in)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        y = self.conv_0(F.leaky_relu(self.norm_0(x, guide), LEAK))
        y = self.conv_1(F.leaky_relu(self.norm_1(y, guide), LEAK))
        shortcut = self.conv_s(self.norm_s(x, guide)) if self.changes else x
        result: Tensor = shortcut + y
        return result


class SuperResolution(nn.Module):
    """The whole generator.

    ``fc`` and all of ``to_rgbs`` but the last lie in the checkpoint but take no part.

    Args:
        width: Channels of the finest block.
    """

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        top = 16 * width
        finer = [8 * width, 4 * width, 2 * width, width]
        self.fc = nn.Conv2d(3, top, 3, 1, 1)
        self.head_0 = _Block(top, top)
        self.G_middle_0 = _Block(top, top)
        self.G_middle_1 = _Block(top, top)
        self.ups = nn.ModuleList(
            _Block(a, b) for a, b in zip([top, *finer[:-1]], finer, strict=True)
        )
        self.to_rgbs = nn.ModuleList(nn.Conv2d(c, 3, 3, 1, 1) for c in finer)
        self.lip_encoder = _Encoder(width)

    def forward(self, picture: Tensor) -> Tensor:
        """Sharpen.

        Args:
            picture: (B, 3, S, S) RGB in [0, 1], S a multiple of 32 (256 in GHOST).

        Returns:
            (B, 3, S, S) RGB, tanh's (-1, 1); GHOST clamps it to [0, 1].
        """
        x = self.head_0(self.lip_encoder(picture), picture)
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = self.G_middle_1(self.G_middle_0(x, picture), picture)
        for block in self.ups:
            x = block(F.interpolate(x, scale_factor=2, mode="nearest"), picture)
        return torch.tanh(self.to_rgbs[-1](F.leaky_relu(x, LEAK)))
