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
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..video.files import check_readable
from . import digests as known
from .fitting import State, fit, misfit

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
