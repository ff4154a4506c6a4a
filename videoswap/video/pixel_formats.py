"""Pixel formats: the planar equivalent of each packed one, and the layout of planes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter

from ..records import Array

# Lossless repackings only: each was checked sample by sample against random frames.
PLANAR_EQUIVALENTS = {
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "nv24": "yuv444p",
    "nv42": "yuv444p",
    "p010le": "yuv420p10le",
    "p210le": "yuv422p10le",
    "p410le": "yuv444p10le",
    "p012le": "yuv420p12le",
    "p016le": "yuv420p16le",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "yvyu422": "yuv422p",
    "vuya": "yuva444p",
    "vuyx": "yuv444p",
    "ayuv64le": "yuva444p16le",
    "yuvj420p": "yuv420p",
    "yuvj422p": "yuv422p",
    "yuvj444p": "yuv444p",
    "yuvj440p": "yuv440p",
    "rgb24": "gbrp",
    "bgr24": "gbrp",
    "rgb0": "gbrp",
    "bgr0": "gbrp",
    "0rgb": "gbrp",
    "0bgr": "gbrp",
    "rgba": "gbrap",
    "bgra": "gbrap",
    "argb": "gbrap",
    "abgr": "gbrap",
    "ya8": "gbrap",
    "pal8": "gbrap",
    "rgb48le": "gbrp16le",
    "rgb48be": "gbrp16le",
    "rgba64le": "gbrap16le",
    "rgba64be": "gbrap16le",
}
# swscale has no direct way from a palette to planes.
INTERMEDIATE_FORMATS = {"pal8": "bgra"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Layout of the samples of a planar format.

    Attributes:
        model: ``yuv``, ``rgb`` (planes G, B, R) or ``gray``.
        depth: Bits per sample, 8 to 16.
        sub_x: Luma columns that share a chroma sample.
        sub_y: Luma rows that share a chroma sample.
        alpha: Whether the last plane is an alpha plane.
    """

    model: str
    depth: int
    sub_x: int
    sub_y: int
    alpha: bool


@lru_cache(maxsize=64)
def layout(pix_fmt: str) -> Layout | None:
    """Return the layout of a planar little-endian integer format, None for any other."""
    try:
        form = av.VideoFormat(pix_fmt, 64, 64)
    except ValueError:
        return None
    parts = form.components
    depth = parts[0].bits if parts else 0
    planes = sorted(part.plane for part in parts)
    if not 8 <= depth <= 16 or planes != list(range(len(parts))) or form.is_big_endian:
        return None
    if form.has_palette or "f16" in pix_fmt or "f32" in pix_fmt or pix_fmt.startswith("yuvj"):
        return None
    if form.padded_bits_per_pixel != form.bits_per_pixel and pix_fmt.endswith("msble"):
        return None
    alpha = any(part.is_alpha for part in parts)
    colors = len(parts) - alpha
    if colors == 1:
        return Layout("gray", depth, 1, 1, alpha)
    if colors != 3 or not (form.is_rgb or pix_fmt.startswith("yuv")):
        return None
    if form.is_rgb:
        return Layout("rgb", depth, 1, 1, alpha)
    return Layout("yuv", depth, 64 // parts[1].width, 64 // parts[1].height, alpha)


def planar(pix_fmt: str) -> str | None:
    """Return the planar format that holds the same samples, None if there is none."""
    if pix_fmt in PLANAR_EQUIVALENTS:
        return PLANAR_EQUIVALENTS[pix_fmt]
    if layout(pix_fmt) is not None:
        return pix_fmt
    little = f"{pix_fmt[:-2]}le"
    return little if pix_fmt.endswith("be") and layout(little) is not None else None


def samples(plane: VideoPlane, depth: int = 8) -> Array:
    """Return a plane as a writable view (rows, samples per line with padding), uint8 or uint16."""
    buffer: Any = plane
    flat: Array = np.frombuffer(buffer, dtype=np.uint8 if depth == 8 else np.dtype("<u2"))
    return flat.reshape(plane.height, plane.line_size // flat.itemsize)


class Repacker:
    """Converts frames to one planar format without changing a sample."""

    def __init__(self, pix_fmt: str) -> None:
        """Repack to ``pix_fmt``, a planar format."""
        self._pix_fmt = pix_fmt
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return the frame itself if it already is planar, else a repacked copy."""
        name = frame.format.name
        if name == self._pix_fmt:
            return frame
        tag = ColorRange.JPEG if name.startswith("yuvj") else frame.color_range
        for target in (INTERMEDIATE_FORMATS.get(name), self._pix_fmt):
            if target is not None:
                frame = self._same_range(frame, target)
        frame.color_range = int(tag)  # swscale would name a range that the source does not
        return frame

    def _same_range(self, frame: av.VideoFrame, target: str) -> av.VideoFrame:
        # Naming one range for both ends keeps swscale from rescaling samples. Its threads divide
        # the rows, and some of its loops (of p010 and its like) write past a row's end into
        # another thread's rows.
        full = ColorRange.JPEG
        return self._reformatter.reformat(
            frame, format=target, src_color_range=full, dst_color_range=full, threads=1
        )
