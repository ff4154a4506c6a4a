"""Time from dropping a film onto the page to the first preview, and where it goes.

    python benchmarks/first_preview.py [--seconds 10]

Makes a 720p film of scikit-image's astronaut (Eileen Collins, NASA, public domain) under a moving
camera, drops it onto a page with an empty cache, and a photo onto the person. Prints wall and CPU
seconds of each part; the CPU seconds of the server and of the processes it starts count, which say
more where other programs run.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data

WIDTH, HEIGHT, RATE = 1280, 720, Fraction(25)
PAUSE = 0.05  # seconds between two questions


def write_film(path: Path, seconds: float) -> None:
    """Write the film."""
    photo = cv2.resize(skimage.data.astronaut(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    count = round(seconds * RATE)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "20"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(count):
            angle = 2 * np.pi * index / count
            x, y = round(120 + 60 * np.sin(angle)), round(40 + 30 * np.cos(angle))
            part = np.ascontiguousarray(photo[y : y + HEIGHT, x : x + WIDTH])
            container.mux(video.encode(av.VideoFrame.from_ndarray(part, format="rgb24")))
        container.mux(video.encode(None))


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of those it started that have ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, who))


class Parts:
    """Times the parts one after another."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()
        self._first = self._wall, self._cpu
        print(f"{'part':<38}{'wall s':>8}{'CPU s':>8}")

    def end(self, name: str) -> None:
        """Print a part that ended now."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        print(f"{name:<38}{wall - self._wall:8.2f}{cpu - self._cpu:8.2f}", flush=True)
        self._wall, self._cpu = wall, cpu

    def total(self, name: str) -> None:
        """Print what all parts so far took together."""
        wall, cpu = self._wall - self._first[0], self._cpu - self._first[1]
        print(f"{name:<38}{wall:8.2f}{cpu:8.2f}", flush=True)


def main() -> None:
    """Drop the film and the photo, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VIDEOSWAP_CACHE_DIR"] = folder
        film, photo = Path(folder) / "film.mp4", Path(folder) / "photo.png"
        write_film(film, arguments.seconds)
        cv2.imwrite(str(photo), skimage.data.astronaut()[:, :, ::-1])
        _drop(film, photo, Path(folder) / "ui")


def _drop(film: Path, photo: Path, folder: Path) -> None:
    from starlette.testclient import TestClient  # after the folder of the cache is named

    from videoswap import SwapSettings
    from videoswap.ui.server import create_app
    from videoswap.ui.settings import UiSettings

    settings, swap = UiSettings(folder=folder, min_free=0), SwapSettings(device="cpu")
    page = TestClient(create_app(settings, swap), base_url="http://127.0.0.1:7860")
    page.get("/")
    parts = Parts()
    state = page.post("/api/films", files={"file": ("film.mp4", film.read_bytes())}).json()
    path = f"/api/films/{state['id']}"
    parts.end("upload")
    stage = ""
    while state["state"] == "analyzing":
        time.sleep(PAUSE)
        state = page.get(path).json()
        now = state["progress"].get("stage", "") if state["state"] == "analyzing" else "ready"
        if now != stage:
            # The CPU seconds of the process count once it has ended: then all at once.
            parts.end({"": "the process starts"}.get(stage, f"analysis: {stage}"))
            stage = now
    page.get(f"{path}/people/0?1")
    parts.end("portrait on the card")
    files = {"files": ("photo.png", photo.read_bytes())}
    page.post(f"{path}/photos", files=files, data={"person": "0"})
    parts.end("photo: advice")
    page.get(f"{path}/look?t=1.0")
    parts.end("first preview")
    parts.total("from the film to the first preview")
    page.get(f"{path}/look?t=2.0")
    parts.end("preview of another frame")
    page.post(f"{path}/edit", json={"kind": "blend", "values": {"strength": 0.7}})
    page.get(f"{path}/look?t=2.0")
    parts.end("preview after another strength")


if __name__ == "__main__":
    main()
