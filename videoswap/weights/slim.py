"""The slim copy of a large file: the part of its network that a swap needs, as safetensors."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from ..errors import OutputError
from ..fingerprint import file_digest
from ..video.files import atomic_output
from . import digests as known
from .convert import SOURCE, metadata
from .loading import fitted_state
from .manifest import Model, load_manifest, weights_dir
from .store import find, missing_weights, require

_log = logging.getLogger(__name__)

# The whole network, and the part of it that is kept.
SLIM_NETWORKS = {"blendswap": "blendswap_slim"}


def slim_path(source: Path) -> Path:
    """Return where the slim copy of a file lies."""
    return source.with_suffix(".slim.safetensors")


def prefer(model: Model) -> Path:
    """Return the slim copy of a file, made now if need be, or the file where it cannot be written.

    The large file may be deleted once the copy is there.

    Args:
        model: A model whose network is in :data:`SLIM_NETWORKS`.

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
        raise missing_weights(model, folder)
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
        _log.warning("%s The whole %s is used.", error.message, source.name)
        return source


def make(model: Model, source: Path, copy: Path, digest: str) -> None:
    """Write the slim copy.

    Args:
        model: A model whose network is in :data:`SLIM_NETWORKS`.
        source: The file with the whole network.
        copy: Where the copy goes.
        digest: SHA-256 of the source.

    Raises:
        InputError: ``wrong_weights``.
        OutputError: If it cannot be written.
    """
    from safetensors.torch import save_file

    part = SLIM_NETWORKS[model.network or ""]
    state = {key: value.contiguous() for key, value in fitted_state(part, source).items()}
    with atomic_output(copy) as out:
        save_file(state, out, metadata={SOURCE: digest, "network": part, "format": "pt"})


def find_with_slim(name: str) -> Path | None:
    """Return the file of that name, or the slim copy that is left of it, or None."""
    copy = slim_path(weights_dir() / load_manifest().model(name).file)
    return find(name) or (copy if copy.is_file() else None)
