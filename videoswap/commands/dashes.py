"""File names that look like flags."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path


def shield_dashes(parser: argparse.ArgumentParser, argv: Sequence[str]) -> list[str]:
    """Write file names that begin with a dash as ``./-name``, which argparse can tell from flags.

    Args:
        parser: The parser that the arguments are for.
        argv: The arguments.
    """
    options: dict[str, argparse.Action] = {}
    pending = [parser]
    while pending:
        for action in pending.pop()._actions:
            options.update(dict.fromkeys(action.option_strings, action))
            if isinstance(action, argparse._SubParsersAction):
                pending.extend(action.choices.values())
    shielded: list[str] = []
    current: argparse.Action | None = None
    for position, word in enumerate(argv):
        if word.split("=", 1)[0] in options:
            current = options[word.split("=", 1)[0]]
        elif word.startswith("-") and len(word) > 1:
            follows = position > 0 and argv[position - 1] in options
            named = current is not None and current.type is Path
            if named and (follows or Path(word).exists()):
                word = f".{os.sep}{word}"
        shielded.append(word)
    return shielded
