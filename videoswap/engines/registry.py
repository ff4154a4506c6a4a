"""Opens an engine by its name, or for ``auto`` the best one that can be used here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..devices import Device, choose_device
from ..errors import InputError, VideoswapError
from ..plugins import (
    GROUP,
    Plugin,
    broken_plugins,
    engine_asked_for,
    find_plugins,
    plugin_named,
)
from ..records import Fallback
from .base import Engine


def load_engine(
    name: str = "auto", *, device: str | Device = "auto", options: object | None = None
) -> Engine:
    """Load the engine of that name, or for auto the best one that can be used.

    Args:
        name: An engine's name, or auto.
        device: auto, cpu or cuda, or a device that was chosen already.
        options: Options of one engine, such as ``GhostOptions``; with auto they mean that engine.

    Returns:
        The engine. Its ``notes`` say what it does otherwise than expected, for auto also why
        better engines were passed over.

    Raises:
        UsageError: ``unknown_engine``, ``broken_plugin``, ``other_engine`` if the options are
            another engine's, ``wrong_type`` if they are no engine's, ``no_cuda``.
        InputError: ``engine_unusable`` if something that the engine needs is not here, or if a
            weight file is damaged or another network's; auto goes on with the next engine.
    """
    place = choose_device(device) if isinstance(device, str) else device
    name = engine_asked_for(name, options)
    if name == "auto":
        return _best([plugin for plugin in find_plugins() if plugin.automatic], place)
    plugin = plugin_named(name)
    chosen = plugin.options() if options is None else options
    missing = missing_of(plugin, chosen)
    if missing is not None:
        hint = f"What was asked for needs it; {_way_out()}." if options is not None else ""
        message = f"The engine {name} cannot be used: {missing}."
        raise InputError("engine_unusable", message, hint)
    return _load(plugin, place, chosen)


def missing_of(plugin: Plugin, options: Any) -> str | None:
    """Return what keeps an engine from being loaded; a plug-in that fails to tell is broken."""
    try:
        return plugin.missing(options)
    except VideoswapError:
        raise
    except Exception as error:
        if is_builtin(plugin):
            raise
        return f"its plug-in fails ({type(error).__name__}: {error})"


def is_builtin(plugin: Plugin) -> bool:
    """Return whether an engine is part of videoswap."""
    return type(plugin).__module__.startswith(f"{GROUP}.")


def _best(plugins: Sequence[Plugin], device: Device) -> Engine:
    passed: list[tuple[str, str]] = []
    notes: list[Fallback] = []
    failed: InputError | None = None
    for plugin in plugins:
        options = plugin.options()
        missing = missing_of(plugin, options)
        if missing is not None:
            passed += [(plugin.name, missing)] if plugin.published else []
            continue
        try:
            engine = _load(plugin, device, options)
        except InputError as error:
            failed = failed or error
            notes.append(Fallback(plugin.name, "", error.message.rstrip(".")))
            continue
        used = f"the engine {plugin.name}"
        said = [*_passed_over(passed, used)]
        said += [Fallback(note.wanted, used, note.reason) for note in notes]
        said += [
            Fallback(f"the engine {one.name}", used, f"its plug-in is broken: {one.reason}")
            for one in broken_plugins()
        ]
        engine.notes = (*said, *engine.notes)
        return engine
    raise failed or InputError("engine_unusable", "No engine can be used here.")


def _load(plugin: Plugin, device: Device, options: Any) -> Engine:
    """Load an engine; where its weights are of no use, the error says what needs none."""
    try:
        engine = plugin.load(device, options)
    except InputError as error:
        way = f"Or swap with {_way_out()}."
        raise type(error)(error.code, error.message, f"{error.hint}\n{way}".strip()) from error
    except Exception as error:
        if is_builtin(plugin) or isinstance(error, VideoswapError):
            raise
        raise InputError(
            "broken_plugin",
            f"The engine {plugin.name} cannot be loaded: {type(error).__name__}: {error}.",
            f"Its package may be of another version. Or swap with {_way_out()}.",
        ) from error
    if not isinstance(engine, Engine):
        raise InputError(
            "broken_plugin", f"The plug-in of {plugin.name} gives no Engine but {engine!r}."
        )
    return engine


def _way_out() -> str:
    """Return how to swap without weights, as part of a sentence."""
    free = [one.name for one in find_plugins() if not one.weights and is_builtin(one)]
    return f"--swapper {free[-1]}, which needs no weights"


def _passed_over(passed: Sequence[tuple[str, str]], used: str) -> tuple[Fallback, ...]:
    """Say in one line why better engines are not used."""
    if len(passed) == 1:
        return (Fallback(passed[0][0], used, passed[0][1]),)
    if not passed:
        return ()
    names = " or ".join(name for name, _ in passed)
    why = "what they need is not here (`videoswap doctor` says how to get it)"
    return (Fallback(names, used, why),)
