"""Weights by name: found, checked, explained when missing, and loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from . import digests as known
from .copies import SOURCE, converted_path, metadata
from .manifest import Model, load_manifest, weights_dir

if TYPE_CHECKING:
    import torch
    from torch import nn


def find(name: str) -> Path | None:
    """Return where a file lies, without opening it, or None if it is not there.

    Args:
        name: Name or file name of the manifest.

    Raises:
        UsageError: ``unknown_model``.
    """
    path = weights_dir() / load_manifest().model(name).file
    return path if path.is_file() else None


def require(name: str) -> Path:
    """Return the path of a file, checked against the digest that is known of it.

    Where ``videoswap models convert`` made a copy of the very file, that is returned.

    Args:
        name: Name or file name of the manifest.

    Raises:
        InputError: ``missing_weights``, which says how to get it, or ``changed_weights``.
        UsageError: ``unknown_model``.
    """
    model = load_manifest().model(name)
    folder = weights_dir()
    if not (folder / model.file).is_file():
        raise missing(model, folder)
    path = known.check(model, folder)
    copy = converted_path(path)
    if copy == path or not copy.is_file():
        return path
    if metadata(copy).get(SOURCE) != known.digest_of(model, folder):
        return path
    return known.check(
        replace(model, file=copy.relative_to(folder).as_posix(), sha256=None), folder
    )


def load(
    name: str, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> nn.Module:
    """Load a file of the manifest into its network, in eval mode.

    ``blendswap`` gives the network ``blendswap_slim`` from the slim copy, which is made first if
    it is not there.

    Args:
        name: Name or file name of the manifest.
        device: Where the network goes.
        dtype: Kind of floating numbers it gets; float32 if None.

    Raises:
        InputError: As :func:`require` and :func:`videoswap.weights.loading.load_into`, or
            ``no_network`` if none of our networks reads that file.
        UsageError: ``unknown_model``.
    """
    from . import slim
    from .loading import load_into

    model = load_manifest().model(name)
    if model.network is None:
        raise InputError("no_network", f"{model.file} is not read by a network of videoswap.")
    if model.network in slim.PARTS:
        part, path = slim.PARTS[model.network], slim.prefer(model)
        return load_into(part, path, device, dtype)
    return load_into(model.network, require(model.name), device, dtype)


def missing(model: Model, folder: Path) -> InputError:
    """Make the error that says what to fetch, from where, and where to put it."""
    ways = by_hand(model, folder)
    if model.downloadable:
        ways = f"Run: videoswap models download {model.name}\nBy hand: {ways}"
    return InputError("missing_weights", f"{folder / model.file} is not there.", ways)


def by_hand(model: Model, folder: Path) -> str:
    """Return how a person gets a file: from where, and where to put it."""
    way = model.manual or "Fetch " + "\n  or ".join(model.addresses)
    return f"{way}\nPut it at {folder / model.file}"
