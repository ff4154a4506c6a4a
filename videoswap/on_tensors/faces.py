"""A face on the device from its crop to its blended box, in batches.

The order of the steps is that of ``crops.crop_face``, ``occlusion.segmenter``,
``compositing.finisher`` and ``compositing.composite``, which are the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import av
import numpy as np
import torch
from torch import Tensor

from ..compositing.composite import CUBIC_BELOW
from ..compositing.sharpness import BLUR_TAKEN
from ..crops import Place, Surface, region_boxes
from ..geometry.affine import crop_matrix, five_points, scales_of, shifted, transform
from ..geometry.face_masks import SOFT
from ..occlusion.carrying import SmallFace
from ..occlusion.segmenter import Framed
from ..occlusion.temporal import COMPARED_SIZE, MIN_PEAK
from ..records import Array
from ..settings import BlendSettings
from ..video.color import Color
from ..video.pixel_formats import Layout
from ..video.planes import Box
from .boxes import STEP, gathered, scattered
from .compositing import composited, to_rgb
from .conversions import downloaded_bytes, uploaded_bytes, uploaded_parts
from .finishing import Neighbors, match_border_tone, temporal_filter
from .occlusion import carry, stabilize
from .records import Outline, TensorFace, drawn_side
from .resampling import covered_rectangles, dilated, feather, resized, warp, warp_back
from .sharpness import measure_blur, soften

#: Pixels of slots that are worked on at once.
MOST_PIXELS = 1 << 25
OCCLUDER_EDGE = 9  # pixels, see ``compositing.finisher``


@torch.inference_mode()
def cut(
    frames: Sequence[av.VideoFrame],
    places: Sequence[Place],
    form: Layout,
    color: Color,
    device: torch.device,
) -> Tensor:
    """Cut crops of one size out of frames; returns (B, 3, S, S), 0 to 255."""
    side = places[0].side
    matrices = np.stack([place.matrix for place in places])
    factors = _factors(matrices)
    parts: list[Tensor] = []
    order: list[int] = []
    for factor in sorted(set(factors)):
        alike = [k for k, one in enumerate(factors) if one == factor]
        for some in _chunks(alike, [places[k].box for k in alike]):
            planes, origins = gathered(
                [frames[k] for k in some],
                [places[k].box for k in some],
                form,
                device,
                STEP * factor,
            )
            moved = _matrices(shifted(matrices[some], *np.transpose(origins)), device)
            parts.append(warp(to_rgb(planes, form, color), moved, side, factor))
            order += some
    made = parts[0] if len(parts) == 1 else torch.cat(parts)
    return made if order == sorted(order) else made[np.argsort(order).tolist()]


@torch.inference_mode()
def framed(
    targets: Tensor, landmarks: Array, framing: tuple[Array, int], *others: Tensor
) -> tuple[list[Framed], list[Array]]:
    """Frame faces as networks take them, and bring them down.

    Args:
        targets: (B, 3, S, S) crops, 0 to 255.
        landmarks: (B, 68, 2) in their pixels.
        framing: See ``FramedSegmenter``.
        others: What is to come down with them.

    Returns:
        The faces, and ``others`` on the host.
    """
    template, size = framing
    matrices = crop_matrix(five_points(landmarks), template, size)
    factors = np.array(_factors(matrices))
    kinds = [np.flatnonzero(factors == factor).tolist() for factor in sorted(set(factors))]
    made = [
        warp(targets[alike], _matrices(matrices[alike], targets.device), size, factors[alike[0]])
        for alike in kinds
    ]
    came = downloaded_bytes(*(one.permute(0, 2, 3, 1).contiguous() for one in made), *others)
    pictures = {
        k: one
        for alike, some in zip(kinds, came, strict=False)
        for k, one in zip(alike, some, strict=True)
    }
    in_order = (pictures[k] for k in range(len(factors)))
    return list(map(Framed, in_order, transform(matrices, landmarks), matrices)), came[len(kinds) :]


@torch.inference_mode()
def looked_at(
    targets: Tensor,
    quarters: Tensor,
    landmarks: Array,
    near: Sequence[int],
    framing: tuple[Array, int],
) -> tuple[list[SmallFace], dict[int, Framed]]:
    """Bring down what tells whether something is in front of faces.

    Args:
        targets: (B, 3, S, S) crops, 0 to 255.
        quarters: The same at a quarter of the size.
        landmarks: (B, 68, 2) in pixels of the crops.
        near: Which of them networks look at in any case.
        framing: See ``FramedSegmenter``.

    Returns:
        All of them small, and those that networks look at, framed.
    """
    small = resized(quarters, COMPARED_SIZE, COMPARED_SIZE).permute(0, 2, 3, 1).contiguous()
    views, (pictures,) = framed(targets[list(near)], landmarks[list(near)], framing, small)
    points = landmarks * np.float32(COMPARED_SIZE / targets.shape[2])
    return list(map(SmallFace, pictures, points)), dict(zip(near, views, strict=True))


@torch.inference_mode()
def with_occluder(face: TensorFace, view: Framed, found: Array) -> TensorFace:
    """Bring up what was found in front of a face.

    Args:
        face: The face.
        view: The same as the network saw it.
        found: (N, N) float32, 0 to 1, in pixels of that.
    """
    side, device = face.side, face.target.device
    there = uploaded_bytes([found], device)[:, None]
    there = warp_back(there, _matrices(view.matrix[None], device), side, side, black_outside=True)
    (small,) = downloaded_bytes(resized(there, COMPARED_SIZE, COMPARED_SIZE)[0, 0])
    assert face.small is not None  # the face was looked at
    seen = replace(face.small, occluder=small)
    return replace(face, small=seen, occluder=there[0], peak=float(found.max()))


@torch.inference_mode()
def carried(
    faces: Sequence[TensorFace], besides: Sequence[Mapping[int, TensorFace]]
) -> list[TensorFace]:
    """Give faces of one size what is in front of them in the frames beside, see ``carrying.carry``.

    Args:
        faces: The faces, which were not looked at.
        besides: Each in the frames beside it that were, by how many frames they come later.
    """
    view = {id(one): one for pair in zip(faces, besides, strict=True) for one in _all_of(*pair)}
    places = {key: place for place, key in enumerate(view)}
    others = {
        apart: [places[id(one[apart])] if apart in one else -1 for one in besides]
        for apart in sorted({apart for one in besides for apart in one})
    }
    around = Neighbors([places[id(face)] for face in faces], others)
    small = torch.stack([one.quarter for one in view.values()])
    masks = carry(small, _occluders(list(view.values())), around)
    peaks = [max(one.peak for one in beside.values()) for beside in besides]
    return [
        replace(face, occluder=mask, peak=peak)
        for face, mask, peak in zip(faces, masks, peaks, strict=True)
    ]


@torch.inference_mode()
def quarters(targets: Tensor) -> Tensor:
    """Return crops (B, 3, S, S) at a quarter of the size, see ``Crop.quarter``."""
    side = max(1, targets.shape[2] // 4)
    return resized(targets, side, side)


@torch.inference_mode()
def with_masks(faces: Sequence[TensorFace]) -> list[TensorFace]:
    """Bring up what was drawn on the host, for faces of one size."""
    device, side = faces[0].target.device, faces[0].side
    outlines = [_outline(face) for face in faces]
    drawn = drawn_side(side)
    parts = [one.depth for one in outlines if one.depth is not None]
    depths = uploaded_parts(parts, [one.drawn for one in outlines], drawn, device)[:, None]
    masks = resized(feather(depths, SOFT * drawn), side, side)
    return [replace(face, mask=mask) for face, mask in zip(faces, masks, strict=True)]


@torch.inference_mode()
def with_own_masks(faces: Sequence[TensorFace], masks: Tensor) -> list[TensorFace]:
    """Give faces of one size the masks (B, 1, S, S), 0 to 1, that their engine painted."""
    (rectangles,) = downloaded_bytes(covered_rectangles(masks))
    return [
        replace(face, mask=mask, outline=replace(_outline(face), around=tuple(around)))
        for face, mask, around in zip(faces, masks, rectangles.tolist(), strict=True)
    ]


@torch.inference_mode()
def finished(
    view: Sequence[TensorFace], around: Neighbors, settings: BlendSettings
) -> list[TensorFace]:
    """Finish swaps in view of their neighbors, see ``compositing.finisher``.

    Args:
        view: All faces of one size that matter, swapped.
        around: Which of them are finished, and where their neighbors are.
        settings: What is wanted; without a width of the mask's border.

    Returns:
        The finished faces.
    """
    own = [view[k] for k in around.own]
    targets = torch.stack([face.target for face in view])
    mine = targets[list(around.own)]
    small = torch.stack([face.quarter for face in view])
    swaps, masks = _stacked(view, lambda face: face.swap), _stacked(view, lambda face: face.mask)
    nobody = Neighbors(around.own, {})
    pixels, outline = temporal_filter(small, swaps, masks, around if settings.steady else nobody)
    occluder = None
    if any(face.peak >= MIN_PEAK for face in view):
        occluder = stabilize(targets, small, _occluders(view), around)
    if settings.grain:
        seen = outline
        if occluder is not None:
            seen = outline * (1.0 - dilated(occluder, OCCLUDER_EDGE))
        both = measure_blur(torch.cat([mine, pixels]), torch.cat([seen, seen]))
        (missing,) = downloaded_bytes(both[: len(own)] - both[len(own) :])
        pixels = soften(pixels, BLUR_TAKEN * missing)
    brows = uploaded_bytes([_outline(face).brows for face in own], targets.device)[:, None]
    pixels = match_border_tone(pixels, mine, outline, brows, occluder)
    mask = outline if occluder is None else outline * (1.0 - occluder)
    if settings.strength < 1.0:
        mask = mask * settings.strength
    return [
        replace(face, swap=swap, mask=shown, outline=_widened(face, row, around, view))
        for row, (face, swap, shown) in enumerate(zip(own, pixels, mask, strict=True))
    ]


@torch.inference_mode()
def composite(
    frames: Sequence[av.VideoFrame],
    surfaces: Sequence[Surface],
    faces: Sequence[TensorFace],
    form: Layout,
    color: Color,
    *,
    grain: bool,
    frame_masks: Sequence[Array | None],
) -> list[bool]:
    """Blend finished swaps into their frames, in place, one for each frame.

    Args:
        frames: The frame of each face; none twice.
        surfaces: The same as surfaces.
        faces: The finished faces.
        form: Layout of the frames.
        color: Their color.
        grain: Whether swaps get the grain of the pixels that they cover.
        frame_masks: (H, W) uint8 each, or None: where the masks are added, in place.

    Returns:
        Whether anything of each swap lies in its frame.
    """
    changed = [False] * len(faces)
    matrices = np.stack([face.place.matrix for face in faces])
    boxes = _boxes_of(faces, matrices, surfaces)
    cubic_ones = (scales_of(matrices) < CUBIC_BELOW).tolist()
    kinds: dict[tuple[int, bool], list[int]] = {}
    for k, (face, box, cubic) in enumerate(zip(faces, boxes, cubic_ones, strict=True)):
        if box[0] < box[2] and box[1] < box[3]:
            kinds.setdefault((face.side, cubic), []).append(k)
    for (_, cubic), alike in kinds.items():
        for some in _chunks(alike, [boxes[k] for k in alike]):
            inside, given = [boxes[k] for k in some], [frames[k] for k in some]
            device = faces[some[0]].target.device
            planes, origins = gathered(given, inside, form, device)
            moved = shifted(matrices[some], *np.transpose(origins))
            here = [faces[k] for k in some]
            made, weight = composited(
                planes,
                _stacked(here, lambda face: face.swap),
                _stacked(here, lambda face: face.mask),
                _matrices(moved, device),
                form,
                color,
                cubic=cubic,
                grain=grain,
            )
            shown = weight[:, 0].to(torch.uint8)
            wanted = any(frame_masks[k] is not None for k in some)
            down = shown if wanted else shown.flatten(1).any(dim=1)
            (told,) = scattered(given, inside, origins, made, form, down)
            for k, one, at in zip(some, told, origins, strict=True):
                changed[k] = bool(one.any())
                _add_mask(frame_masks[k], boxes[k], one, at)
    return changed


def _add_mask(total: Array | None, box: Box, mask: Array, at: tuple[int, int]) -> None:
    if total is None:
        return
    x0, y0, x1, y1 = box
    part = total[y0:y1, x0:x1]
    np.maximum(part, mask[y0 - at[1] : y1 - at[1], x0 - at[0] : x1 - at[0]], out=part)


def _boxes_of(
    faces: Sequence[TensorFace], matrices: Array, surfaces: Sequence[Surface]
) -> list[Box]:
    around = [_outline(face).around for face in faces]
    wider = [(x - 1, y - 1, width + 2, height + 2) for x, y, width, height in around]
    boxes = region_boxes(matrices, wider)
    return [surface.align(box) for surface, box in zip(surfaces, boxes, strict=True)]


def _widened(face: TensorFace, row: int, around: Neighbors, view: Sequence[TensorFace]) -> Outline:
    """Return a face's outline with the rectangle that the masks of its neighbors cover too."""
    others = [view[places[row]] for places in around.others.values() if places[row] >= 0]
    found = [_outline(one).around for one in (face, *others)]
    left, top = (min(one[axis] for one in found) for axis in (0, 1))
    right, bottom = (max(one[axis] + one[axis + 2] for one in found) for axis in (0, 1))
    return replace(_outline(face), around=(left, top, right - left, bottom - top))


def _chunks(places: Sequence[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Split places so that the slots of each part are not too many pixels at once."""
    largest = max((box[2] - box[0]) * (box[3] - box[1]) for box in boxes)
    most = max(1, MOST_PIXELS // max(1, largest))
    return [list(places[start : start + most]) for start in range(0, len(places), most)]


def _factors(matrices: Array) -> list[int]:
    """Return by how much pictures become smaller first, for (B, 2, 3) matrices of their warps."""
    return [max(1, int(one)) for one in 1.0 / scales_of(matrices)]


def _matrices(matrices: Array, device: torch.device) -> Tensor:
    return torch.from_numpy(matrices.astype(np.float32)).to(device)


def _stacked(faces: Sequence[TensorFace], of: Callable[[TensorFace], Tensor | None]) -> Tensor:
    return torch.stack([one for face in faces if (one := of(face)) is not None])


def _all_of(face: TensorFace, beside: Mapping[int, TensorFace]) -> tuple[TensorFace, ...]:
    return face, *beside.values()


def _occluders(faces: Sequence[TensorFace]) -> Tensor:
    """Return what is in front of faces of one size, (B, 1, S, S)."""
    blank = faces[0].target.new_zeros(1, faces[0].side, faces[0].side)
    return _stacked(faces, lambda face: blank if face.occluder is None else face.occluder)


def _outline(face: TensorFace) -> Outline:
    assert face.outline is not None  # drawn before anything is painted
    return face.outline
