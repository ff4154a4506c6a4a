"""CLIP's image encoder: a vision transformer with a projection into the space shared with texts.

Architecture: CLIP (Radford et al., 2021, arXiv 2103.00020), the ViT-B/32 family. Names of the keys
as in open_clip's ``visual``; :func:`clip_state` takes files of open_clip and of transformers. The
shape is read off the weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Of the pictures, from the paper's code; RGB in [0, 1].
MEAN = (0.48145466, 0.4578275, 0.40821073)
SPREAD = (0.26862954, 0.26130258, 0.27577711)
ACTIVATIONS = ("quick_gelu", "gelu")
#: Channels of an attention head in the models up to ViT-L.
HEAD_WIDTH = 64

State = Mapping[str, Tensor]


class ClipShape(NamedTuple):
    """Shape of an encoder.

    Attributes:
        width: Channels of a token.
        layers: Blocks.
        patch: Side of a patch in pixels.
        grid: Patches along a side.
        dim: Length of the embedding.
        hidden: Channels inside of a block's perceptron.
    """

    width: int
    layers: int
    patch: int
    grid: int
    dim: int
    hidden: int


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.randn(3 * width, width) * width**-0.5)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        count, length, width = tokens.shape
        mixed = F.linear(tokens, self.in_proj_weight, self.in_proj_bias)
        query, key, value = (
            one.reshape(count, length, self.heads, -1).transpose(1, 2) for one in mixed.chunk(3, -1)
        )
        seen = F.scaled_dot_product_attention(query, key, value)
        joined: Tensor = self.out_proj(seen.transpose(1, 2).reshape(count, length, width))
        return joined


class _Perceptron(nn.Module):
    def __init__(self, width: int, hidden: int, quick: bool) -> None:
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.quick = quick

    def forward(self, tokens: Tensor) -> Tensor:
        inner = self.c_fc(tokens)
        inner = inner * torch.sigmoid(1.702 * inner) if self.quick else F.gelu(inner)
        given: Tensor = self.c_proj(inner)
        return given


class _Block(nn.Module):
    def __init__(self, shape: ClipShape, heads: int, quick: bool) -> None:
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(shape.width), _Attention(shape.width, heads)
        self.ln_2 = nn.LayerNorm(shape.width)
        self.mlp = _Perceptron(shape.width, shape.hidden, quick)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.ln_1(tokens))
        given: Tensor = tokens + self.mlp(self.ln_2(tokens))
        return given


class ClipVision(nn.Module):
    """Picture to embedding.

    Args:
        shape: See :class:`ClipShape`.
        heads: Of the attention; 0 for one every 64 channels.
        activation: ``quick_gelu``, as in OpenAI's weights, or ``gelu``, as in those of LAION.
    """

    def __init__(self, shape: ClipShape, heads: int = 0, activation: str = "quick_gelu") -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}")
        heads = heads or max(shape.width // HEAD_WIDTH, 1)
        if shape.width % heads:
            raise ValueError(f"{shape.width} channels cannot be divided into {heads} heads")
        self.size = shape.patch * shape.grid
        width, scale = shape.width, shape.width**-0.5
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(shape.grid**2 + 1, width))
        self.proj = nn.Parameter(scale * torch.randn(width, shape.dim))
        self.conv1 = nn.Conv2d(3, width, shape.patch, shape.patch, bias=False)
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        blocks = [_Block(shape, heads, activation == "quick_gelu") for _ in range(shape.layers)]
        self.transformer = nn.ModuleDict({"resblocks": nn.ModuleList(blocks)})
        self.register_buffer("_mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("_spread", torch.tensor(SPREAD)[:, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Embed (B, 3, S, S) RGB in [-1, 1] of any size: (B, dim) of length 1."""
        level = (pictures + 1) / 2
        if level.shape[-1] != self.size:
            size = (self.size, self.size)
            level = F.interpolate(level, size, mode="bicubic", antialias=True).clamp(0, 1)
        assert isinstance(self._mean, Tensor) and isinstance(self._spread, Tensor)
        patches = self.conv1((level - self._mean) / self._spread).flatten(2).transpose(1, 2)
        first = self.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
        tokens = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        for block in self.transformer["resblocks"]:  # type: ignore[attr-defined]
            tokens = block(tokens)
        return F.normalize(self.ln_post(tokens[:, 0]).float() @ self.proj.float(), dim=1)


def clip_state(state: State) -> dict[str, Tensor] | None:
    """Return the image encoder's weights of a file, by the keys of :class:`ClipVision`.

    Args:
        state: Of open_clip or of transformers, with or without the text encoder.

    Returns:
        None if there is no such encoder in it.
    """
    if "vision_model.embeddings.class_embedding" in state:
        return _of_transformers(state)
    for prefix in ("visual.", ""):
        if f"{prefix}class_embedding" in state and f"{prefix}conv1.weight" in state:
            own = [key for key in state if key.startswith(prefix)]
            return {key.removeprefix(prefix): state[key] for key in own}
    return None


_RENAMED = (
    (r"^vision_model\.embeddings\.class_embedding$", "class_embedding"),
    (r"^vision_model\.embeddings\.patch_embedding\.", "conv1."),
    (r"^vision_model\.embeddings\.position_embedding\.weight$", "positional_embedding"),
    (r"^vision_model\.pre_layrnorm\.", "ln_pre."),
    (r"^vision_model\.post_layernorm\.", "ln_post."),
    (r"^vision_model\.encoder\.layers\.", "transformer.resblocks."),
    (r"\.self_attn\.out_proj\.", ".attn.out_proj."),
    (r"\.layer_norm([12])\.", r".ln_\1."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
)
_QUERY = re.compile(r"(transformer\.resblocks\.\d+)\.self_attn\.q_proj\.(weight|bias)")


def _of_transformers(state: State) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {}
    for key, one in state.items():
        if key == "visual_projection.weight":
            named["proj"] = one.T
        elif key.startswith("vision_model.") and not key.endswith(".position_ids"):
            for pattern, new in _RENAMED:
                key = re.sub(pattern, new, key)
            named[key] = one
    for key in list(named):
        match = _QUERY.fullmatch(key)
        if match:
            names = [f"{match[1]}.self_attn.{part}_proj.{match[2]}" for part in "qkv"]
            if all(name in named for name in names):
                joined = torch.cat([named.pop(name) for name in names])
                named[f"{match[1]}.attn.in_proj_{match[2]}"] = joined
    return named


def clip_shape(state: State) -> ClipShape | None:
    """Return the shape of weights by the keys of :class:`ClipVision`; None if some are missing."""
    needed = ("conv1.weight", "positional_embedding", "proj")
    first = "transformer.resblocks.0.mlp.c_fc.weight"
    if any(key not in state for key in (*needed, first)):
        return None
    width, _, patch, _ = state["conv1.weight"].shape
    blocks = {key.split(".")[2] for key in state if key.startswith("transformer.resblocks.")}
    return ClipShape(
        width=width,
        layers=len(blocks),
        patch=patch,
        grid=round((len(state["positional_embedding"]) - 1) ** 0.5),
        dim=state["proj"].shape[1],
        hidden=len(state[first]),
    )
