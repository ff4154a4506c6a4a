"""Tries whether a weight file loads, where nothing else says that it is the right one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ..errors import InputError
from . import digests as known
from .manifest import Model

#: Old formats that have to be converted first are no damage.
CONVERTIBLE = ("unsafe_weights",)


def vouch(model: Model, folder: Path) -> str | None:
    """Load a file of which nothing is known; if that works, its digest is recorded.

    Args:
        model: Which file; it must lie in its place.
        folder: The folder of weights.

    Returns:
        What nobody can say of it, or None if all is well.

    Raises:
        InputError: As :func:`videoswap.weights.load_state` and ``damaged_weights``, if it does not
            load or is another network's.
    """
    path = folder / model.file
    if known.expected_sha256(model, folder) is not None or model.shipped:
        return None
    if path.suffix == ".onnx":
        from .onnx_models import open_graph

        open_graph(path, ["CPUExecutionProvider"])
    elif model.network is None:
        return "nothing here reads it, so nobody can say whether it is right"
    elif importlib.util.find_spec("torch") is None:
        return "torch is not installed, so nobody can say whether it loads"
    else:
        _load(model, path)
    known.confirm(path)
    return None


def _load(model: Model, path: Path) -> None:
    from .loading import fitted_state, load_state
    from .parts import BESIDE

    if model.name in BESIDE:  # it may be a part of a whole
        load_state(path)
    else:
        fitted_state(model.network or "", path)


def breakage(model: Model, folder: Path) -> InputError | None:
    """Return why a file that lies in its place cannot be used, or None if nothing speaks against.

    Raises:
        InputError: ``bad_known_file``.
    """
    known.recorded(folder)
    try:
        known.check(model, folder)
        vouch(model, folder)
    except InputError as error:
        return None if error.code in CONVERTIBLE else error
    return None
