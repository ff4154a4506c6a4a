"""Weight files into networks: whatever wrapping they came in, and never by running their code.

::

    network = load_into("ghost_aei_unet_2", Path("G_unet_2blocks.pth"), "cuda")

Importing this module does not import torch.
"""

from __future__ import annotations

import pickle
import shlex
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..video.files import check_readable
from . import digests as known

if TYPE_CHECKING:
    import torch
    from torch import nn

# Names under which checkpoints keep the weights, the wanted ones first: moving averages are what
# a network is used with.
WRAPPERS = (
    *("params_ema", "g_ema", "ema", "state_dict", "model_state_dict", "model", "net", "network"),
    *("netG", "generator", "G", "G_state_dict", "params", "weights", "backbone", "encoder"),
    *("netD", "discriminator", "D", "D_state_dict"),
)
_PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and torch.compile


def load_state(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a ``.pth``, ``.pt`` or ``.safetensors`` file.

    Wrapper dictionaries and the prefixes ``module.`` and ``_orig_mod.`` are taken off, floating
    numbers come as float32 whatever the file holds. Nothing of the file is executed.

    Args:
        path: The file.

    Returns:
        Tensors on the CPU by key, in the order of the file. Those that are float32 in a file of
        torch's zip format are mapped from it and read when they are used.

    Raises:
        InputError: ``missing_file``, ``empty_file``, ``damaged_weights``, ``unsafe_weights`` (only
            ``videoswap models convert`` can read it), ``torchscript_weights`` or ``no_weights``
            (other things, but no tensors by name).
    """
    return load_states(path)[0]


def load_states(path: Path) -> list[dict[str, torch.Tensor]]:
    """Read every set of tensors of a file that may hold several networks, the likeliest first.

    Args:
        path: The file.

    Returns:
        At least one set, each as from :func:`load_state`.

    Raises:
        InputError: As :func:`load_state`.
    """
    check_readable(path)
    found = unwrap(_read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path))
    if not found:
        raise InputError(
            "no_weights",
            f"{path} holds no weights by name.",
            "It may be a training state or another kind of file.",
        )
    return [_in_float32(_without_prefix(state)) for state in found]


def load_into(
    network_name: str,
    path: Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
) -> nn.Module:
    """Build a network and give it the weights of a file, strictly.

    A missing ``num_batches_tracked`` becomes 0; one prefix that all keys share and the network
    does not know is taken off; ``blendswap_slim`` takes what it needs from the whole file.

    Args:
        network_name: A name of :func:`videoswap.networks.names`.
        path: The file with its weights.
        device: Where the network goes.
        dtype: Kind of floating numbers it gets; float32 if None.

    Returns:
        The network in eval mode, asking for no gradients.

    Raises:
        InputError: As :func:`load_state`, or ``wrong_weights`` with the first key that differs and
            the network that the file would fit.
        UsageError: ``unknown_network``.
    """
    from .. import networks

    network = networks.build(network_name, device="meta")
    network.load_state_dict(fitted_state(network_name, path), strict=True, assign=True)
    known.confirm(path)
    return network.requires_grad_(False).to(device=device, dtype=dtype).eval()


def fitted_state(network_name: str, path: Path) -> dict[str, torch.Tensor]:
    """Read a file as exactly the keys, in the order, that a network wants.

    Args:
        network_name: A name of :func:`videoswap.networks.names`.
        path: The file.

    Raises:
        InputError: As :func:`load_into`.
        UsageError: ``unknown_network``.
    """
    from .. import networks

    expected = networks.build(network_name, device="meta").state_dict()
    states = load_states(path)
    for state in states:
        fitting = fit(network_name, expected, state)
        if fitting is not None:
            return fitting
    raise misfit(path, network_name, expected, states)


def unwrap(loaded: object) -> list[State]:
    """Find the sets of named tensors in what a checkpoint held.

    Args:
        loaded: A mapping of tensors, or mappings of such mappings with anything beside them.

    Returns:
        The sets under the names of :data:`WRAPPERS` in that order, then the tensors that lie
        outside of all wrappers, then all others.
    """
    import torch

    if not isinstance(loaded, Mapping):
        return []
    named = {key: value for key, value in loaded.items() if isinstance(key, str)}
    known = [state for key in WRAPPERS if key in named for state in unwrap(named[key])]
    loose = {key: value for key, value in named.items() if isinstance(value, torch.Tensor)}
    others = [
        state for key, value in named.items() if key not in WRAPPERS for state in unwrap(value)
    ]
    return [*known, *([loose] if loose else []), *others]


def _read_safetensors(path: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise _damaged(path, error) from None


def _read_torch(path: Path) -> object:
    import torch

    zipped = zipfile.is_zipfile(path)  # torch can map this format only
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped or None)
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError) as error:
        raise _why_not(path, error) from None


def _why_not(path: Path, error: Exception) -> InputError:
    """Tell a file that must not be read as it is from one that cannot be read at all."""
    text = str(error)
    if "TorchScript" in text:
        return InputError(
            "torchscript_weights",
            f"{path} is a TorchScript program, not a file of weights.",
            "Save its state_dict() with the software it came with.",
        )
    refused = isinstance(error, pickle.UnpicklingError) or "weights_only" in text
    if not refused or not _is_checkpoint(path):
        return _damaged(path, error)
    return InputError(
        "unsafe_weights",
        f"{path} holds more than weights, and reading that would mean to run what it says.",
        f"Make a file of its weights alone: videoswap models convert {shlex.quote(str(path))}",
    )


def _is_checkpoint(path: Path) -> bool:
    """Tell whether a file begins like one of torch's formats (zip, pickle, tar)."""
    with path.open("rb") as file:
        first = file.read(1)
    return first == b"\x80" or zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def _damaged(path: Path, error: Exception) -> InputError:
    first = (str(error).splitlines() or [""])[0] or type(error).__name__
    if path.suffix != ".safetensors" and not _is_checkpoint(path):
        first = "it does not begin like any of torch's formats."  # torch would speak of options
    return InputError(
        "damaged_weights",
        f"{path} is not a file of weights, or it is damaged or cut short.",
        f"Fetch it again. The reader says: {first[:200]}",
    )


def _without_prefix(state: State) -> State:
    for prefix in _PREFIXES:
        while all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _in_float32(state: State) -> State:
    import torch

    return {
        key: value.detach().to(torch.float32) if value.is_floating_point() else value.detach()
        for key, value in state.items()
    }


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


def fitting_networks(states: Iterable[State], names: Sequence[str] | None = None) -> list[str]:
    """Return the names of those networks that one of the sets of weights fits.

    Args:
        states: Sets of tensors by key.
        names: Of :func:`videoswap.networks.names`; None tries all of them.
    """
    from .. import networks

    candidates = list(states)
    found = []
    for name in networks.names() if names is None else names:
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
