"""``videoswap train``: prepare data, train a recipe, say what it will need."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..training.ghost.settings import GHOST_OPTIONS
from .parser import Parser
from .values import strict_bool

#: Recipes with what they train. The room itself is imported when one is run.
RECIPES = {
    "blendface": "an identity encoder like BlendFace's, or a plain ArcFace",
    "clipswap": "a swapper by ClipSwap's losses",
    "encoder": "the small identity encoder of the lite engine",
    "fixernet": "ReliableSwap's encoder of the mouth",
    "lite": "the generator that corrects swaps of the mesh engine",
    "landmarks": "the landmarks of faces with something before them",
    "occlusion": "the network of what is in front of a face",
    "parser": "the face parser",
    "ghost": "GHOST's swapper, by the options of its train.py",
    "reliableswap": "a swapper by ReliableSwap's recipe",
}


#: What can be packed: the data of a recipe, faces for all others, or triplets made of faces.
PREPARATIONS = ("encoder", "faces", "lite", "parser", "triplets")


def add_arguments(parser: Parser) -> None:
    """Add the recipes and ``prepare``, with the flags of each."""
    parts = parser.add_subparsers(dest="action", required=True)
    prepare = parts.add_parser("prepare", help="pack training data; resumable")
    prepare.add_argument(
        "data",
        choices=PREPARATIONS,
        help="faces for all recipes but encoder, lite and parser; triplets for reliableswap",
    )
    prepare.add_argument(
        "sources",
        nargs="*",
        type=Path,
        metavar="SOURCE",
        help="folders, tar files, pictures, videos, in place of the settings' sources",
    )
    prepare.add_argument(
        "--jobs", type=int, metavar="N", default=1, help="processes (faces only); default: 1"
    )
    prepare.add_argument(
        "--dry_run", action="store_true", help="say what there is and how long it takes (faces)"
    )
    for name, title in RECIPES.items():
        part = parts.add_parser(name, help=f"train {title}")
        part.add_argument(
            "--max_minutes",
            type=float,
            metavar="N",
            help="stop after so many minutes; the same command goes on",
        )
        part.add_argument(
            "--dry_run", action="store_true", help="say sizes, memory and time, and train nothing"
        )
        part.add_argument(
            "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto"
        )
    _add_ghost_options(parser.parts()["ghost"])
    for part in parser.parts().values():
        part.add_argument(
            "--settings", type=Path, metavar="FILE", help="TOML file of what is not as usual"
        )
        part.add_argument(
            *("-o", "--output", "--out"),
            dest="out",
            type=Path,
            required=True,
            metavar="DIR",
            help="folder of the run (or of the data): it goes on with what is there",
        )


def _add_ghost_options(part: Parser) -> None:
    group = part.add_argument_group("options of GHOST's train.py", "They count before the file's.")
    for name, (setting, kind) in GHOST_OPTIONS.items():
        group.add_argument(
            f"--{name}",
            dest=f"setting {name}",
            type=strict_bool if kind is bool else kind,
            metavar={bool: "true|false", Path: "PATH", str: "TEXT"}.get(kind, "N"),
            help=f"the setting {setting or name}",
        )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; returns the exit code."""
    if arguments.action == "prepare":
        return _prepare(arguments)
    return _train(arguments)


def _prepare(arguments: argparse.Namespace) -> int:
    from ..training.recipes import PREPARATIONS as KNOWN

    preparation = KNOWN[arguments.data]()
    settings = _settings(arguments, preparation.settings)
    if arguments.sources:
        if not hasattr(settings, "sources"):
            problem = f"{arguments.data} takes no SOURCE: its settings name the packed faces."
            raise UsageError("wrong_flag", problem)
        settings = replace(settings, sources=tuple(arguments.sources))
    say = arguments.console.say
    more: dict[str, Any] = {}
    if preparation.estimate is not None:
        more["jobs"] = arguments.jobs
        if arguments.dry_run:
            for line in preparation.estimate(settings, **more):
                arguments.console.show(line)
            return 0
    elif arguments.dry_run or arguments.jobs != 1:
        problem = f"--dry_run and --jobs are for faces, not for {arguments.data}."
        raise UsageError("wrong_flag", problem)
    with _stopping() as stopped:
        complete = preparation.pack(settings, arguments.out, cancel=stopped, say=say, **more)
    if complete:
        say(f"All is packed; see {preparation.page(arguments.out)}.")
        return 0
    say("Packed in part; the same command goes on.")
    return _interrupted()


def _train(arguments: argparse.Namespace) -> int:
    from ..training.loop import train
    from ..training.recipes import recipe_named
    from ..training.speed import estimate

    entry = recipe_named(arguments.action)
    recipe = entry.build(_settings(arguments, entry.settings))
    console = arguments.console
    if arguments.dry_run:
        for line in estimate(recipe, arguments.device).lines():
            console.show(line)
        return 0
    with _stopping() as stopped:
        outcome = train(
            recipe,
            arguments.out,
            device=arguments.device,
            minutes=arguments.max_minutes,
            cancel=stopped,
            say=console.say,
        )
        interrupted = stopped()
    for file in outcome.files:
        console.say(f"Written: {file}.")
    return _interrupted() if interrupted else 0


def _settings(arguments: argparse.Namespace, kind: type[Any]) -> Any:
    from ..training.settings_file import read_settings

    given = {
        name.removeprefix("setting "): value
        for name, value in vars(arguments).items()
        if name.startswith("setting ") and value is not None
    }
    return read_settings(arguments.settings, kind, given)


def _interrupted() -> int:
    from .console import INTERRUPTED

    return INTERRUPTED


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C or SIGTERM end the work after a step, and the second one at once."""
    asked = threading.Event()
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, frame: object) -> None:
        asked.set()
        for one, handler in before.items():
            signal.signal(one, handler)

    for one in before:
        signal.signal(one, stop)
    try:
        yield asked.is_set
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
