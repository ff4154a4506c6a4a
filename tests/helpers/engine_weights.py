"""Weight files in the official formats, filled by the contract's rule; real or small networks."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file

import videoswap.networks
from tests.helpers import fill
from videoswap.networks.aei_net import AEINet, Backbone
from videoswap.networks.blendswap import BlendSwap
from videoswap.networks.iresnet import IResNet
from videoswap.networks.reliableswap import FixerNet, FSGenerator
from videoswap.networks.superres import SuperResolution

TAG = "engines"
NARROW = (4, 8, 8, 16, 16, 16, 16)
_real_build = videoswap.networks.build


def small_build(name: str, device: torch.device | str | None = None) -> torch.nn.Module:
    """Build a network of the same kind as ``networks.build`` does, with few channels."""
    with torch.device(device or "cpu"):
        if name.startswith("ghost_aei"):
            _, _, backbone, blocks = name.split("_")
            kind = cast(Backbone, backbone)
            return AEINet(kind, int(blocks), widths=NARROW).eval()
        if name == "iresnet100":
            return _small_iresnet()
        if name in ("blendswap", "blendswap_slim"):
            model = BlendSwap(slim=name.endswith("slim"), widths=NARROW)
            model.Z_e[1] = _small_iresnet()
            return model.eval()
        if name == "ghost_sr":
            return SuperResolution(width=4).eval()
        if name.startswith("reliableswap_fsgenerator"):
            fixed = FSGenerator(mouth=name.endswith("mouth"), widths=NARROW)
            fixed.iresnet = _small_iresnet()
            if fixed.mouth_net is not None:
                fixed.mouth_net = _small_fixernet()
            return fixed.eval()
        if name == "reliableswap_fixernet":
            return _small_fixernet()
    return _real_build(name, device)


def _small_fixernet() -> FixerNet:
    network = FixerNet()
    network.backbone = IResNet((1, 1, 1, 1), 128, 56, (8, 8, 8, 8, 8))
    return network.eval()


def _small_iresnet() -> IResNet:
    return IResNet((1, 1, 1, 1), 512, 112, (8, 8, 8, 8, 8)).eval()


def save(path: Path, network: str) -> torch.nn.Module:
    """Fill a network, write its file, and return it."""
    module = videoswap.networks.build(network)
    fill.fill(module, TAG)
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(module.state_dict(), path)
    else:
        torch.save(module.state_dict(), path)
    return module
