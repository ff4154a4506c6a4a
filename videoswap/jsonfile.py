"""JSON as this program writes it: reports, listings and records of earlier work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from .paths import AnyPath, path_of
from .video.files import atomic_output


def plain(value: Any) -> Any:
    """Return a value as plain data.

    Dataclasses become objects, sequences lists, fractions decimal numbers and paths texts. What
    has a method ``as_data`` is asked for its plain form.

    Raises:
        TypeError: If there is no plain form of it.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "as_data"):
        return value.as_data()
    if is_dataclass(value):
        return plain_fields(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def plain_fields(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as plain data.

    Raises:
        TypeError: If there is no plain form of one.
    """
    return {one.name: plain(getattr(record, one.name)) for one in fields(record)}


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """Return a value as JSON, in ASCII.

    Args:
        value: What ``plain`` takes.
        indent: Columns a level; None writes a single line.

    Raises:
        TypeError: If there is no plain form of it.
        ValueError: If a number is infinite or not a number, which JSON cannot hold.
    """
    return json.dumps(plain(value), indent=indent, allow_nan=False)


def parsed_json(text: str) -> Any:
    """Return the value of JSON that a stranger may have written.

    Raises:
        ValueError: If it is none, or nested too deep.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


class JsonDocument:
    """Base of what a run writes as JSON; ``as_data`` of the class gives its plain form."""

    __slots__ = ()

    def to_json(self) -> str:
        """Return it as JSON."""
        return json_text(self)

    def save(self, path: AnyPath) -> None:
        """Write it to a file as JSON, which appears only when it is complete.

        Raises:
            OutputError: ``unwritable_output`` or ``disk_full``.
        """
        write_json(path, self)


def write_json(path: AnyPath, value: Any) -> None:
    """Write a value to a file, which appears only when it is complete.

    Args:
        path: The file; one that exists is replaced.
        value: What ``plain`` takes.

    Raises:
        OutputError: ``unwritable_output`` or ``disk_full``.
    """
    with atomic_output(path_of("path", path)) as part:
        part.write_text(json_text(value) + "\n", encoding="utf-8")
