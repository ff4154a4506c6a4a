"""Make the demo's inputs in demo/, from pictures that Python packages carry.

    python examples/make_demo.py [--seconds 6] [--out_dir demo]

The source is scikit-image's astronaut (Eileen Collins, NASA, public domain). The target is a
camera moving over the group photo inside the insightface package, with a tune for sound. That
photo is not ours: do not publish what is made from it.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data

WIDTH, HEIGHT, RATE = 960, 540, Fraction(30000, 1001)
SOUND_RATE = 48000
TARGET_FACE = (420, 230, 620, 470)  # left, top, right, bottom in the group photo


def group_photo() -> np.ndarray:
    """Return insightface's bundled photo of six people, (H, W, 3) uint8 RGB."""
    spec = importlib.util.find_spec("insightface")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("insightface is not installed: run scripts/install.py first.")
    path = Path(spec.submodule_search_locations[0]) / "data" / "images" / "t1.jpg"
    return cv2.imread(str(path))[:, :, ::-1]


def view(photo: np.ndarray, moment: float) -> np.ndarray:
    """Return what the camera sees at a moment from 0 to 1, (HEIGHT, WIDTH, 3) uint8 RGB."""
    zoom = 1.15 + 0.35 * np.sin(np.pi * moment)
    turn = 4.0 * np.sin(2.0 * np.pi * moment)
    centre = np.array([photo.shape[1] * (0.38 + 0.24 * moment), photo.shape[0] * 0.46])
    matrix = cv2.getRotationMatrix2D(tuple(centre), turn, zoom)
    matrix[:, 2] += np.array([WIDTH, HEIGHT]) / 2 - centre
    return cv2.warpAffine(
        photo, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101
    )


def tune(seconds: float) -> np.ndarray:
    """Return a rising and falling tune, (1, N) float32."""
    times = np.arange(int(seconds * SOUND_RATE)) / SOUND_RATE
    notes = np.array([262, 330, 392, 523, 392, 330])[(times * 2).astype(int) % 6]
    return (0.1 * np.sin(2 * np.pi * notes * times) * np.exp(-3 * (times * 2 % 1)))[None].astype(
        np.float32
    )


def write_video(path: Path, photo: np.ndarray, seconds: float) -> None:
    """Write the target video with its sound."""
    frames = int(seconds * RATE)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for index in range(frames):
            picture = view(photo, index / max(frames - 1, 1))
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        samples = tune(seconds)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))


def main() -> None:
    """Write source, target face and target video."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--out_dir", type=Path, default=Path("demo"))
    arguments = parser.parse_args()
    folder: Path = arguments.out_dir
    folder.mkdir(parents=True, exist_ok=True)
    photo = group_photo()
    cv2.imwrite(str(folder / "source.png"), skimage.data.astronaut()[:, :, ::-1])
    left, top, right, bottom = TARGET_FACE
    cv2.imwrite(str(folder / "target_face.png"), photo[top:bottom, left:right, ::-1])
    write_video(folder / "target.mp4", photo, arguments.seconds)
    print(f"Demo inputs: {folder}/source.png, {folder}/target_face.png, {folder}/target.mp4")


if __name__ == "__main__":
    main()
