"""The table at the end of a run."""

from fractions import Fraction

import pytest

from videoswap.cli.summary import WIDTH, summary
from videoswap.records import observation
from videoswap.report import PersonReport, Report


def report(people, **changes):
    given = {
        "input": "in.mp4",
        "output": "out.mp4",
        "engine": "mesh",
        "device": "cpu",
        "recognizer": "dlib",
        "threshold": 0.6,
        "frames": 100,
        "swapped_frames": 80,
        "segments": 1,
        "encoder": "libx264 yuv420p",
        "people": tuple(people),
        "notes": (),
        "unmatched": (),
        "seconds": {"analyze": 2.0, "render": 5.0, "mux": 0.01},
    }
    return Report(**{**given, **changes})


def person(number, source, distance=None):
    target = None if distance is None else "t.png"
    return PersonReport(number, source, target, distance, Fraction(1, 3), 80, 1)


def test_who_got_what_and_where_the_time_went():
    people = [person(0, "photos/a.jpg", 0.312), person(1, None), person(12, "b.jpg, c.jpg")]
    assert summary(report(people, notes=(observation("x"),) * 3)) == [
        "person  gets          frames  first at  distance",
        "1       a.jpg             80    0.33 s      0.31",
        "13      b.jpg, c.jpg      80    0.33 s",
        "1 left alone",
        "time    analyze 2.0 s, render 5.0 s; 20.0 frames/s rendered",
        "notes   3, said above",
    ]


@pytest.mark.parametrize(
    "people",
    [
        [person(0, "x" * 300)],
        [person(0, "ä" * 79, 0.5)],
        [person(number, "a.jpg") for number in range(40)],
        [person(0, None)],
        [],
    ],
)
def test_it_fits_a_terminal(people):
    lines = summary(report(people, seconds={f"part {n}": 100.0 for n in range(12)}))
    assert max(map(len, lines)) <= WIDTH and len(lines) <= 16


def test_where_the_time_went_is_never_cut():
    seconds = {"analyze": 2.0, "refine_landmarks": 2.8, "render": 5.0, "mux": 0.4, "sign": 0.1}
    lines = summary(report([], seconds=seconds))
    assert lines[0].startswith("time    analyze 2.0 s, refine landmarks 2.8 s, render")
    assert lines[1:] == ["        sign 0.1 s; 20.0 frames/s rendered"]


def test_a_picture_has_no_frames_a_second():
    lines = summary(report([person(0, "a.jpg")], frames=1, seconds={"all": 1.5}))
    assert lines[-1] == "time    all 1.5 s"
