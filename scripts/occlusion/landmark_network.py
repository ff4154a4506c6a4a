"""The network that finds the landmarks of a face with something before it.

Coarse maps see the whole face and complete what is hidden; fine ones say where each landmark is,
as the mean place of a softmax (Sun et al., "Integral Human Pose Regression", ECCV 2018). The
landmarks that dlib finds in the same picture are a guess; where nothing leads them astray they are
taken, so that faces with and without something before them have the same outline.
"""

from __future__ import annotations

import torch
from network import conv, doubled
from shapes import SIDE
from torch import Tensor, nn
from torch.nn import functional

COARSENESS = 4  # pixels a cell of the maps that say where landmarks are
REACH = 1.3  # these reach over the picture's border, as jaws do
_MIDDLE = (SIDE - 1) / 2


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.a = conv(width, width)
        self.b = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.b(self.a(x)))


class Landmarks(nn.Module):
    """Landmarks of a face, and whether to trust a guess of them."""

    def __init__(self, widths: tuple[int, int, int, int, int] = (24, 40, 64, 96, 112)) -> None:
        super().__init__()
        a, b, c, d, e = widths
        whole, squeezed = e * (SIDE // 32) ** 2, 128
        self.stem = conv(16, a)
        self.d2 = nn.Sequential(conv(a, b, 2), _Residual(b))
        self.d3 = nn.Sequential(conv(b, c, 2), _Residual(c), _Residual(c))
        self.d4 = nn.Sequential(conv(c, d, 2), _Residual(d), _Residual(d))
        self.d5 = nn.Sequential(conv(d, e, 2), _Residual(e))
        self.g1, self.g2 = nn.Linear(whole, squeezed), nn.Linear(squeezed, whole)
        self.r4, self.u4 = nn.Conv2d(e, d, 1), _Residual(d)
        self.r3, self.u3 = nn.Conv2d(d, c, 1), _Residual(c)
        self.r2, self.u2 = nn.Conv2d(c, b, 1), conv(b, 64)
        self.h = nn.Conv2d(64, 68, 1)
        self.t1, self.t2 = nn.Linear(squeezed + 5 * 68, 256), nn.Linear(256, 68)
        nn.init.constant_(self.t2.bias, -1.0)
        cells = (torch.arange(SIDE // COARSENESS) + 0.5) * COARSENESS - 0.5
        self.register_buffer("at", cells, persistent=False)

    def forward(self, x: Tensor, guess: Tensor) -> tuple[Tensor, Tensor]:
        """Say where landmarks are without the guess, and how much the guess is to be trusted.

        Args:
            x: (B, 4, S, S), picture and what is in front, in [-1, 1].
            guess: (B, 68, 2) pixels.

        Returns:
            (B, 68, 2) pixels and (B, 68), 0 to 1.
        """
        b = self.d2(self.stem(functional.pixel_unshuffle(x, 2)))
        c = self.d3(b)
        d = self.d4(c)
        e = self.d5(d)
        squeezed = functional.relu(self.g1(e.flatten(1)))
        e = functional.relu(e + self.g2(squeezed).view_as(e))
        d = self.u4(d + doubled(self.r4(e)))
        c = self.u3(c + doubled(self.r3(d)))
        b = self.u2(b + doubled(self.r2(c)))
        maps = self.h(b).float()
        shares = maps.flatten(2).softmax(2).view(maps.shape)
        across, down = ((shares.sum(axis) * self.at).sum(2) for axis in (2, 3))
        own = (torch.stack([across, down], 2) - _MIDDLE) * REACH + _MIDDLE
        return own, self._trust(own, guess, x[:, 3:], squeezed.float())

    def _trust(self, own: Tensor, guess: Tensor, front: Tensor, squeezed: Tensor) -> Tensor:
        apart = ((guess - own) / 8).clamp(-4, 4)
        near = functional.avg_pool2d(front.float(), COARSENESS)
        there = [
            functional.grid_sample(
                near, ((points - _MIDDLE) / (SIDE / 2))[:, None], align_corners=False
            ).flatten(1)
            for points in (own, guess)
        ]
        known = [squeezed, apart.flatten(1), apart.square().sum(2).add(1e-6).sqrt(), *there]
        return torch.sigmoid(self.t2(functional.relu(self.t1(torch.cat(known, 1)))).float())


class Exported(nn.Module):
    """The network as ``videoswap.detection.occluded_landmarks`` wants it."""

    def __init__(self, network: Landmarks) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, front: Tensor, guess: Tensor) -> tuple[Tensor, Tensor]:
        """Do as the network does.

        Args:
            picture: (B, S, S, 3) RGB, 0 to 255.
            front: (B, S, S), 0 to 1.
            guess: (B, 68, 2) pixels.
        """
        both = torch.cat([picture, 255 * front[..., None]], 3).permute(0, 3, 1, 2) / 127.5 - 1
        return self.network(both, guess)
