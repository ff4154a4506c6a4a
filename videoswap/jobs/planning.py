"""Makes the plan of a swap: everything is decided as for the swap, and written down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..paths import is_folder, real_path
from ..people.matching import Match, Matching
from ..people.plan import FilmTime, Plan, PlannedPerson, PlannedSource, Span
from ..people.sources import photo_files
from ..records import Person, Track, person_name
from ..tracking.key import video_digest
from ..video.probe import media_kind, probe
from .context import JobContext, Notes
from .damage_report import damage_notes, summarize_damage
from .people_report import describe, person_reports, picture_reports
from .picture import read_and_match
from .video import analyze_with_progress, match_in_video


def make_plan(context: JobContext, target: Path) -> Plan:
    """Decide who is in a video or picture and who gets which source, and return that as a plan.

    Args:
        context: Models, photos and engine.
        target: The video or picture.

    Raises:
        VideoswapError: Whatever stands in the way, by kind.
    """
    notes = Notes(context.say)
    sources = planned_sources(context)
    if media_kind(target) == "image":
        people = _in_picture(context, target, sources, notes)
    else:
        people = _in_video(context, target, sources, notes)
    return Plan(
        video=real_path(target),
        digest=video_digest(target),
        engine=context.engine.name,
        sources=sources,
        people=people,
        settings=context.settings,
        notes=(*context.notes, *notes.said),
    )


def _in_video(
    context: JobContext, video: Path, sources: Sequence[PlannedSource], notes: Notes
) -> tuple[PlannedPerson, ...]:
    info = probe(video, context.settings.fps)
    with analyze_with_progress(info, context.settings, context.tools) as analysis:
        notes.add(analysis.fallbacks)
        notes.add(damage_notes(summarize_damage(info, analysis.damage)))
        persons, matching = match_in_video(context, info, analysis)
        reports = person_reports(persons, matching, context.sources, info.start_pts, info.time_base)
        for line in describe(reports):
            context.say(line)
        notes.add(matching.notes)
        time = FilmTime(analysis.frames.pts, info.start_pts, info.time_base)
        tracks = analysis.tracks
        return planned_people(time, tracks, persons, matching, sources, context.threshold)


def _in_picture(
    context: JobContext, picture: Path, sources: Sequence[PlannedSource], notes: Notes
) -> tuple[PlannedPerson, ...]:
    found = read_and_match(context, picture)
    everybody = found.places.everybody(found.persons)
    reports = picture_reports(found.persons, found.matching, context.sources)
    for line in describe(reports, lambda report: everybody.in_words(report.person)):
        context.say(line)
    notes.add((*found.matching.notes, *found.picture.notes))
    tracks, time = found.places.tracks, FilmTime.of_picture()
    return planned_people(time, tracks, found.persons, found.matching, sources, context.threshold)


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
    time: FilmTime,
    tracks: Sequence[Track],
    persons: Sequence[Person],
    matching: Matching,
    sources: Sequence[PlannedSource],
    threshold: float,
) -> tuple[PlannedPerson, ...]:
    """Return the people of a plan, and what shows nobody that is known.

    Args:
        time: The frames of the video or picture.
        tracks: Its tracks.
        persons: Its people.
        matching: Who gets what.
        sources: The sources by number.
        threshold: Largest distance of a match.
    """
    spans = {track.id: time.span(track.first_pts, track.last_pts) for track in tracks}
    given = {match.person: match for match in reversed(matching.matches)}
    people = []
    for person in persons:
        match = given.get(person.id)
        facts: dict[str, object] = {} if match is None else _why(match, threshold)
        if len(time.pts) > 1:  # a picture has no times
            facts["first_seconds"] = float(time.seconds(person.first_pts))
            facts["seconds"] = float(person.screen_time * time.time_base)
        facts["frames"] = person.frames
        uses = () if match is None else ((sources[match.source].name, Span()),)
        shown = tuple((track, spans[track]) for track in person.track_ids)
        people.append(PlannedPerson(person_name(person.id), uses, shown, facts))
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
