"""Flags from a configuration file: TOML, with the names of flags as keys.

Keys at the top are for every command that has such a flag; those of a table such as ``[swap]`` are
for that command. They become words before those of the command line, which therefore win.
"""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError
from ..paths import is_file
from .parser import Parser, Spelled, meant

FLAG = "--config"
#: In place of a file: read none.
NONE = "none"
# What a file cannot say: it would be about itself, or leave at once.
_NOT_IN_FILES = {"config", "help", "version"}


def usual_file() -> Path | None:
    """Return the user's file, ``videoswap/config.toml`` in the folder of settings, if any."""
    folder = os.environ.get("XDG_CONFIG_HOME")
    try:
        path = Path(folder or Path.home() / ".config") / "videoswap" / "config.toml"
    except RuntimeError:  # a user without a home
        return None
    return path if is_file(path) else None


def file_of(spelled: Spelled) -> Path | None:
    """Return the file that a command line asks for, or the user's own; None for none."""
    named = None
    words = spelled.words[: spelled.end]
    for position, word in enumerate(words):
        flag, _, value = word.partition("=")
        if flag == FLAG:
            named = value or next(iter(words[position + 1 :]), "")
    if named is None:
        return usual_file()
    return None if named == NONE else Path(named)


def without_file(words: Sequence[str]) -> list[str]:
    """Return words in full without those that name a configuration file."""
    left, kept = iter(words), []
    for word in left:
        if word == FLAG:
            next(left, None)
        elif not word.startswith(f"{FLAG}="):
            kept.append(word)
    return kept


def words_of(path: Path, program: Parser, spelled: Spelled) -> list[str]:
    """Return what a file says as words for a command.

    Args:
        path: The file.
        program: The parser of all commands: a key that none of them has is refused.
        spelled: The command line; what it gives is left out.

    Raises:
        InputError: ``bad_config`` if it is not TOML or cannot be read.
        UsageError: ``bad_config`` for a key or a value that no flag has.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("bad_config", f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # too deeply nested
        raise InputError("bad_config", f"{path} is not TOML: {error}.") from None
    parts = program.parts()
    own = _own_flags(spelled.parser)
    wanted: dict[str, list[str]] = {}  # tables come after the keys at the top, and win
    for key, value in found.items():
        table = isinstance(value, dict)
        if table and key not in parts:
            raise _unknown(path, f"[{key}]", [f"[{part}]" for part in parts])
        known = _flags_of(parts[key] if table else program)
        for name, one in value.items() if table else ((key, value),):
            name = name.replace("-", "_")
            if name not in known:
                raise _unknown(path, name, known)
            mine = name in own and (not table or key == spelled.parser.command)
            words = list(_words(path, name, one, own[name] if mine else known[name]))
            if mine:
                wanted[own[name].dest] = words
    return [word for dest, words in wanted.items() if dest not in spelled.given for word in words]


def _words(path: Path, name: str, value: Any, action: argparse.Action) -> Iterator[str]:
    flag, values = f"--{name}", value if isinstance(value, list) else [value]
    if any(not isinstance(one, str | int | float) for one in values):
        raise UsageError("bad_config", f"{path}: {name} must be a text, a number, true or false.")
    if action.nargs == 0:  # a switch without a value
        if not isinstance(value, bool):
            raise UsageError("bad_config", f"{path}: {name} must be true or false.")
        if value:
            yield flag
    elif action.nargs in ("+", "*"):
        yield flag
        for one in values:
            text = _text(one)
            yield f"./{text}" if text.startswith("-") else text
    elif isinstance(value, list) and not isinstance(action, argparse._AppendAction):
        raise UsageError("bad_config", f"{path}: {name} takes one value.")
    else:
        for one in values:
            yield f"{flag}={_text(one)}"


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flags_of(parser: Parser) -> dict[str, argparse.Action]:
    """Return the flags of a parser and of all its parts, by name without dashes.

    Where parts have a flag of one name, one that takes several values stands for all.
    """
    found = _own_flags(parser)
    for part in parser.parts().values():
        for name, action in _flags_of(part).items():
            if name not in found or found[name].nargs not in ("+", "*"):
                found[name] = action
    return found


def _own_flags(parser: Parser) -> dict[str, argparse.Action]:
    flags = parser.flags().items()
    names = {flag[2:]: action for flag, action in flags if flag.startswith("--")}
    return {name: action for name, action in names.items() if name not in _NOT_IN_FILES}


def _unknown(path: Path, key: str, known: Iterable[str]) -> UsageError:
    return UsageError("bad_config", f"{path}: there is no flag for {key}.{meant(key, known)}")
