"""Checks and conversions of the fields of settings to their declared types."""

from __future__ import annotations

import os
import types
from dataclasses import fields
from fractions import Fraction
from numbers import Integral, Rational, Real
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from .errors import UsageError

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
                "wrong_type", f"{name} must be {_name(kind)}, not {given!r}."
            ) from None
        object.__setattr__(record, name, value)


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
