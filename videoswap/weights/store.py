"""Weights by name: found, checked, explained when missing, and loaded."""

from __future__ import annotations

import importlib.util
import json
import struct
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, OutputError
from ..fingerprint import file_digest
from ..video.files import atomic_output
from . import digests as known
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
    from .loading import load_into

    model = load_manifest().model(name)
    if model.network is None:
        raise InputError("no_network", f"{model.file} is not read by a network of videoswap.")
    if model.network in PARTS:
        part, path = PARTS[model.network], prefer(model)
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


# Under this key of its metadata a copy names the SHA-256 of the file it was made of.
SOURCE = "source_sha256"


def converted_path(source: Path) -> Path:
    """Return where the converted copy of a file goes: beside it, as safetensors."""
    return source.with_suffix(".safetensors")


def metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file, without its tensors.

    Raises:
        InputError: ``damaged_weights``.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 1 << 26)))
        return dict(header.get("__metadata__", {}))
    except (OSError, ValueError, AttributeError, struct.error):
        raise InputError(
            "damaged_weights", f"{path} is not a safetensors file.", "Delete it and try again."
        ) from None


# The whole network, and the part of it that is kept.
PARTS = {"blendswap": "blendswap_slim"}


def slim_path(source: Path) -> Path:
    """Return where the slim copy of a file lies."""
    return source.with_suffix(".slim.safetensors")


def prefer(model: Model) -> Path:
    """Return the slim copy of a file, made now if need be, or the file where it cannot be written.

    The large file may be deleted once the copy is there.

    Args:
        model: A model whose network is in :data:`PARTS`.

    Raises:
        InputError: ``missing_weights``, ``changed_weights`` or ``wrong_weights``.
    """
    folder = weights_dir()
    source = folder / model.file
    copy = slim_path(source)
    digest = known.expected_sha256(model, folder)
    entry = replace(model, file=slim_path(Path(model.file)).as_posix(), sha256=None)
    if copy.is_file() and not source.is_file() and digest in (None, metadata(copy).get(SOURCE)):
        return known.check(entry, folder)
    if not source.is_file():
        raise missing(model, folder)
    source = require(model.name)
    digest = known.digest_of(model, folder)
    if copy.is_file() and metadata(copy).get(SOURCE) == digest:
        return known.check(entry, folder)
    try:
        make(model, source, copy, digest)
        known.confirm(source)
        known.record(entry, folder, file_digest(copy), f"made of {source.name}", "made")
        return copy
    except OutputError as error:
        print(f"{error.message} The whole {source.name} is used.", file=sys.stderr)
        return source


def make(model: Model, source: Path, copy: Path, digest: str) -> None:
    """Write the slim copy.

    Args:
        model: A model whose network is in :data:`PARTS`.
        source: The file with the whole network.
        copy: Where the copy goes.
        digest: SHA-256 of the source.

    Raises:
        InputError: ``wrong_weights``.
        OutputError: If it cannot be written.
    """
    from safetensors.torch import save_file

    from .loading import fitted_state

    part = PARTS[model.network or ""]
    state = {key: value.contiguous() for key, value in fitted_state(part, source).items()}
    with atomic_output(copy) as out:
        save_file(state, out, metadata={SOURCE: digest, "network": part, "format": "pt"})


def missing_files(names: Iterable[str], download: str) -> str | None:
    """Say which files of the manifest are not here.

    Args:
        names: Names of the manifest.
        download: What to give to ``videoswap models download`` to fetch them.

    Returns:
        A part of a sentence, or None if all are here.
    """
    manifest = load_manifest()
    absent = [manifest.model(name) for name in names if find(name) is None]
    if not absent:
        return None
    files = " and ".join(str(weights_dir() / model.file) for model in absent)
    verb = "is" if len(absent) == 1 else "are"
    if any(model.downloadable for model in absent):
        return f"{files} {verb} not there (`videoswap models download {download}` fetches it)"
    return f"{files} {verb} not there (`videoswap models path {absent[0].name}` says how to get it)"


def missing_torch() -> str | None:
    """Say that torch is not installed, without importing it."""
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed (pip install 'videoswap[neural]')"
    return None
