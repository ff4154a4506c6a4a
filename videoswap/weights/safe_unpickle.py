"""Reading torch's old files without running them: everything but tensors becomes an empty shell.

A pickle names classes and functions and says what to call them with; that is how such a file can
run anything. Here only the handful that make up tensors are let through, so the tensors of a whole
saved module, a training state or a ``.tar`` file can be taken out while their code is not.

This is used by :mod:`videoswap.weights.convert` in a process of its own and nowhere else.
"""

from __future__ import annotations

import collections
import pickle
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import torch

from ..errors import InputError

_REBUILDERS = frozenset(
    {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter", "_rebuild_parameter_with_state"}
)
_STORAGES = frozenset(
    f"{kind}Storage"
    for kind in (
        "Float",
        "Double",
        "Half",
        "BFloat16",
        "Long",
        "Int",
        "Short",
        "Char",
        "Byte",
        "Bool",
    )
)


class Shell(dict[Any, Any]):
    """Stands for anything that is no tensor; takes whatever is put into it."""

    state: object = None
    dump_patches = False  # torch asks the classes of its oldest format for it

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__()

    def __call__(self, *arguments: object, **named: object) -> Shell:
        """Do nothing."""
        return Shell()

    def __setstate__(self, state: object) -> None:
        self.state = state

    def append(self, value: object) -> None:
        """Take an item as a list would."""
        self[len(self)] = value

    def extend(self, values: list[object]) -> None:
        """Take items as a list would."""
        for value in values:
            self.append(value)

    def add(self, value: object) -> None:
        """Take an item as a set would."""
        self.append(value)

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch", "Size"):
            return torch.Size
        if module in ("builtins", "__builtin__") and name == "set":
            return set
        if (module == "torch._utils" and name in _REBUILDERS) or (
            module == "torch" and name in _STORAGES
        ):
            return getattr(torch._utils if module == "torch._utils" else torch, name)
        return Shell


def _load(file: IO[bytes], **options: Any) -> Any:
    return _Unpickler(file, **options).load()


def read(path: Path) -> object:
    """Read a file of torch.save in any of its formats; no code of the file runs.

    Args:
        path: The file.

    Returns:
        What was saved, where whole modules are mappings of their tensors and everything that is
        neither a tensor nor a mapping, list or plain value is an empty :class:`Shell`.

    Raises:
        InputError: ``torchscript_weights``, which torch would hand to another reader.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                raise InputError("torchscript_weights", "it is a TorchScript program")
    module: Any = ModuleType("inert_pickle")
    module.Unpickler, module.load = _Unpickler, _load
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the source of a class, which is a shell, changed
        saved = torch.load(path, map_location="cpu", pickle_module=module, weights_only=False)
    return _opened(saved)


def _opened(value: object) -> object:
    """Turn shells of modules into mappings of their tensors, all the way down."""
    if isinstance(value, Shell):
        tensors = dict(_tensors(value, ""))
        return tensors or {key: _opened(item) for key, item in value.items()}
    if isinstance(value, dict):
        return {key: _opened(item) for key, item in value.items()}
    return value


def _tensors(module: Shell, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Walk a saved module's parameters, lasting buffers and parts, as ``state_dict()`` does."""
    state = module.state if isinstance(module.state, dict) else {}
    fleeting = state.get("_non_persistent_buffers_set") or ()
    for kind in ("_parameters", "_buffers"):
        for name, tensor in (state.get(kind) or {}).items():
            if isinstance(tensor, torch.Tensor) and name not in fleeting:
                yield prefix + name, tensor
    for name, part in (state.get("_modules") or {}).items():
        if isinstance(part, Shell):
            yield from _tensors(part, f"{prefix}{name}.")
