"""A small random CLIP in the layouts of open_clip and of transformers."""

from __future__ import annotations

import re

import torch

from videoswap.networks.clip_vision import ClipShape, ClipVision

SHAPE = ClipShape(width=32, layers=2, patch=8, grid=4, dim=16, hidden=64)


@torch.no_grad()
def small_clip(heads=4, activation="quick_gelu"):
    """Return an encoder whose every number is random."""
    torch.manual_seed(3)
    network = ClipVision(SHAPE, heads, activation)
    for one in network.parameters():
        one.add_(0.2 * torch.randn_like(one))
    return network.eval()


def open_clip_layout(state):
    """Return the image encoder's weights as open_clip writes a whole CLIP."""
    whole = {f"visual.{key}": one for key, one in state.items()}
    return whole | {
        "positional_embedding": torch.zeros(77, 8),
        "token_embedding.weight": torch.zeros(10, 8),
        "transformer.resblocks.0.ln_1.weight": torch.zeros(8),
        "logit_scale": torch.tensor(4.6),
    }


def transformers_layout(state):
    """Return them as transformers writes a whole CLIPModel."""
    written = {
        "text_model.embeddings.token_embedding.weight": torch.zeros(10, 8),
        "vision_model.embeddings.position_ids": torch.arange(17)[None],
        "logit_scale": torch.tensor(4.6),
    }
    names = {
        "class_embedding": "vision_model.embeddings.class_embedding",
        "conv1.weight": "vision_model.embeddings.patch_embedding.weight",
        "positional_embedding": "vision_model.embeddings.position_embedding.weight",
        "ln_pre.weight": "vision_model.pre_layrnorm.weight",
        "ln_pre.bias": "vision_model.pre_layrnorm.bias",
        "ln_post.weight": "vision_model.post_layernorm.weight",
        "ln_post.bias": "vision_model.post_layernorm.bias",
    }
    inner = {
        "ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj",
        "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
    }  # fmt: skip
    for key, one in state.items():
        block = re.match(r"transformer\.resblocks\.(\d+)\.(.*)", key)
        if key == "proj":
            written["visual_projection.weight"] = one.T.contiguous()
        elif block is None:
            written[names[key]] = one
        elif "in_proj" in key:
            kind = key.rpartition("_")[2]
            for part, third in zip("qkv", one.chunk(3), strict=True):
                name = f"vision_model.encoder.layers.{block[1]}.self_attn.{part}_proj.{kind}"
                written[name] = third.contiguous()
        else:
            name, _, kind = block[2].rpartition(".")
            written[f"vision_model.encoder.layers.{block[1]}.{inner[name]}.{kind}"] = one
    return written
