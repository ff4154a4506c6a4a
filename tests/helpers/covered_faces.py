"""Real faces as crops, and things put over them with a known alpha."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import skimage.data

from videoswap.crops import PictureSurface, covered_pixels, crop_face
from videoswap.detection.face_detector import FaceDetector
from videoswap.engines.mesh.engine import MeshEngine
from videoswap.records import Array, Crop

SPEC = MeshEngine.spec


def crops_of(picture: Array) -> list[Crop]:
    """Return the faces of a picture (H, W, 3) uint8 RGB as mesh sees them."""
    faces = FaceDetector().detect(picture)
    crops = []
    for number, face in enumerate(faces):
        size = SPEC.size_for(covered_pixels(face, SPEC))
        crop = crop_face(PictureSurface(picture), face, SPEC, size=size, track=number)
        assert crop is not None
        crops.append(crop)
    return crops


def astronaut() -> Crop:
    return crops_of(np.ascontiguousarray(skimage.data.astronaut()))[0]


def skin_of(crop: Crop) -> Array:
    """Return the color of a cheek, (3,) RGB."""
    x, y = crop.landmarks[[2, 31, 48]].mean(axis=0).astype(int)
    return np.median(crop.pixels[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3), axis=0)


def stripe(crop: Crop, turn: float, width: float, shift: float) -> Array:
    """Return the alpha (S, S) of a stripe; ``width`` and ``shift`` in shares of the crop."""
    size = len(crop.pixels)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    across = x * np.cos(turn) + y * np.sin(turn) - shift
    return np.clip((width / 2 - np.abs(across)) * size + 0.5, 0, 1).astype(np.float32)


def disc(crop: Crop, point: int, radius: float) -> Array:
    """Return the alpha (S, S) of a disc around a landmark."""
    size = len(crop.pixels)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    apart = np.hypot(x - crop.landmarks[point, 0], y - crop.landmarks[point, 1])
    return np.clip(radius * size - apart + 0.5, 0, 1).astype(np.float32)


def finger(crop: Crop) -> tuple[Array, Array]:
    """Return the colors and alpha of a rounded stick of skin with a nail, from below."""
    size = len(crop.pixels)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    middle, width, top = 0.42 + 0.12 * (y - 0.4), 0.055, 0.42
    across = (x - middle) / width
    apart = np.hypot(across * width, np.minimum(y - top, 0.0))
    alpha = np.clip((width - apart) * size + 0.5, 0, 1)
    round_ = np.sqrt(np.clip(1 - across**2, 0, 1))
    shade = 0.55 + 0.5 * round_ - 0.08 * np.exp(-(((y - 0.58) / 0.01) ** 2))
    nail = np.hypot(across / 0.6, (y - 0.43) / 0.035) < 1
    color = np.clip(skin_of(crop) * 0.95, 20, 255) * (shade + 0.12 * nail)[..., None]
    return color.astype(np.float32), alpha.astype(np.float32)


def over(crop: Crop, color: Array, alpha: Array) -> Crop:
    """Put a color (3,) or (S, S, 3) over a crop, with a little blur and grain on all of it."""
    pixels = crop.pixels * (1 - alpha[..., None]) + color * alpha[..., None]
    grain = np.random.default_rng(1).normal(0, 1.5, pixels.shape)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 0.5) + grain
    pixels = np.clip(pixels, 0, 255).astype(np.float32)
    return replace(crop, pixels=pixels, occluder_mask=None, unoccluded=None)


def overlap(truth: Array, kept: Array) -> float:
    """Return the intersection over union of two bool masks."""
    return float((truth & kept).sum() / max(1, (truth | kept).sum()))
