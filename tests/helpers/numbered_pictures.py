"""Numbered pictures of every kind made for the tests, and rendered segments of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR

from videoswap.video.encoder import SegmentEncoder
from videoswap.video.pixel_formats import samples
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader

WIDTH, HEIGHT = 48, 32


def random_pixels(index: int, channels: int, dtype: Any) -> Any:
    shape = (HEIGHT, WIDTH, channels)[: 3 if channels > 1 else 2]
    return np.random.default_rng(index).integers(0, np.iinfo(dtype).max, shape, dtype, True)


def make_exr(path: Path, index: int, dtype: Any = np.float16, alpha: bool = False) -> None:
    rng = np.random.default_rng(index)
    wild = np.array([0.0, -0.0, 1e-7, 65504, np.inf, -np.inf, np.nan, -3], dtype)
    channels = {}
    for name in "RGBA" if alpha else "RGB":
        channels[name] = rng.normal(0.3, 1, (HEIGHT, WIDTH)).astype(dtype)
        channels[name][0, :8] = wild
    channels["depth.Z"] = rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    header = {"compression": OpenEXR.PIZ_COMPRESSION, "shot": f"take {index}"}
    with OpenEXR.File(header, channels) as file:
        file.write(str(path))


KINDS = {
    "png": (".png", 3, np.uint8),
    "png16": (".png", 3, np.uint16),
    "png alpha": (".png", 4, np.uint8),
    "png16 alpha": (".png", 4, np.uint16),
    "png gray": (".png", 1, np.uint8),
    "png16 gray": (".png", 1, np.uint16),
    "tif": (".tif", 3, np.uint8),
    "tiff16": (".tiff", 3, np.uint16),
    "exr": (".exr", 3, np.float16),
    "exr alpha": (".exr", 4, np.float16),
}


def make_sequence(folder: Path, name: str, first: int = 7, count: int = 4) -> Path:
    suffix, channels, dtype = KINDS[name]
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        path = folder / f"f{number:04d}{suffix}"
        if suffix == ".exr":
            make_exr(path, number, alpha=channels == 4)
        else:
            assert cv2.imwrite(str(path), random_pixels(number, channels, dtype))
    return folder / f"f%04d{suffix}"


def decoded(pattern: Path) -> list[list[bytes]]:
    info = probe(pattern)
    depth = 8 if info.color.depth == 8 else 16
    with VideoReader(info) as reader:
        planes = [frame.image.planes for frame in reader.frames()]
    return [[samples(p, depth)[:, : info.width].tobytes() for p in frame] for frame in planes]


def segments_of(info: Any, plan: Any, folder: Path) -> tuple[list[Path], list[int]]:
    segments, times = [], []
    with VideoReader(info) as reader:
        frames = list(reader.frames())
    for first in range(0, len(frames), 3):
        path = folder / f"{first}.segment"
        with SegmentEncoder(plan, info, path) as encoder:
            for frame in frames[first : first + 3]:
                times.append(frame.pts)
                encoder.encode(frame)
            encoder.finish()
        segments.append(path)
    return segments, times
