"""The networks compute what the originals compute, with the contract's weights and inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.helpers import fill
from videoswap import networks
from videoswap.networks.fast_aei_net import FastAEINet
from videoswap.networks.fast_blendswap import FastBlendSwap

pytestmark = [pytest.mark.needs_shared, pytest.mark.slow]

PICTURE = 2e-6  # float64, from the contract
RELATIVE = 1e-5  # embeddings, float64


def _filled(name: str, golden: Any) -> torch.nn.Module:
    module = networks.build(name)
    assert fill.fill(module, golden.spec["tag"]) == golden.spec["fill_sha256"]
    return module


def _inputs(golden: Any, dtype: torch.dtype) -> list[torch.Tensor]:
    found = []
    for spec in golden.spec["inputs"].values():
        x = fill.golden_input(spec)
        assert list(x.shape) == spec["shape"]
        assert x.double().sum().item() == pytest.approx(spec["sum"], abs=1e-4)
        assert x.flatten()[:4].tolist() == spec["first4"]
        found.append(x.to(dtype))
    return found


@torch.no_grad()
def test_aei_net(golden: Any) -> None:
    g = golden("ghost_aei_unet_2")
    module = _filled("ghost_aei_unet_2", g)
    target, z = _inputs(g, torch.float32)
    picture, maps = module(target, z)
    assert g.error("Y", picture) < 5e-3
    assert (picture.double().numpy() - g.arrays["Y__full"]).__abs__().mean() < 1e-4

    blocks: list[torch.Tensor] = []
    for block in module.generator.blocks():
        block.register_forward_hook(lambda _m, _i, out: blocks.append(out))
    picture, maps = module.double()(target.double(), z.double())
    assert g.error("Y", picture) < PICTURE
    for k in range(8):
        assert g.error(f"attr{k + 1}", maps[k]) < PICTURE
        assert g.error(f"blk{k + 1}", blocks[k]) < PICTURE * (1 + blocks[k].abs().max())


@torch.no_grad()
def test_aei_net_fast_path(golden: Any) -> None:
    g = golden("ghost_aei_unet_2")
    fast = FastAEINet(_filled("ghost_aei_unet_2", g))
    target, z = _inputs(g, torch.float32)
    assert g.error("Y", fast(target, [fast.identity(z)])) < 5e-3


@torch.no_grad()
def test_discriminator(golden: Any) -> None:
    g = golden("ghost_discriminator")
    module = _filled("ghost_discriminator", g)
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.float64, PICTURE)):
        scales = module.to(dtype)(*_inputs(g, dtype))
        assert len(scales) == 3
        for k, logits in enumerate(scales):
            assert g.error(f"out{k}", logits) < tolerance


@torch.no_grad()
def test_iresnet100(golden: Any) -> None:
    g = golden("iresnet100")
    module = _filled("iresnet100", g)
    for dtype in (torch.float32, torch.float64):
        face112, face224 = _inputs(g, dtype)
        module.to(dtype)
        for name, face in (
            ("emb", face112),
            ("emb_from224_infer", _halved(face224, True)),
            ("emb_from224_train", _halved(face224, False)),
        ):
            largest = abs(g.arrays[name]).max()
            tolerance = 5e-4 if dtype == torch.float32 else RELATIVE * largest
            assert g.error(name, module(face)) < tolerance


def _halved(x: torch.Tensor, align_corners: bool) -> torch.Tensor:
    return F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=align_corners)


@torch.no_grad()
def test_blendswap(golden: Any) -> None:
    g = golden("blendswap")
    with torch.device("meta"):
        module = networks.build("blendswap_slim", device="meta")
    module.to_empty(device="cpu")  # Half the memory; the parts left out take no part.
    fill.fill(module, g.spec["tag"])
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.float64, PICTURE)):
        target, source = _inputs(g, dtype)
        module.to(dtype)
        z = module.identity(source)
        parts = module.swap(target, z)
        raw = 5e-4 if dtype == torch.float32 else RELATIVE * abs(g.arrays["embedding_raw"]).max()
        assert g.error("embedding_raw", module.Z_e(source)) < raw
        assert g.error("embedding_normalised", z) < tolerance
        assert g.error("mask", parts.mask) < tolerance
        assert g.error("generator_output", parts.painted) < tolerance
        for k, attributes in enumerate(parts.attributes, start=1):
            assert g.error(f"attr{k}", attributes) < tolerance
        assert g.error("output", parts.picture) < tolerance
        if dtype == torch.float32:
            fast = FastBlendSwap(module)
            made = fast(target, [fast.identity(z)])
            assert g.error("generator_output", made[:, :3]) < tolerance
            assert g.error("mask", made[:, 3:]) < tolerance
            del fast


def test_blendswap_fill(golden: Any, contracts: Path) -> None:
    g = golden("blendswap")
    shapes = fill.read_shapes(contracts, "blendswap")
    assert fill.sha256(g.spec["tag"], shapes) == g.spec["fill_sha256"]


@torch.no_grad()
def test_reliableswap(golden: Any) -> None:
    g = golden("reliableswap_fsgenerator_mouth")
    module = _filled("reliableswap_fsgenerator_mouth", g)
    for dtype, tolerance in ((torch.float32, 5e-3), (torch.float64, PICTURE)):
        source, target = _inputs(g, dtype)
        module.to(dtype)
        framings = (("infer", True), ("warped", False))
        for suffix, infer in framings[dtype == torch.float32 :]:
            picture, z, maps = module(source, target, infer=infer)
            assert g.error(f"Y_{suffix}", picture) < tolerance
            largest = abs(g.arrays[f"id_{suffix}"]).max()
            embedding = 5e-4 if dtype == torch.float32 else RELATIVE * largest
            assert g.error(f"id_{suffix}", z) < embedding
        for k, attributes in enumerate(maps, start=1):
            assert g.error(f"attr{k}", attributes) < tolerance
        if dtype == torch.float32:
            fast = FastAEINet(module.G)
            assert g.error("Y_warped", fast(target, [fast.identity(z)])) < tolerance
            del fast


@torch.no_grad()
def test_superres(golden: Any) -> None:
    g = golden("ghost_sr")
    module = _filled("ghost_sr", g)
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.float64, PICTURE)):
        (picture,) = _inputs(g, dtype)
        assert g.error("eval", module.to(dtype)(picture)) < tolerance
    module.train()
    assert g.error("train_batch2", module(picture)) < PICTURE
    u = module.head_0.conv_0.weight_u
    assert g.error("u_after_one_train_forward__head_0_conv_0_weight_u", u) < PICTURE
