"""Labels of real beards: drawn by GrabCut from what a first parser, tone and texture say.

The weak network's labels hardly know beards. Whose face has one is judged by eye and listed in a
file; where it is, GrabCut finds (Rother et al., "GrabCut", SIGGRAPH 2004) in a picture of
brightness against the cheeks, color against the cheeks, and texture. It starts from the present
parser, which learned beards from drawn ones. What only one side of a face shows may be a shadow and
is left out, as are dark places of a bearded jaw that were not chosen.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ...detection.face_parser import FRAME_SHARE, PARSED_SIZE, FaceParser, FacePart
from ...errors import InputError, reason_of
from ...geometry import face_masks as masks
from ...geometry.face_mesh import BROWS, EYES, OUTER_LIPS, OUTLINE
from ...occlusion.guided_filter import guided_filter_refine
from ...records import Array
from .labels import IGNORED

BEARD, DOUBT = "beard", "doubt"
NOSE, NOSE_BASE = (98, 97, 2, 326, 327, 1, 4, 5, 195), 2
EAR_TOPS, EAR_LOBES = (127, 356), (93, 323)
REACH = 1.4  # of the outline: further out there is no beard
HINTED, SURE = 0.12, 0.55  # the parser's probability at which a beard is likely, and taken for sure
FAINT = 0.3  # probability below which a beard that the other side lacks is left out
LEAST_PIXELS = 30


def read_beards(path: Path) -> dict[str, str]:
    """Read which crops show a beard: lines of a name and ``beard`` or ``doubt``.

    Raises:
        InputError: ``bad_source``.
    """
    try:
        lines = [line.split() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeError) as error:
        raise InputError("bad_source", f"{path} cannot be read: {reason_of(error)}.") from None
    if any(len(line) != 2 or line[1] not in (BEARD, DOUBT) for line in lines):
        raise InputError("bad_source", f"{path} holds no lines of a name and beard or doubt.")
    return {line[0]: line[1] for line in lines}


def without_beard(label: Array, points: Array) -> Array:
    """Return the label of a face that has no beard for sure: what was in doubt is skin.

    Args:
        label: (S, S) uint8, `FacePart` or `IGNORED`.
        points: (478, 2) dense landmarks in pixels.
    """
    size, made = len(label), label.copy()
    rows, columns = np.mgrid[:size, :size]
    width, middle = np.ptp(points[[61, 291], 0]), points[[61, 291], 0].mean()
    inside = masks.fill_polygon(masks.scale_points(points[OUTLINE], 0.94), size) > 0.5
    chin = inside & (rows > points[NOSE_BASE, 1]) & (np.abs(columns - middle) < 0.75 * width)
    made[chin & (label == IGNORED)] = FacePart.SKIN
    made[made == FacePart.BEARD] = IGNORED
    return made


def with_beard(picture: Array, label: Array, points: Array, parser: FaceParser) -> Array:
    """Return the label of a face that has a beard.

    Args:
        picture: (S, S, 3) uint8 RGB, the face in ArcFace's framing.
        label: (S, S) uint8, `FacePart` or `IGNORED`.
        points: (478, 2) dense landmarks in pixels.
        parser: Says where a beard is likely.
    """
    size = len(picture)
    rows, columns = np.mgrid[:size, :size]
    oval = _filled(points, OUTLINE, size)
    below = rows > _cheek_line(points, columns[0])[None]
    nose = masks.fill_hull(points[list(NOSE)], size) > 0.5
    allowed = _filled(points, OUTLINE, size, REACH) & below
    allowed &= ~_filled(points, OUTER_LIPS, size) & ~nose
    parts = _parsed(picture, parser)
    hairy = parts[FacePart.BEARD] + np.where(below, parts[FacePart.HAIR], 0.0)
    known = (label == FacePart.BEARD) | ((label == FacePart.HAIR) & allowed)
    hairy = np.maximum(hairy, 0.7 * known)
    features = np.any([_filled(points, one, size, 1.25) for one in (*BROWS, *EYES)], axis=0)
    cheeks = oval & ~below & ~features & (rows > points[[159, 386], 1].min())
    if not cheeks.any():
        return label
    looks, dark, rough = _against(picture, cheeks & (parts[FacePart.SKIN] > 0.6), points)
    hint = hairy + np.clip(dark - 0.1, 0.0, 0.6) + 4.0 * np.clip(rough, 0.0, 0.1)
    start = np.full((size, size), cv2.GC_BGD, np.uint8)
    start[allowed] = cv2.GC_PR_BGD
    start[allowed & (hairy > HINTED) & (hint > 0.2)] = cv2.GC_PR_FGD
    sure = allowed & (hairy > SURE)
    if sure.sum() < 2 * LEAST_PIXELS and (allowed & oval).any():
        sure = allowed & oval & (hint >= np.percentile(hint[allowed & oval], 93))
    start[sure] = cv2.GC_FGD
    start[(label == FacePart.BACKGROUND) & (hairy < 0.2)] = cv2.GC_BGD
    start[(label == FacePart.NECK) & (hairy < 0.05) & ~oval] = cv2.GC_BGD
    if np.isin(start, (cv2.GC_FGD, cv2.GC_PR_FGD)).sum() < LEAST_PIXELS:
        return label
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(looks, start, (0, 0, 1, 1), *models, 4, cv2.GC_INIT_WITH_MASK)
    chosen = np.isin(start, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    soft = cv2.GaussianBlur(chosen, (0, 0), 1.0)
    soft = guided_filter_refine(soft, picture.astype(np.float32))
    beard = allowed & (soft > 0.6)
    lonely = ~_on_both_sides(beard, points) & (hairy < FAINT)
    doubt = beard & (lonely | (~oval & (hairy < HINTED)))
    made = label.copy()
    made[allowed & oval & np.isin(label, (FacePart.BEARD, IGNORED))] = FacePart.SKIN
    made[allowed & ~oval & (label == FacePart.BEARD)] = IGNORED
    made[allowed & (soft > 0.25)] = IGNORED
    jaw = allowed & oval & (rows > points[NOSE_BASE, 1])
    made[jaw & ~beard & ((dark > HINTED) | (hairy > HINTED))] = IGNORED
    made[beard & ~doubt] = FacePart.BEARD
    lips = np.isin(label, (FacePart.LIPS, FacePart.MOUTH))
    made[lips] = label[lips]
    return made


def _filled(points: Array, outline: Array, size: int, growth: float = 1.0) -> Array:
    return masks.fill_polygon(masks.scale_points(points[outline], growth), size) > 0.5


def _cheek_line(points: Array, columns: Array) -> Array:
    """Return the row in each column above which no beard grows."""
    unit = float(np.linalg.norm(points[152] - points[10]))
    left, right = (
        0.4 * points[top, 1] + 0.6 * points[lobe, 1]
        for top, lobe in zip(EAR_TOPS, EAR_LOBES, strict=True)
    )
    across = [points[EAR_LOBES[0], 0], points[NOSE_BASE, 0], points[EAR_LOBES[1], 0]]
    base = points[NOSE_BASE, 1] - 0.02 * unit
    if not across[0] < across[1] < across[2]:
        return np.full(len(columns), points[NOSE_BASE, 1])
    return np.asarray(np.interp(columns, across, [left, base, right]))


def _parsed(picture: Array, parser: FaceParser) -> Array:
    """Return the mean of the parser's answers for a face and its mirror image, (10, S, S)."""
    size = len(picture)
    scale = FRAME_SHARE * PARSED_SIZE / size
    shift = (PARSED_SIZE - 1) / 2 - scale * (size - 1) / 2
    matrix = np.array([[scale, 0, shift], [0, scale, shift]])
    framed = cv2.warpAffine(
        picture,
        matrix,
        (PARSED_SIZE, PARSED_SIZE),
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_REPLICATE,
    )
    one, other = parser.parse_framed(np.stack([framed, framed[:, ::-1]]))
    mean = ((one + other[..., ::-1]) / 2).transpose(1, 2, 0)
    back = cv2.warpAffine(
        np.ascontiguousarray(mean),
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(back.transpose(2, 0, 1))


def _against(picture: Array, cheeks: Array, points: Array) -> tuple[Array, Array, Array]:
    """Compare a face with its cheeks, whose light from one side is taken out.

    Returns:
        A picture (S, S, 3) uint8 of brightness, color and texture; how much darker a pixel is, in
        log units, and how much rougher.
    """
    gray = np.log(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) + 8.0)
    unit = float(np.linalg.norm(points[152] - points[10]))
    across = (np.arange(len(gray)) - points[1, 0])[None].repeat(len(gray), axis=0) / unit
    basis = np.stack([np.ones(int(cheeks.sum())), across[cheeks]], axis=1)
    weight, found = np.ones(len(basis)), np.zeros(2)
    for _ in range(4):  # reweighted least squares
        found = np.linalg.lstsq(basis * weight[:, None], gray[cheeks] * weight, rcond=None)[0]
        weight = (1.0 + ((gray[cheeks] - basis @ found) / 0.15) ** 2) ** -0.5
    apart = gray - (found[0] + found[1] * np.clip(across, -0.45, 0.45))
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    color = lab[..., 1] + 0.5 * lab[..., 2]
    color -= np.median(color[cheeks]) if cheeks.any() else 0.0
    rough = cv2.GaussianBlur(np.abs(gray - cv2.GaussianBlur(gray, (0, 0), 1.5)), (0, 0), 2.0)
    looks = np.stack([128 + 90 * apart, 128 + 1.5 * color, 600 * rough], axis=-1)
    smooth = float(np.median(rough[cheeks])) if cheeks.any() else 0.0
    return np.clip(looks, 0, 255).astype(np.uint8), -apart, rough - smooth


def _on_both_sides(beard: Array, points: Array) -> Array:
    """Return which pixels have a beard at their mirrored place, or none to be asked."""
    size = len(beard)
    rows, columns = np.mgrid[:size, :size]
    middle = points[[61, 291], 0].mean()
    left = max(middle - points[OUTLINE, 0].min() + 4, 4.0)
    right = max(points[OUTLINE, 0].max() + 4 - middle, 4.0)
    if min(left, right) < 0.35 * max(left, right):  # turned away
        return np.ones_like(beard)
    scale = np.where(columns > middle, left / right, right / left)
    there = (middle - (columns - middle) * scale).round().clip(0, size - 1).astype(int)
    return np.asarray(cv2.dilate(beard.astype(np.uint8), np.ones((9, 9)))[rows, there] > 0)
