"""``videoswap resume``: runs that were interrupted while they rendered, and how to go on."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError, UsageError
from .cache import cache_folder
from .console import INTERRUPTED, TERMINATED, joint_exit_code, run_guarded
from .parser import Parser

if TYPE_CHECKING:
    from ..jobs.unfinished import CommandLine, Unfinished


def add_arguments(parser: Parser) -> None:
    """Add what can be gone on with."""
    parser.add_argument(
        "number",
        nargs="?",
        type=int,
        metavar="NUMBER",
        help="go on with this one of the list (without it: print the list)",
    )
    parser.add_argument("--all", action="store_true", help="go on with all, one after the other")


def run(arguments: argparse.Namespace) -> int:
    """List what is unfinished, or go on with it."""
    from ..jobs.unfinished import list_unfinished

    if arguments.all and arguments.number is not None:
        raise arguments.parser.wrong_usage("NUMBER and --all exclude each other.")
    folder = cache_folder()
    try:
        found = list_unfinished(folder)
    except OSError as error:
        raise InputError(
            "unreadable_cache", f"{folder} cannot be read: {error.strerror}."
        ) from error
    if arguments.all:
        return _all(arguments, found)
    if arguments.number is None:
        arguments.console.show("\n".join(listing(found)))
        return 0
    if not 1 <= arguments.number <= len(found):
        raise UsageError(
            "no_such_work",
            f"There is no unfinished run {arguments.number}.",
            "`videoswap resume` lists them.",
        )
    return _go_on(arguments, found[arguments.number - 1])


_NOTHING = (
    "Nothing is unfinished; a run that ended before its first segment was kept is started again "
    "by its own command, and its analysis is kept."
)


def listing(found: Sequence[Unfinished], now: float | None = None) -> list[str]:
    """Return a line for every unfinished render, and how to go on."""
    from ..cache import age

    if not found:
        return [_NOTHING]
    now = time.time() if now is None else now
    rows = [("", "SEGMENTS", "LAST USED", "FILM -> RESULT")]
    for number, one in enumerate(found, 1):
        used = "running" if one.running else age(now - one.used)
        rows.append((str(number), _progress(one), used, f"{one.film or '?'} -> {one.out or '?'}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3]]) for row in rows]
    obstacles = [_command_or_obstacle(one) for one in found]
    lines += [
        f"{number}: {obstacle[0]} {obstacle[1]}"
        for number, obstacle in enumerate(obstacles, 1)
        if isinstance(obstacle, tuple) and not found[number - 1].running
    ]
    able = [number for number, one in enumerate(obstacles, 1) if not isinstance(one, tuple)]
    if able:
        lines.append(f"Go on with `videoswap resume {able[0]}`, or `videoswap resume --all`.")
    return lines


def _progress(one: Unfinished) -> str:
    return f"{one.done} of {'?' if one.segments is None else one.segments}"


def _command_or_obstacle(one: Unfinished) -> CommandLine | tuple[str, str]:
    """Return how to go on, or why that cannot be, and what to do instead."""
    if one.running:
        return "It is running.", "Wait for it, or end it first."
    if "parts" not in one.facts:
        return "An earlier version of videoswap began it.", "Give the same command again."
    if one.command is None:
        return "It was begun from Python.", "Continue from Python: the same call goes on."
    if not one.command.words:
        return "Its input or its result is a pipe.", "Give the same command again: it goes on."
    return one.command


def _go_on(arguments: argparse.Namespace, one: Unfinished) -> int:
    """Go on with a render; returns the exit code.

    Raises:
        UsageError: ``cannot_resume``.
        InputError: ``missing_folder``.
    """
    from ..jobs.unfinished import going_on_with

    command = _command_or_obstacle(one)
    if isinstance(command, tuple):
        raise UsageError("cannot_resume", *command)
    arguments.console.say(f"Going on with {one.film} -> {one.out} ({_progress(one)} segments).")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(contextlib.chdir(command.folder))
        except OSError as error:
            raise InputError(
                "missing_folder",
                f"{command.folder}, where it was begun, cannot be entered: {error.strerror}.",
                "Bring it back, or run it anew.",
            ) from error
        stack.enter_context(going_on_with(one))
        return run_guarded(arguments.program, ["--config", "none", *command.words])


def _all(arguments: argparse.Namespace, found: Sequence[Unfinished]) -> int:
    """Go on with all that can be; a command that left several renders is given once."""
    codes: list[int] = []
    given: set[CommandLine] = set()
    for one in found:
        command = _command_or_obstacle(one)
        if isinstance(command, tuple):
            arguments.console.say(f"Left alone: {one.film} -> {one.out}. {' '.join(command)}")
        elif command not in given:
            given.add(command)
            codes.append(_go_on(arguments, one))
            if codes[-1] in (INTERRUPTED, TERMINATED):
                return codes[-1]
    if not found:
        arguments.console.say(_NOTHING)
    return joint_exit_code(codes)
