"""Torch modules with the keys of the official checkpoints, and nothing else.

One file per network. :func:`build` makes any of them by the name of its key list::

    network = videoswap.networks.build("ghost_aei_unet_2")
    network.load_state_dict(weights)
    picture, attribute_maps = network(target, embedding)

Importing this package does not import torch; building a network does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from videoswap.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from .aei_net import Backbone

_AEI = re.compile(r"ghost_aei_(unet|linknet|resnet)_([1-9])")


def names() -> list[str]:
    """All names that :func:`build` knows."""
    aei = [f"ghost_aei_{b}_{n}" for b in ("unet", "linknet", "resnet") for n in (1, 2, 3)]
    return sorted([*aei, *_builders()])


def _builders() -> dict[str, Callable[[], nn.Module]]:
    """Builders of the networks with fixed names, importing torch only when one is called."""

    def lite() -> nn.Module:
        from .aei_net import LITE_WIDTHS, AEINet

        return AEINet("unet", num_blocks=1, c_id=128, widths=LITE_WIDTHS)

    def lite_encoder() -> nn.Module:
        from .lite import LiteEncoder

        return LiteEncoder()

    def discriminator() -> nn.Module:
        from .discriminator import MultiscaleDiscriminator

        return MultiscaleDiscriminator()

    def superres() -> nn.Module:
        from .superres import SuperResolution

        return SuperResolution()

    def iresnet(depth: int) -> nn.Module:
        from .iresnet import DEPTHS, IResNet

        return IResNet(DEPTHS[depth])

    def blendswap(slim: bool) -> nn.Module:
        from .blendswap import BlendSwap

        return BlendSwap(slim=slim)

    def reliableswap(mouth: bool) -> nn.Module:
        from .reliableswap import FSGenerator

        return FSGenerator(mouth=mouth)

    def fixernet() -> nn.Module:
        from .reliableswap import FixerNet

        return FixerNet()

    def hearnet() -> nn.Module:
        from .reliableswap import HearNet

        return HearNet()

    return {
        "blendswap": lambda: blendswap(False),
        "blendswap_slim": lambda: blendswap(True),
        "ghost_discriminator": discriminator,
        "ghost_sr": superres,
        "iresnet100": lambda: iresnet(100),
        "iresnet18": lambda: iresnet(18),
        "iresnet50": lambda: iresnet(50),
        "lite": lite,
        "lite_encoder": lite_encoder,
        "reliableswap_fixernet": fixernet,
        "reliableswap_fsgenerator": lambda: reliableswap(False),
        "reliableswap_fsgenerator_mouth": lambda: reliableswap(True),
        "reliableswap_hearnet": hearnet,
    }


def build(name: str, device: torch.device | str | None = None) -> nn.Module:
    """Build a network by the name of its key list, in eval mode, with untrained weights.

    Args:
        name: ``ghost_aei_BACKBONE_N`` with backbone unet, linknet or resnet and N steps per
            block, or another of :func:`names`. ``blendswap_slim`` holds the part of ``blendswap``
            that a swap needs, under the same keys; ``lite`` is this project's own small AEI-Net,
            ``lite_encoder`` its identity encoder.
        device: Where the tensors are made. With ``"meta"`` nothing is allocated: load weights with
            ``load_state_dict(weights, assign=True)``, the quickest way for the large networks.

    Raises:
        UsageError: If there is no such network.
    """
    import torch

    aei, builders = _AEI.fullmatch(name), _builders()
    if aei is None and name not in builders:
        raise UsageError(
            "unknown_network",
            f"There is no network {name!r}.",
            f"Known are {', '.join(names())}.",
        )
    with torch.device(device or torch.get_default_device()):
        if aei is None:
            return builders[name]().eval()
        from .aei_net import AEINet

        return AEINet(cast("Backbone", aei[1]), num_blocks=int(aei[2])).eval()
