"""An argument parser with errors in one sentence, and flags in every spelling.

``Parser`` is argparse with other errors; ``spelled_out`` writes a command line in full before it
is parsed.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ..errors import UsageError

_REQUIRED = re.compile(r"the following arguments are required: (.*)")
_CHOICE = re.compile(r"argument (.*?): invalid choice: '(.*?)' \(choose from (.*)\)")
_VALUE = re.compile(r"argument (.*?): invalid (\w+) value: (.*)")
# argparse names a flag with all its spellings.
_OTHER_SPELLINGS = re.compile(r"(?<![\w-])(--?\w+/)+(?=--)")
_EXCLUDED = re.compile(r"argument (.*?): not allowed with argument (.*)")
_KINDS = {"int": "a whole number", "float": "a number"}


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Names what follows a flag once, however many spellings the flag has."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        words = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {words}"


class Parser(argparse.ArgumentParser):
    """argparse, with errors as ``UsageError`` and without abbreviations of its own.

    ``spelled_out`` expands abbreviations and other spellings of flags before.
    """

    #: The command that it belongs to, as users call it.
    command = "swap"

    def __init__(self, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        options.setdefault("formatter_class", HelpFormatter)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong.

        Raises:
            UsageError: ``wrong_usage``.
        """
        raise self.wrong_usage(_sentence(message))

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Refuse a path without a name: it would be the current folder (an unset variable)."""
        if action.type is Path and not arg_string:
            raise argparse.ArgumentError(action, "a file or folder without a name was given")
        return super()._get_value(action, arg_string)  # type: ignore[misc]

    def wrong_usage(self, message: str) -> UsageError:
        """Make the error of a wrong command line, which points to the help."""
        return UsageError("wrong_usage", message, f"See `{self.prog} --help`.")

    def flags(self) -> dict[str, argparse.Action]:
        """Return what each flag of this parser does, by every name it has."""
        return {name: action for action in self._actions for name in action.option_strings}

    def parts(self) -> dict[str, Parser]:
        """Return the parsers of sub-commands by name."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return dict(action.choices)
        return {}

    def positionals(self) -> list[argparse.Action]:
        """Return the arguments that have no flag and are no sub-command."""
        found = (one for one in self._actions if not one.option_strings)
        return [one for one in found if not isinstance(one, argparse._SubParsersAction)]


def meant(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean ...?`` if a known word is near, else nothing."""
    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[near[0]]}?" if near else ""


def one_of(words: Collection[str]) -> str:
    """Join words by commas and a final "or"."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _sentence(message: str) -> str:
    """Say what argparse says in plain words."""
    message = _OTHER_SPELLINGS.sub("", message)
    if found := _REQUIRED.fullmatch(message):
        names = [name for name in found[1].split(", ") if name != "command"]
        if not names:
            return "A command is missing."
        return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing."
    if found := _CHOICE.fullmatch(message):
        name, word, choices = found[1], found[2], re.findall(r"[^\s',]+", found[3])
        what = f"There is no command {word!r}" if name in ("command", "action") else ""
        what = what or f"{name}: {word!r} is not one of its words"
        return f"{what}: use {one_of(choices)}.{meant(word, choices)}"
    if found := _VALUE.fullmatch(message):
        return f"{found[1]}: {found[3]} is not {_KINDS.get(found[2], found[2])}."
    if found := _EXCLUDED.fullmatch(message):
        return f"{found[2]} and {found[1]} exclude each other."
    message = message.removeprefix("argument ")
    return f"{message[:1].upper()}{message[1:]}.".replace("..", ".")


_NUMBER = re.compile(r"-\d*\.?\d+(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(slots=True)
class Spelled:
    """A command line written out.

    Attributes:
        parser: The parser of the sub-command that was chosen.
        words: All words; flags in full.
        given: What the flags among them are stored as.
        end: Where more flags can be put in: the end, or a ``--``.
    """

    parser: Parser
    words: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    end: int = 0


def spelled_out(parser: Parser, words: Sequence[str]) -> Spelled:
    """Write flags in full and file names so that they cannot be taken for flags.

    ``--source-paths`` and ``--source_p`` become ``--source_paths``, and a file ``-name`` becomes
    ``./-name``.

    Args:
        parser: The parser that the words are for.
        words: The words.

    Raises:
        UsageError: ``wrong_usage`` for a flag that is not known or could be several.
    """
    done = Spelled(parser)
    flags, parts = parser.flags(), parser.parts()
    current: argparse.Action | None = None  # the flag whose values may come now
    follows = False  # whether it was the word before
    left = list(words)
    while left and left[0] != "--":
        word = left.pop(0)
        name, equals, value = word.partition("=")
        flag = _flag(parser, flags, name) if word.startswith("--") else None
        if flag is None and name in flags:
            flag = name
        if flag is not None:
            done.words.append(f"{flag}{equals}{value}")
            current, follows = flags[flag], True
            done.given.add(current.dest)
            continue
        if word.startswith("-") and len(word) > 1 and not _NUMBER.fullmatch(word):
            if _takes_files(current) and (follows or Path(word).exists()):
                word = f".{os.sep}{word}"
            elif word.startswith("--") or word[:2] not in flags:
                raise parser.wrong_usage(f"There is no flag {name}.{meant(name, flags)}")
            else:  # short ones in one word
                letters = (f"-{letter}" for letter in word[1:])
                done.given.update(flags[one].dest for one in letters if one in flags)
        elif word in parts:
            rest = spelled_out(parts[word], left)
            words = [*done.words, word]
            return Spelled(
                rest.parser, [*words, *rest.words], done.given | rest.given, len(words) + rest.end
            )
        follows = False
        done.words.append(word)
    done.end = len(done.words)
    done.words += left
    return done


def _takes_files(action: argparse.Action | None) -> bool:
    return action is not None and action.type is Path


def _flag(parser: Parser, flags: dict[str, argparse.Action], name: str) -> str | None:
    """Return the flag that is meant by a name, or None."""
    name = f"--{name[2:].replace('-', '_')}"
    if name in flags:
        return name
    found = {action.dest: flag for flag, action in flags.items() if flag.startswith(name)}
    if len(found) > 1 and len(name) > 2:
        raise parser.wrong_usage(f"{name} could be {one_of(sorted(found.values()))}.")
    return next(iter(found.values()), None)
