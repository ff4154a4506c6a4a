"""Whether a set of weights fits a network, and what it would fit instead."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    import torch

State = dict[str, "torch.Tensor"]

# Networks that are a part of another: what the whole has besides.
PARTS = {"blendswap_slim": ("G.", "E.", "mask_head.")}
_COUNTER = "num_batches_tracked"
# Constants of ReliableSwap's networks, which a file of FixerNet or the generator alone leaves out.
_CONSTANTS = {
    "vgg_mean": (0.485, 0.456, 0.406),
    "vgg_std": (0.229, 0.224, 0.225),
    "trans_matrix": (1.07695457, -0.03625215, -1.56352194, 0.03625215, 1.07695457, -5.32134629),
}
# Under these a training state keeps the network that is meant, beside losses and discriminators.
_MEANT = ("generator.", "netG.", "model.", "net.")


def fit(name: str, expected: State, state: State, besides: State | None = None) -> State | None:
    """Return the state as a network wants it, or None if it does not fit.

    Args:
        name: Name of the network.
        expected: The network's own ``state_dict()``; only keys, shapes and order are looked at.
        state: What a file held.
        besides: What other files held of the same network, by its own keys.

    Returns:
        Exactly the keys of ``expected``, in its order: a prefix that all keys of either side share
        taken off or put on, the network that is meant alone of a training state, without the rest
        of a network of :data:`PARTS`, and with a missing ``num_batches_tracked`` set to 0.
    """
    for candidate in _readings(expected, state):
        complete = _with_constants(expected, {**(besides or {}), **candidate})
        if first_difference(name, expected, complete) is None:
            return {key: complete[key] for key in expected}
    return None


def first_difference(name: str, expected: State, state: State) -> str | None:
    """Name the first key, in the order of the network, that differs and how.

    Args:
        name: Name of the network.
        expected: The network's own ``state_dict()``.
        state: What a file held.

    Returns:
        Part of a sentence, or None if all keys and shapes agree.
    """
    for key, wanted in expected.items():
        if key not in state:
            return f"{key} is missing"
        if state[key].shape != wanted.shape:
            return f"{key} is {_shape(state[key])} instead of {_shape(wanted)}"
    surplus = PARTS.get(name, ())
    extra = (key for key in state if key not in expected and not key.startswith(surplus))
    first = next(extra, None)
    return None if first is None else f"{first} is not part of it"


def fitting_networks(states: Iterable[State]) -> list[str]:
    """Return the names of all networks that one of the sets of weights fits."""
    from .. import networks

    candidates = list(states)
    found = []
    for name in networks.names():
        expected = networks.build(name, device="meta").state_dict()
        if any(fit(name, expected, state) is not None for state in candidates):
            found.append(name)
    return found


def misfit(path: Path, name: str, expected: State, states: list[State]) -> InputError:
    """Make the error that says where a file stops to fit and what it would fit.

    Args:
        path: The file.
        name: The network that was wanted.
        expected: Its ``state_dict()``.
        states: All sets of weights of the file, the likeliest first.
    """
    closest = max(
        _readings(expected, states[0]), key=lambda state: len(state.keys() & expected.keys())
    )
    where = first_difference(name, expected, _with_constants(expected, closest))
    others = fitting_networks(states)
    hint = f"It fits {' and '.join(others)}." if others else "It fits no network known here."
    return InputError("wrong_weights", f"{path} does not fit {name}: {where}.", hint)


def _readings(expected: State, state: State) -> list[State]:
    """Return the state as it is, and with the first word that only one of the two sides has."""
    given = _common_word(state)
    wanted = _common_word([key for key in expected if _last(key) not in _CONSTANTS])
    readings = [state]
    if given is not None:
        readings.append({key.removeprefix(given): value for key, value in state.items()})
    if wanted is not None:
        readings.append({wanted + key: value for key, value in state.items()})
    for word in _MEANT:
        part = {key.removeprefix(word): x for key, x in state.items() if key.startswith(word)}
        if 0 < len(part) < len(state):
            readings.append(part)
    return readings


def _common_word(keys: Iterable[str]) -> str | None:
    """Return the first word, with its dot, if all keys share one."""
    words = {"".join(key.partition(".")[:2]) for key in keys}
    only = words.pop() if len(words) == 1 else ""
    return only if only.endswith(".") else None


def _with_constants(expected: State, state: State) -> State:
    """Add what a file may leave out, since it never is anything else."""
    import torch

    added: State = {}
    for key in expected.keys() - state.keys():
        if _last(key) == _COUNTER:
            added[key] = torch.zeros((), dtype=torch.int64)
        elif _last(key) in _CONSTANTS:
            added[key] = torch.tensor(_CONSTANTS[_last(key)]).reshape(expected[key].shape)
    return {**state, **added}


def _last(key: str) -> str:
    return key.rsplit(".", 1)[-1]


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
