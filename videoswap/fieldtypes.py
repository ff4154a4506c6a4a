"""Checks and conversions of the fields of settings to their declared types, and from plain data."""

from __future__ import annotations

import difflib
import os
import reprlib
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from fractions import Fraction
from numbers import Integral, Rational, Real
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import UsageError

Record = TypeVar("Record")

_NAMES = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    Fraction: "a number",
    str: "a text",
    Path: "a path",
}


def conform(record: Any) -> None:
    """Convert the fields of a frozen dataclass to their types; call it first in __post_init__.

    Paths may be texts, fractions any number (0.05 is 1/20, not the float next to it), and tuples
    lists.

    Raises:
        UsageError: ``wrong_type``.
    """
    for name, kind in _declared(type(record)).items():
        given = getattr(record, name)
        try:
            value = _as(kind, given)
        except (TypeError, ValueError, ZeroDivisionError):
            raise UsageError(
                "wrong_type", f"{name} must be {_name(kind)}, not {_shown(given)}."
            ) from None
        object.__setattr__(record, name, value)


def _shown(value: Any) -> str:
    """Return a value of a file for a sentence, however long and deep it is."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = 200
    return short.repr(value)


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


def from_mapping(
    kind: type[Record],
    found: Mapping[str, Any],
    where: str = "",
    base: Record | None = None,
) -> Record:
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
            # A record may have other defaults for a table than the table's own.
            default = _default(known[name]) if base is None else getattr(base, name)
            value = from_mapping(hints[name], value, f"{where}{name}.", default)  # type: ignore[type-var]
        values[name] = value
    return kind(**values) if base is None else replace(base, **values)  # type: ignore[type-var]


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _declared(record: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(record)
    return {one.name: hints[one.name] for one in fields(record)}


def _as(kind: Any, value: Any) -> Any:
    """Return a value as a type; raises TypeError or ValueError where it is none of that type."""
    if get_origin(kind) in (types.UnionType, Union):
        return _as_one_of(get_args(kind), value)
    if get_origin(kind) is tuple:
        return _as_tuple(get_args(kind), value)
    if kind is Fraction:
        return _as_fraction(value)
    if kind is Path and isinstance(value, str | os.PathLike):
        return Path(value)
    if kind in (int, float) and not isinstance(value, bool):
        if isinstance(value, Integral if kind is int else Real):
            return kind(value)
    elif isinstance(value, kind):
        return value
    raise TypeError


def _as_one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return _as(kind, value)
        except (TypeError, ValueError):
            continue
    raise TypeError


def _as_tuple(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    if kinds[-1] is ...:
        return tuple(_as(kinds[0], one) for one in value)
    return tuple(_as(kind, one) for kind, one in zip(kinds, value, strict=True))


def _as_fraction(value: Any) -> Fraction:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, Real):
        return Fraction(repr(float(value)))  # what was written, not the binary number next to it
    raise TypeError


def _name(kind: Any) -> str:
    if get_origin(kind) in (types.UnionType, Union):
        return " or ".join(_name(one) for one in get_args(kind))
    if get_origin(kind) is tuple:
        return "a sequence"
    if kind is type(None):
        return "None"
    return _NAMES.get(kind, str(getattr(kind, "__name__", kind)))
