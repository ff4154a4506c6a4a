"""A benchmark renders a film that it draws; costs are ratios within one run."""

import json

import numpy as np
import pytest

from videoswap.cli import entry
from videoswap.detection.dense_landmarks import IBUG_68
from videoswap.geometry import face_masks as masks
from videoswap.jobs.benchmark import (
    BenchmarkResult,
    BenchmarkSettings,
    benchmark_drawn,
    draw_film,
    drawn_photo,
    unit_of_work,
)
from videoswap.rendering.pipeline import StageTime

#: What a stage costs at most on a drawn frame of 1280x720, in units of work: two and a half times
#: what it did when it was last looked at (crop 0.4, segment_occlusion 1.2, swap 3.6, finish 1.8,
#: composite 0.6). Whoever makes a stage cheaper lowers its number.
MOST = {"crop": 1.0, "segment_occlusion": 3.0, "swap": 9.0, "finish": 4.5, "composite": 1.5}


@pytest.fixture(scope="module")
def found():
    settings = BenchmarkSettings(engine="mesh", device="cpu", size=(1280, 720), frames=12)
    return benchmark_drawn(settings)


def test_every_frame_and_face_is_rendered(found):
    assert (found.frames, found.faces) == (12, 1.0)
    assert {one.name: one.items for one in found.stages}["encode"] == 12
    assert found.frames_per_second > 0
    assert found.crop_sizes


@pytest.mark.parametrize("stage", MOST)
def test_no_stage_costs_far_more_than_it_did(found, stage):
    assert 0 < found.cost(stage) < MOST[stage]


def test_a_cost_is_processor_time_of_a_frame_in_units():
    stages = (StageTime("swap", 10, 3.0, 0.5), StageTime("swap", 10, 3.0, 0.5))
    result = BenchmarkResult(
        *("drawn", 64, 64, 10, 1.0, (256,), "libx264", "mesh", "cpu", "", 2, 2.0, stages, 0.05)
    )
    assert result.cost("swap") == pytest.approx(2.0)
    assert result.frames_per_second == 5.0
    assert result.as_data()["costs"] == {"swap": 2.0}


def test_the_landmarks_of_a_drawn_film_lie_on_its_heads(tmp_path):
    from videoswap.video.probe import probe
    from videoswap.video.reader import VideoReader

    settings = BenchmarkSettings(size=(640, 360), frames=3, faces=2)
    faces = draw_film(tmp_path / "film.mp4", settings)
    with VideoReader(probe(tmp_path / "film.mp4")) as reader:
        frames = [frame.image.to_ndarray(format="rgb24") for frame in reader.frames()]
    assert len(frames) == 3
    for number, frame in enumerate(frames):
        assert [track for track, _ in faces[number]] == [0, 1]
        for _, face in faces[number]:
            left, right = (
                face.landmarks[eye].mean(axis=0) for eye in (slice(36, 42), slice(42, 48))
            )
            cheek = (face.landmarks[30] + face.landmarks[2]) / 2
            red, _, blue = frame[tuple(np.round(cheek[::-1]).astype(int))].astype(int)
            assert red > blue + 25  # skin
            assert right[0] - left[0] > 20
    photo = drawn_photo()
    assert np.array_equal(photo.face.landmarks, photo.face.dense_landmarks[IBUG_68, :2])
    assert masks.fill_hull(photo.face.landmarks, len(photo.pixels)).mean() > 0.2


def test_the_unit_of_work_is_some_milliseconds():
    assert 1e-4 < unit_of_work(1) < 1.0


def test_the_command_prints_a_table_and_a_line_of_json(capsys):
    words = "benchmark --swapper mesh --device cpu --size 320x240 --frames 2 --faces 2"
    assert entry.main(words.split()) == 0
    *table, last = capsys.readouterr().out.strip().splitlines()
    told = json.loads(last)
    assert (told["width"], told["height"], told["frames"], told["faces"]) == (320, 240, 2, 2.0)
    assert any(line.startswith("segment_occlusion") for line in table)
    assert "frames/s" in "".join(table)


@pytest.mark.parametrize(
    "words", [["--size", "12"], ["--frames", "0"], ["--video", "film.mp4"], ["--size", "64x64"]]
)
def test_what_cannot_be_measured(words, capsys):
    assert entry.main(["benchmark", *words]) == 2
