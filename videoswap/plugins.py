"""Engines as plug-ins: what an engine says of itself, its options, and how engines are found.

An engine is a folder of ``videoswap/engines/`` or a package that declares an entry point::

    [project.entry-points."videoswap.engines"]
    tint = "videoswap_tint:plugin"

where ``plugin`` is a :class:`videoswap.EnginePlugin` (its class will do too). Nothing here imports
more than the standard library, and a plug-in's own module should import as little, since ``--help``
asks it for its options.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from typing import (
    Any,
    Protocol,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

from .errors import UsageError

#: Group of the entry points, and the package whose folders are engines too.
GROUP = "videoswap.engines"
#: Name of the plug-in in the module of a folder of ``videoswap/engines/``.
ATTRIBUTE = "plugin"
#: Types of options that a command line can give.
KINDS = (bool, int, float, Fraction, str, Path)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def option(
    help: str,
    *,
    flag: str | None = None,
    metavar: str | None = None,
    choices: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the metadata of an option, a field of an engine's options dataclass.

    Example:
        >>> @dataclass(frozen=True)
        ... class TintOptions:
        ...     color: str = field(default="red", metadata=option("color of the skin"))

    Args:
        help: What it does, for ``--help``.
        flag: Its flag; ``--ENGINE_FIELD`` if None. Only engines of videoswap may have another.
        metavar: What stands for the value in ``--help``.
        choices: The texts that are allowed; none allow any.
    """
    return {"help": help, "flag": flag, "metavar": metavar, "choices": tuple(choices)}


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of an engine that has none."""


@dataclass(frozen=True, slots=True)
class EngineOption:
    """One option of an engine, as the command line and config files know it.

    Attributes:
        field: Field of the options dataclass.
        flag: Its flag, such as ``--tint_color``.
        kind: Type of its value, one of :data:`KINDS`.
        default: Its default.
        help: What it does.
        metavar: What stands for the value in ``--help``; None for the usual word.
        choices: The texts that are allowed; empty if any is.
    """

    field: str
    flag: str
    kind: type[Any]
    default: Any
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def dest(self) -> str:
        """Name of the flag without dashes."""
        return self.flag.lstrip("-")


@runtime_checkable
class Plugin(Protocol):
    """What is asked of a plug-in; :class:`videoswap.EnginePlugin` has all of it."""

    name: str
    summary: str
    options: type[Any]
    rank: int
    automatic: bool
    published: bool
    weights: tuple[str, ...]
    default_download: bool

    def missing(self, options: Any) -> str | None:
        """Return what keeps the engine from being loaded here, or None if nothing does."""

    def load(self, device: Any, options: Any) -> Any:
        """Load the engine."""


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plug-in that cannot be used.

    Attributes:
        name: Name of its entry point or folder.
        reason: What is wrong with it, as a part of a sentence.
    """

    name: str
    reason: str


def find_plugins() -> tuple[Plugin, ...]:
    """Return the plug-ins of all engines, in the order in which ``auto`` tries them."""
    return _found(tuple(sys.path))[0]


def broken_plugins() -> tuple[BrokenPlugin, ...]:
    """Return the plug-ins that were found and cannot be used, by name."""
    return _found(tuple(sys.path))[1]


def plugin_named(name: str) -> Plugin:
    """Return the plug-in of an engine.

    Raises:
        UsageError: ``unknown_engine``, or ``broken_plugin`` if it cannot be used.
    """
    for plugin in find_plugins():
        if plugin.name == name:
            return plugin
    for broken in broken_plugins():
        if broken.name == name:
            raise UsageError("broken_plugin", f"The engine {name} cannot be used: {broken.reason}.")
    names = ", ".join(plugin.name for plugin in find_plugins())
    raise UsageError("unknown_engine", f"There is no engine {name!r}.", f"Use auto or {names}.")


def plugin_of(options: object) -> Plugin:
    """Return the plug-in whose engine takes these options.

    Raises:
        UsageError: ``wrong_type``.
    """
    for plugin in find_plugins():
        if plugin.options is not NoOptions and type(options) is plugin.options:
            return plugin
    raise UsageError("wrong_type", f"{options!r} are not the options of an engine.")


def engine_asked_for(name: str, options: object | None) -> str:
    """Return the engine that is asked for: with ``auto``, options mean the engine that has them.

    Raises:
        UsageError: ``unknown_engine``, ``broken_plugin``, ``wrong_type``, or ``other_engine`` if
            the options are another engine's.
    """
    if name != "auto":
        plugin_named(name)
    if options is None:
        return name
    owner = plugin_of(options).name
    if name not in ("auto", owner):
        raise UsageError(
            "other_engine",
            f"Settings of the engine {owner} were given, and the engine {name}.",
            "Leave out one of them.",
        )
    return owner


def options_of(plugin: Plugin) -> tuple[EngineOption, ...]:
    """Return the options of an engine, in the order of its dataclass.

    Raises:
        TypeError: If they are no frozen dataclass, or one has no default or a type that a command
            line cannot give.
    """
    record: Any = plugin.options
    traits = getattr(record, "__dataclass_params__", None)
    if traits is None or not traits.frozen:
        raise TypeError("its options are not a frozen dataclass")
    hints = get_type_hints(record)
    found = []
    for one in fields(record):
        if one.default is MISSING:
            raise TypeError(f"its option {one.name} has no default")
        facts = one.metadata
        found.append(
            EngineOption(
                field=one.name,
                flag=facts.get("flag") or f"--{plugin.name}_{one.name}",
                kind=_kind(one.name, hints[one.name]),
                default=one.default,
                help=facts.get("help", ""),
                metavar=facts.get("metavar"),
                choices=tuple(facts.get("choices", ())),
            )
        )
    return tuple(found)


def _kind(name: str, hint: Any) -> type[Any]:
    """Return the type of an option, without a None beside it."""
    kinds: list[Any] = [hint]
    if get_origin(hint) in (types.UnionType, Union):
        kinds = [one for one in get_args(hint) if one is not type(None)]
    if len(kinds) != 1 or kinds[0] not in KINDS:
        raise TypeError(f"its option {name} has a type that a command line cannot give")
    kind: type[Any] = kinds[0]
    return kind


@lru_cache(maxsize=4)
def _found(
    _path: tuple[str, ...],
) -> tuple[tuple[Plugin, ...], tuple[BrokenPlugin, ...]]:
    """Find all plug-ins; looked for again only where the search path of Python has changed."""
    plugins: dict[str, Plugin] = {}
    broken = []
    for name, load in (*_folders(), *_entry_points()):
        try:
            plugin = _checked(name, load())
            if name in plugins and type(plugins[name]) is not type(plugin):
                raise TypeError("another engine has that name")
        except Exception as error:  # a plug-in may raise anything, and must not stop the others
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            broken.append(BrokenPlugin(name, reason.removeprefix("TypeError: ")))
        else:
            plugins[name] = plugin
    order = sorted(plugins.values(), key=lambda plugin: (plugin.rank, plugin.name))
    return tuple(order), tuple(sorted(broken, key=lambda one: one.name))


def _folders() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the name of each folder of ``videoswap/engines/`` and what loads its plug-in.

    They are entry points as well, but a checkout that is not installed has none.
    """
    package = importlib.import_module(GROUP)
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg:
            yield module.name, partial(_from_module, f"{GROUP}.{module.name}")


def _from_module(name: str) -> Any:
    return getattr(importlib.import_module(name), ATTRIBUTE)


def _entry_points() -> Iterator[tuple[str, Callable[[], Any]]]:
    from importlib.metadata import entry_points  # takes as long as all the rest

    for one in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        yield one.name, one.load


def _checked(name: str, plugin: Any) -> Plugin:
    """Return a plug-in, made of its class if need be.

    Raises:
        TypeError: If something of it is not as it should be.
    """
    if isinstance(plugin, type):
        plugin = plugin()
    if not isinstance(plugin, Plugin):
        raise TypeError(f"its entry point is no EnginePlugin but {plugin!r}")
    if plugin.name != name or name == "auto" or not _NAME.fullmatch(name):
        raise TypeError(f"its name is {plugin.name!r}, and that of its entry point {name!r}")
    flags = [one.flag for one in options_of(plugin)]
    own = type(plugin).__module__.startswith(f"{GROUP}.")
    if not own and not all(flag.startswith(f"--{name}_") for flag in flags):
        raise TypeError(f"its flags do not begin with --{name}_")
    if not isinstance(plugin.summary, str):
        raise TypeError("its summary is no text")
    return plugin
