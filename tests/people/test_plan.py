"""A plan fits its video to the frame, and says where it does not."""

from __future__ import annotations

import json
from fractions import Fraction
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from videoswap.errors import InputError, UsageError
from videoswap.people.plan import (
    FilmTime,
    Plan,
    PlannedPerson,
    PlannedSource,
    Span,
    match_by_plan,
)
from videoswap.people.plan_reading import read_plan
from videoswap.records import Track, TrackSource
from videoswap.settings import AnalysisSettings, EncodeSettings, SwapSettings
from videoswap.timerange import TimeRange

# 30000/1001 frames a second, the first at tick 7: no frame lies at a decimal number of seconds.
TIME = FilmTime(np.arange(7, 7 + 1001 * 100, 1001), 7, Fraction(1, 30000))
PTS = TIME.pts
EMBEDDING = np.zeros(4, np.float32)
# Of the hundred frames 0 to 59 show one face, 40 to 99 another.
TRACKS = (
    Track(0, 0, int(PTS[0]), int(PTS[59]), 60, EMBEDDING, int(PTS[20]), 60 * 1001),
    Track(1, 0, int(PTS[40]), int(PTS[99]), 60, EMBEDDING + 1, int(PTS[90]), 60 * 1001),
)
SPANS = tuple(TIME.span(one.first_pts, one.last_pts) for one in TRACKS)
SETTINGS = SwapSettings(
    time_range=TimeRange(None, Fraction(10, 3)),
    analysis=AnalysisSettings(min_face=Fraction(1, 30)),
    encode=EncodeSettings(crf=20.5),
    fps=Fraction(24000, 1001),
)


def plan(*people, sources=("a", "b"), **other):
    made = tuple(PlannedSource(name, (Path(f"{name}.png"),)) for name in sources)
    return Plan(Path("/film.mp4"), "1-x", "mesh", made, people, SETTINGS, **other)


def person(source, *tracks, name="somebody"):
    uses = source if isinstance(source, tuple) else ((source, Span()),) if source else ()
    return PlannedPerson(name, uses, tracks)


def frames(given):
    """Return the numbers of the frames of each track that get each source."""
    shown = {one.id: PTS[(one.first_pts <= PTS) & (one.last_pts >= PTS)] for one in TRACKS}
    found = {}
    for one in given:
        pts = shown[one.track][one.covers(shown[one.track])]
        found.setdefault((one.track, one.source), []).extend(np.searchsorted(PTS, pts))
    return {key: sorted(map(int, numbers)) for key, numbers in found.items()}


WHOLE = ((0, SPANS[0]), (1, SPANS[1]))
CUT = Fraction(1)  # frame 29 begins at 0.9676 s, frame 30 at 1.001 s


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        (
            [person("a", WHOLE[0]), person("b", WHOLE[1])],
            {(0, 0): range(60), (1, 1): range(40, 100)},
        ),
        ([person("b", WHOLE[0]), person(None, WHOLE[1])], {(0, 1): range(60)}),
        ([person("a", *WHOLE)], {(0, 0): range(60), (1, 0): range(40, 100)}),
        (
            [person("a", (0, Span(end=CUT))), person("b", (0, Span(CUT)))],
            {(0, 0): range(30), (0, 1): range(30, 60)},
        ),
        (
            [person((("a", Span(end=CUT)), ("b", Span(Fraction("1.5")))), *WHOLE)],
            {(0, 0): range(30), (0, 1): range(45, 60), (1, 1): range(45, 100)},
        ),
    ],
    ids=["two", "one alone", "merged", "track divided", "sources by time"],
)
def test_what_gets_what(people, expected):
    persons, matching = match_by_plan(plan(*people), TRACKS, TIME)
    assert frames(matching.tracks) == {key: list(value) for key, value in expected.items()}
    assert [one.id for one in persons] == list(range(len(people)))


def test_a_plan_of_whole_tracks_is_what_no_plan_gives():
    _, matching = match_by_plan(plan(person("a", WHOLE[0]), person("b", WHOLE[1])), TRACKS, TIME)
    assert matching.tracks == (TrackSource(0, 0), TrackSource(1, 1))


def test_the_people_of_a_plan_are_those_of_its_tracks():
    (one, other), _ = match_by_plan(
        plan(person("a", (0, Span(end=CUT)), WHOLE[1]), person(None, (0, Span(CUT)))), TRACKS, TIME
    )
    assert (one.frames, one.first_pts, one.track_ids) == (90, int(PTS[0]), (0, 1))
    assert (one.best_track, one.best_pts) == (1, int(PTS[90]))
    assert (other.frames, other.first_pts, other.best_pts) == (30, int(PTS[30]), int(PTS[45]))


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([person("a", (7, Span()))], "people[0].tracks[0]: the video has no track 7"),
        ([person("a", (0, Span(Fraction(3))))], "people[0].tracks[0]: track 0 is seen from 0 s to"),
        (
            [person("a", WHOLE[0]), person("b", WHOLE[1], (0, Span(CUT)))],
            "people[1].tracks[1]: people[0].tracks[0] has the track 0 at the same time",
        ),
        (
            [person((("a", Span()), ("b", Span(CUT))), WHOLE[0])],
            "people[0].source[1]: it begins at 1 s, when people[0].source[0] has not ended",
        ),
        ([person(None, WHOLE[0])], "gives nobody a source"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(people, said):
    with pytest.raises(InputError) as caught:
        match_by_plan(plan(*people), TRACKS, TIME)
    assert caught.value.code == "bad_plan" and said in caught.value.message


def test_a_source_that_nobody_gets_is_named():
    _, matching = match_by_plan(plan(person("b", WHOLE[0])), TRACKS, TIME)
    assert [str(note) for note in matching.notes] == ["the plan gives the source a to nobody"]


# Reading


def written(tmp_path, data):
    path = tmp_path / "film.plan.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def data_of(**changes):
    facts = {"target": "t.png", "distance": 0.25, "runner_up": {"person": 1, "distance": 0.75}}
    one = PlannedPerson("Ann", (("a", Span()),), (WHOLE[0],), facts)
    two = person((("b", Span(end=CUT)), ("a", Span(CUT))), WHOLE[1], name="Bob")
    return {**json.loads(plan(one, two).to_json()), **changes}


@pytest.fixture(scope="module")
def schema():
    text = (resources.files("videoswap.people") / "plan.schema.json").read_text()
    return jsonschema.Draft202012Validator(json.loads(text))


def test_a_plan_reads_back_as_it_was(tmp_path, schema):
    data = data_of()
    schema.validate(data)
    found = read_plan(written(tmp_path, data))
    assert json.loads(found.to_json()) == {
        **data,
        "sources": [
            {**one, "photos": [str(tmp_path / file) for file in one["photos"]]}
            for one in data["sources"]
        ],
    }
    assert found.settings.fps == SETTINGS.fps
    assert found.settings.analysis.min_face == SETTINGS.analysis.min_face
    assert found.settings.time_range == SETTINGS.time_range
    assert found.people[0].tracks[0][1] == SPANS[0]


def changed(*keys, to):
    """Return the data of a plan with one value changed."""
    data = data_of()
    place = data
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    return data


# The plan, what is said, and whether the JSON Schema sees it too.
WRONG = {
    "no JSON": ("{", "is not JSON", None),
    "too deep": ("[" * 100_000, "nested too deep", None),
    "not a number": (json.dumps(data_of()).replace("0.25", "NaN"), "not a number", None),
    "a list": ("[]", "it must be an object", True),
    "another file": (data_of(kind="videoswap swap report"), "is no plan", True),
    "a later schema": (data_of(schema=2), "schema is 2", True),
    "a key too many": (data_of(persons=[]), "no key 'persons'", True),
    "people as an object": (data_of(people={}), "people must be a list", True),
    "no photo": (changed("sources", 0, "photos", to=[]), "sources[0].photos must name", True),
    "one name twice": (changed("sources", 0, "name", to="b"), "is that of another", False),
    "an unknown source": (changed("people", 0, "source", to="c"), "people[0].source names", False),
    "a misspelt key": (
        changed("people", 1, "tracks", 0, to={"trak": 1}),
        "people[1].tracks[0] has no key 'trak'",
        True,
    ),
    "a track as a text": (
        changed("people", 1, "tracks", 0, to={"track": "1"}),
        "people[1].tracks[0].track must be a whole number",
        True,
    ),
    "a time below zero": (
        changed("people", 0, "tracks", 0, "from", to=-1),
        "people[0].tracks[0].from must lie between",
        True,
    ),
    "a time without end": (
        changed("people", 0, "tracks", 0, "to", to=1e300),
        "people[0].tracks[0].to must lie between",
        True,
    ),
    "backwards": (
        changed("people", 0, "tracks", 0, to={"track": 0, "from": 2, "to": 1}),
        "people[0].tracks[0].to must come after from",
        False,
    ),
    "true as a number": (
        changed("people", 0, "tracks", 0, "track", to=True),
        "must be a whole number",
        True,
    ),
    "an unknown setting": (changed("settings", "crf", to=1), "no key 'crf'", False),
    "an unknown engine": (changed("engine", "name", to="magic"), "no engine 'magic'", False),
    "an unknown option": (
        changed("engine", "options", to={"shap": 1}),
        "engine.options has no key 'shap'",
        False,
    ),
    "a setting of another type": (
        changed("settings", "blend", "steady", to="yes"),
        "steady must be True or False",
        False,
    ),
    "a setting out of range": (changed("settings", "encode", "crf", to=-3), "--crf", False),
    "a huge exponent": (
        json.dumps(data_of()).replace('"crf": 20.5', '"crf": 1e999999999'),
        "too large",
        None,
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_plan_is_refused_with_the_place(kind, tmp_path, schema):
    data, said, seen = WRONG[kind]
    path = written(tmp_path, data)
    with pytest.raises((InputError, UsageError)) as caught:
        read_plan(path)
    assert said in f"{caught.value.message} {caught.value.hint}"
    assert str(path) in caught.value.message
    if seen is not None:
        assert schema.is_valid(json.loads(path.read_text())) is not seen


def test_a_plan_that_is_not_there(tmp_path):
    with pytest.raises(InputError) as caught:
        read_plan(tmp_path / "nothing.json")
    assert caught.value.code == "bad_plan"
