"""Networks whose weights may come in several files, put together in memory.

ReliableSwap's code makes its generator from a file of ArcFace and a file of FixerNet and loads the
rest over them without insisting on all keys, so a generator's file may or may not hold them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from . import digests as known
from . import store
from .loading import State, fit, fitted_state, load_states, misfit
from .manifest import load_manifest

if TYPE_CHECKING:
    from torch import nn

# Names of the manifest: of a whole, and of what may lie beside it by the prefix of its keys there.
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
