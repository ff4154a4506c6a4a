"""Who is swapped: by target faces, by number, by place, everybody, or whoever is seen most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..detection.base import Recognizer
from ..errors import NoFaceError, UsageError
from ..records import Fallback, Person, TrackSource, observation, person_name
from ..settings import FacePlace, PeopleSettings
from .clustering import cluster_tracks, people_of
from .matching import (
    Match,
    Matching,
    assign,
    track_sources,
)
from .places import PeopleInPicture, Places
from .sources import TargetFace

MIN_SIZE = 24.0  # pixels of a face in which somebody can be recognized


def check_numbers(sources: int, references: int, people: PeopleSettings) -> None:
    """Refuse sources that do not fit to those who are to get them.

    Args:
        sources: How many source people there are.
        references: How many target faces.
        people: Who is chosen otherwise.

    Raises:
        UsageError: ``no_source``, ``which_people`` or ``sources_and_targets``.
    """
    if not sources:
        raise UsageError("no_source", "At least one source photo is needed.")
    if references and people.given:
        raise UsageError(
            "which_people",
            "Target faces exclude --all_faces, --person and --face_at.",
            "Choose people in one of these ways.",
        )
    if references and sources != references:
        raise UsageError(
            "sources_and_targets",
            f"{sources} source photos and {references} target faces were given.",
            "The nth source goes onto the nth target face, so give as many of both.",
        )
    if sources == 1 or sources in (references, people.wanted):
        return
    if people.all_faces:
        raise UsageError(
            "sources_and_targets",
            f"{sources} source photos were given, and --all_faces puts one onto everybody.",
            "Give one source, or choose people with --person.",
        )
    if people.wanted:
        raise UsageError(
            "sources_and_targets",
            f"{sources} source photos were given for {people.wanted} chosen people.",
            "The nth source goes onto the nth of them; one source goes onto each.",
        )
    raise UsageError(
        "sources_and_targets",
        f"{sources} source photos were given, but not who gets which.",
        "Say so with --person or --target_faces_paths; `videoswap faces` shows who is there.",
    )


def match_people(
    places: Places,
    references: Sequence[TargetFace],
    threshold: float,
    recognizer: Recognizer,
    hint: str,
    people: PeopleSettings | None = None,
    sources: int = 1,
) -> tuple[tuple[Person, ...], Matching]:
    """Decide who is who and who gets which source.

    Args:
        places: The people's tracks, and where they are.
        references: The faces to look for, in the order of the sources.
        threshold: Largest distance between a reference and its person.
        recognizer: Who compares them.
        hint: What the user can do if none of the references is found.
        people: Who is chosen otherwise.
        sources: How many source people there are.

    Raises:
        NoFaceError: ``no_face_in_video``, ``no_face_in_picture``, ``no_match``,
            ``no_such_person`` or ``no_face_there``.
        UsageError: ``which_people`` or ``bad_face_at``.
        InputError: ``no_such_moment``.
    """
    people = people or PeopleSettings()
    if people.all_faces and places.tracks:  # also where no face tells whose it is
        persons = cluster_tracks(places.tracks, recognizer.cluster_threshold, recognizer.distances)
    else:
        persons = people_of(places.path, places.tracks, recognizer, places.kind)
    if not references:
        return persons, _with_sizes(_chosen(places, persons, people, sources), persons, places)
    labelled = [(one.label, one.embedding) for one in references]
    matching = assign(persons, places.tracks, labelled, threshold, recognizer.distances)
    if not matching.matches:
        notes = " ".join(f"{note}." for note in matching.notes)
        raise NoFaceError(
            "no_match", f"None of the target faces was found in {places.path}. {notes}", hint
        )
    return persons, _with_sizes(matching, persons, places)


def _with_sizes(matching: Matching, persons: Sequence[Person], places: Places) -> Matching:
    """Add a note where people who get a face are too small to be recognized."""
    sizes = {one.id: one.size for one in places.tracks}  # 0 where nobody measured it
    chosen = {one.person for one in matching.matches}
    largest = {
        one.id: max(sizes[track] for track in one.track_ids) for one in persons if one.id in chosen
    }
    small = {person: size for person, size in largest.items() if 0.0 < size < MIN_SIZE}
    if not small:
        return matching
    who = f"{len(small)} people have faces"
    if len(small) == 1:
        who = f"{person_name(*small)} has a face"
    text = f"{who} of at most {max(small.values()):.0f} pixels, too small to show who it is"
    return replace(matching, notes=(*matching.notes, observation(text)))


def _chosen(
    places: Places, persons: Sequence[Person], people: PeopleSettings, sources: int
) -> Matching:
    if people.all_faces:
        matches = tuple(Match(0, "everybody", one.id, None) for one in persons)
        # Also the faces that do not tell whose they are: it makes no difference here.
        return Matching(matches, tuple(TrackSource(track.id, 0) for track in places.tracks))
    labels, numbers, notes = _default(places, persons)
    if people.persons:
        labels = [person_name(number) for number in people.persons]
        numbers, notes = list(people.persons), []
        _check_there(places, persons, numbers)
    elif people.places:
        labels = [f"the face {place}" for place in people.places]
        numbers, notes = _by_place(places, persons, people.places)
    matches = tuple(
        Match(0 if sources == 1 else index, label, number, None)
        for index, (label, number) in enumerate(zip(labels, numbers, strict=True))
    )
    return Matching(matches, track_sources(persons, matches), (), tuple(notes))


def _default(
    places: Places, persons: Sequence[Person]
) -> tuple[list[str], list[int], list[Fallback]]:
    """Take the only person, or whoever is seen most."""
    first = persons[0]
    label = [person_name(first.id)]
    if len(persons) == 1:
        return label, [first.id], [observation("the only person is taken")]
    where = places.describe(persons, first)
    if places.kind == "picture":
        text = f"the largest of {len(persons)} faces is taken ({person_name(first.id)}, {where})"
        ways = "--person N, --face_at left (middle, right or x,y)"
    else:
        text = (
            f"the person with most screen time of {len(persons)} people is taken "
            f"({person_name(first.id)}: {where})"
        )
        ways = "--person N, --face_at TIME"
    choose = f"choose others with {ways}, --all_faces or --target_faces_paths"
    return label, [first.id], [observation(f"{text}; {choose}")]


def _check_there(places: Places, persons: Sequence[Person], wanted: Sequence[int]) -> None:
    absent = [number for number in wanted if number >= len(persons)]
    if not absent:
        return
    there = "only person 1 is there"
    if len(persons) > 1:
        there = f"there are {len(persons)} people, from person 1 ({_first(places)}) to "
        there += person_name(len(persons) - 1)
    raise NoFaceError(
        "no_such_person",
        f"There is no {person_name(absent[0])} in {places.path}: {there}.",
        f"`videoswap faces {places.path} --out_dir people` shows them with their numbers.",
    )


def _first(places: Places) -> str:
    return "the largest face" if places.kind == "picture" else "most screen time"


def _by_place(
    places: Places, persons: Sequence[Person], wanted: Sequence[FacePlace]
) -> tuple[list[int], list[Fallback]]:
    """Return who is at some places, and what has to be said about it."""
    numbers: list[int] = []
    notes = []
    for place in wanted:
        view = places.view(persons, place)
        number = view.at(place.position)
        if number in numbers:
            other = wanted[numbers.index(number)]
            raise UsageError(
                "which_people",
                f"The face {other} and the face {place} are the same, {person_name(number)}.",
                "Name every person once.",
            )
        numbers.append(number)
        notes.append(
            observation(f"the face {place} is {person_name(number)}{_described(view, number)}")
        )
    return numbers, notes


def _described(view: PeopleInPicture, number: int) -> str:
    where = f", {view.in_words(number)} of {len(view.boxes)} faces" if len(view.boxes) > 1 else ""
    when = f" (at {float(view.seconds):.2f} s, as nobody is seen just then)" if view.instead else ""
    return where + when
