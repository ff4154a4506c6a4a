"""Small configurations of every network, without any file."""

from __future__ import annotations

import pytest
import torch

from tests.helpers import fill
from videoswap import networks
from videoswap.networks.aei_net import GHOST_WIDTHS, AEINet, block_widths, upsample
from videoswap.networks.blendswap import BlendSwap
from videoswap.networks.discriminator import MultiscaleDiscriminator
from videoswap.networks.iresnet import IResNet
from videoswap.networks.reliableswap import FSGenerator, HearNet, NamedAADBlock, warp_affine
from videoswap.networks.superres import SuperResolution


@pytest.mark.parametrize("backbone", ["unet", "linknet", "resnet"])
@pytest.mark.parametrize("num_blocks", [1, 2, 3])
@pytest.mark.parametrize("widths", [(8, 16), (8, 16, 24), (8, 8, 16, 16, 24)])
@torch.no_grad()
def test_aei_net(backbone: str, num_blocks: int, widths: tuple[int, ...]) -> None:
    net = AEINet(backbone, num_blocks, c_id=20, widths=widths).eval()  # type: ignore[arg-type]
    assert net.size == 2 ** (len(widths) + 1)
    picture, maps = net(torch.rand(2, 3, net.size, net.size) * 2 - 1, torch.randn(2, 20))
    assert picture.shape == (2, 3, net.size, net.size)
    assert picture.abs().max() <= 1
    assert [m.shape[2] for m in maps] == [2**k for k in range(1, len(widths) + 2)]
    assert [m.shape[1] for m in maps] == net.encoder.out_channels


def test_ghosts_block_widths() -> None:
    assert block_widths(GHOST_WIDTHS) == [1024, 1024, 1024, 512, 256, 128, 64]


def test_width_multiplier() -> None:
    net = AEINet(width=0.125, c_id=64)
    assert net.encoder.out_channels == [128, 256, 128, 64, 32, 16, 16, 16]
    assert sum(p.numel() for p in net.parameters()) < 4e6


def test_lite_is_the_kits_network() -> None:
    net = networks.build("lite", device="meta")
    count = sum(p.numel() for p in net.parameters())
    assert 10.5e6 < count < 11.5e6  # «11 million parameters»
    assert net.state_dict()["generator.AADBlk1.add_blocks.0.fc1.weight"].shape == (256, 128)


def test_aei_net_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="backbone"):
        AEINet("vgg")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="num_blocks"):
        AEINet(num_blocks=0)
    with pytest.raises(ValueError, match="two widths"):
        AEINet(widths=(8,))


@torch.no_grad()
def test_reliableswaps_blocks_compute_what_ghosts_do() -> None:
    """The same network under other names: weights carried over give the same picture."""
    torch.manual_seed(1)
    ghost = AEINet("unet", 2, 12, widths=(8, 16, 16, 24)).eval()
    named = AEINet("unet", 2, 12, widths=(8, 16, 16, 24), block=NamedAADBlock).eval()
    names = {
        "add_blocks.0.": "AAD1.",
        "add_blocks.2.": "conv1.",
        "add_blocks.3.": "AAD2.",
        "add_blocks.5.": "conv2.",
        "last_add_block.0.": "AAD3.",
        "last_add_block.2.": "conv3.",
    }
    state = {}
    for key, value in ghost.state_dict().items():
        for old, new in names.items():
            key = key.replace(old, new)
        state[key] = value
    named.load_state_dict(state)
    x, z = torch.rand(1, 3, 32, 32), torch.randn(1, 12)
    assert torch.equal(ghost(x, z)[0], named(x, z)[0])


def test_reliableswaps_blocks_have_two_steps() -> None:
    with pytest.raises(ValueError, match="two steps"):
        NamedAADBlock(8, 8, 8, 8, num_blocks=3)


@pytest.mark.parametrize("mouth", [True, False])
@torch.no_grad()
def test_reliableswap(mouth: bool) -> None:
    net = FSGenerator(mouth, in_size=64, widths=(8, 8, 8, 8, 8)).eval()
    source = torch.rand(1, 3, 64, 64) * 2 - 1
    picture, z, maps = net(source, source)
    assert picture.shape == (1, 3, 64, 64)
    assert z.shape == (1, 640 if mouth else 512)
    assert z[:, :512].norm() == pytest.approx(1, abs=1e-5)
    assert len(maps) == 6
    assert not torch.equal(z, net.identity(source, infer=True))


def test_warp_moves_a_picture_by_whole_pixels() -> None:
    x = torch.arange(36.0).view(1, 1, 6, 6)
    moved = warp_affine(x, torch.tensor([[[1.0, 0, 2], [0, 1, 1]]]), 6)
    assert torch.allclose(moved[..., 1:, 2:], x[..., :-1, :-2], atol=1e-4)
    assert moved[..., :1, :].abs().max() < 1e-4
    assert moved[..., :, :2].abs().max() < 1e-4


@torch.no_grad()
def test_blendswap() -> None:
    net = BlendSwap(slim=True, widths=(8, 8, 8)).eval()
    target, source = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 112, 112)
    picture = net(target, source)
    assert picture.shape == target.shape
    z = net.identity(source)
    assert torch.allclose(z.norm(dim=1), torch.ones(2))
    parts = net.swap(target, z)
    assert torch.equal(parts.picture, picture)
    assert parts.mask.shape == (2, 1, 16, 16)
    between = (
        torch.maximum(parts.painted, target) - picture,
        picture - torch.minimum(parts.painted, target),
    )
    assert min(d.min() for d in between) > -1e-6


@torch.no_grad()
def test_others() -> None:
    assert IResNet((1, 1, 1, 1), 16, 56, (8, 8, 8, 8, 8)).eval()(
        torch.rand(2, 3, 56, 56)
    ).shape == (2, 16)
    logits = MultiscaleDiscriminator(width=4, n_layers=3, scales=2)(torch.rand(1, 3, 64, 64))
    assert [tuple(x.shape[1:]) for x in logits] == [(1, 11, 11), (1, 7, 7)]
    assert SuperResolution(width=4).eval()(torch.rand(1, 3, 64, 64)).shape == (1, 3, 64, 64)
    assert HearNet()(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)).shape == (1, 3, 64, 64)


@torch.no_grad()
def test_superres_faces_are_independent_in_eval_mode_only() -> None:
    net = SuperResolution(width=4).eval()
    fill.fill(net, "independent")
    x = torch.rand(2, 3, 64, 64)
    assert torch.allclose(net(x)[:1], net(x[:1]), atol=1e-5)
    net.train()
    assert not torch.allclose(net(x)[:1], net(x[:1]), atol=1e-3)


@torch.no_grad()
def test_hear_nets_way_down_lies_before_its_way_up() -> None:
    """The last layer sees the finest map of the way down in its first 64 channels."""
    net = HearNet().eval()
    fill.fill(net, "hear")
    x = torch.rand(1, 3, 64, 64) * 2 - 1
    seen: list[torch.Tensor] = []
    net.down1.register_forward_hook(lambda _m, _i, out: seen.append(out))
    net.up5.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    picture = net(x, 0.5 * x)
    finest, last = seen
    assert torch.allclose(last[:, :64], upsample(finest))
    assert picture.std() > 0.05
    assert not torch.allclose(net(0.5 * x, x), picture, atol=0.01)
