"""Reads a plan from its file, which strangers may have written, and says where it is wrong."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError, reason_of
from ..fieldtypes import from_mapping
from ..paths import AnyPath, path_of, shortened
from ..plugins import plugin_named
from ..records import person_name
from ..settings import SwapSettings
from ..timerange import MAX_SECONDS
from .plan import KIND, NOT_IN_PLANS, SCHEMA, Plan, PlannedPerson, PlannedSource, Span

MOST_BYTES = 64 * 10**6  # of a plan; the tracks of a long film need a hundredth
LONGEST_NUMBER = 40  # characters
_RATIO = re.compile(r"\d{1,18}/0*[1-9]\d{0,17}")
_HEAD = ("kind", "schema", "videoswap", "video", "engine", "sources", "people", "settings", "notes")
#: What a plan says of a person besides, for whoever reads it.
_FACTS = ("target", "distance", "threshold", "runner_up", "first_seconds", "seconds", "frames")


def read_plan(path: AnyPath) -> Plan:
    """Read a plan.

    Args:
        path: The file. Paths in it are relative to its folder.

    Raises:
        InputError: ``bad_plan``, with the place in the file.
        UsageError: If the settings in it make no sense.
    """
    path = path_of("plan", path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("bad_plan", f"{path} is too large for a plan.")
        text = path.read_text(encoding="utf-8")
        found = json.loads(text, parse_float=_decimal, parse_constant=_refused)
    except OSError as error:
        raise InputError("bad_plan", f"{path} cannot be read: {reason_of(error)}.") from None
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InputError("bad_plan", f"{path} is not JSON: {reason}.") from None
    try:
        return replace(_plan(_Part(found, ""), path.parent), file=path)
    except InputError as error:
        raise InputError(error.code, f"{path}: {error.message}", error.hint) from None
    except UsageError as error:
        raise UsageError(error.code, f"{path}: {error.message}", error.hint) from None


class _Part:
    """A value of the file and its place.

    Args:
        value: The value.
        place: Its place, such as ``people[1].tracks[0]``; empty for the whole.
    """

    def __init__(self, value: Any, place: str) -> None:
        self.value = value
        self.place = place

    def refuse(self, what: str, hint: str = "") -> InputError:
        """Make an error about it."""
        where = f"{self.place} " if self.place else "it "
        return InputError("bad_plan", f"{where}{what}.", hint)

    def object(self, known: Sequence[str]) -> Mapping[str, Any]:
        """Return it as an object, and refuse keys that are not known."""
        if not isinstance(self.value, dict):
            raise self.refuse("must be an object")
        for key in self.value:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
                raise self.refuse(f"has no key {key!r}", hint)
        return self.value

    def key(self, name: str) -> _Part:
        """Return the value of a key, None where it is missing."""
        place = f"{self.place}.{name}" if self.place else name
        return _Part(self.value.get(name), place)

    def items(self) -> Iterator[_Part]:
        """Yield the items of a list."""
        if not isinstance(self.value, list):
            raise self.refuse("must be a list")
        for index, one in enumerate(self.value):
            yield _Part(one, f"{self.place}[{index}]")

    def text(self) -> str:
        """Return it as a text that is not empty."""
        if not isinstance(self.value, str) or not self.value or "\0" in self.value:
            raise self.refuse("must be a text")
        return self.value

    def number(self) -> int:
        """Return it as a whole number that is not negative."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            raise self.refuse("must be a whole number from 0 on")
        return self.value

    def seconds(self) -> Fraction:
        """Return it as a time."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | Fraction):
            raise self.refuse("must be a number of seconds")
        if not 0 <= self.value <= MAX_SECONDS:
            raise self.refuse(f"must lie between 0 and {MAX_SECONDS} seconds")
        return Fraction(self.value)

    def span(self) -> Span:
        """Return the time between its keys ``from`` and ``to``."""
        start, end = self.key("from"), self.key("to")
        begin = Fraction(0) if start.value is None else start.seconds()
        if end.value is None:
            return Span(begin)
        if end.seconds() <= begin:
            raise end.refuse("must come after from")
        return Span(begin, end.seconds())


def _plan(root: _Part, folder: Path) -> Plan:
    root.object(_HEAD)
    if root.key("kind").value != KIND:
        raise root.refuse(f"is no plan: its kind is not {KIND!r}", "`videoswap plan` writes one.")
    schema = root.key("schema").number()
    if schema != SCHEMA:
        raise root.key("schema").refuse(
            f"is {schema}, and this version reads {SCHEMA}", "Make the plan anew."
        )
    video, engine = root.key("video"), root.key("engine")
    video.object(("path", "digest"))
    engine.object(("name", "options"))
    sources = tuple(_source(one, folder) for one in root.key("sources").items())
    names = [source.name for source in sources]
    for one in root.key("sources").items():
        if names.count(one.value["name"]) > 1:
            raise one.key("name").refuse("is that of another source too")
    return Plan(
        video=folder / video.key("path").text(),
        digest=video.key("digest").text(),
        engine=engine.key("name").text(),
        sources=sources,
        people=tuple(_person(one, index, names) for index, one in _numbered(root.key("people"))),
        settings=_settings(root.key("settings"), engine),
    )


def _numbered(part: _Part) -> Iterator[tuple[int, _Part]]:
    return enumerate(part.items())


def _source(part: _Part, folder: Path) -> PlannedSource:
    part.object(("name", "photos", "advice"))
    photos = tuple(folder / one.text() for one in part.key("photos").items())
    if not photos:
        raise part.key("photos").refuse("must name a photo")
    return PlannedSource(part.key("name").text(), photos)


def _person(part: _Part, index: int, names: Sequence[str]) -> PlannedPerson:
    found = part.object(("name", "source", "hidden", "tracks", *_FACTS))
    source = part.key("source")
    uses: list[tuple[str, Span]] = []
    if isinstance(source.value, list):
        for one in source.items():
            one.object(("source", "from", "to"))
            uses.append((_named(one.key("source"), names), one.span()))
    elif source.value is not None:
        uses.append((_named(source, names), Span()))
    tracks = []
    for one in part.key("tracks").items():
        one.object(("track", "from", "to"))
        tracks.append((one.key("track").number(), one.span()))
    name = person_name(index) if found.get("name") is None else part.key("name").text()
    facts = {key: _fact(part.key(key)) for key in _FACTS if found.get(key) is not None}
    if not isinstance(found.get("hidden", False), bool):
        raise part.key("hidden").refuse("must be true or false")
    return PlannedPerson(name, tuple(uses), tuple(tracks), facts, found.get("hidden", False))


def _fact(part: _Part) -> Any:
    """Return what is only there to be read, as the report shows it."""
    value = part.value
    if part.place.endswith(".target"):
        return part.text()
    if part.place.endswith(".runner_up"):
        return {key: _fact(part.key(key)) for key in part.object(("person", "distance"))}
    if isinstance(value, bool) or not isinstance(value, int | Fraction):
        raise part.refuse("must be a number")
    return value if isinstance(value, int) else float(value)


def _named(part: _Part, names: Sequence[str]) -> str:
    name = part.text()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Sources are {', '.join(names) or 'none'}."
        raise part.refuse(f"names no source: {name!r}", hint)
    return name


def _settings(part: _Part, engine: _Part) -> SwapSettings:
    known = [one.name for one in fields(SwapSettings) if one.name not in NOT_IN_PLANS]
    found = {key: _exact(value) for key, value in part.object(known).items()}
    settings = from_mapping(SwapSettings, found)
    plugin = plugin_named(engine.key("name").text())
    options = engine.key("options")
    if options.value is None:
        return replace(settings, swapper=plugin.name)
    names = [one.name for one in fields(plugin.options)]
    given = {key: _exact(value) for key, value in options.object(names).items()}
    chosen = from_mapping(plugin.options, given, "engine.options.") if names else None
    return replace(settings, swapper=plugin.name, engine_options=chosen)


def _decimal(text: str) -> Fraction:
    """Read a decimal number exactly, unless that would take more digits than a file may ask for.

    Raises:
        ValueError: If it is beyond all numbers.
    """
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{shortened(text)} is too large")
    short = len(text) <= LONGEST_NUMBER and "e" not in text.lower()
    return Fraction(text) if short else Fraction(value)


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is not a number of JSON")


def _exact(value: Any) -> Any:
    """Return a setting with its numbers as numbers: 24000/1001 is a text in JSON."""
    if isinstance(value, str) and _RATIO.fullmatch(value):
        return Fraction(value)
    if isinstance(value, dict):
        return {key: _exact(one) for key, one in value.items()}
    return value
