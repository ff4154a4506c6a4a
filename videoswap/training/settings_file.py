"""Settings of a training from a TOML file, as frozen dataclasses.

A file names only what differs from the defaults. Tables are nested dataclasses::

    margin = 0.3

    [loop]
    steps = 20000
    batch = 64
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from ..errors import InputError, reason_of
from ..fieldtypes import by_own_names, from_mapping

Settings = TypeVar("Settings")


def read_settings(
    path: str | os.PathLike[str] | None,
    kind: type[Settings],
    given: Mapping[str, Any] = MappingProxyType({}),
) -> Settings:
    """Read a settings file.

    Args:
        path: A TOML file; None for the defaults.
        kind: The dataclass that it fills.
        given: Values by name, dotted or one of its ``ALIASES``, that count before the file's.

    Raises:
        InputError: ``bad_settings`` if the file cannot be read or is not TOML.
        UsageError: ``unknown_setting``, ``wrong_type`` or whatever the dataclass refuses.
    """
    found = by_own_names(kind, {} if path is None else _read_toml(Path(path)))
    for name, value in given.items():
        *tables, last = getattr(kind, "ALIASES", {}).get(name, name).split(".")
        table = found
        for one in tables:
            table = table.setdefault(one, {})
        table[last] = value
    return from_mapping(kind, found)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path} cannot be read: {reason_of(error)}."
        raise InputError("bad_settings", message) from None
    except (ValueError, RecursionError) as error:  # too deeply nested
        raise InputError("bad_settings", f"{path} is not TOML: {error}.") from None


def settings_text(settings: Any) -> str:
    """Return all settings as JSON with sorted keys: what a checkpoint keeps of them."""
    return json.dumps(asdict(settings), sort_keys=True, default=str)
