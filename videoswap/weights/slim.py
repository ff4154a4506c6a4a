"""The part of a large file that a swap needs, kept as a copy beside it.

``blendswap.pth`` holds 3.1 GB, of which a swap reads 1.6 GB. The copy names the digest of the file
that it was made of, and is only used while that is the digest on record.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from ..errors import OutputError
from ..fingerprint import file_digest
from ..video.files import atomic_output
from . import digests as known
from .copies import SOURCE, metadata
from .manifest import Model, weights_dir

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
    from .store import missing, require

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
