"""Makes the plan of a swap: everything is decided as for the swap, and written down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..paths import is_folder, real_path
from ..people.matching import Match, Matching
from ..people.plan import FilmTime, Plan, PlannedPerson, PlannedSource, Span
from ..people.sources import photo_files
from ..records import Person
from ..tracking.analysis import Analysis
from ..tracking.key import video_digest
from ..video.probe import VideoInfo, media_kind, probe
from .context import JobContext, Notes
from .damage_report import damage_notes, summarize_damage
from .people_report import describe, person_reports
from .video import analyze_with_progress, match_in_video


def check_is_video(path: Path) -> None:
    """Refuse a picture: there is nothing to plan in one.

    Raises:
        UsageError: ``plan_of_picture``.
        InputError: If it cannot be read.
    """
    if is_folder(path) or media_kind(path) == "image":
        raise UsageError(
            "plan_of_picture",
            f"{path} is no video, and a plan is for one video.",
            "Choose the people of a picture or folder with --person, --face_at or "
            "--target_faces_paths.",
        )


def make_plan(context: JobContext, video: Path) -> Plan:
    """Decide who is in a video and who gets which source, and return that as a plan.

    Args:
        context: Models, photos and engine.
        video: The video.

    Raises:
        VideoswapError: Whatever stands in the way, by kind.
    """
    info = probe(video, context.settings.fps)
    notes = Notes(context.say)
    with analyze_with_progress(info, context.settings, context.tools) as analysis:
        notes.add(analysis.fallbacks)
        notes.add(damage_notes(summarize_damage(info, analysis.damage)))
        persons, matching = match_in_video(context, info, analysis)
        reports = person_reports(persons, matching, context.sources, info.start_pts, info.time_base)
        for line in describe(reports):
            context.say(line)
        notes.add(matching.notes)
        sources = planned_sources(context)
        people = planned_people(info, analysis, persons, matching, sources, context.threshold)
        return Plan(
            video=real_path(video),
            digest=video_digest(video),
            engine=context.engine.name,
            sources=sources,
            people=people,
            settings=context.settings,
            notes=(*context.notes, *notes.said),
        )


def planned_sources(context: JobContext) -> tuple[PlannedSource, ...]:
    """Return the source people of a run, each with a name of its own."""
    found: list[PlannedSource] = []
    for source in context.sources:
        path = Path(source.label)
        name, number = path.name, 1
        while name in {one.name for one in found}:
            number += 1
            name = f"{path.name} ({number})"
        files = photo_files(path) if is_folder(path) else [path]
        known = {photo.label for photo in source.photos}
        photos = tuple(real_path(file) for file in files if str(file) in known)
        advice = tuple(
            str(line) for photo in context.photos if photo.path in known for line in photo.advice
        )
        found.append(PlannedSource(name, photos, advice))
    return tuple(found)


def planned_people(
    info: VideoInfo,
    analysis: Analysis,
    persons: Sequence[Person],
    matching: Matching,
    sources: Sequence[PlannedSource],
    threshold: float,
) -> tuple[PlannedPerson, ...]:
    """Return the people of a plan, and what shows nobody that is known.

    Args:
        info: The video.
        analysis: What was found in it.
        persons: Its people.
        matching: Who gets what.
        sources: The sources by number.
        threshold: Largest distance of a match.
    """
    time = FilmTime(analysis.frames.pts, info.start_pts, info.time_base)
    spans = {track.id: time.span(track.first_pts, track.last_pts) for track in analysis.tracks}
    given = {match.person: match for match in reversed(matching.matches)}
    people = []
    for person in persons:
        match = given.get(person.id)
        facts: dict[str, object] = {} if match is None else _why(match, threshold)
        facts |= {
            "first_seconds": float((person.first_pts - info.start_pts) * info.time_base),
            "seconds": float(person.screen_time * info.time_base),
            "frames": person.frames,
        }
        uses = () if match is None else ((sources[match.source].name, Span()),)
        tracks = tuple((track, spans[track]) for track in person.track_ids)
        people.append(PlannedPerson(f"person {person.id}", uses, tracks, facts))
    known = {track for person in persons for track in person.track_ids}
    unknown = tuple((track, span) for track, span in spans.items() if track not in known)
    if unknown:  # nobody can say whose these are; --all_faces swaps them too
        source = matching.sources.get(unknown[0][0])
        uses = () if source is None else ((sources[source].name, Span()),)
        people.append(PlannedPerson("unidentified", uses, unknown))
    return tuple(people)


def _why(match: Match, threshold: float) -> dict[str, object]:
    """Return what a plan says about a match with a target face; nothing without one."""
    if match.distance is None:
        return {}
    next_one = match.runner_up
    runner_up = None
    if next_one is not None:
        runner_up = {"person": next_one.person, "distance": round(next_one.distance, 4)}
    found = {
        "target": match.label,
        "distance": round(match.distance, 4),
        "threshold": threshold,
        "runner_up": runner_up,
    }
    return {key: value for key, value in found.items() if value is not None}
