"""BlendFace's fast swap model gives the plain module's answer."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.helpers import fill
from videoswap.networks import cpu_layers as packed
from videoswap.networks import fast_layers as pieces
from videoswap.networks.blendswap import BlendSwap
from videoswap.networks.fast_blendswap import FastBlendSwap

WIDTHS = (8, 16, 16, 24, 32)
SIZE = 64


def _net(widths: tuple[int, ...] = WIDTHS) -> BlendSwap:
    net = BlendSwap(slim=True, widths=widths).eval()
    net.Z_e = torch.nn.Sequential()  # takes no part and is large
    fill.fill(net, "fast-blendswap")
    return net


def _inputs(n: int = 3, size: int = SIZE) -> tuple[Tensor, Tensor]:
    return (fill.image("blend", size, 16, n) + 1) * 0.5, F.normalize(fill.vec("blend", 512, n))


@torch.no_grad()
def _exact(net: BlendSwap, x: Tensor, z: Tensor) -> Tensor:
    parts = net.double().swap(x.double(), z.double())
    return torch.cat([parts.painted, parts.mask], dim=1)


def _swap(fast: FastBlendSwap, x: Tensor, z: Tensor) -> Tensor:
    return fast(x, [fast.identity(row) for row in z])


@pytest.mark.parametrize("room", [None, -1, 1, 2 * 48 * 64**2 * 4])
def test_equals_the_plain_module(room: int | None) -> None:
    """For any room: everything at once, face by face, two faces and one."""
    net = _net()
    x, z = _inputs()
    got = _swap(FastBlendSwap(net, room=room), x, z)
    assert got.shape == (3, 4, SIZE, SIZE)
    assert got.dtype == torch.float32
    want = _exact(net, x, z)
    assert want[:, :3].std() > 0.1
    assert want[:, 3].std() > 0.01
    assert (got - want).abs().max() < 1e-4


def test_wide_layers_take_winograd_and_agree() -> None:
    net = _net((8, 16, 256, 256, 256))
    x, z = _inputs(1)
    assert (_swap(FastBlendSwap(net), x, z) - _exact(net, x, z)).abs().max() < 1e-4


def test_without_packed_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "can_pack", lambda weight: False)
    monkeypatch.setattr(pieces, "can_pack", lambda weight: False)
    net = _net()
    x, z = _inputs()
    fast = FastBlendSwap(net)
    got = _swap(fast, x, z)
    assert (got - _exact(net, x, z)).abs().max() < 1e-4
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    assert torch.equal(got, _swap(fast, x, z))


def test_every_crop_gets_its_own_person_whatever_the_batch() -> None:
    fast = FastBlendSwap(_net())
    x, z = _inputs(3)
    people = [fast.identity(row) for row in z]
    order = [2, 0, 0, 1]
    together = fast(x[[0, 1, 2, 0]], [people[k] for k in order])
    for k, (crop, person) in enumerate(zip([0, 1, 2, 0], order, strict=True)):
        alone = fast(x[crop : crop + 1], [people[person]])
        assert (together[k] - alone[0]).abs().max() < 1e-4
    assert (together[0, :3] - together[3, :3]).abs().max() > 0.02  # same crop, other person


@pytest.mark.parametrize(
    ("dtype", "mean", "largest"), [(torch.float16, 5e-4, 0.02), (torch.bfloat16, 4e-3, 0.1)]
)
def test_shorter_numbers_are_near(dtype: torch.dtype, mean: float, largest: float) -> None:
    net = _net()
    x, z = _inputs()
    error = (_swap(FastBlendSwap(net, dtype), x, z) - _exact(net, x, z)).abs()
    assert error.mean() < mean
    assert error.max() < largest


@torch.no_grad()
def test_large_activations_do_not_overflow_in_half() -> None:
    """Where the plain module in half is far off, the fast one is right."""
    net = _net()
    scale = 2.0**14
    for block in net.G_ema.model.values():
        block.conv1.weight *= scale
        block.conv1.bias *= scale
        block.add2.BNorm.running_mean *= scale
        block.add2.BNorm.running_var *= scale**2
    x, z = _inputs(1)
    fast = _swap(FastBlendSwap(net, torch.float16), x, z)
    exact = _exact(net, x, z)
    plain = net.half().swap(x.half(), z.half()).painted
    assert not (plain - exact[:, :3]).abs().mean() < 0.02
    assert (fast - exact).abs().mean() < 1e-3
