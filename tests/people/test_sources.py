"""Photos of one person: whose they are, and nobody is mixed with somebody else."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from videoswap.detection.recognition import euclidean_distances
from videoswap.errors import InputError
from videoswap.people import sources
from videoswap.people.sources import load_sources, photo_files
from videoswap.records import Face, Photo

ANN, BOB, CAT, DAN = (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)
UNLIKE = (0.65, 0.0)  # further from Ann than the threshold, but not clearly somebody else


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return what makes a folder of photos, each of which shows a given embedding."""
    shown = {}

    def read(path, reader):
        box, points = np.array([0, 0, 99, 99], np.float32), np.zeros((5, 2), np.float32)
        face = Face(box, points, 1.0, landmarks=np.zeros((68, 2), np.float32))
        pixels = np.zeros((1, 2, 3), np.uint8)
        pixels[0, 0, 0] = list(shown).index(path.name)
        return Photo(str(path), pixels, face), ()

    def make(people, *others):
        for number, vector in enumerate(people):
            shown[f"{number}.png"] = vector
            (tmp_path / f"{number}.png").touch()
        for name in others:
            (tmp_path / name).touch()
        return tmp_path

    def embed(pixels, landmarks):
        return np.array(list(shown.values())[pixels[0, 0, 0]], np.float32)

    monkeypatch.setattr(sources, "_photo", read)
    recognizer = SimpleNamespace(embed=embed, distances=euclidean_distances, default_threshold=0.6)
    tools = SimpleNamespace(detector=None, recognizer=recognizer)
    return lambda *people: load_sources([make(people)], tools)


@pytest.mark.parametrize(
    ("people", "kept", "left_out"),
    [
        ((ANN,), 1, ""),
        ((ANN, ANN, (0.3, 0.3)), 3, ""),
        ((ANN, BOB, ANN), 2, "1.png"),
        ((BOB, ANN, ANN, CAT, ANN, ANN), 4, "0.png 3.png"),
        ((ANN, ANN, ANN, UNLIKE, UNLIKE), 3, "3.png 4.png"),
    ],
)
def test_a_photo_of_somebody_else_is_left_out(folder, people, kept, left_out):
    (person,), notes = folder(*people)
    assert len(person.photos) == kept
    said = [str(note) for note in notes]
    assert len(said) == len(left_out.split())
    for note, name in zip(said, left_out.split(), strict=True):
        assert note.startswith("without the photo") and name in note and "distance" in note


@pytest.mark.parametrize(
    "people",
    [
        (ANN, BOB),
        (ANN, UNLIKE),
        (ANN, BOB, CAT, DAN),
        (ANN, ANN, BOB, BOB),
        (ANN, ANN, ANN, BOB, BOB),
        (ANN, ANN, BOB, CAT),
    ],
)
def test_several_people_are_never_mixed(folder, people):
    with pytest.raises(InputError) as caught:
        folder(*people)
    assert caught.value.code == "several_people"
    assert ".png and " in caught.value.message


def listing(tmp_path, count):
    people = tmp_path / "people"
    people.mkdir()
    for number in range(1, count + 1):
        Image.new("RGB", (9, 9)).save(people / f"person_{number:02d}.png")
    Image.new("RGB", (9, 9)).save(people / "people.png")
    (people / "people.json").write_text(json.dumps({"schema": 1, "people": []}))
    return people


def test_a_folder_of_listed_people_is_refused_before_any_is_read(tmp_path):
    tools = SimpleNamespace(detector=None)
    with pytest.raises(InputError) as caught:
        load_sources([listing(tmp_path, 3)], tools)
    assert caught.value.code == "several_people"
    assert "people/person_01.png" in caught.value.hint


def test_the_picture_of_everybody_is_no_photo(tmp_path):
    people = listing(tmp_path, 1)
    assert [path.name for path in photo_files(people)] == ["person_01.png"]
    (people / "people.json").unlink()
    assert [path.name for path in photo_files(people)] == ["people.png", "person_01.png"]
