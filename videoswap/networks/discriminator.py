"""The multi-scale patch discriminator of GHOST, and of ReliableSwap with batch norm.

Architecture: pix2pixHD (Wang et al., 2017, arXiv 1711.11585): the same patch classifier on the
picture and on its halves. Keys as in ai-forever/ghost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Norm = Literal["instance", "batch"]

MAX_WIDTH = 512


def _patch_classifier(width: int, n_layers: int, norm: Norm) -> nn.Sequential:
    """Convolutions of 4 x 4, ``n_layers`` of them halving, to one logit per patch."""
    norms: dict[Norm, Callable[[int], nn.Module]] = {
        "instance": nn.InstanceNorm2d,
        "batch": nn.BatchNorm2d,
    }

    def conv(c_in: int, c_out: int, stride: int) -> nn.Conv2d:
        return nn.Conv2d(c_in, c_out, 4, stride, 2)

    layers: list[nn.Module] = [conv(3, width, 2), nn.LeakyReLU(0.2)]
    c = width
    for k in range(n_layers):
        c_out = min(2 * c, MAX_WIDTH)
        stride = 1 if k == n_layers - 1 else 2
        layers += [conv(c, c_out, stride), norms[norm](c_out), nn.LeakyReLU(0.2)]
        c = c_out
    return nn.Sequential(*layers, conv(c, 1, 1))


class MultiscaleDiscriminator(nn.Module):
    """Patch classifiers on several scales of a picture.

    Args:
        width: Channels of the first layer.
        n_layers: Halving layers per classifier.
        scales: Number of classifiers.
        norm: Of the maps: ``instance``, or ``batch`` with learned gain and offset.
    """

    def __init__(
        self, width: int = 64, n_layers: int = 5, scales: int = 3, norm: Norm = "instance"
    ) -> None:
        super().__init__()
        self.scales = scales
        for k in range(scales):
            self.add_module(f"layer{k}", _patch_classifier(width, n_layers, norm))

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Judge ``picture`` (B, 3, S, S), RGB in [-1, 1].

        Returns:
            Logits (B, 1, h, w) per scale, full resolution first (the classifier with the highest
            number), each following one at half the resolution.
        """
        return [maps[-1] for maps in self.maps(picture)]

    def maps(self, picture: Tensor) -> list[list[Tensor]]:
        """Return what each classifier makes of a picture, as :meth:`forward` takes it.

        Returns:
            Per scale, full resolution first, the maps after each activation and last the logits.
        """
        found = []
        for k in reversed(range(self.scales)):
            x, maps = picture, []
            for layer in self.get_submodule(f"layer{k}").children():
                x = layer(x)
                if isinstance(layer, nn.LeakyReLU):
                    maps.append(x)
            found.append([*maps, x])
            picture = F.avg_pool2d(picture, 3, 2, 1, count_include_pad=False)
        return found
