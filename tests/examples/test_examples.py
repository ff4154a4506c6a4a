"""Every script of ``examples/`` runs, and does what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from tests.helpers import clips
from tests.helpers.locations import ROOT
from tests.helpers.squares import write_video
from videoswap import VideoReader
from videoswap.records import Array


def read_write_video(folder: Path) -> list[str]:
    clips.make(folder / "in.mp4", clips.CLIPS["90"])
    return ["in.mp4", "out.mkv"]


def check_read_write_video(folder: Path) -> None:
    with VideoReader(folder / "in.mp4") as before, VideoReader(folder / "out.mkv") as after:
        pairs = [(before.rgb(a), after.rgb(b)) for a, b in zip(before, after, strict=True)]
    for old, new in pairs:
        change = np.abs(old.astype(int) - new).mean(axis=2)
        assert change[:20].mean() < 8 and change[50:70, 40:60].mean() > 30
    assert len(clips.packets(folder / "out.mkv", "audio")) == 1


def face_picture(folder: Path) -> Array:
    """Write the astronaut with a green bar over her mouth; returns the picture without it."""
    picture = np.ascontiguousarray(skimage.data.astronaut()[:300, 80:380])
    barred = picture.copy()
    barred[132:146, 90:190] = (20, 120, 40)
    Image.fromarray(picture).save(folder / "face.png")
    Image.fromarray(barred).save(folder / "barred.png")
    return picture


def segment_occlusion(folder: Path) -> list[str]:
    face_picture(folder)
    return ["barred.png", "out.png"]


def check_segment_occlusion(folder: Path) -> None:
    before = np.asarray(Image.open(folder / "barred.png"), int)
    after = np.asarray(Image.open(folder / "out.png"), int)
    red = (after[..., 0] > 200) & (after[..., 1] < 80) & (before[..., 0] < 100)
    bar = np.zeros_like(red)
    bar[132:146, 120:160] = True  # where it crosses the face
    assert red[bar].mean() > 0.8
    assert not (after != before)[:30].any() and not (after != before)[200:].any()


def parse_face(folder: Path) -> list[str]:
    face_picture(folder)
    return ["face.png", "out.png"]


def check_parse_face(folder: Path) -> None:
    before = np.asarray(Image.open(folder / "face.png"), int)
    after = np.asarray(Image.open(folder / "out.png"), int)
    greener = (after - before)[..., 1] - (after - before)[..., 0]
    assert greener[55:62, 135:150].mean() > 40  # hair over the forehead
    assert greener[108:116, 125:133].mean() < 0  # a cheek
    assert not (after != before)[:, 270:].any()


def composite_face(folder: Path) -> list[str]:
    Image.fromarray(face_picture(folder)[:, ::-1]).save(folder / "photo.png")
    return ["photo.png", "face.png", "out.png"]


def check_composite_face(folder: Path) -> None:
    before = np.asarray(Image.open(folder / "face.png"), int)
    after = np.asarray(Image.open(folder / "out.png"), int)
    changed = (after != before).any(axis=2)
    assert changed[80:150, 120:160].mean() > 0.8  # the middle of the face
    assert not changed[:30].any() and not changed[250:].any()  # hair and suit


def printed(folder: Path) -> list[str]:
    """Return the lines that the script printed."""
    return (folder / "printed.txt").read_text().splitlines()


def picture_of_one(folder: Path) -> list[str]:
    Image.fromarray(skimage.data.astronaut()).save(folder / "astronaut.png")
    return ["astronaut.png"]


def check_detect_faces(folder: Path) -> None:
    (line,) = printed(folder)
    assert line.startswith("0: ") and line.endswith("distance to the first face 0.00")


def film_of_two_shots(folder: Path) -> list[str]:
    person, coffee = skimage.data.astronaut()[:320], skimage.data.coffee()[:320]
    shots = [person[:, k : k + 480] for k in range(6)] + [coffee[:, k : k + 480] for k in range(6)]
    write_video(folder / "film.mp4", [np.ascontiguousarray(picture) for picture in shots])
    return ["film.mp4"]


def check_find_shots(folder: Path) -> None:
    assert printed(folder) == ["shot 0: from 0.000 s", "shot 1: from 0.240 s"]


def check_track_faces(folder: Path) -> None:
    assert printed(folder) == ["track 0: 6 frames"]


def swap_crop(folder: Path) -> list[str]:
    Image.fromarray(face_picture(folder)[:, ::-1]).save(folder / "photo.png")
    return ["photo.png", "face.png", "out.png", "mesh"]


def check_swap_crop(folder: Path) -> None:
    both = np.asarray(Image.open(folder / "out.png"), int)
    size = both.shape[0]
    assert both.shape == (size, 2 * size, 3)
    changed = (both[:, :size] != both[:, size:]).any(axis=2)
    assert changed[size // 3 : size // 2, size // 3 : 2 * size // 3].mean() > 0.5
    assert not changed[0].any() and not changed[-1].any()


#: What makes a script's arguments in a folder, and what looks at the folder afterwards.
CASES: dict[str, tuple[Callable[[Path], list[str]], Callable[[Path], None]]] = {
    "composite_face": (composite_face, check_composite_face),
    "segment_occlusion": (segment_occlusion, check_segment_occlusion),
    "parse_face": (parse_face, check_parse_face),
    "detect_faces": (picture_of_one, check_detect_faces),
    "find_shots": (film_of_two_shots, check_find_shots),
    "track_faces": (film_of_two_shots, check_track_faces),
    "swap_crop": (swap_crop, check_swap_crop),
    "read_write_video": (read_write_video, check_read_write_video),
}


@pytest.mark.parametrize("name", CASES)
def test_example(name: str, tmp_path: Path) -> None:
    prepare, check = CASES[name]
    script = ROOT / "examples" / f"{name}.py"
    command = [sys.executable, str(script), *prepare(tmp_path)]
    environment = {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert run.returncode == 0, run.stderr
    (tmp_path / "printed.txt").write_text(run.stdout)
    assert "out." not in " ".join(command) or "out." in run.stdout  # it says what it wrote
    check(tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_without_its_words_an_example_says_how_it_is_called(name: str) -> None:
    script = ROOT / "examples" / f"{name}.py"
    run = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert run.returncode == 2 and "Traceback" not in run.stderr
    assert f"Usage: python examples/{name}.py " in run.stderr
