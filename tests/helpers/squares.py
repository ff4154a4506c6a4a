"""Quick stand-ins for the models, which see colored squares as faces; and clips of them."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

from videoswap.detection.recognition import euclidean_distances
from videoswap.records import Array, Face

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def square_face(x: float, y: float, size: float, score: float = 0.9) -> Face:
    """Return a face with its centre at (x, y)."""
    half = size / 2
    box = np.array([x - half, y - half, x + half, y + half], np.float32)
    points = np.array([[-0.2, -0.15], [0.2, -0.15], [0, 0], [-0.15, 0.2], [0.15, 0.2]])
    points5 = (points * size + [x, y]).astype(np.float32)
    return Face(box, points5, score)


class SquareDetector:
    """Finds colored squares on black; counts how large the pictures were it looked at."""

    key = "squares"

    def __init__(self) -> None:
        self.looked: list[tuple[int, int]] = []

    def detect(self, picture: Array, threshold: float = 0.5) -> list[Face]:
        self.looked.append(picture.shape[:2])
        found = []
        for channel in range(3):
            mask = (picture[:, :, channel] > 128).astype(np.uint8)
            count, _, stats, middles = cv2.connectedComponentsWithStats(mask)
            for index in range(1, count):
                width, height, area = stats[index, 2:5]
                if area > 30 and min(width, height) > 0.5 * max(width, height):
                    x, y = middles[index]
                    found.append(square_face(float(x), float(y), float(max(width, height))))
        return found


class SquareLandmarker:
    """Puts 68 points into the square."""

    key = "square landmarks"

    def landmarks(self, picture: Array, points5: Array) -> Array:
        middle = points5.mean(axis=0)
        size = float(np.linalg.norm(points5[1] - points5[0])) / 0.4
        unit = np.random.default_rng(0).uniform(-0.5, 0.5, (68, 2))
        return (unit * size + middle).astype(np.float32)


class ColorRecognizer:
    """Takes the mean color for the person."""

    key = name = "colors"
    dim = 3
    default_threshold = 0.6
    cluster_threshold = 0.5

    def embed(self, picture: Array, landmarks: Array) -> Array:
        x, y = np.clip(landmarks.mean(axis=0).round().astype(int), 0, None)
        patch = picture[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        color = patch.reshape(-1, 3).mean(axis=0)
        return (color / max(float(np.linalg.norm(color)), 1.0)).astype(np.float32)

    def distance(self, one: Array, other: Array) -> float:
        return float(np.linalg.norm(one - other))

    def distances(self, ones: Array, others: Array) -> Array:
        return euclidean_distances(ones, others)


def nothing_in_front(picture: Array, reference: Array) -> Array:
    """Find nothing before any face: squares are no faces for a network to judge."""
    return np.zeros(picture.shape[:2], np.float32)


def draw(squares: list[tuple[float, float, float, tuple[int, int, int]]]) -> Array:
    """Return a (180, 320, 3) picture of (x, y, size, color) squares; later ones lie above."""
    picture = np.zeros((180, 320, 3), np.uint8)
    for x, y, size, color in squares:
        low = (round(x - size / 2), round(y - size / 2))
        high = (round(x + size / 2), round(y + size / 2))
        cv2.rectangle(picture, low, high, color, -1)
    return picture


def write_video(path: Path, pictures: list[Array]) -> Path:
    """Write pictures at 25 frames a second, with little loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path
