"""The networks of occlusion: what is in front of a face, and where its landmarks are behind it.

The first is a small U-Net (Ronneberger et al., 2015, arXiv 1505.04597) over a picture and its
reference. In the second, coarse maps see the whole face and complete what is hidden; fine ones say
where each landmark is, as the mean place of a softmax (Sun et al., "Integral Human Pose
Regression", ECCV 2018). The landmarks that dlib finds in the same picture are a guess; where
nothing leads them astray they are taken, so that faces with and without something before them have
the same outline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Side of the pictures in pixels.
OCCLUSION_SIZE = 128
REACHES = (2, 6)  # pixels of half the side by which a reference may be out of place
DIFFERENCES = 3 + 3 * len(REACHES)
COARSENESS = 4  # pixels a cell of the maps that say where landmarks are
REACH = 1.3  # these reach over the picture's border, as jaws do
_MIDDLE = (OCCLUSION_SIZE - 1) / 2


def conv(given: int, made: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution with its norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(given, made, 3, stride, 1, bias=False),
        nn.BatchNorm2d(made),
        nn.ReLU(inplace=True),
    )


def doubled(x: Tensor) -> Tensor:
    """Return maps of twice the side."""
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Residual(nn.Module):
    """Two convolutions whose answer is added to what they were given.

    A fresh one adds nothing, so that a trained network can be given more of them.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = conv(width, 2 * width)
        self.back = nn.Conv2d(2 * width, width, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same shape."""
        return functional.relu(x + self.norm(self.back(self.wide(x))))


def residuals(count: int, width: int) -> nn.Sequential:
    """Return some residual blocks."""
    return nn.Sequential(*(Residual(width) for _ in range(count)))


def _differences(x: Tensor) -> Tensor:
    """Return how a picture differs from its reference: (B, DIFFERENCES, S / 2, S / 2).

    Plainly, and how far each pixel is outside of the range of the reference around it, which
    allows for another expression or pose.
    """
    picture, reference = functional.avg_pool2d(x.contiguous(), 2).chunk(2, 1)
    found = [(picture - reference).abs()]
    for reach in REACHES:
        above, below = picture - highest(reference, reach), -highest(-reference, reach) - picture
        found.append(functional.relu(above) + functional.relu(below))
    return torch.cat(found, 1)


def highest(x: Tensor, reach: int) -> Tensor:
    """Return the maximum over the square around each pixel: along x, then along y."""
    window = (2 * reach + 1, 1, reach)
    rows = functional.max_pool1d(x.flatten(0, 1), *window)
    both = functional.max_pool1d(rows.transpose(1, 2), *window)
    return both.transpose(1, 2).reshape(x.shape)


class OcclusionNetwork(nn.Module):
    """From (B, 6, S, S), picture and reference in [-1, 1], to logits (B, 1, S, S).

    Everything happens at half the side or less; the last layer sees the pixels once more, so that
    borders are sharp.

    Args:
        deep: With residual blocks between the layers; without, it takes half the time.
        widths: Channels from half the side down.
    """

    def __init__(
        self, deep: bool = False, widths: tuple[int, int, int, int] = (16, 32, 64, 96)
    ) -> None:
        super().__init__()
        a, b, d, e = widths
        seen = 24 + DIFFERENCES
        self.stem, self.e1 = conv(seen, a), conv(a, a)
        self.d2, self.e2 = conv(a, b, 2), conv(b, b)
        self.d3, self.e3 = conv(b, d, 2), conv(d, d)
        self.d4, self.e4 = conv(d, e, 2), conv(e, e)
        self.g, self.e5 = nn.Linear(e, e), conv(e, e)
        self.r3, self.u3 = nn.Conv2d(e, d, 1), conv(d, d)
        self.r2, self.u2 = nn.Conv2d(d, b, 1), conv(b, b)
        self.r1, self.u1 = nn.Conv2d(b, a, 1), conv(a, a)
        one, two = (1, 2) if deep else (0, 0)
        self.m2, self.m3, self.m4 = residuals(one, b), residuals(one, d), residuals(two, e)
        self.n3, self.n2 = residuals(two, d), residuals(one, b)
        self.f1, self.f2 = conv(a + seen, 16), nn.Conv2d(16, 4, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = torch.cat([functional.pixel_unshuffle(x, 2), _differences(x)], 1)
        return self.between(self.stem(x), lambda s: self.f1(torch.cat([s, x], 1)))

    def between(self, x: Tensor, last: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the logits, from what the first layer made, by the layer before the last."""
        s = self.e1(x)
        b = self.m2(self.e2(self.d2(s)))
        d = self.m3(self.e3(self.d3(b)))
        e = self.e4(self.d4(d))
        e = self.m4(self.e5(e + self.g(e.mean((2, 3)))[:, :, None, None]))
        d = self.n3(self.u3(doubled(self.r3(e)) + d))
        b = self.n2(self.u2(doubled(self.r2(d)) + b))
        s = self.u1(doubled(self.r1(b)) + s)
        return functional.pixel_shuffle(self.f2(last(s)), 2)


class Split(nn.Module):
    """A `conv` over maps, unshuffled pixels and differences, as a sum of one over each.

    onnxruntime is twice as fast with these as with their odd number of channels laid together, and
    pixels need not be unshuffled.

    Args:
        layer: The ``conv``.
        given: Channels of the maps, which come first; 0 for none.
    """

    def __init__(self, layer: Any, given: int) -> None:
        super().__init__()
        kernel, norm = layer[0].weight.detach(), layer[1]
        factor = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
        kernel = kernel * factor[:, None, None, None]
        maps, patches, differences = kernel.split((given, 24, DIFFERENCES), 1)
        out = len(kernel)
        over_pixels = patches.reshape(out, 6, 2, 2, 3, 3).permute(0, 1, 4, 2, 5, 3)
        self.maps = nn.Parameter(maps)
        self.pixels = nn.Parameter(over_pixels.reshape(out, 6, 6, 6))
        self.differences = nn.Parameter(differences.contiguous())
        self.bias = nn.Parameter(norm.bias.detach() - norm.running_mean * factor)

    def forward(self, pixels: Tensor, differences: Tensor, maps: Tensor | None = None) -> Tensor:
        """Return maps of half the side of the pixels."""
        total = functional.conv2d(differences, self.differences, padding=1)
        total = functional.conv2d(pixels, self.pixels, self.bias, stride=2, padding=2) + total
        if maps is not None:
            total = functional.conv2d(maps, self.maps, padding=1) + total
        return functional.relu(total)


class ExportedOcclusion(nn.Module):
    """The network as ``videoswap.occlusion.builtin`` wants it."""

    def __init__(self, network: OcclusionNetwork) -> None:
        super().__init__()
        self.network = network
        self.stem = Split(network.stem, 0)
        inner: Any = network.e1[0]
        self.f1 = Split(network.f1, inner.out_channels)

    def forward(self, picture: Tensor, reference: Tensor) -> Tensor:
        """Take (B, S, S, 3) RGB, 0 to 255, each, and return (B, S, S), 0 to 1."""
        both = torch.cat([picture, reference], 3).permute(0, 3, 1, 2) / 127.5 - 1
        apart = _differences(both)
        logits = self.network.between(
            self.stem(both, apart), lambda maps: self.f1(both, apart, maps)
        )
        return torch.sigmoid(logits)[:, 0]


class PlainResidual(nn.Module):
    """Two convolutions of one width whose answer is added to what they were given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a = conv(width, width)
        self.b = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same shape."""
        return functional.relu(x + self.b(self.a(x)))


class OccludedLandmarks(nn.Module):
    """Landmarks of a face, and whether to trust a guess of them."""

    def __init__(self, widths: tuple[int, int, int, int, int] = (24, 40, 64, 96, 112)) -> None:
        super().__init__()
        a, b, c, d, e = widths
        whole, squeezed = e * (OCCLUSION_SIZE // 32) ** 2, 128
        self.stem = conv(16, a)
        self.d2 = nn.Sequential(conv(a, b, 2), PlainResidual(b))
        self.d3 = nn.Sequential(conv(b, c, 2), PlainResidual(c), PlainResidual(c))
        self.d4 = nn.Sequential(conv(c, d, 2), PlainResidual(d), PlainResidual(d))
        self.d5 = nn.Sequential(conv(d, e, 2), PlainResidual(e))
        self.g1, self.g2 = nn.Linear(whole, squeezed), nn.Linear(squeezed, whole)
        self.r4, self.u4 = nn.Conv2d(e, d, 1), PlainResidual(d)
        self.r3, self.u3 = nn.Conv2d(d, c, 1), PlainResidual(c)
        self.r2, self.u2 = nn.Conv2d(c, b, 1), conv(b, 64)
        self.h = nn.Conv2d(64, 68, 1)
        self.t1, self.t2 = nn.Linear(squeezed + 5 * 68, 256), nn.Linear(256, 68)
        nn.init.constant_(self.t2.bias, -1.0)
        cells = (torch.arange(OCCLUSION_SIZE // COARSENESS) + 0.5) * COARSENESS - 0.5
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
                near, ((points - _MIDDLE) / (OCCLUSION_SIZE / 2))[:, None], align_corners=False
            ).flatten(1)
            for points in (own, guess)
        ]
        known = [squeezed, apart.flatten(1), apart.square().sum(2).add(1e-6).sqrt(), *there]
        return torch.sigmoid(self.t2(functional.relu(self.t1(torch.cat(known, 1)))).float())


class ExportedLandmarks(nn.Module):
    """The network as ``videoswap.detection.occluded_landmarks`` wants it."""

    def __init__(self, network: OccludedLandmarks) -> None:
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
        found: tuple[Tensor, Tensor] = self.network(both, guess)
        return found
