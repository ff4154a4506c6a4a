"""The words of a command line, written out before argparse reads them."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .parser import Parser, meant, one_of

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
