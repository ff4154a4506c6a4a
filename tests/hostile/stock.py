"""The sound material that rows break: made once, copied or linked into every scene."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data

from tests.helpers.group_clips import FACES, write_clip

FILM_FRAMES = 16
LONG_FRAMES = 240


def group_photo() -> Path:
    """Return the photo of six people that the package insightface carries."""
    spec = find_spec("insightface")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("insightface is not installed: no photo of a group")
    return Path(spec.submodule_search_locations[0]) / "data" / "images" / "t1.jpg"


@cache
def ffmpeg_program() -> str:
    """Return an ffmpeg that can make the inputs."""
    import imageio_ffmpeg

    return shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg(folder: Path, words: str) -> None:
    """Run ffmpeg in a folder; the words are split at spaces."""
    command = [ffmpeg_program(), "-v", "error", "-nostdin", "-y", *words.split()]
    subprocess.run(command, cwd=folder, check=True, timeout=120)


def make_stock(folder: Path) -> Path:
    """Write ``film.mp4`` (two people, 16 frames, a tone) and the photos; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    people: Any = cv2.imread(str(group_photo()))
    write_clip(folder / "film.mp4", people, FILM_FRAMES, "yuv420p", sound=True)
    write_clip(folder / "other.mp4", people[:, 200:], FILM_FRAMES, "yuv420p", sound=True)
    cv2.imwrite(str(folder / "group.png"), people)
    for name, (x0, y0, x1, y1) in FACES.items():
        cv2.imwrite(str(folder / f"{name}.png"), people[y0:y1, x0:x1])
    photo: Any = skimage.data.astronaut()  # type: ignore[no-untyped-call]
    cv2.imwrite(str(folder / "me.png"), photo[:280, 80:360, ::-1])
    cv2.imwrite(str(folder / "nobody.png"), np.full((200, 200, 3), 90, np.uint8))
    write_clip(folder / "nobody.mp4", np.full((886, 1280, 3), 80, np.uint8), 4, "yuv420p", False)
    copies = LONG_FRAMES // FILM_FRAMES - 1
    ffmpeg(folder, f"-stream_loop {copies} -i film.mp4 -map 0:v -c copy long.mp4")
    ffmpeg(folder, f"-stream_loop {copies} -i other.mp4 -map 0:v -c copy long_other.mp4")
    return folder
