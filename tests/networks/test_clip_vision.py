"""No weights of CLIP are here: its parts are held against torch's own, its layouts alike."""

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from tests.helpers.clip_files import SHAPE, open_clip_layout, small_clip, transformers_layout
from videoswap.networks.clip_vision import (
    MEAN,
    SPREAD,
    ClipShape,
    ClipVision,
    clip_shape,
    clip_state,
)


def pictures(size=32, count=3):
    torch.manual_seed(7)
    return torch.rand(count, 3, size, size) * 2 - 1


@pytest.mark.parametrize("layout", [dict, open_clip_layout, transformers_layout])
def test_every_layout_is_the_same_network(layout):
    network = small_clip()
    found = clip_state(layout(network.state_dict()))
    assert clip_shape(found) == SHAPE
    other = ClipVision(SHAPE, 4).eval()
    other.load_state_dict(found)
    with torch.no_grad():
        assert torch.equal(other(pictures()), network(pictures()))


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
@torch.no_grad()
def test_it_is_the_transformer_of_the_paper(activation):
    network = small_clip(activation=activation)
    state = network.state_dict()

    def quick(x):
        return x * torch.sigmoid(1.702 * x)

    level = (pictures() + 1) / 2
    norm = (level - torch.tensor(MEAN)[:, None, None]) / torch.tensor(SPREAD)[:, None, None]
    patches = F.unfold(norm, 8, stride=8).transpose(1, 2) @ state["conv1.weight"].flatten(1).T
    tokens = torch.cat([state["class_embedding"].expand(3, 1, 32), patches], 1)
    tokens = F.layer_norm(
        tokens + state["positional_embedding"], (32,), state["ln_pre.weight"], state["ln_pre.bias"]
    )
    for number in range(SHAPE.layers):
        layer = torch.nn.TransformerEncoderLayer(
            32, 4, 64, 0.0, quick if activation == "quick_gelu" else F.gelu,
            batch_first=True, norm_first=True,
        ).eval()  # fmt: skip
        names = {
            "self_attn.in_proj_weight": "attn.in_proj_weight",
            "self_attn.in_proj_bias": "attn.in_proj_bias",
            **{
                f"{one}.{kind}": f"{other}.{kind}"
                for one, other in (
                    ("self_attn.out_proj", "attn.out_proj"), ("linear1", "mlp.c_fc"),
                    ("linear2", "mlp.c_proj"), ("norm1", "ln_1"), ("norm2", "ln_2"),
                )
                for kind in ("weight", "bias")
            },
        }  # fmt: skip
        start = f"transformer.resblocks.{number}."
        layer.load_state_dict({own: state[start + key] for own, key in names.items()})
        tokens = layer(tokens)
    last = F.layer_norm(tokens[:, 0], (32,), state["ln_post.weight"], state["ln_post.bias"])
    want = F.normalize(last @ state["proj"], dim=1)
    assert torch.allclose(network(pictures()), want, atol=2e-6)


@torch.no_grad()
def test_pictures_of_any_size_are_taken():
    network = small_clip()
    wide = F.interpolate(pictures(), scale_factor=4, mode="nearest")
    cosines = (network(wide) * network(pictures())).sum(dim=1)
    assert (cosines > 0.9).all()
    assert torch.allclose(network(wide).norm(dim=1), torch.ones(3))


def test_what_is_no_clip_is_none():
    assert clip_state({"conv1.weight": torch.zeros(1)}) is None
    assert clip_shape({"conv1.weight": torch.zeros(4, 3, 2, 2)}) is None


def test_heads_must_divide_the_channels():
    assert ClipVision(ClipShape(128, 1, 8, 2, 4, 8)).transformer["resblocks"][0].attn.heads == 2
    with pytest.raises(ValueError, match="heads"):
        ClipVision(SHAPE, 5)
    with pytest.raises(ValueError, match="activation"):
        ClipVision(SHAPE, 4, "relu")
