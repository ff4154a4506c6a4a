"""Settings of a training from a TOML file, as frozen dataclasses.

A file names only what differs from the defaults. Tables are nested dataclasses::

    margin = 0.3

    [loop]
    steps = 20000
    batch = 64
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints

from ..errors import InputError, UsageError, reason_of

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
    return make_settings(kind, found)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path} cannot be read: {reason_of(error)}."
        raise InputError("bad_settings", message) from None
    except ValueError as error:
        raise InputError("bad_settings", f"{path} is not TOML: {error}.") from None


def by_own_names(kind: type[Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings with a settings' own names in place of those of a reference.

    Args:
        kind: The dataclass; its ``ALIASES``, if it has them, are dotted names by those of the
            reference.
        found: Values by either.

    Raises:
        UsageError: ``setting_given_twice``.
    """
    aliases: Mapping[str, str] = getattr(kind, "ALIASES", {})
    named: dict[str, Any] = {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in found.items()
        if name not in aliases
    }
    for name in found.keys() & aliases.keys():
        *tables, last = aliases[name].split(".")
        table = named
        for one in tables:
            table = table.setdefault(one, {})
        if last in table:
            problem = f"{name} and {aliases[name]} are the same setting, and both are given."
            raise UsageError("setting_given_twice", problem)
        table[last] = found[name]
    return named


def make_settings(
    kind: type[Settings],
    found: Mapping[str, Any],
    where: str = "",
    base: Settings | None = None,
) -> Settings:
    """Fill a dataclass from nested mappings, refusing keys that it does not have.

    Args:
        kind: The dataclass; fields that are dataclasses take mappings.
        found: Values by name, its own or those of its ``ALIASES``; what is missing keeps its
            default.
        where: Name of the table, for the error.
        base: What is missing is taken of it, in place of the defaults of ``kind``.

    Raises:
        UsageError: ``unknown_setting``, ``wrong_type`` or whatever the dataclass refuses.
    """
    found = by_own_names(kind, found)
    hints = get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {where}{near[0]}?" if near else f"Known are {', '.join(known)}."
            raise UsageError("unknown_setting", f"There is no setting {where}{name}.", hint)
        if is_dataclass(hints[name]):
            if not isinstance(value, Mapping):
                raise UsageError("wrong_type", f"{where}{name} must be a table, not {value!r}.")
            # A recipe's loop has other defaults than the loop's own.
            default = _default(known[name]) if base is None else getattr(base, name)
            value = make_settings(hints[name], value, f"{where}{name}.", default)  # type: ignore[type-var]
        values[name] = value
    return kind(**values) if base is None else replace(base, **values)  # type: ignore[type-var]


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def settings_text(settings: Any) -> str:
    """Return all settings as JSON with sorted keys: what a checkpoint keeps of them."""
    return json.dumps(asdict(settings), sort_keys=True, default=str)
