"""Unfinished renders: what was asked for, kept beside the pieces, and what differs since."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cache import entries, forget
from ..fingerprint import code_digest, digest_of, library_versions
from ..jsonfile import plain_fields
from ..locks import try_lock
from ..rendering import segment_folder as pieces
from ..settings import SwapSettings


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The command line of a run.

    Attributes:
        words: The words after ``videoswap``, those of a configuration file among them; empty where
            they would not do the same again, as with a pipe.
        folder: The working folder.
    """

    words: tuple[str, ...]
    folder: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A render that was begun and not ended.

    Attributes:
        path: The folder of its pieces.
        film: The video.
        out: The result.
        done: Segments that are done.
        segments: Segments in all; None if it does not say.
        used: When it was last worked on, seconds since 1970.
        running: Whether a process works on it now.
        command: The command line; None if Python asked for it.
        facts: What ``request_facts`` gave.
    """

    path: Path
    film: str
    out: str
    done: int
    segments: int | None
    used: float
    running: bool
    command: CommandLine | None
    facts: Mapping[str, Any]


# Who asks, and what is gone on with: set by the command line, read by the job far below.
_command: ContextVar[CommandLine | None] = ContextVar("command", default=None)
_earlier: ContextVar[Unfinished | None] = ContextVar("earlier", default=None)


@contextmanager
def asked_by(command: CommandLine) -> Iterator[None]:
    """Keep this command line with what is rendered inside."""
    token = _command.set(command)
    try:
        yield
    finally:
        _command.reset(token)


@contextmanager
def going_on_with(earlier: Unfinished) -> Iterator[None]:
    """Say how a render inside differs from this one, if it does."""
    token = _earlier.set(earlier)
    try:
        yield
    finally:
        _earlier.reset(token)


def list_unfinished(cache_dir: Path) -> list[Unfinished]:
    """Return this user's unfinished renders in a cache, the last worked on first."""
    return [
        found
        for entry in entries(cache_dir)
        if entry.kind == "render"
        for found in _read(entry.path, entry.used)
    ]


def _read(path: Path, used: float) -> Iterator[Unfinished]:
    """Read one; nothing where it is gone meanwhile or another user's, who could say anything."""
    try:
        if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
            return
        facts = pieces.about(path)
        done = len(list(path.glob("*.segment")))
        lock = try_lock(pieces.lock_of(path))
        if lock is not None:
            lock.release()
    except OSError:
        return
    segments = facts.get("segments")
    yield Unfinished(
        path=path,
        film=str(facts.get("film", "")),
        out=str(facts.get("out", "")),
        done=done,
        segments=segments if isinstance(segments, int) else None,
        used=used,
        running=lock is None,
        command=_command_of(facts.get("command")),
        facts=facts,
    )


def _command_of(found: Any) -> CommandLine | None:
    if not isinstance(found, dict) or not isinstance(found.get("words"), list):
        return None
    return CommandLine(tuple(map(str, found["words"])), str(found.get("folder", "")))


def request_facts(
    film: str,
    photos: Mapping[str, str],
    settings: SwapSettings,
    segments: int,
    parts: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what is kept beside the pieces of a render: texts and digests, no pictures.

    Args:
        film: Digest of the video.
        photos: Digests of the sources by name.
        settings: The settings.
        segments: How many segments there are.
        parts: What ``render_key`` was given.
    """
    return {
        "segments": segments,
        "command": _command.get(),
        "film_digest": film,
        "photos": dict(photos),
        "settings": dict(_leaves(plain_fields(settings))),
        "parts": {name: digest_of(part) for name, part in parts.items()},
        "versions": digest_of(code_digest(), library_versions()),
    }


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", str(value)


#: What other parts of a key mean. Those that follow from the film are left out where it differs.
_PARTS = {
    "device": "the device",
    "engine": "the engine's weights or options",
    "segmenter": "what finds things in front of faces",
}
_OF_FILM = {
    "analysis": "the models that find faces",
    "plans": "who gets which face",
    "segments": "the frames",
    "encoders": "the encoder",
}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return in words what differs between two requests, see ``request_facts``."""
    found = []
    same_film = before.get("film_digest") == now["film_digest"]
    if not same_film:
        found.append("the film")
    photos = _mapping(before, "photos")
    if set(photos) != set(now["photos"]):
        found.append("the source photos")
    found += [
        f"the source photo {name}"
        for name, digest in now["photos"].items()
        if photos.get(name, digest) != digest
    ]
    settings = _mapping(before, "settings")
    found += [
        f"the setting {name} (it was {settings[name]}, it is {value})"
        for name, value in now["settings"].items()
        if settings.get(name, value) != value
    ]
    parts, of_settings = _mapping(before, "parts"), bool(found)
    for name, words in {**_PARTS, **(_OF_FILM if same_film else {})}.items():
        follows = of_settings and name in _OF_FILM
        if parts.get(name) != now["parts"].get(name) and not follows:
            found.append(words)
    if before.get("versions") != now["versions"]:
        found.append("videoswap or a library")
    return found


def _mapping(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = facts.get(name)
    return value if isinstance(value, dict) else {}


def starts_anew(film: Path, out: Path, key: str, facts: Mapping[str, Any]) -> str | None:
    """Say why the render that is gone on with begins from nothing; None if it does not.

    Args:
        film: The video.
        out: The result.
        key: See ``render_key``.
        facts: See ``request_facts``.
    """
    earlier = _earlier.get()
    if earlier is None or earlier.path.name == key or not _of(earlier, film, out):
        return None
    found = differences(earlier.facts, facts) or ["what decides the result"]
    return f"Starting anew, since this is another than before: {', '.join(found)}."


def forget_replaced(cache_dir: Path, film: Path, out: Path) -> None:
    """Delete what the same command left of the same result, which is there now."""
    command = _command.get()
    if command is None or not command.words:
        return
    for one in list_unfinished(cache_dir):
        if one.command == command and _of(one, film, out):
            forget(cache_dir, one.path)


def _of(one: Unfinished, film: Path, out: Path) -> bool:
    return (one.film, one.out) == (str(film.absolute()), str(out.absolute()))
