"""The crops of ../shared/faces with landmarks and labels, for the networks that judge results."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

HELD_OUT = 10  # every so manieth crop is held out


@dataclass(frozen=True)
class Crop:
    """One face.

    Attributes:
        name: Set and number.
        picture: (256, 256, 3) uint8 RGB.
        landmarks: (68, 2) float32 in its pixels, dlib's.
        labels: (256, 256) uint8 classes of faces/README.md.
        held: Whether it is held out.
    """

    name: str
    picture: np.ndarray
    landmarks: np.ndarray
    labels: np.ndarray
    held: bool


def crops(folder: Path, sets: tuple[str, ...] = ("",)) -> Iterator[Crop]:
    """Yield the labelled crops.

    Args:
        folder: ../shared/faces.
        sets: Beginnings of the names of the sets.
    """
    with np.load(folder / "landmarks_embeddings.npz") as held:
        known = {
            Path(str(name)).with_suffix("").as_posix(): points
            for name, points in zip(held["name"], held["landmarks68"], strict=True)
        }
    labels = {}
    with tarfile.open(folder / "parsing.tar") as tar:
        for member in tar:
            name = Path(member.name).with_suffix("").as_posix()
            if member.isfile() and name in known and name.startswith(sets):
                labels[name] = tar.extractfile(member).read()
    for archive in sorted(folder.glob("faces-*.tar")):
        with tarfile.open(archive) as tar:
            for member in tar:
                name = Path(member.name).with_suffix("").as_posix()
                if name not in labels:
                    continue
                picture = _decoded(tar.extractfile(member).read(), cv2.IMREAD_COLOR_RGB)
                yield Crop(
                    name,
                    picture,
                    known[name].astype(np.float32),
                    _decoded(labels[name], cv2.IMREAD_GRAYSCALE),
                    int(name.rpartition("/")[2]) % HELD_OUT == 0,
                )


def _decoded(data: bytes, kind: int) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), kind)


def degraded(picture: np.ndarray, random: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Return a picture (S, S, 3) uint8 softer, noisy, compressed and in other light.

    Args:
        picture: The picture.
        random: The chance.
        strength: How strong the strongest is, 0 to 1; it does not count for light.
    """
    found = picture.astype(np.float32)
    side = picture.shape[0]
    if random.random() < 0.5:
        small = int(side * random.uniform(1 - 0.65 * strength, 1.0))
        found = cv2.resize(found, (small, small), interpolation=cv2.INTER_AREA)
        found = cv2.resize(found, (side, side), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.4:
        found = cv2.GaussianBlur(
            found, (0, 0), random.uniform(0.3, strength * (0.012 * side + 0.6))
        )
    gain = random.uniform(0.6, 1.35) * random.uniform(0.9, 1.1, 3)
    found = 255 * (np.clip(found / 255, 0, 1) ** random.uniform(0.7, 1.5)) * gain
    if random.random() < 0.3:
        found = found.mean(axis=2, keepdims=True) + 0.3 * (
            found - found.mean(axis=2, keepdims=True)
        )
    if random.random() < 0.6:
        found += random.normal(0, random.uniform(0.5, 8 * strength), found.shape)
    found = np.clip(found, 0, 255).astype(np.uint8)
    if random.random() < 0.7:
        quality = int(random.uniform(95 - 60 * strength, 95))
        data = cv2.imencode(".jpg", found, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        found = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return found
