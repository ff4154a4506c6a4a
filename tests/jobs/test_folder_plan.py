import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from videoswap.jobs.folder_plan import FileFilter, plan_folder, result_names

NONE = FileFilter()


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(path)
    return path


def names(files, ignore_case=False, longest=255):
    given = dict(one.split(" ") for one in files)
    return [result_names(given, ignore_case, longest)[name] for name in given]


@pytest.mark.parametrize(
    ("files", "ignore_case", "results"),
    [
        (["a.bmp .png"], False, ["a.png"]),
        (["a.bmp .png", "a.png .png"], False, ["a.bmp.png", "a.png"]),
        (["a.bmp .png", "a.tif .png"], False, ["a.bmp.png", "a.tif.png"]),
        (["v.flv .mp4", "v.mp4 .mp4", "v.wmv .mp4"], False, ["v.flv.mp4", "v.mp4", "v.wmv.mp4"]),
        (["x/a.bmp .png", "y/a.png .png"], False, ["x/a.png", "y/a.png"]),
        (
            ["c .mp4", "b.23 .mp4", "b.24 .mp4"],
            False,
            ["c.mp4", "b.23.mp4", "b.24.mp4"],
        ),
        # a folder of results already has the name
        (["a.bmp .png", "a.png/b.png .png"], False, ["a.bmp.png", "a.png/b.png"]),
        # the longer name is taken as well: a hash of the file's name makes the difference
        (
            ["a.bmp .png", "a.png .png", "a.bmp.png .png"],
            False,
            ["a~#.png", "a.png", "a.bmp.png"],
        ),
        (["A.png .png", "a.png .png"], False, ["A.png", "a.png"]),
        (["A.bmp .png", "a.png .png"], True, ["A.bmp.png", "a.png"]),
        (["Ä.png .png", "a\u0308.png .png"], True, ["Ä.png", "a\u0308.png.png"]),
    ],
)
def test_no_two_files_have_one_result(files, ignore_case, results):
    found = names(files, ignore_case)
    assert len(set(found)) == len(files)
    assert [re.sub(r"~[0-9a-f]{8}\b", "~#", one) for one in found] == results
    assert names(files, ignore_case) == found  # nothing depends on what exists


def test_long_names_stay_apart(tmp_path):
    stem = "映" * 82 + "abcd"  # 250 bytes
    found = names([f"{stem}.ts .mp4", f"{stem}x.ts .webm", f"{stem}.mp .mp4"])
    assert len(set(found)) == 3
    assert all(len(os.fsencode(name)) <= 255 for name in found)
    assert all(name.startswith("映" * 70) for name in found)


def test_what_lies_in_a_folder(tmp_path, clip):
    folder = tmp_path / "in"
    picture(folder / "b.bmp")
    picture(folder / "d.ico")
    picture(folder / "sub" / "c.JPG")
    picture(folder / ".hidden.png")
    picture(folder / ".thumbs" / "d.png")
    picture(tmp_path / "elsewhere" / "e.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "linked.png").symlink_to(tmp_path / "elsewhere" / "e.png")
    (folder / "nowhere.png").symlink_to(tmp_path / "nothing")
    shutil.copy(clip, folder / "clip.MP4")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "notes.txt").write_text("not media")
    (folder / "broken.mp4").write_text("not media either")
    plan = plan_folder(folder, NONE, False, 255)
    assert {entry.name: entry.result for entry in plan.entries} == {
        "b.bmp": "b.bmp",
        "broken.mp4": None,
        "clip.MP4": "clip.MP4",
        "d.ico": "d.png",
        "linked.png": "linked.png",
        "nowhere.png": None,
        "sub/c.JPG": "sub/c.JPG",
    }
    assert {entry.name: entry.error.code for entry in plan.entries if entry.error} == {
        "broken.mp4": "not_media",
        "nowhere.png": "missing_file",
    }
    assert plan.others == ("notes.txt", "pipe.mp4")


def test_a_choice_of_files_changes_no_names(tmp_path):
    for age, name in enumerate(["a.png", "a.ico", "drafts/b.png", "c.gif"]):
        path = picture(tmp_path / name)
        os.utime(path, (1000 - age, 1000 - age))
    plan = plan_folder(tmp_path, FileFilter(998.5, ("*.gif",)), False, 255)
    assert {entry.name: entry.result for entry in plan.entries} == {
        "a.ico": "a.ico.png",
        "a.png": "a.png",
    }
    assert plan.left_out == ("c.gif", "drafts/b.png")
    assert plan_folder(tmp_path, FileFilter(exclude=("drafts/*",)), False, 255).left_out == (
        "drafts/b.png",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_folder_that_cannot_be_read_is_told(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "shut" / "b.png")
    (tmp_path / "shut").chmod(0)
    plan = plan_folder(tmp_path, NONE, False, 255)
    (tmp_path / "shut").chmod(0o700)
    assert [entry.error and entry.error.code for entry in plan.entries] == [
        None,
        "unreadable_folder",
    ]


def test_a_link_to_where_nobody_may_look_is_one_file_that_fails(tmp_path, monkeypatch):
    picture(tmp_path / "a.png")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setattr(Path, "exists", refuse)
    assert [entry.name for entry in plan_folder(tmp_path, NONE, False, 255).entries] == ["a.png"]


def test_whatever_one_file_raises_is_kept_for_its_turn(tmp_path, monkeypatch):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")

    def odd(path):
        if path.name == "a.png":
            raise RuntimeError("odd file")
        return "image"

    monkeypatch.setattr("videoswap.jobs.folder_plan.media_kind", odd)
    plan = plan_folder(tmp_path, NONE, False, 255)
    assert [str(entry.error) for entry in plan.entries] == ["odd file", "None"]
