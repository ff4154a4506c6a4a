"""Weights and inputs by rule, as ``contracts/README.md`` defines them. No network needed."""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

CONSTANTS = ("trans_matrix", "vgg_mean", "vgg_std")
TRANS_MATRIX = [[1.07695457, -0.03625215, -1.56352194], [0.03625215, 1.07695457, -5.32134629]]


def _normal(text: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(text.encode())))
    return rng.standard_normal(shape, dtype=np.float32)


def _constant(name: str, size: int = 256) -> np.ndarray:
    if name == "trans_matrix":
        matrix = np.array([TRANS_MATRIX], np.float64)
        matrix[:, :, 2] *= size / 256
        return matrix.astype(np.float32)
    values = (0.485, 0.456, 0.406) if name == "vgg_mean" else (0.229, 0.224, 0.225)
    return np.array(values, np.float32).reshape(3, 1, 1)


def _spectral(tag: str, key: str, shapes: dict[str, tuple[int, ...]]) -> np.ndarray:
    stem, part = key.rsplit("weight_", 1)
    shape = shapes[stem + "weight_orig"]
    w = tensor(tag, stem + "weight_orig", shape, shapes).reshape(shape[0], -1).astype(np.float64)
    u = _normal(f"{tag}:{stem}weight_u", (shape[0],)).astype(np.float64)
    u /= np.linalg.norm(u)
    for _ in range(8):
        v = w.T @ u
        v /= np.linalg.norm(v)
        u = w @ v
        u /= np.linalg.norm(u)
    return (u if part == "u" else v).astype(np.float32)


def tensor(
    tag: str, key: str, shape: tuple[int, ...], shapes: dict[str, tuple[int, ...]]
) -> np.ndarray:
    """One tensor of a state dict by the fill rule; ``shapes`` holds the whole state dict's."""
    last = key.rsplit(".", 1)[-1]
    f = np.float32
    if last == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    if last in CONSTANTS:
        return _constant(last)
    if last in ("weight_u", "weight_v"):
        return _spectral(tag, key, shapes)
    n = _normal(f"{tag}:{key}", shape)
    if last in ("running_mean", "bias"):
        return f(0.1) * n
    if last == "running_var":
        return f(1) + f(0.1) * np.abs(n)
    if len(shape) == 1:
        if "prelu" in key:
            return f(0.25) + f(0.05) * n
        scale = f(1) + f(0.1) * n
        return scale * f(0.3) if key.endswith("bn3.weight") else scale
    if ".fc_1." in key or ".fc_2." in key:
        return n
    g = 1.2 / math.sqrt(math.prod(shape[1:]))
    if len(shape) == 4 and shape[0] == 3:
        g *= 0.5
    if re.search(r"\.add[123]\.conv[12]\.weight$", key):
        g *= 2.5
    return n * f(g)


def tensors(
    tag: str, shapes: dict[str, tuple[int, ...]], only: Iterable[str] | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """All (or ``only`` some) tensors in state dict order, one at a time."""
    wanted = None if only is None else set(only)
    for key, shape in shapes.items():
        if wanted is None or key in wanted:
            yield key, tensor(tag, key, shape, shapes)


def read_shapes(contracts: Path, name: str) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of ``contracts/keys/NAME.keys.json`` in order."""
    keys = json.loads((contracts / "keys" / f"{name}.keys.json").read_text())["keys"]
    return {key: tuple(shape) for key, shape, _ in keys}


def sha256(tag: str, shapes: dict[str, tuple[int, ...]]) -> str:
    """Digest over all tensors' bytes in order; needs no module and little memory."""
    digest = hashlib.sha256()
    for _, array in tensors(tag, shapes):
        digest.update(array.tobytes())
    return digest.hexdigest()


@torch.no_grad()
def fill(module: nn.Module, tag: str) -> str:
    """Fill a module in place in float32 and return the digest over its state dict."""
    state = module.state_dict()
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    digest = hashlib.sha256()
    for key, array in tensors(tag, shapes):
        state[key].copy_(torch.from_numpy(array))
        digest.update(array.tobytes())
    return digest.hexdigest()


def vec(name: str, dim: int, n: int = 1) -> torch.Tensor:
    """Identity vectors (n, dim) by the input rule."""
    return torch.from_numpy(_normal("input:" + name, (n, dim)))


def image(name: str, size: int, cells: int = 16, n: int = 1) -> torch.Tensor:
    """Pictures (n, 3, size, size) in [-1, 1] by the input rule: blocks plus noise."""
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(("input:" + name).encode())))
    a = rng.standard_normal((n, 3, cells, cells), dtype=np.float32)
    a = a.repeat(size // cells, axis=2).repeat(size // cells, axis=3)
    b = rng.standard_normal((n, 3, size, size), dtype=np.float32)
    half, quarter = np.float32(0.5), np.float32(0.25)
    return torch.from_numpy(np.clip(half * a + quarter * b, -1, 1).astype(np.float32))


def golden_input(spec: dict[str, object]) -> torch.Tensor:
    """Input of a golden from its JSON entry."""
    name, n = str(spec["name"]), int(str(spec["n"]))
    if spec["rule"] == "vec":
        return vec(name, int(str(spec["dim"])), n)
    x = image(name, int(str(spec["size"])), int(str(spec["cells"])), n)
    return (x + 1) * 0.5 if "(x+1)*0.5" in str(spec["rule"]) else x
