"""A face on the device from its crop to its blended box, in batches.

The order of the steps is that of ``crops.crop_face``, ``occlusion.segmenter``,
``compositing.finisher`` and ``compositing.composite``, which are the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import av
import numpy as np
import torch
from torch import Tensor

from ..compositing.border_tone import TONE_SIZE, brow_mask
from ..compositing.composite import CUBIC_BELOW
from ..compositing.sharpness import BLUR_TAKEN
from ..crops import GENERATOR_SIZE, Place, Surface, region_boxes
from ..geometry.affine import crop_matrix, five_points, scales_of, shifted, transform
from ..geometry.face_masks import SOFT, Rectangle, inner_face_depth
from ..occlusion.segmenter import Framed
from ..occlusion.temporal import MIN_PEAK
from ..records import Array
from ..settings import BlendSettings
from ..video.color import Color
from ..video.pixel_formats import Layout
from ..video.planes import Box
from .boxes import STEP, gathered, scattered
from .compositing import composited, to_rgb
from .conversions import downloaded, downloaded_bytes, uploaded_bytes, uploaded_parts
from .finishing import Neighbors, match_border_tone, temporal_filter
from .occlusion import stabilize
from .resampling import dilated, feather, resized, warp, warp_back
from .sharpness import measure_blur, soften

#: Pixels of slots that are worked on at once.
MOST_PIXELS = 1 << 25
OCCLUDER_EDGE = 9  # pixels, see ``compositing.finisher``


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """What is drawn on the host for a face from its landmarks, and found in its framed picture.

    Attributes:
        depth: (h, w) float32: how deep each pixel lies in it, see ``inner_face_depth``.
        drawn: x, y, width, height of that in the crop, at most `GENERATOR_SIZE` pixels a side.
        brows: (TONE_SIZE, TONE_SIZE) float32, 0 to 1.
        around: x, y, width, height of the mask in pixels of the crop.
        occluder: (N, N) float32, 0 to 1, in the framed picture: what is in front; None for nothing.
    """

    depth: Array
    drawn: Rectangle
    brows: Array
    around: Rectangle
    occluder: Array | None = None

    @classmethod
    def of(cls, landmarks: Array, side: int) -> Outline:
        """Draw the outline of a face with (68, 2) landmarks in a crop of a side in pixels."""
        share = _drawn_side(side) / side
        points = landmarks * np.float32(share) + np.float32(0.5 * share - 0.5)
        depth, drawn = inner_face_depth(points, _drawn_side(side))
        x, y, width, height = drawn
        if share < 1.0:
            x, y, width, height = x - 1, y - 1, width + 2, height + 2
        left, top = (int(np.floor(one / share)) for one in (x, y))
        right, bottom = (int(np.ceil(one / share)) for one in (x + width, y + height))
        brows = brow_mask(landmarks * (TONE_SIZE / side))
        return cls(depth, drawn, brows, (left, top, right - left, bottom - top))


@dataclass(frozen=True, slots=True, eq=False)
class TensorFace:
    """A face whose pixels are on the device.

    Attributes:
        place: Where it was cut.
        landmarks: (68, 2) float32 in crop pixels.
        track: Track it belongs to.
        source: Index of the source identity to put on.
        target: (3, S, S) float32, 0 to 255: the crop.
        quarter: (3, S / 4, S / 4), the same smaller.
        framed: The face as networks for occluders take it; None where none looks.
        outline: What was drawn for it.
        occluder: (1, S, S), 0 to 1: what is in front; None for nothing.
        swap: (3, S, S), 0 to 255: what the engine made of it.
        mask: (1, S, S), 0 to 1: what of that is seen.
    """

    place: Place
    landmarks: Array
    track: int
    source: int
    target: Tensor
    quarter: Tensor
    framed: Framed | None = None
    outline: Outline | None = None
    occluder: Tensor | None = None
    swap: Tensor | None = None
    mask: Tensor | None = None

    @property
    def side(self) -> int:
        """Of its crop, in pixels."""
        return self.place.side


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
def framed(targets: Tensor, landmarks: Array, framing: tuple[Array, int]) -> list[Framed]:
    """Frame faces as networks take them, and bring them down.

    Args:
        targets: (B, 3, S, S) crops, 0 to 255.
        landmarks: (B, 68, 2) in their pixels.
        framing: See ``FramedSegmenter``.
    """
    template, size = framing
    matrices = crop_matrix(five_points(landmarks), template, size)
    factors = _factors(matrices)
    pictures: list[Array] = [np.empty(0)] * len(matrices)
    for factor in sorted(set(factors)):
        alike = [k for k, one in enumerate(factors) if one == factor]
        moved = _matrices(matrices[alike], targets.device)
        made = downloaded(warp(targets[alike], moved, size, factor))
        for k, one in zip(alike, made, strict=True):
            pictures[k] = one
    return list(map(Framed, pictures, transform(matrices, landmarks), matrices))


@torch.inference_mode()
def quarters(targets: Tensor) -> Tensor:
    """Return crops (B, 3, S, S) at a quarter of the size, see ``Crop.quarter``."""
    side = max(1, targets.shape[2] // 4)
    return resized(targets, side, side)


@torch.inference_mode()
def with_masks(faces: Sequence[TensorFace]) -> list[TensorFace]:
    """Bring up what was drawn and found on the host, for faces of one size."""
    device, side = faces[0].target.device, faces[0].side
    outlines = [_outline(face) for face in faces]
    drawn = _drawn_side(side)
    parts, rectangles = [one.depth for one in outlines], [one.drawn for one in outlines]
    depths = uploaded_parts(parts, rectangles, drawn, device)[:, None]
    masks = resized(feather(depths, SOFT * drawn), side, side)
    occluders: dict[int, Tensor] = {}
    places = [k for k, one in enumerate(outlines) if one.occluder is not None]
    if places:
        found = [outlines[k].occluder for k in places]
        there = uploaded_bytes([one for one in found if one is not None], device)[:, None]
        matrices = [one.matrix for k in places if (one := faces[k].framed) is not None]
        there = warp_back(
            there, _matrices(np.stack(matrices), device), side, side, black_outside=True
        )
        occluders = dict(zip(places, there, strict=True))
    return [
        replace(face, mask=mask, occluder=occluders.get(k))
        for k, (face, mask) in enumerate(zip(faces, masks, strict=True))
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
    if any(_peak(face) >= MIN_PEAK for face in view):
        blank = torch.zeros_like(masks[0])
        seen = _stacked(view, lambda face: blank if face.occluder is None else face.occluder)
        occluder = stabilize(targets, small, seen, around)
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


def _drawn_side(side: int) -> int:
    """Return the side in pixels at which outlines of crops of a side are drawn."""
    return min(side, GENERATOR_SIZE)


def _outline(face: TensorFace) -> Outline:
    assert face.outline is not None  # drawn before anything is painted
    return face.outline


def _peak(face: TensorFace) -> float:
    found = _outline(face).occluder
    return 0.0 if found is None else float(found.max())
