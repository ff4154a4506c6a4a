"""The fast path gives the plain module's answer, for any batch, type and backbone."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.helpers import fill
from tests.helpers.amplified import amplify
from videoswap.networks import (
    cpu_layers as packed,
)
from videoswap.networks import (
    cpu_layers as winograd,
)
from videoswap.networks import fast_aei_net as fast_module
from videoswap.networks import (
    fast_layers as pieces,
)
from videoswap.networks.aei_net import AEINet
from videoswap.networks.fast_aei_net import FastAEINet
from videoswap.networks.reliableswap import NamedAADBlock

WIDTHS = (8, 16, 16, 24, 32)
SIZE = 64


def _net(backbone: str = "unet", num_blocks: int = 2, **options: object) -> AEINet:
    net = AEINet(backbone, num_blocks, c_id=24, widths=WIDTHS, **options).eval()  # type: ignore[arg-type]
    fill.fill(net, f"fast-{backbone}-{num_blocks}")
    return net


def _inputs(n: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    return fill.image("fast", SIZE, 16, n), fill.vec("fast", 24, n)


def _swap(fast: FastAEINet, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    return fast(x, [fast.identity(row) for row in z])


@torch.no_grad()
def _exact(net: AEINet, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    picture: torch.Tensor = net.double()(x.double(), z.double())[0]
    return picture


@pytest.mark.parametrize("backbone", ["unet", "linknet", "resnet"])
@pytest.mark.parametrize("num_blocks", [1, 2, 3])
def test_equals_the_plain_module(backbone: str, num_blocks: int) -> None:
    net = _net(backbone, num_blocks)
    x, z = _inputs()
    got = _swap(FastAEINet(net), x, z)
    assert got.dtype == torch.float32
    want = _exact(net, x, z)
    assert want.std() > 0.1
    assert (got - want).abs().max() < 1e-3


def test_reliableswaps_generator() -> None:
    net = _net(block=NamedAADBlock)
    x, z = _inputs()
    assert (_swap(FastAEINet(net), x, z) - _exact(net, x, z)).abs().max() < 1e-3


@pytest.mark.parametrize("tile_bytes", [None, 20_000, 1 << 16, 1 << 24])
def test_tiles_do_not_matter(tile_bytes: int | None) -> None:
    net = _net(num_blocks=1)
    x, z = _inputs(2)
    got = _swap(FastAEINet(net, tile_bytes=tile_bytes), x, z)
    assert (got - _exact(net, x, z)).abs().max() < 1e-3


def test_without_packed_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "can_pack", lambda weight: False)
    monkeypatch.setattr(pieces, "can_pack", lambda weight: False)
    net = _net()
    x, z = _inputs()
    assert (_swap(FastAEINet(net), x, z) - _exact(net, x, z)).abs().max() < 1e-3


def test_every_crop_gets_its_own_person_whatever_the_batch() -> None:
    fast = FastAEINet(_net())
    x, z = _inputs(3)
    people = [fast.identity(row) for row in z]
    order = [2, 0, 0, 1, 2]
    together = fast(x[[0, 1, 2, 0, 1]], [people[k] for k in order])
    for k, (crop, person) in enumerate(zip([0, 1, 2, 0, 1], order, strict=True)):
        alone = fast(x[crop : crop + 1], [people[person]])
        assert (together[k] - alone[0]).abs().max() < 1e-3
    assert (together[0] - together[3]).abs().max() > 0.05  # Same crop, other person.


def test_the_identity_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = FastAEINet(_net())
    x, z = _inputs(2)
    person = fast.identity(z[0])

    def refuse(*_: object) -> None:
        raise AssertionError("the identity's layers ran again")

    monkeypatch.setattr(fast, "_id_linear", refuse)
    monkeypatch.setattr(fast_module.F, "conv_transpose2d", refuse)
    monkeypatch.setattr(fast_module.F, "linear", refuse)
    assert fast(x, [person, person]).shape == x.shape


@torch.no_grad()
@pytest.mark.parametrize("packs", [True, False])
def test_a_later_change_of_the_module_does_not_matter(
    packs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not packs:
        monkeypatch.setattr(packed, "can_pack", lambda weight: False)
    net = _net().to(memory_format=torch.channels_last)
    fast = FastAEINet(net)
    x, z = _inputs(1)
    before = _swap(fast, x, z)
    for parameter in net.parameters():
        parameter.zero_()
    assert torch.equal(before, _swap(fast, x, z))


def test_bfloat16_is_near() -> None:
    net = _net(num_blocks=1)
    x, z = _inputs(2)
    error = (_swap(FastAEINet(net, torch.bfloat16), x, z) - _exact(net, x, z)).abs()
    assert error.mean() < 0.03


def test_half_is_near() -> None:
    net = _net(num_blocks=1)
    x, z = _inputs(2)
    error = (_swap(FastAEINet(net, torch.float16), x, z) - _exact(net, x, z)).abs()
    assert error.mean() < 2e-3
    assert error.max() < 0.1


@pytest.mark.parametrize("part", ["block", "attributes", "start"])
@torch.no_grad()
def test_large_activations_do_not_overflow_in_half(part: str) -> None:
    """No black squares: where the plain module in half is not finite, the fast one is right."""
    net = _net(num_blocks=2)
    amplify(net, part)
    x, z = _inputs(1)
    fast = _swap(FastAEINet(net, torch.float16), x, z)
    exact = _exact(net, x, z)
    plain = net.half()(x.half(), z.half())[0]
    assert not torch.isfinite(plain).all()
    assert (fast - exact).abs().mean() < 5e-3


@torch.no_grad()
def test_small_weights_do_not_make_the_rest_overflow_in_half() -> None:
    """A block that adds next to nothing to its input must not blow the input up."""
    net = _net()
    for block in net.generator.blocks()[:2]:
        assert not block.shortcut()
        for _, conv in block.main_path():
            conv.weight *= 2.0**-24
    x, z = _inputs(1)
    fast = _swap(FastAEINet(net, torch.float16), x, z)
    assert (fast - _exact(net, x, z)).abs().mean() < 5e-3


def test_a_constant_offset_does_not_spoil_the_norm() -> None:
    """Statistics are centred before they are squared, also across tiles."""
    rows = torch.randn(2, 1000, 8) + 3000
    tiles = list(fast_module.tiles(2, 1000, 64, 64 * 90))
    assert len(tiles) > 20
    mean, variance = fast_module._instance_statistics(rows, tiles)
    exact = torch.var_mean(rows.double(), dim=1, keepdim=True, correction=0)
    assert torch.allclose(variance.double(), exact[0], rtol=1e-3)
    assert torch.allclose(mean.double(), exact[1], rtol=1e-6)


@pytest.mark.parametrize("patch", [2, 4])
@pytest.mark.parametrize("shape", [(1, 8, 16, 4), (2, 12, 8, 32), (1, 4, 4, 16)])
@pytest.mark.parametrize("strip_bytes", [1, 1 << 24])
def test_winograd_is_a_convolution(
    patch: int,
    shape: tuple[int, int, int, int],
    strip_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(winograd, "STRIP_BYTES", strip_bytes)
    b, c, height, width = shape
    x = torch.randn(b, c, height, width).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(20, c, 3, 3)
    want = F.conv2d(x.double(), weight.double(), padding=1)
    got = winograd.WinogradConv(weight, patch)(x)
    assert got.is_contiguous(memory_format=torch.channels_last)
    assert (got - want).abs().max() < 2e-5 * want.abs().max()


def test_large_layers_take_winograd_and_agree() -> None:
    weight = torch.randn(256, 256, 3, 3) / 48
    conv = pieces.conv_3x3(weight, 16)
    if packed.can_pack(weight):
        assert isinstance(conv, winograd.WinogradConv)
    x = torch.randn(1, 256, 16, 16).contiguous(memory_format=torch.channels_last)
    assert (conv(x) - F.conv2d(x, weight, padding=1)).abs().max() < 1e-4


def test_what_does_not_fit_is_refused() -> None:
    fast = FastAEINet(_net())
    x, z = _inputs(2)
    person = fast.identity(z[0])
    with pytest.raises(ValueError, match="identities"):
        fast(x, [person])
    with pytest.raises(ValueError, match="64 x 64"):
        fast(x[..., :32], [person, person])
    with pytest.raises(ValueError, match="float64"):
        FastAEINet(_net(), torch.float64)
    assert fast(x[:0], []).shape == (0, 3, SIZE, SIZE)
