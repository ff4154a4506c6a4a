"""Models of the manifest: loaded into their networks, put together of parts, and tried.

Importing this module does not import torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from . import digests as known
from . import store
from .loading import State, fit, fitted_state, load_into, load_state, load_states, misfit
from .manifest import Model, load_manifest
from .slim import SLIM_NETWORKS, prefer

if TYPE_CHECKING:
    import torch
    from torch import nn


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
        InputError: As :func:`videoswap.weights.require` and :func:`load_into`, or ``no_network`` if
            none of our networks reads that file.
        UsageError: ``unknown_model``.
    """
    model = load_manifest().model(name)
    if model.network is None:
        raise InputError("no_network", f"{model.file} is not read by a network of videoswap.")
    if model.network in SLIM_NETWORKS:
        part, path = SLIM_NETWORKS[model.network], prefer(model)
        return load_into(part, path, device, dtype)
    return load_into(model.network, store.require(model.name), device, dtype)


# ReliableSwap's code makes its generator from a file of ArcFace and a file of FixerNet and loads
# the rest over them without insisting on all keys, so a generator's file may or may not hold them.
# By the manifest's name of a whole: what may lie beside it, by the prefix of its keys there.
BESIDE = {
    "reliableswap": {"iresnet.": "reliableswap_arcface", "mouth_net.": "reliableswap_fixernet"},
    "reliableswap_plain": {"iresnet.": "reliableswap_arcface"},
}


def load_whole(name: str) -> tuple[nn.Module, list[Path]]:
    """Load a network of :data:`BESIDE` in eval mode on the CPU, asking for no gradients.

    Args:
        name: Name of the manifest, of the whole.

    Returns:
        The network and the files it was made of.

    Raises:
        InputError: ``missing_weights`` if a file that is needed is not there, ``wrong_weights``
            if one is another network's, and what ``videoswap.weights.load_state`` raises.
    """
    from .. import networks

    network_name = load_manifest().model(name).network
    assert network_name is not None
    paths = [store.require(name)]
    network = networks.build(network_name, device="meta")
    expected, states = network.state_dict(), load_states(paths[0])
    besides: State = {}
    for prefix, part in _absent(name, network_name, expected, states).items():
        paths.append(_require_part(part, paths[0]))
        besides.update(_part(part, prefix, paths[-1]))
    state = _first_fit(network_name, expected, states, besides)
    if state is None:
        raise misfit(paths[0], network_name, expected, states)
    network.load_state_dict(state, strict=True, assign=True)
    for path in paths:
        known.confirm(path)
    return network.requires_grad_(False).eval(), paths


def _absent(name: str, network: str, expected: State, states: list[State]) -> dict[str, str]:
    """Return which parts a file lacks to fit; none if even with all of them it would not."""
    parts = BESIDE[name]

    def fits_with(prefixes: Iterable[str]) -> bool:
        words = tuple(prefixes)
        lent = {key: value for key, value in expected.items() if key.startswith(words)}
        return _first_fit(network, expected, states, lent) is not None

    if not fits_with(parts):
        return {}
    return {
        prefix: part
        for prefix, part in parts.items()
        if not fits_with(other for other in parts if other != prefix)
    }


def _first_fit(network: str, expected: State, states: list[State], besides: State) -> State | None:
    fits = (fit(network, expected, state, besides) for state in states)
    return next((state for state in fits if state is not None), None)


def _part(part: str, prefix: str, path: Path) -> State:
    """Read a part's file and return it by the keys of the whole."""
    network = load_manifest().model(part).network
    assert network is not None
    return {prefix + key: value for key, value in fitted_state(network, path).items()}


def _require_part(part: str, whole: Path) -> Path:
    try:
        return store.require(part)
    except InputError as error:
        if error.code != "missing_weights":
            raise
        raise InputError(
            error.code, f"{whole.name} comes without a part of it. {error.message}", error.hint
        ) from None


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
        from .onnx_models import open_onnx

        open_onnx(path, ["CPUExecutionProvider"])
    elif model.network is None:
        return "nothing here reads it, so nobody can say whether it is right"
    elif importlib.util.find_spec("torch") is None:
        return "torch is not installed, so nobody can say whether it loads"
    else:
        _try_to_load(model, path)
    known.confirm(path)
    return None


def _try_to_load(model: Model, path: Path) -> None:
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
