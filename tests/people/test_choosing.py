"""Who is swapped, in every way of saying so."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videoswap.detection.recognition import euclidean_distances
from videoswap.errors import NoFaceError, UsageError, VideoswapError
from videoswap.people.choosing import check_numbers, match_people
from videoswap.people.places import PeopleInPicture, PicturePlaces
from videoswap.people.sources import TargetFace
from videoswap.records import Face, Track
from videoswap.settings import FacePlace, PeopleSettings

RECOGNIZER = SimpleNamespace(cluster_threshold=0.5, distances=euclidean_distances)
# x of the middle and size of four faces, the largest first, as pictures are read.
FACES = [(300, 80), (100, 60), (500, 50), (700, 40)]


def track(number, first, last, x, count=None, screen_time=0):
    count = last - first + 1 if count is None else count
    vector = np.array([x, 0], np.float32)
    return Track(number, 0, first, last, count, vector, first, screen_time)


def face(x, size):
    box = np.array([x - size / 2, 50, x + size / 2, 50 + size], np.float32)
    return Face(box, np.zeros((5, 2), np.float32), 1.0, landmarks=np.zeros((68, 2), np.float32))


class Film:
    """A video of tracks; everybody is side by side, the first on the left."""

    path, kind = Path("film.mp4"), "video"

    def __init__(self, tracks):
        self.tracks = tracks

    def view(self, persons, place):
        boxes = {one.id: np.array([10 * one.id, 0, 10 * one.id + 8, 8]) for one in persons}
        return PeopleInPicture(place.time, boxes, 100, 50)

    def describe(self, persons, person):
        return f"{person.screen_time} ticks"


FILM = Film([track(0, 0, 9, 0), track(1, 10, 19, 0), track(2, 0, 19, 5, screen_time=3)])
CROWD = Film([*FILM.tracks, Track(3, 0, 0, 3, 4, None, 0)])  # the last one tells nothing
PICTURE = PicturePlaces(
    Path("group.jpg"),
    [track(n, 0, 0, 5 * n, 1) for n in range(len(FACES))],
    [face(*one) for one in FACES],
    (200, 800),
)


def chosen(places, people=None, sources=1, references=()):
    _, matching = match_people(places, references, 0.6, RECOGNIZER, "Look again.", people, sources)
    return matching


def at(*positions, time=None):
    return PeopleSettings(places=tuple(FacePlace(time, one) for one in positions))


@pytest.mark.parametrize(
    ("places", "people", "sources", "tracks"),
    [
        (FILM, None, 1, {2: 0}),  # person 0 has three ticks of screen time, person 1 none
        (FILM, PeopleSettings(persons=(1,)), 1, {0: 0, 1: 0}),
        (FILM, PeopleSettings(persons=(1, 0)), 2, {0: 0, 1: 0, 2: 1}),
        (FILM, PeopleSettings(persons=(1, 0)), 1, {0: 0, 1: 0, 2: 0}),
        (FILM, at("left", time=Fraction(1)), 1, {2: 0}),
        (FILM, at("right", time=Fraction(1)), 1, {0: 0, 1: 0}),
        (
            CROWD,
            PeopleSettings(all_faces=True),
            1,
            dict.fromkeys(range(4), 0),
        ),
        (Film(CROWD.tracks[3:]), PeopleSettings(all_faces=True), 1, {3: 0}),
        (PICTURE, None, 1, {0: 0}),
        (PICTURE, PeopleSettings(persons=(3, 1)), 2, {3: 0, 1: 1}),
        (PICTURE, at("left"), 1, {1: 0}),
        (PICTURE, at("right", "left", "largest"), 3, {3: 0, 1: 1, 0: 2}),
        (PICTURE, at("middle"), 1, {0: 0}),
        (PICTURE, at((0.63, 0.35)), 1, {2: 0}),
        (PICTURE, PeopleSettings(all_faces=True), 1, dict.fromkeys(range(4), 0)),
    ],
)
def test_who_gets_which_source(places, people, sources, tracks):
    matching = chosen(places, people, sources)
    assert matching.sources == tracks and not matching.missing


@pytest.mark.parametrize(
    ("places", "people", "words"),
    [
        (Film([track(0, 0, 9, 0)]), None, "only person"),
        (FILM, None, "most screen time of 2 people is taken (person 1: 3 ticks)"),
        (PICTURE, None, "largest of 4 faces is taken (person 1, second from the left)"),
        (PICTURE, at("right"), "the face (right) is person 4, on the right of 4 faces"),
    ],
)
def test_the_note_says_who_it_is(places, people, words):
    (note,) = map(str, chosen(places, people).notes)
    assert words in note


@pytest.mark.parametrize("places", [FILM, PICTURE])
def test_without_a_choice_the_note_says_how_to_choose(places):
    (note,) = map(str, chosen(places).notes)
    for way in ("--person", "--face_at", "--all_faces", "--target_faces_paths"):
        assert way in note


@pytest.mark.parametrize(
    ("places", "people", "error", "code", "words"),
    [
        (FILM, PeopleSettings(persons=(0, 2)), NoFaceError, "no_such_person", "2 people"),
        (PICTURE, PeopleSettings(persons=(7,)), NoFaceError, "no_such_person", "to person 4"),
        (PICTURE, at("left", (0.12, 0.4)), UsageError, "which_people", "the same, person 2"),
        (PICTURE, at((0.1, 0.9)), NoFaceError, "no_face_there", "person 3: 0.62,0.38"),
        (PICTURE, at("left", time=Fraction(3)), UsageError, "bad_face_at", "--face_at left"),
    ],
)
def test_who_is_not_there(places, people, error, code, words):
    with pytest.raises(error) as caught:
        chosen(places, people)
    assert caught.value.code == code and words in str(caught.value)


@pytest.mark.parametrize(
    ("sizes", "people", "told"),
    [
        ((20, 90), None, "person 1 has a face of at most 20 pixels, too small to show who it is"),
        ((90, 20), None, None),
        ((20, 18), PeopleSettings(all_faces=True), "2 people have faces of at most 20 pixels, "),
        ((20, 24), PeopleSettings(persons=(1,)), None),
    ],
)
def test_faces_that_are_too_small_to_be_recognized_are_told(sizes, people, told):
    tracks = [
        replace(track(number, 0, 9, 5 * number, screen_time=9 - number), size=float(size))
        for number, size in enumerate(sizes)
    ]
    notes = [str(one) for one in chosen(Film(tracks), people).notes if "pixels" in str(one)]
    assert [one[: len(told or "")] for one in notes] == ([] if told is None else [told])


def test_where_no_reference_is_found_the_notes_say_why():
    far = TargetFace("c", np.array([99, 0], np.float32))
    with pytest.raises(NoFaceError) as caught:
        chosen(FILM, references=[far])
    assert caught.value.code == "no_match" and caught.value.hint == "Look again."
    assert "film.mp4" in caught.value.message and "c does not appear" in caught.value.message


def test_references_are_found_again():
    references = [TargetFace("b", np.array([5, 0], np.float32))]
    assert chosen(FILM, references=references).sources == {2: 0}


@pytest.mark.parametrize(
    ("sources", "references", "people", "code"),
    [
        (1, 0, PeopleSettings(), None),
        (2, 2, PeopleSettings(), None),
        (1, 0, PeopleSettings(all_faces=True), None),
        (1, 0, PeopleSettings(persons=(3, 4, 5)), None),
        (2, 0, PeopleSettings(persons=(3, 4)), None),
        (2, 0, at("left", "right"), None),
        (0, 0, PeopleSettings(), "no_source"),
        (1, 2, PeopleSettings(), "sources_and_targets"),
        (2, 0, PeopleSettings(), "sources_and_targets"),
        (2, 0, PeopleSettings(all_faces=True), "sources_and_targets"),
        (2, 0, PeopleSettings(persons=(3, 4, 5)), "sources_and_targets"),
        (1, 1, PeopleSettings(all_faces=True), "which_people"),
        (1, 1, PeopleSettings(persons=(1,)), "which_people"),
    ],
)
def test_sources_fit_to_those_who_get_them(sources, references, people, code):
    if code is None:
        check_numbers(sources, references, people)
        return
    with pytest.raises(UsageError) as caught:
        check_numbers(sources, references, people)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "make",
    [
        lambda: PeopleSettings(all_faces=True, persons=(1,)),
        lambda: PeopleSettings(persons=(1,), places=(FacePlace(None, "left"),)),
        lambda: PeopleSettings(persons=(1, 1)),
        lambda: PeopleSettings(persons=(-1,)),
        lambda: FacePlace(None, "behind"),
        lambda: FacePlace(None, (0.5, 1.5)),
        lambda: FacePlace(Fraction(-1)),
    ],
)
def test_choices_that_make_no_sense(make):
    with pytest.raises(VideoswapError) as caught:
        make()
    assert caught.value.exit_code == 2
