"""What the page shows of a film, as data."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ..people.plan import Plan, PlannedPerson
from ..plugins import find_plugins, options_of
from .films import Film
from .targets import Target, best_moment


def film_view(film: Film, engines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return everything about a film that the page shows.

    Args:
        film: The film.
        engines: What `engine_views` gave: it takes a look at files, and nothing changes in between.
    """
    child = film.child
    view: dict[str, Any] = {
        "id": film.number,
        "name": film.name,
        "state": film.state,
        "problem": film.problem,
        "progress": child.progress if child is not None else {},
    }
    if film.edits is None or film.found is None:
        return view
    plan, found = film.edits.plan, film.found
    return {
        **view,
        "kind": found.kind,
        "width": found.width,
        "height": found.height,
        "seconds": float(found.time.end),
        "shots": [float(one) for one in found.shots],
        "frame_seconds": float(found.time.end) / max(1, len(found.time.pts)),
        "people": [
            _person_view(number, person, found) for number, person in enumerate(plan.people)
        ],
        "sources": [
            {"name": one.name, "photos": len(one.photos), "advice": list(one.advice)}
            for one in plan.sources
        ],
        "engine": {"name": plan.engine, "options": _options(plan)},
        "engines": engines,
        "blend": {
            name: getattr(plan.settings.blend, name)
            for name in ("strength", "mask", "keep_eyes", "keep_mouth")
        },
        "can_undo": film.edits.can_undo,
        "can_redo": film.edits.can_redo,
    }


def command_line(film: Film) -> str:
    """Return the command that does what the plan says, to be typed where the plan was saved."""
    stem = film.path.stem
    picture = film.found is not None and film.found.kind == "picture"
    result = f"{stem}_swapped{film.path.suffix if picture else '.mp4'}"
    return shlex.join(["videoswap", "swap", "--plan", f"{stem}.plan.json", "-o", result])


def _person_view(number: int, person: PlannedPerson, found: Target) -> dict[str, Any]:
    spans = sorted(_seen(person, found))
    return {
        "number": number,
        "name": person.name,
        "hidden": person.hidden,
        "sources": [{"source": name, **span.as_data()} for name, span in person.sources],
        "spans": [[float(start), float(end)] for start, end in spans],
        "seconds": float(sum(end - start for start, end in spans)),
        "first": float(spans[0][0]) if spans else None,
        "best": best_moment(person, found),
        "tracks": [{"track": track, **span.as_data()} for track, span in person.tracks],
    }


def _seen(person: PlannedPerson, found: Target) -> list[tuple[Any, Any]]:
    """Return from when to when a person is on screen, in seconds."""
    spans = []
    for number, span in person.tracks:
        track = found.tracks.get(number)
        if track is None:
            continue
        whole = found.time.span(track.first_pts, track.last_pts)
        end = min(one for one in (span.end, whole.end, found.time.end) if one is not None)
        start = max(span.start, whole.start)
        if start < end:
            spans.append((start, end))
    return spans


def _options(plan: Plan) -> dict[str, Any]:
    options = plan.settings.engine_options
    if options is None:
        return {}
    kept: Any = options
    return {one.name: getattr(kept, one.name) for one in fields(kept)}


def engine_views() -> list[dict[str, Any]]:
    """Return the engines that can be used here, with the options that a page can set."""
    found = []
    for plugin in find_plugins():
        missing = plugin.missing(plugin.options())
        options = [
            {"name": one.field, "default": one.default, "help": one.help, "kind": one.kind.__name__}
            for one in options_of(plugin)
            if one.kind in (float, bool, int) and one.default is not None
        ]
        found.append(
            {
                "name": plugin.name,
                "summary": plugin.summary,
                "missing": missing,
                "options": options,
            }
        )
    return found
