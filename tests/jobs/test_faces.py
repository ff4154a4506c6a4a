"""Who is in a video or picture: crops, list and sheet, and each crop finds its person again."""

import json
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from videoswap import list_faces, swap_image, swap_video
from videoswap.errors import NoFaceError, OutputError
from videoswap.jobs import portraits
from videoswap.jobs.portraits import (
    MAX_PEOPLE,
    SheetEntry,
    Sighting,
    clock,
    contact_sheet,
    crop_square,
    make_portrait,
)
from videoswap.people.sources import photo_files
from videoswap.records import Face, Person


def listed(folder):
    return json.loads((folder / "people.json").read_text())


def given_back(swap, target, folder, photos, settings, out):
    """Give every crop back as a target face; returns the person of each."""
    crops = [folder / one["picture"] for one in listed(folder)["people"]]
    report = swap(
        [photos["source"]] * len(crops),
        target,
        out,
        target_faces=crops,
        settings=settings,
        dry_run=True,
    )
    targets = {person.target: person.person for person in report.people}
    return [targets.get(str(crop)) for crop in crops]


def test_the_people_of_a_picture(group_photo, photos, settings, tmp_path):
    said = []
    folder = tmp_path / "people"
    found = list_faces(group_photo, folder, settings=settings, say=said.append)
    assert [person.id for person in found] == list(range(6))
    listing = listed(folder)
    assert (listing["schema"], listing["kind"]) == (1, "picture")
    assert [one["number"] for one in listing["people"]] == list(range(6))
    sizes = [one["best"]["box"][3] - one["best"]["box"][1] for one in listing["people"]]
    assert sizes == sorted(sizes, reverse=True)
    left, top, right, bottom = listing["people"][0]["best"]["shares"]
    assert 0.3 < left < right < 0.5 and 0.2 < top < bottom < 0.6
    assert listing["people"][0]["best"]["place"] == "third from the left"
    assert len(said) == 7 and "person_01.png: third from the left" in said[0]
    sheet = cv2.imread(str(folder / "people.png"))
    assert sheet.shape[1] > 6 * 180
    assert given_back(
        swap_image, group_photo, folder, photos, settings, tmp_path / "o.png"
    ) == list(range(6))


def test_the_people_of_a_video(clip, photos, settings, tmp_path):
    folder = tmp_path / "people"
    found = list_faces(clip, folder, settings=settings)
    people = listed(folder)["people"]
    assert len(found) == len(people) >= 2
    assert people[0]["frames"] == 24 and people[0]["tracks"] == 1
    assert people[0]["times"] == [[0.0, pytest.approx(0.85, abs=0.05)]]
    assert people[0]["seconds"] == pytest.approx(0.9, abs=0.05)
    usable = [one["number"] for one in people if one["usable_as_target_face"]]
    assert usable[:2] == [0, 1]
    again = given_back(swap_video, clip, folder, photos, settings, tmp_path / "o.mp4")
    assert [again[number] for number in usable] == usable


def test_an_earlier_list_of_another_film_does_not_stay(clip, group_photo, settings, tmp_path):
    folder = tmp_path / "people"
    list_faces(group_photo, folder, settings=settings)
    (folder / "mine.txt").write_text("precious")
    with pytest.raises(OutputError):
        list_faces(clip, folder, settings=settings)
    found = list_faces(clip, folder, settings=replace(settings, overwrite=True))
    crops = {f"person_{person.id + 1:02d}.png" for person in found}
    assert {path.name for path in folder.iterdir()} == {
        *crops,
        "people.json",
        "people.png",
        "timeline.png",
        "mine.txt",
    }


def test_where_nobody_is_no_folder_is_made(empty_clip, photos, settings, tmp_path):
    for target in (empty_clip, photos["nobody"]):
        with pytest.raises(NoFaceError):
            list_faces(target, tmp_path / "people", settings=settings)
        assert not (tmp_path / "people").exists()


def test_people_cannot_be_listed_into_a_file(clip, settings, tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(OutputError):
        list_faces(clip, tmp_path / "file", settings=settings)
    assert (tmp_path / "file").read_text() == "precious"


def face_at(left, top, right, bottom):
    box = np.array([left, top, right, bottom], np.float32)
    landmarks = np.zeros((68, 2), np.float32)
    return Face(box, np.zeros((5, 2), np.float32), 1.0, landmarks=landmarks)


@pytest.mark.parametrize(
    ("box", "side"),
    [((40, 40, 50, 52), 96), ((40, 40, 140, 140), 220), ((0, 0, 900, 900), 512)],
)
def test_a_crop_is_a_square_around_the_face_also_beyond_the_border(box, side):
    pixels = np.zeros((1000, 1000, 3), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 200
    crop = crop_square(pixels, face_at(*box), 0.6)
    assert crop.shape == (side, side, 3)
    _, columns = np.nonzero(crop[..., 0] > 100)
    scale = side / (2.2 * max(box[2] - box[0], box[3] - box[1]))
    wide = (box[2] - box[0]) * scale
    if box[0]:  # the picture goes on around it
        assert (
            abs(columns.mean() - (side - 1) / 2) < 1 + scale and abs(np.ptp(columns) + 1 - wide) < 3
        )
    else:
        assert columns.min() == 0 and abs(columns.max() + 1 - 1.6 / 2.2 * side) < 3


class Grey:
    """Takes the brightest patch of a picture for its largest face, and its level for the person."""

    default_threshold = 20.0

    @property
    def models(self):
        return self

    @property
    def recognizer(self):
        return self

    def detect(self, rgb):
        rows, columns = np.nonzero(rgb[..., 0] > 50)
        if not len(rows):
            return []
        return [face_at(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]

    def embed(self, rgb, landmarks):
        return np.array([rgb.max()], np.float32)

    def distances(self, ones, others):
        return np.abs(ones.astype(float) - others.astype(float).T)


def people(*levels):
    vectors = [np.array([level], np.float32) for level in levels]
    return [Person(n, (n,), vector, 0, 1, 0, n) for n, vector in enumerate(vectors)]


def test_a_portrait_shows_nobody_else():
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[80:120, 80:120] = 100
    picture[80:120, 130:170] = 200  # near enough to be in the wide crop, and in the narrow one
    shot = Sighting(7, picture, face_at(80, 80, 120, 120), [np.array([125, 55, 199, 145])])
    persons = people(100, 200)
    portrait = make_portrait([shot], persons[0], persons, Grey())
    assert portrait.usable and portrait.pts == 7
    assert portrait.pixels.max() < 130
    assert picture.max() == 200  # the frame itself is not painted over


def test_a_better_moment_is_taken_or_else_the_portrait_says_that_it_is_of_no_use():
    dark, bright = (np.full((100, 100, 3), 0, np.uint8) for _ in range(2))
    bright[40:60, 40:60] = 100
    shots = [Sighting(n, one, face_at(40, 40, 60, 60), []) for n, one in enumerate((dark, bright))]
    persons = people(100, 200)
    assert make_portrait(iter(shots), persons[0], persons, Grey()).pts == 1
    lost = make_portrait(iter(shots), persons[1], persons, Grey())
    assert not lost.usable and lost.pts == 1


def test_only_some_moments_are_tried(monkeypatch):
    monkeypatch.setattr(portraits, "MAX_SIGHTINGS", 2)
    tried = []

    def shots():
        for number in range(9):
            tried.append(number)
            yield Sighting(number, np.zeros((50, 50, 3), np.uint8), face_at(10, 10, 30, 30), [])

    make_portrait(shots(), people(9)[0], people(9), Grey())
    assert tried == [0, 1]


def test_a_sheet_of_a_crowd_is_bounded_and_says_so():
    entry = SheetEntry("person 1", ("äöü 影 " * 20,), np.full((32, 32, 3), 255, np.uint8))
    small = contact_sheet([entry], "one")
    large = contact_sheet([entry] * (MAX_PEOPLE + 50), "many")
    assert (small > 200).mean() > 0.1
    assert large.shape[0] * large.shape[1] < 2e7
    same = contact_sheet([entry] * MAX_PEOPLE, "many")
    assert large.shape[0] > same.shape[0]  # the line about the rest


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00.0"), (62.5, "1:02.5"), (59.96, "1:00.0"), (3723, "1:02:03")]
)
def test_times_as_people_read_them(seconds, words):
    assert clock(Fraction(seconds)) == words


def test_the_timeline_of_a_film_does_not_stay_beside_a_picture(
    clip, group_photo, settings, tmp_path
):
    folder = tmp_path / "people"
    list_faces(clip, folder, settings=settings)
    picture = folder / "timeline.png"
    assert picture.is_file() and picture not in photo_files(folder)
    list_faces(group_photo, folder, settings=replace(settings, overwrite=True))
    assert not picture.exists()
