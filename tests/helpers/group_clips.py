"""Small clips of known people: the group photo under a moving camera, and photos of its people."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data

from videoswap import SwapSettings

# Where two of the six people look into the camera, in pixels of the group photo.
FACES = {"left": (420, 230, 620, 470), "right": (720, 330, 890, 520)}


@pytest.fixture(scope="session")
def people(group_photo) -> np.ndarray:
    picture = cv2.imread(str(group_photo))
    assert picture is not None
    return picture


@pytest.fixture(scope="session")
def photos(tmp_path_factory, people, group_photo) -> dict[str, Path]:
    """Paths of the source photo, the target faces and a photo without a face."""
    folder = tmp_path_factory.mktemp("photos")
    pictures = {name: people[y0:y1, x0:x1] for name, (x0, y0, x1, y1) in FACES.items()}
    pictures["other"] = cv2.imread(str(group_photo.parent / "Tom_Hanks_54745.png"))
    pictures["source"] = skimage.data.astronaut()[:, :, ::-1]
    pictures["nobody"] = np.full((200, 200, 3), 90, np.uint8)
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return {name: folder / f"{name}.png" for name in pictures}


def write_clip(path: Path, people: np.ndarray, frames: int, pix_fmt: str, sound: bool) -> None:
    """Two people in view, the camera drifting; uneven frame times."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(25), options={"crf": "16"})
        video.width, video.height, video.pix_fmt = 480, 320, pix_fmt
        video.time_base = video.codec_context.time_base = Fraction(1, 1000)
        tone = container.add_stream("aac", rate=48000, layout="mono") if sound else None
        pts = 0
        for index in range(frames):
            x, y = 400 + 2 * index, 220 + (index % 3)
            picture = np.ascontiguousarray(people[y : y + 320, x : x + 480, ::-1])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 1000)
            pts += 33 if index % 4 else 50
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if tone is not None:
            wave = 0.1 * np.sin(np.arange(48 * pts) * 0.06).astype(np.float32)[None]
            samples = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            samples.sample_rate, samples.pts = 48000, 0
            container.mux(tone.encode(samples))
            container.mux(tone.encode(None))


@pytest.fixture(scope="session")
def clip(tmp_path_factory, people) -> Path:
    path = tmp_path_factory.mktemp("clips") / "two people.mp4"
    write_clip(path, people, 24, "yuv420p", sound=True)
    return path


@pytest.fixture(scope="session")
def solo_clip(tmp_path_factory) -> Path:
    """One person, large, in even light."""
    path = tmp_path_factory.mktemp("clips") / "solo.mp4"
    astronaut = cv2.resize(skimage.data.astronaut()[:, :, ::-1], None, fx=2, fy=2)
    wide = cv2.copyMakeBorder(astronaut, 120, 0, 200, 500, cv2.BORDER_REPLICATE)
    write_clip(path, wide, 16, "yuv420p", sound=False)
    return path


@pytest.fixture(scope="session")
def clips(tmp_path_factory, people) -> dict[str, Path]:
    """Short clips by pixel format."""
    folder = tmp_path_factory.mktemp("formats")
    formats = ("yuv420p", "yuv444p", "yuv420p10le", "yuv444p10le")
    for pix_fmt in formats:
        write_clip(folder / f"{pix_fmt}.mkv", people, 6, pix_fmt, sound=False)
    return {pix_fmt: folder / f"{pix_fmt}.mkv" for pix_fmt in formats}


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def settings(cache) -> SwapSettings:
    return SwapSettings(cache_dir=cache, device="cpu", segment_frames=8)


@pytest.fixture(scope="session")
def empty_clip(tmp_path_factory) -> Path:
    """A clip without a face."""
    path = tmp_path_factory.mktemp("clips") / "empty.mp4"
    write_clip(path, np.full((886, 1280, 3), 80, np.uint8), 4, "yuv420p", sound=False)
    return path
