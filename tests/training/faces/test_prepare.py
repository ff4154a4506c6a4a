"""From folders of pictures to shards: killed, resumed, in several processes, and the page."""

import csv
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from videoswap.cli.entry import main
from videoswap.detection.face_detector import FaceDetector
from videoswap.errors import InputError, UsageError
from videoswap.training.faces.dataset import FaceShards
from videoswap.training.faces.prepare import SCAN, prepare_faces
from videoswap.training.faces.scan import units_of
from videoswap.training.faces.settings import FacesSettings
from videoswap.training.faces.sources import list_items

LOOSE = "loose <b>&'\".jpg"


@pytest.fixture(scope="session")
def photos(tmp_path_factory, group, face_models):
    """Three people: a picture, its mirror image, and both turned and small copies; a loose one."""
    place = tmp_path_factory.mktemp("sources") / "photos"
    found = FaceDetector(face_models).detect(group)
    for number, face in enumerate(found[:4]):
        left, top, right, bottom = face.box
        reach = 0.9 * face.size
        box = np.array([left - reach, top - reach, right + reach, bottom + reach]).round()
        x0, y0, x1, y1 = np.maximum(box, 0).astype(int)
        picture = group[y0:y1, x0:x1, ::-1]
        if number == 3:
            cv2.imwrite(str(place / "a.jpg"), picture)
            (place / "a.jpg").rename(place / LOOSE)
            continue
        folder = place / f"person {number}"
        folder.mkdir(parents=True)
        looks = {"a": picture, "b": picture[:, ::-1]}
        turn = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), 25, 1.2)
        looks["c"] = cv2.warpAffine(picture, turn, picture.shape[1::-1])
        for name, look in looks.items():
            cv2.imwrite(str(folder / f"{name}.jpg"), look, [cv2.IMWRITE_JPEG_QUALITY, 95])
        small = cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / "copy.jpg"), small)
    return place


@pytest.fixture(scope="session")
def settings(photos):
    return FacesSettings(
        sources=(photos,), framing="arcface", min_size=40, max_outside=0.6, several="largest",
        per_unit=3, per_shard=4, held=3,
    )  # fmt: skip


@pytest.fixture(scope="session")
def packed(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    assert prepare_faces(settings, folder)
    return folder


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("faces-*"))}


def test_photos_become_shards(packed):
    faces = FaceShards(packed)
    assert (faces.framing, faces.size) == ("arcface", 112)
    people = [f"photos/person {number}" for number in range(3)]
    assert set(people) < set(faces.people) and len(faces.people) == 4
    for name in people:
        kept = faces.names[faces.of_person(faces.people.index(name))].tolist()
        assert len(kept) == 2 and f"{name}/b.jpg#0" in kept and f"{name}/copy.jpg#0" not in kept
    nose = faces.landmarks(0)[30]
    assert np.abs(nose - [56, 72]).max() < 12
    assert not (packed / SCAN).exists() and not (packed / ".lock").exists()


def test_the_page_has_counts_and_pictures_and_escapes_names(packed):
    faces, text = FaceShards(packed), (packed / "index.html").read_text()
    assert f"<h1>{len(faces)} packed faces of 16 found</h1>" in text
    assert f"<td>kept</td><td>{len(faces)}</td>" in text
    assert "<td>duplicate</td><td>6</td>" in text
    assert LOOSE not in text and "loose &lt;b&gt;&amp;&#x27;&quot;.jpg#0" in text
    assert text.count("<img src='data:image/jpeg;base64,") > len(faces)
    assert "http" not in text and "<script" not in text


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_and_gives_the_same_shards(settings, packed, tmp_path):
    out = tmp_path / "out"
    code = (
        "import sys\n"
        "from videoswap.training.faces.prepare import prepare_faces\n"
        "from videoswap.training.faces.settings import FacesSettings\n"
        "if __name__ == '__main__':\n"
        "    prepare_faces(FacesSettings(sources=(sys.argv[1],), framing='arcface', min_size=40,\n"
        "        max_outside=0.6, several='largest', per_unit=3, per_shard=4, held=3),\n"
        "        sys.argv[2], jobs=2)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    run = subprocess.Popen(
        [sys.executable, str(script), str(settings.sources[0]), str(out)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    try:
        end = time.monotonic() + 120
        while not list((out / SCAN).glob("*.tar")):
            assert run.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
    finally:
        run.kill()
    done = len(list((out / SCAN).glob("*.tar")))
    assert 1 <= done < 5 and not list(out.glob("faces-*"))
    told = []
    assert prepare_faces(settings, out, jobs=2, say=told.append)
    assert " of 5 parts are scanned already." in told[0]
    assert content(out) == content(packed)


@pytest.mark.parametrize("asked", [3, 6])
def test_cancelled_it_goes_on(settings, packed, tmp_path, asked):
    answers = iter([False] * asked + [True])
    assert not prepare_faces(settings, tmp_path, cancel=lambda: next(answers))
    shards, parts = list(tmp_path.glob("faces-*.tar")), list((tmp_path / SCAN).glob("*.tar"))
    assert (len(parts), len(shards)) == (min(asked, 5), max(asked - 5, 0))
    assert prepare_faces(settings, tmp_path) and content(tmp_path) == content(packed)


def test_what_is_packed_is_not_packed_again(settings, packed):
    told = []
    before = content(packed)
    assert prepare_faces(settings, packed, say=told.append)
    assert told == ["All of it is packed already."] and content(packed) == before


def test_other_settings_need_another_folder(settings, packed):
    with pytest.raises(UsageError, match="other sources or settings"):
        prepare_faces(replace(settings, min_size=50), packed)


def test_nothing_good_enough(settings, tmp_path):
    one = (settings.sources[0] / "person 0" / "b.jpg",)
    with pytest.raises(InputError, match="good enough"):
        prepare_faces(replace(settings, sources=one, min_size=5000), tmp_path)
    assert "<td>small</td>" in (tmp_path / "index.html").read_text()


def test_the_command_packs_and_says_what_it_would(photos, tmp_path, capsys):
    table = tmp_path / "settings.toml"
    table.write_text("framing = 'ghost'\nsize = 96\nmin_size = 40\nmax_outside = 1.0\n")
    one = photos / "person 0"
    words = ["train", "prepare", "faces", str(one), "--settings", str(table), "-o"]
    assert main([*words, str(tmp_path / "none"), "--dry_run", "--jobs", "3"]) == 0
    told = capsys.readouterr().out
    assert "4 pictures of 0 named people, 0 videos" in told and "4 pictures tried" in told
    assert "with 3 processes" in told
    assert not (tmp_path / "none").exists()
    assert main([*words, str(tmp_path / "out")]) == 0
    assert "index.html" in capsys.readouterr().out
    faces = FaceShards(tmp_path / "out")
    assert (faces.framing, faces.size) == ("ghost", 96) and len(faces.people) == 1


def test_other_data_takes_one_process(tmp_path, capsys):
    words = ["train", "prepare", "parser", "--jobs", "2", "-o", str(tmp_path)]
    assert main(words) == 2
    assert "are for faces" in capsys.readouterr().err


def test_pictures_in_a_tar_file_with_a_table(photos, tmp_path):
    with tarfile.open(tmp_path / "some.tar", "w") as archive:
        for path in sorted(photos.rglob("*.jpg")):
            archive.add(path, path.relative_to(photos).as_posix())
    with (tmp_path / "who.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["file", "identity"], ["person 0/a.jpg", "Ann"], ["person 0/b.jpg", ""]]
        )
    items = {
        item.name: item for item in list_items([tmp_path / "some.tar"], table=tmp_path / "who.csv")
    }
    assert len(items) == 13 and items["some.tar/person 0/a.jpg"].identity == "Ann"
    assert items["some.tar/person 0/b.jpg"].identity == "some.tar/person 0"
    assert items[f"some.tar/{LOOSE}"].identity == ""
    read = items["some.tar/person 1/c.jpg"].read()
    expected = cv2.imread(str(photos / "person 1" / "c.jpg"))[..., ::-1]
    assert np.array_equal(read, expected)


def test_units_are_of_so_many_pictures_or_one_video(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.mp4", "d.mp4", "e.jpg", ".f.jpg", "g.txt"):
        (tmp_path / name).write_bytes(b"x")
    units = [[item.path.name for item in unit] for unit in units_of(list_items([tmp_path]), 2)]
    assert units == [["a.jpg", "b.jpg"], ["c.mp4"], ["d.mp4"], ["e.jpg"]]


def test_sources_that_are_none(tmp_path):
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "x.tar").write_text("x")
    for source, problem in (
        ([tmp_path / "none"], "no source of faces"),
        ([tmp_path / "x.txt"], "no source of faces"),
        ([tmp_path / "x.tar"], "cannot be read"),
        ([], "no pictures or videos"),
    ):
        with pytest.raises(InputError, match=problem):
            list_items(source)
    with pytest.raises(UsageError, match="Two sources are called"):
        list_items([tmp_path, tmp_path])


@pytest.mark.parametrize(
    "wrong",
    [
        {"framing": "wide"}, {"several": "some"}, {"identities": "folders"}, {"landmarks": "98"},
        {"held": 0}, {"per_unit": 0}, {"size": -1}, {"every": -1}, {"min_size": "big"},
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UsageError):
        FacesSettings(**wrong)
