"""Shots that are scanned apart: what is found is what one scan finds."""

import pickle
from contextlib import closing
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import skimage.data

from videoswap.executors.film import Film
from videoswap.settings import AnalysisSettings
from videoswap.timerange import TimeRange
from videoswap.tracking import shot_work
from videoswap.tracking.analyze import analyze_video
from videoswap.video.probe import probe

TABLES = ("frames", "faces", "samples", "motions", "appearances", "damage")


class Backwards:
    """Does tasks in this process, the later ones first, on copies as other processes have."""

    workers, shares_disk = 2, True

    def __init__(self, models):
        self.models, self.names = models, []

    def film(self, info):
        return Film()

    def run(self, work, tasks, on_frame):
        given = [task for task in tasks if task is not None]
        handler = pickle.loads(pickle.dumps(work)).open()
        for task in reversed(given):
            self.names.append(task.name)
            yield task, pickle.loads(pickle.dumps(handler(task.payload, on_frame)))


@pytest.fixture(scope="module")
def film(tmp_path_factory, group):
    """Five shots of six people, one person, and again, with a flash in one of them."""
    path = tmp_path_factory.mktemp("shots") / "film.mkv"
    one = cv2.resize(skimage.data.astronaut(), (480, 480))
    one = cv2.copyMakeBorder(one, 0, 0, 80, 80, cv2.BORDER_REPLICATE)
    many = cv2.resize(group, (640, 443))
    many = cv2.copyMakeBorder(many, 37, 0, 0, 0, cv2.BORDER_REPLICATE)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(25), options={"g": "40"})
        video.width, video.height, video.pix_fmt = 640, 480, "yuv420p"
        for shot, picture in enumerate((many, one, many, one[:, ::-1], many)):
            for number in range(11 + shot):
                shown = np.roll(picture, 2 * number, axis=1)
                if shot == 2 and number == 5:
                    shown = np.full_like(shown, 250)
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="rgb24")
                container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def rows(analysis):
    base = analysis._store._base
    return {name: base.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}


def test_shots_scanned_apart_are_as_scanned_in_one(film, monkeypatch):
    from videoswap.detection.face_models import FaceModels

    monkeypatch.setattr(shot_work, "LEAST_FRAMES", 10)
    settings, info = AnalysisSettings(landmarks="dlib"), probe(film)
    models = FaceModels.load(settings=settings)
    common = {"cache_dir": None, "models": models, "device": "cpu"}
    seen, executor = [], Backwards(models)
    with closing(analyze_video(info, settings, TimeRange(), **common)) as whole:
        wanted = rows(whole)
    with closing(
        analyze_video(
            info, settings, TimeRange(), **common, executor=executor, progress=seen.append
        )
    ) as parts:
        found = rows(parts)
    assert len(executor.names) == 5
    assert {name: len(some) for name, some in found.items()} == {
        name: len(some) for name, some in wanted.items()
    }
    assert found == wanted
    assert len({track for track, *_ in wanted["faces"]}) > 10
    assert max(one.done for one in seen) == len(wanted["frames"]) == 65


def test_no_more_shots_are_given_once_something_is_wrong(monkeypatch):
    monkeypatch.setattr(shot_work, "LEAST_FRAMES", 5)
    random = np.random.default_rng(1)
    pictures = []
    for shot in range(4):
        picture = cv2.resize(random.integers(0, 255, (9, 16, 3), np.uint8), (160, 90))
        pictures += [
            shot_work.FramePicture(10 * shot + number, picture, np.eye(2, 3)) for number in range(6)
        ]
    read = []

    def reading():
        for picture in pictures:
            read.append(picture.pts)
            yield picture

    found = list(shot_work.find_shots(reading()))
    assert [(one.first, one.last, one.frames) for one in found] == [
        (0, 5, 6),
        (10, 15, 6),
        (20, 25, 6),
        (30, 35, 6),
    ]
    assert [one.seen for one in found] == [13, 23, 33, 35]
    read.clear()
    found = list(shot_work.find_shots(reading(), lambda: read[-1] < 20))
    assert [one.last for one in found] == [5]
