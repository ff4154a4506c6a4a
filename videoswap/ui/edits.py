"""Edits of a plan as a browser asks for them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError
from ..people.plan import Plan, Span
from ..people.plan_edits import (
    divided,
    given,
    hidden,
    merged,
    renamed,
    taken_out,
    without_source,
)
from ..people.plan_reading import read_plan
from ..plugins import plugin_named
from .films import Film


def edited(plan: Plan, wish: dict[str, Any]) -> Plan:
    """Return a plan after an edit that the page asks for.

    Raises:
        UsageError: ``bad_edit``.
    """
    try:
        match wish["kind"]:
            case "give":
                source = wish["source"]
                return given(plan, int(wish["person"]), None if source is None else str(source))
            case "name":
                return renamed(plan, int(wish["person"]), str(wish["name"])[:80])
            case "merge":
                return merged(plan, int(wish["into"]), int(wish["other"]))
            case "divide":
                return divided(plan, int(wish["person"]), seconds_of(float(wish["time"])))
            case "hide":
                return hidden(plan, int(wish["person"]), bool(wish.get("hide", True)))
            case "take_out":
                return taken_out(plan, int(wish["person"]), int(wish["entry"]))
            case "remove_source":
                return without_source(plan, str(wish["name"]))
            case "span":
                end = wish.get("to")
                span = Span(
                    seconds_of(float(wish.get("from", 0))),
                    None if end is None else seconds_of(float(end)),
                )
                source = wish["source"]
                return given(
                    plan, int(wish["person"]), None if source is None else str(source), span
                )
            case "blend":
                known = {"strength", "mask", "keep_eyes", "keep_mouth"}
                changes = {name: value for name, value in wish["values"].items() if name in known}
                blend = replace(plan.settings.blend, **changes)
                return replace(plan, settings=replace(plan.settings, blend=blend))
            case "engine":
                return _with_engine(plan, str(wish["name"]), dict(wish.get("options", {})))
            case other:
                raise UsageError("bad_edit", f"There is no edit {other!r}.")
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("bad_edit", f"The edit is not complete: {error}.") from None


def _with_engine(plan: Plan, name: str, options: dict[str, Any]) -> Plan:
    plugin = plugin_named(name)
    chosen = plugin.options(**options) if options else None
    settings = replace(plan.settings, swapper=name, engine_options=chosen)
    return replace(plan, engine=name, settings=settings)


def taken_plan(plan: Plan, path: Path, film: Film) -> Plan:
    """Return an uploaded plan, if it is one of this film.

    Raises:
        InputError: ``bad_plan`` or ``plan_of_other_video``.
        UsageError: ``not_allowed``.
    """
    found = read_plan(path)
    if found.digest != plan.digest:
        raise InputError("plan_of_other_video", "That plan was made for another film.")
    folder = film.folder.resolve()
    for source in found.sources:
        for photo in source.photos:
            if not photo.resolve().is_relative_to(folder):
                raise UsageError(
                    "not_allowed",
                    f"The plan names the photo {photo.name}, which was not uploaded here.",
                    "Drop the photos onto the people again.",
                )
    return replace(found, video=plan.video)


def seconds_of(value: float) -> Fraction:
    """Return a time that a browser sent.

    Raises:
        UsageError: ``bad_time``.
    """
    if not 0 <= value < 10**9:
        raise UsageError("bad_time", "A time lies between the beginning and the end of the film.")
    return Fraction(repr(value))
