"""Regions of a frame as RGB, and RGB blended back into the frame's own planes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from ..records import Array
from .color import LUMA_WEIGHTS, Color
from .hdr import from_view, to_view
from .pixel_formats import Layout, layout, samples

if TYPE_CHECKING:
    from .probe import VideoInfo

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in coded pixels, x1 and y1 outside


def align_box(box: Box, info: VideoInfo) -> Box:
    """Clip a box to the frame and widen it to whole chroma samples.

    Returns:
        The box; empty (x0 == x1 or y0 == y1) if it lies outside the frame.
    """
    form = _layout(info.pix_fmt)
    x0, y0, x1, y1 = box
    x0, y0 = max(0, x0) // form.sub_x * form.sub_x, max(0, y0) // form.sub_y * form.sub_y
    x1 = min(info.width, -(-x1 // form.sub_x) * form.sub_x)
    y1 = min(info.height, -(-y1 // form.sub_y) * form.sub_y)
    return x0, y0, max(x0, x1), max(y0, y1)


def read_rgb(frame: av.VideoFrame, box: Box, color: Color) -> Array:
    """Return a region as (h, w, 3) float32 RGB, 0 to 255 at any bit depth.

    Chroma is interpolated bilinearly. PQ and half floats become SDR values (see `hdr`).

    Args:
        frame: A planar frame.
        box: An aligned box that is not empty.
        color: Color description of the frame.
    """
    form = _layout(frame.format.name)
    width, height = box[2] - box[0], box[3] - box[1]
    if form.model == "gray":
        gray = _plane(frame, 0, form, box)
        merged = cv2.merge([gray, gray, gray])
    elif form.model == "rgb":
        merged = cv2.merge([_plane(frame, index, form, box) for index in (2, 0, 1)])
    else:
        parts = [_plane(frame, 0, form, box)]
        for index in (1, 2):
            chroma = _plane(frame, index, form, _chroma_box(box, form))
            parts.append(_upsampled(chroma, form)[:height, :width])
        merged = cv2.merge(parts)
    rgb: Array = cv2.transform(merged.astype(np.float32), color_matrices(form, color)[0])
    np.clip(rgb, 0, 255, out=rgb)
    return to_view(rgb, color.transfer)


def write_rgb(frame: av.VideoFrame, box: Box, rgb: Array, mask: Array, color: Color) -> None:
    """Blend a picture into a region of a frame, in place.

    Samples under mask 0 stay bit for bit; a chroma sample becomes the mean, over the luma
    samples it covers, of the old chroma blended with the picture's by the mask.

    Args:
        frame: A planar frame; its buffers are copied first if they are shared.
        box: An aligned box that is not empty.
        rgb: (h, w, 3) float32, 0 to 255, finite.
        mask: (h, w) uint8, 0 (keep the frame) to 255 (take the picture).
        color: Color description of the frame.
    """
    frame.make_writable()
    form = _layout(frame.format.name)
    rgb = from_view(rgb, color.transfer)
    new = cv2.split(cv2.transform(rgb, color_matrices(form, color)[1]))
    weight = np.multiply(mask, np.float32(1 / 255), dtype=np.float32)
    top = (1 << form.depth) - 1
    if form.model == "yuv":
        _blend(_plane(frame, 0, form, box), new[0], weight, top)
        small = _mean(weight, form)
        for index in (1, 2):
            target = _plane(frame, index, form, _chroma_box(box, form))
            _blend_premultiplied(target, _mean(new[index] * weight, form), small, top)
    else:
        planes = {"gray": (0,), "rgb": (2, 0, 1)}[form.model]
        for index, values in zip(planes, new, strict=False):
            _blend(_plane(frame, index, form, box), values, weight, top)


def _layout(pix_fmt: str) -> Layout:
    form = layout(pix_fmt)
    if form is None:
        raise ValueError(f"{pix_fmt} is not a planar format")
    return form


def _chroma_box(box: Box, form: Layout) -> Box:
    x0, y0, x1, y1 = box
    return x0 // form.sub_x, y0 // form.sub_y, -(-x1 // form.sub_x), -(-y1 // form.sub_y)


def _plane(frame: av.VideoFrame, index: int, form: Layout, box: Box) -> Array:
    """Return a writable view of a region of one plane, uint8 or uint16."""
    return samples(frame.planes[index], form.depth)[box[1] : box[3], box[0] : box[2]]


def _upsampled(chroma: Array, form: Layout) -> Array:
    if form.sub_x == form.sub_y == 1:
        return chroma
    size = (chroma.shape[1] * form.sub_x, chroma.shape[0] * form.sub_y)
    return cv2.resize(chroma, size, interpolation=cv2.INTER_LINEAR)


def _mean(values: Array, form: Layout) -> Array:
    """Average over the luma samples of each chroma sample; fewer of them at odd edges."""
    if form.sub_x == form.sub_y == 1:
        return values
    height, width = values.shape
    right, below = -width % form.sub_x, -height % form.sub_y
    if right or below:
        values = cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REPLICATE)
    size = (values.shape[1] // form.sub_x, values.shape[0] // form.sub_y)
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)


def _blend(target: Array, values: Array, weight: Array, top: int) -> None:
    change = cv2.subtract(values, target, dtype=cv2.CV_32F)
    _add(target, cv2.multiply(change, weight, dst=change), top)


def _blend_premultiplied(target: Array, values: Array, weight: Array, top: int) -> None:
    kept = cv2.multiply(weight, target, dtype=cv2.CV_32F)
    _add(target, cv2.subtract(values, kept, dst=kept), top)


def _add(target: Array, change: Array, top: int) -> None:
    kind = cv2.CV_8U if target.dtype == np.uint8 else cv2.CV_16U
    result = cv2.add(target, change, dtype=kind)  # rounds and saturates
    target[...] = np.minimum(result, top) if top not in (255, 65535) else result


@lru_cache(maxsize=32)
def color_matrices(form: Layout, color: Color) -> tuple[Array, Array]:
    """Return (3, 4) float32 affine maps: samples to RGB 0..255, and back."""
    unit = 1 << (form.depth - 8)
    luma = (0, 2**form.depth - 1) if color.full_range else (16 * unit, 219 * unit)
    span = 2**form.depth - 1 if color.full_range else 224 * unit
    if form.model == "rgb":
        decode = np.diag([255 / luma[1]] * 3 + [1.0])
        return _rows(decode), _rows(np.linalg.inv(decode))
    weight_r, weight_b = LUMA_WEIGHTS[color.space]
    if form.model == "gray":
        decode = np.diag([255 / luma[1]] * 3 + [1.0])
        decode[:3, 3] = -luma[0] * 255 / luma[1]
        encode = np.array([[weight_r, 1 - weight_r - weight_b, weight_b, 0]]) * luma[1] / 255
        encode[0, 3] = luma[0]
        return _rows(decode), encode.astype(np.float32)
    weight_g = 1 - weight_r - weight_b
    to_rgb = np.array(
        [
            [1, 0, 2 * (1 - weight_r)],
            [
                1,
                -2 * weight_b * (1 - weight_b) / weight_g,
                -2 * weight_r * (1 - weight_r) / weight_g,
            ],
            [1, 2 * (1 - weight_b), 0],
        ]
    )
    scale = np.diag([255 / luma[1], 255 / span, 255 / span])
    decode = np.eye(4)
    decode[:3, :3] = to_rgb @ scale
    decode[:3, 3] = -decode[:3, :3] @ np.array([luma[0], 128 * unit, 128 * unit])
    return _rows(decode), _rows(np.linalg.inv(decode))


def _rows(matrix: Array) -> Array:
    return np.ascontiguousarray(matrix[:3]).astype(np.float32)
