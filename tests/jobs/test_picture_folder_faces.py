import json
import shutil
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from PIL import Image

from videoswap import swap_folder, swap_image
from videoswap.errors import InputError, NoFaceError, UsageError
from videoswap.settings import FacePlace, PeopleSettings


def difference(one, other):
    return np.abs(cv2.imread(str(one)).astype(int) - cv2.imread(str(other)).astype(int)).max(axis=2)


def test_only_the_named_person_of_a_picture_changes(group_photo, photos, settings, tmp_path):
    out, mask = tmp_path / "out.png", tmp_path / "mask.png"
    report = swap_image(
        [photos["source"]],
        group_photo,
        out,
        target_faces=[photos["left"]],
        settings=settings,
        save_masks=mask,
    )
    changed = difference(group_photo, out)
    inside = np.zeros(changed.shape, bool)
    inside[260:470, 420:620] = True
    assert changed[~inside].max() == 0
    assert changed[inside].max() > 40
    assert not changed[cv2.imread(str(mask))[..., 0] == 0].any()
    assert sum(person.source is not None for person in report.people) == 1


def test_alpha_and_orientation_are_kept(people, photos, settings, tmp_path):
    source = tmp_path / "turned.png"
    picture = Image.fromarray(people[230:470, 420:620, ::-1]).rotate(90, expand=True)
    picture.putalpha(Image.new("L", picture.size, 77))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right to see it upright
    picture.save(source, exif=exif)
    out = tmp_path / "out.png"
    swap_image([photos["source"]], source, out, target_faces=(), settings=settings)
    made = Image.open(out)
    assert made.size == (200, 240)
    assert np.array(made)[..., 3].min() == np.array(made)[..., 3].max() == 77


def test_a_folder_is_mirrored_and_one_failure_does_not_stop_the_rest(
    clip, group_photo, photos, settings, tmp_path
):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(clip, folder / "a.mp4")
    shutil.copy(group_photo, folder / "deep" / "b.jpg")
    shutil.copy(photos["nobody"], folder / "c.png")
    (folder / "readme.txt").write_text("not media")
    (folder / "broken.mp4").write_bytes(clip.read_bytes()[:2000])
    said = []
    report = swap_folder(
        [photos["source"]],
        folder,
        tmp_path / "out",
        target_faces=[photos["left"]],
        settings=settings,
        report_file=tmp_path / "report.json",
        say=said.append,
    )
    assert {item.input: item.exit_code for item in report.items} == {
        "a.mp4": 0,
        "broken.mp4": 3,
        "c.png": 4,
        "deep/b.jpg": 0,
    }
    assert report.skipped == ("readme.txt",)
    assert report.exit_code == 5
    assert (tmp_path / "out" / "a.mp4").exists()
    assert (tmp_path / "out" / "deep" / "b.jpg").exists()
    assert not (tmp_path / "out" / "c.png").exists()
    saved = json.loads((tmp_path / "report.json").read_text())
    assert [item["code"] for item in saved["items"]] == [
        None,
        "not_media",
        "no_face_in_picture",
        None,
    ]
    assert any("2 of 4 done" in line for line in said)


def test_results_must_not_become_inputs(photos, settings, tmp_path):
    with pytest.raises(InputError) as caught:
        swap_folder(
            [photos["source"]], tmp_path, tmp_path / "out", target_faces=(), settings=settings
        )
    assert caught.value.code == "folders_overlap"


def test_a_picture_without_a_face(photos, settings, tmp_path):
    with pytest.raises(NoFaceError):
        swap_image(
            [photos["source"]],
            photos["nobody"],
            tmp_path / "o.png",
            target_faces=(),
            settings=settings,
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("chosen", "words", "swapped"),
    [
        (PeopleSettings(), "the largest of 6 faces is taken (person 1, ", 1),
        (PeopleSettings(places=(FacePlace(None, "left"),)), "the face (left) is person ", 1),
        (PeopleSettings(all_faces=True), "person 5: ", 6),
    ],
)
def test_people_of_a_picture_are_chosen_without_photos(
    group_photo, photos, settings, tmp_path, chosen, words, swapped
):
    said = []
    report = swap_image(
        [photos["source"]],
        group_photo,
        tmp_path / "out.png",
        settings=replace(settings, people=chosen),
        dry_run=True,
        say=said.append,
    )
    assert any(words in line for line in said)
    assert sum(person.source is not None for person in report.people) == swapped


@pytest.mark.parametrize(
    "chosen",
    [PeopleSettings(persons=(1,)), PeopleSettings(places=(FacePlace(Fraction(1), "left"),))],
)
def test_a_folder_has_no_person_of_a_number_or_a_time(photos, settings, tmp_path, chosen):
    with pytest.raises(UsageError) as caught:
        swap_folder(
            [photos["source"]],
            tmp_path,
            tmp_path / "out",
            settings=replace(settings, people=chosen),
        )
    assert caught.value.code == "which_people" and "folder" in caught.value.message
