"""The source's eyes between the target's lids, looking where the target looks.

A photo gives the iris and its reflectance: its colors as shares of the eye white's. In a frame the
white is the target's own, without its iris, lashes and highlights; the iris is drawn where the
target's is, in the light that the white shows, and gets the target's highlights. The opening
is that of the target's lids; the lids themselves are part of the chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...geometry import face_masks as masks
from ...geometry.brightness import RATIO_FLOOR
from ...geometry.face_mesh import EYES
from ...records import Array
from .folds import take_pattern

IRISES = (468, 473)  # their centres; the four points of the rim follow each
CORNERS = ((33, 133), (362, 263))  # image left first
UPPER_LIDS, LOWER_LIDS = ((160, 159, 158), (385, 386, 387)), ((144, 145, 153), (380, 374, 373))
IRIS_RADIUS = 32  # pixels of the finest texture
REACH = 1.3  # iris radii that the texture reaches out
RINGS = 24  # of the radial profile of the iris
LEVELS = 4
CLOSED, OPEN = 0.09, 0.17  # height of an opening in its widths: no eye is drawn, all of it is
NO_WINK, WINK = 0.1, 0.16  # difference of both openings: eyes are as open as each other, one winks
UNLIKE, LIKE = 0.05, 0.4  # variation of the film's eye in that of the painted one: likewise
LEAST_PHOTO_OPENING = 0.17  # the same of a photo, from which an eye is taken
DARK_IRIS = 0.3  # share of the eye white that an iris reflects less of
LEAST_PHOTO_RADIUS = 2.5  # pixels of an iris
WHITE_COLOR = 0.7  # of the skin's color: what the eye white has of it at most
LEAST_CONTRAST = 0.12  # share of the eye white by which an iris must be darker
SMALL, LARGE = 2.5, 4.0  # radius of an iris in pixels: the target's own eye is kept, none of it is
TURNED, IN_VIEW = 0.45, 0.65  # width of an eye in that of the other one: likewise
DARKEST = 0.45, 1.6  # darkest iris in log units: its share of the white; by the target's
BLUR = 0.4  # of an iris of no contrast at all; in its radii
SOCKET_SHADE = 0.6  # how much of the new sockets' shade the white takes
LEAST_WHITE = 6.0  # pixels of eye white that are believed over the light around the eye
GLINT = 1.3, 1.7  # times the usual eye white: a place begins to shine, says nothing about it
HIGHLIGHT = 0.6  # share of the eye white from which a spot on the iris is a highlight
LASHES, LASH_WIDTH = 0.5, 0.35  # log units by which they are darker; in iris radii
LASH_REACH = 0.3  # eye widths to either side of the iris; they end at twice that
LID_SHADOW, LID_SHADOW_REACH = 0.5, 0.45  # of the upper lid's; in iris radii


@dataclass(frozen=True, slots=True, eq=False)
class Iris:
    """The iris of a photo.

    Attributes:
        levels: (S, S, 3) float32 RGB from fine to coarse: its colors as shares of the eye white's.
        white: (3,) float32 RGB, 0 to 255: the eye white in the photo.
        contrast: How much darker it is than the white, in log units.
    """

    levels: tuple[Array, ...]
    white: Array
    contrast: float


@dataclass(frozen=True, slots=True, eq=False)
class _Eye:
    """One eye in a picture: where the iris is, how it lies, how far it is open."""

    outline: Array  # (16, 2)
    centre: Array  # (2,) of the iris
    axes: Array  # (2, 2): its radius along the line of the corners, and across
    width: float
    opening: float  # height in widths

    @property
    def radius(self) -> float:
        return float(np.linalg.norm(self.axes, axis=1).mean())

    def in_radii(self, low: Array, shape: tuple[int, int]) -> tuple[Array, Array]:
        """Return where pixels of a box lie from the centre of the iris, in its radii (h, w)."""
        rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        offset = (low - self.centre).astype(np.float32)
        x, y = columns + offset[0], rows + offset[1]
        inverse = np.linalg.inv(self.axes).astype(np.float32)
        return x * inverse[0, 0] + y * inverse[1, 0], x * inverse[0, 1] + y * inverse[1, 1]


@dataclass(frozen=True, slots=True, eq=False)
class _Painted:
    """An eye as it would be, open, in a part of the crop (h, w)."""

    part: tuple[slice, slice]
    seen: Array  # (h, w, 3) of the target
    soft: Array  # (h, w), 0 to 1: the opening
    painted: Array  # (h, w, 3)
    in_radii: tuple[Array, Array]  # places from the centre of the iris
    depths: tuple[Array, Array]  # distance to the lids inside of them and outside, in radii
    contrast: float  # share of the iris's that is drawn
    evidence: float  # how surely the target shows an open eye, 0 to 1


def _eyes(points: Array) -> list[_Eye]:
    """Read both eyes from dense landmarks (478, 3)."""
    marks = points[:, :2].astype(np.float64)
    found = []
    for side in (0, 1):
        units, width, opening = _opening(marks, side)
        right, top, left, bottom = marks[IRISES[side] + 1 : IRISES[side] + 5]
        radii = 0.5 * np.array([np.linalg.norm(right - left), np.linalg.norm(bottom - top)])
        axes = np.maximum(radii, 1e-3)[:, None] * units
        found.append(_Eye(marks[EYES[side]], marks[IRISES[side]], axes, width, opening))
    return found


def eye_openings(points: Array) -> tuple[float, float]:
    """Return how far the eyes are open, in their widths, image left first.

    Args:
        points: (468 or more, 3) dense landmarks.
    """
    left, right = (_opening(points[:, :2].astype(np.float64), side)[2] for side in (0, 1))
    return left, right


def _opening(marks: Array, side: int) -> tuple[Array, float, float]:
    """Return the unit vectors (2, 2) along and across an eye, its width, its height in widths."""
    first, second = marks[list(CORNERS[side])]
    width = max(float(np.linalg.norm(second - first)), 1e-3)
    x, y = (second - first) / width
    units = np.array([[x, y], [-y, x]])
    lids = marks[list(LOWER_LIDS[side])] - marks[list(UPPER_LIDS[side])]
    return units, width, max(float((lids @ units[1]).mean()), 0.0) / width


def take_irises(photos: Sequence[tuple[Array, Array]]) -> tuple[Iris, Iris] | None:
    """Take the irises from the photo that shows them best.

    Args:
        photos: Pairs of a picture (H, W, 3) uint8 RGB and the dense landmarks (478, 3) in its
            pixels.

    Returns:
        Those of the eye that lies left in the picture and of the other one; where one is not
        shown, the mirror image of the other. None if no photo shows an open eye.
    """
    best: tuple[float, Iris | None, Iris | None] = 0.0, None, None
    for pixels, points in photos:
        eyes = _eyes(points)
        left, right = (_take(pixels, eye) for eye in eyes)
        shown = sum(
            min(eye.radius, IRIS_RADIUS) * min(eye.opening, 0.35)
            for eye, iris in zip(eyes, (left, right), strict=True)
            if iris is not None
        )
        if shown > best[0]:
            best = shown, left, right
    _, left, right = best
    if left is None and right is None:
        return None
    return left or _mirrored(right), right or _mirrored(left)


def _mirrored(iris: Iris | None) -> Iris:
    assert iris is not None  # the caller's check
    levels = tuple(np.ascontiguousarray(one[:, ::-1]) for one in iris.levels)
    return replace(iris, levels=levels)


def _take(pixels: Array, eye: _Eye) -> Iris | None:
    """Take one iris out of a photo; None where it cannot be seen."""
    if eye.opening < LEAST_PHOTO_OPENING or eye.radius < LEAST_PHOTO_RADIUS:
        return None
    side = 2 * round(REACH * IRIS_RADIUS * 2.2) + 1  # wide enough for the white beside it
    units = (np.mgrid[:side, :side] - side // 2).astype(np.float32)[::-1] / IRIS_RADIUS
    places = eye.centre + units[0][..., None] * eye.axes[0] + units[1][..., None] * eye.axes[1]
    columns, rows = cv2.split(places.astype(np.float32))
    picture = cv2.remap(
        pixels, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    outline = (eye.outline - eye.centre) @ np.linalg.inv(eye.axes) * IRIS_RADIUS + side // 2
    inner = masks.fill_polygon(outline, side)
    margin = max(3, round(0.16 * IRIS_RADIUS))
    inner = cv2.erode(inner, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    radius = np.hypot(*units)
    bright = picture.mean(axis=2)
    beside = (inner > 0.5) & (radius > 1.15) & (np.abs(units[1]) < 0.8)
    seen = (inner > 0.5) & (radius < REACH)
    if beside.sum() < 40 or (seen & (radius < 1)).sum() < 0.25 * np.pi * IRIS_RADIUS**2:
        return None
    lit = beside & (bright >= np.median(bright[beside]))
    lids = cv2.dilate(masks.fill_polygon(outline, side), np.ones((margin, margin), np.uint8)) == 0
    lids &= bright >= np.median(bright[lids])
    white = _whiter(np.median(picture[lit], axis=0), np.median(picture[lids], axis=0))
    # What lids cover, and highlights, are given the tone of their ring.
    ring = np.minimum((radius * RINGS / REACH).astype(int), RINGS - 1)
    known = [number for number in range(RINGS) if (seen & (ring == number)).sum() >= 4]
    tones = np.array([np.median(picture[seen & (ring == number)], axis=0) for number in known])
    at = (np.array(known) + 0.5) * REACH / RINGS
    tone = np.stack([np.interp(radius, at, tones[:, one]) for one in range(3)], axis=2)
    core = (np.array(known) + 0.5) * REACH / RINGS < 0.9
    if not core.any() or tones[core].mean() > (1 - LEAST_CONTRAST) * white.mean():
        return None
    spot = (bright - tone.mean(axis=2) > 0.1 * white.mean()) & (radius < 1)
    spot = cv2.dilate(spot.astype(np.float32), np.ones((5, 5), np.uint8))
    trust = cv2.GaussianBlur(seen * (1 - spot), (0, 0), 0.06 * IRIS_RADIUS)[..., None]
    made = (tone + (picture - tone) * trust) / np.maximum(white, 8.0)
    # No dark iris is blue or green: that is the sky in it.
    dark = np.clip((DARK_IRIS - made.mean(axis=2)) / 0.1, 0.0, 1.0)[..., None]
    made -= dark * np.maximum(made - made[..., :1], 0.0)
    half = round(REACH * IRIS_RADIUS)
    middle = np.s_[side // 2 - half : side // 2 + half + 1]
    levels: list[Array] = [
        np.ascontiguousarray(np.clip(made[middle, middle], 0.0, 1.3), np.float32)
    ]
    for _ in range(LEVELS - 1):
        levels.append(cv2.GaussianBlur(levels[-1], (0, 0), 2.0 ** (len(levels) - 1)))
    disc = radius[middle, middle] < 1.0
    contrast = max(-float(np.log(levels[0].mean(axis=2)[disc] + 0.03).mean()), 0.05)
    return Iris(tuple(levels), white.astype(np.float32), contrast)


def _whiter(white: Array, skin: Array) -> Array:
    """Return the color (3,) of an eye white without that of lids reflected in it or mixed with it.

    A reddish white would make a grey iris blue in the film, whose white is its own.
    """
    log_white, log_skin = (np.log(one + RATIO_FLOOR) for one in (white, skin))
    reddish, skin_color = log_white - log_white.mean(), log_skin - log_skin.mean()
    length = float(skin_color @ skin_color)
    share = float(reddish @ skin_color) / max(length, 1e-6)
    if length < 1e-4 or share <= WHITE_COLOR:
        return white
    whiter = np.exp(log_white - (share - WHITE_COLOR) * skin_color) - RATIO_FLOOR
    return np.asarray(whiter * (white.mean() / whiter.mean()))


def draw_eyes(
    lit: Array, swap: Array, target: Array, points: Array, irises: tuple[Iris, Iris]
) -> None:
    """Draw the source's eyes into a lit face; changes ``lit``.

    Args:
        lit: (S, S, 3) float32 RGB, 0 to 255: the swap in the target's light, which already holds
            the target's eyes where `share_of_source` is under 1.
        swap: (S, S, 3) float32 RGB, 0 to 255: the swap before that.
        target: (S, S, 3) float32 RGB, 0 to 255.
        points: (478, 3) dense landmarks of the target in pixels of the crop.
        irises: Those of the source, image left first.
    """
    eyes = _eyes(points)
    shares = [_share(eye, other) for eye, other in (eyes, eyes[::-1])]
    made = [
        _paint(lit, swap, target, eye, iris) if share > 0.0 else None
        for eye, iris, share in zip(eyes, irises, shares, strict=True)
    ]
    opened = _opened(eyes, made, min(shares))
    for eye, one, share, own in zip(eyes, made, shares, opened, strict=True):
        if one is not None:
            _lay(lit, eye, one, share, own)


def _opened(eyes: Sequence[_Eye], made: Sequence[_Painted | None], both: float) -> list[float]:
    """Return how surely each eye is to be drawn, 0 to 1: no more than the other unless one winks.

    One that is drawn beside one that is not would be a squint.

    Args:
        eyes: Both eyes.
        made: What was painted of each; None for nothing.
        both: How much of both is drawn, 0 to 1: a hidden eye says nothing about the other one.
    """
    apart = abs(eyes[0].opening - eyes[1].opening)
    alike = both * float(np.clip((WINK - apart) / (WINK - NO_WINK), 0.0, 1.0))
    opened = np.clip([(eye.opening - CLOSED) / (OPEN - CLOSED) for eye in eyes], 0.0, 1.0)
    found = opened * [0.0 if one is None else one.evidence for one in made]
    return [float(one) for one in found + alike * (found.min() - found)]


def share_of_source(points: Array) -> float:
    """Return how much of the source's eyes can be drawn, 0 to 1: the lesser of both eyes."""
    left, right = _eyes(points)
    return min(_share(left, right), _share(right, left))


def _share(eye: _Eye, other: _Eye) -> float:
    large = (eye.radius - SMALL) / (LARGE - SMALL)
    facing = (eye.width / other.width - TURNED) / (IN_VIEW - TURNED)
    return float(np.clip(min(large, facing), 0.0, 1.0))


def _paint(lit: Array, swap: Array, target: Array, eye: _Eye, iris: Iris) -> _Painted | None:
    """Paint an open eye, with the film's highlights; None where it lies outside the crop."""
    radius = eye.radius
    margin = np.ceil(1.5 * radius)
    low = np.clip(np.floor(eye.outline.min(axis=0) - margin), 0, len(lit) - 1).astype(int)
    high = np.clip(np.ceil(eye.outline.max(axis=0) + margin), 0, len(lit)).astype(int)
    shape = (int(high[1] - low[1]), int(high[0] - low[0]))
    if min(shape) < 3:
        return None
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    seen = np.ascontiguousarray(target[part])
    inner = masks.fill_polygon(eye.outline - low, max(shape))[: shape[0], : shape[1]]
    soft = cv2.GaussianBlur(inner, (0, 0), max(0.12 * radius, 0.6))
    across, down = eye.in_radii(low, shape)
    distance = np.hypot(across, down)
    # The white: the target's beside its iris and off its lashes, spread over the opening.
    grey = _grey(seen)
    free = np.clip(2.0 * soft - 1.0, 0.0, 1.0) ** 2
    beside = np.clip((distance - 1.1) / 0.2, 0.0, 1.0) * free
    # A highlight beside the iris would spread over the white, and make one eye pale.
    dull = np.clip((GLINT[1] - grey / _usual(grey, beside)) / (GLINT[1] - GLINT[0]), 0.0, 1.0)
    beside *= (grey / 128.0) ** 2 * dull
    sigma = 0.8 * radius
    tones = [_mean(one, 1.0 - soft) + RATIO_FLOOR for one in (lit[part], swap[part], seen)]
    expected = iris.white * tones[0] / tones[1]
    socket = np.exp(np.clip(SOCKET_SHADE * np.log(tones[0] / tones[2]), -0.35, 0.2))
    held = cv2.GaussianBlur(beside, (0, 0), sigma)[..., None]
    local = cv2.GaussianBlur(seen * beside[..., None], (0, 0), sigma)
    total = float(beside.sum())
    doubt = LEAST_WHITE / (total + LEAST_WHITE)
    overall = doubt * expected + (1 - doubt) * _mean(seen, beside)
    white = ((local + 0.03 * overall) / (held + 0.03)).astype(np.float32)
    # In a blurred film no iris is as dark as in a sharp photo.
    core = np.clip((1.0 - distance) / 0.2, 0.0, 1.0) * free
    # Its highlights are no part of it.
    iris_seen = np.minimum(grey, _usual(grey, core))
    depth_seen = (np.log((iris_seen + RATIO_FLOOR) / (_grey(white) + RATIO_FLOOR)) * core).sum()
    darkest = DARKEST[0] + DARKEST[1] * max(-float(depth_seen) / (float(core.sum()) + 1.0), 0.0)
    contrast = min(1.0, darkest / iris.contrast)
    white = (white * socket).astype(np.float32)
    # The iris in that light, and the shadow of the upper lid.
    level = int(np.clip(np.log2(IRIS_RADIUS / max(radius, 1e-3)), 0, LEVELS - 1))
    texture = iris.levels[level]
    columns, rows = (one * IRIS_RADIUS + len(texture) // 2 for one in (across, down))
    drawn = cv2.remap(texture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    solid = np.clip((REACH - distance) / (REACH - 1.0), 0.0, 1.0)[..., None]
    painted = white * (1.0 + (cv2.pow(drawn, contrast) - 1.0) * solid)
    evidence = _evidence(grey, _grey(painted), free)
    inside = (inner > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3) / radius
    beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3) / radius
    shade = LID_SHADOW * np.exp(-depth / LID_SHADOW_REACH) * np.clip(0.6 - down, 0.0, 1.0)
    painted *= (1.0 - shade)[..., None]
    if contrast < 1.0:
        painted = cv2.GaussianBlur(painted, (0, 0), BLUR * (1.0 - contrast) * radius + 1e-3)
    # Highlights: spots of the target that are smaller than an iris, as bright as the white where
    # they lie on the iris, and brighter beside it.
    reach = 2 * max(1, round(0.35 * radius)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    spot = grey - cv2.morphologyEx(grey, cv2.MORPH_OPEN, kernel)
    on_iris = np.clip((1.1 - distance) / 0.2, 0.0, 1.0)
    least = GLINT[0] + (HIGHLIGHT - GLINT[0]) * on_iris
    spot = np.minimum(spot, np.maximum(grey - least * _grey(white), 0.0))
    painted += spot[..., None]
    places = (across, down), (depth, beyond)
    return _Painted(part, seen, soft, painted, *places, contrast, evidence)


def _lay(lit: Array, eye: _Eye, one: _Painted, share: float, opened: float) -> None:
    """Lay a painted eye over a lit face, in place, as far as it is open."""
    radius, part = eye.radius, one.part
    across, down = one.in_radii
    depth, beyond = one.depths
    if opened < 1.0:
        # Lids and lashes come from the target.
        middle = eye.outline.mean(axis=0) - eye.centre
        x, y = np.linalg.solve(eye.axes.T, middle).astype(np.float32)
        reach = np.hypot((across - x) * np.float32(radius / (0.6 * eye.width)), down - y)
        weight = share * (1.0 - opened) * np.clip(2.0 - 1.8 * reach, 0.0, 1.0)
        take_pattern(lit[part], one.seen, weight, np.clip(reach - 1.0, 0.0, 1.0), 1.5 * radius)
    weight = (share * opened * one.soft)[..., None]
    lit[part] += (np.clip(one.painted, 0.0, 255.0) - lit[part]) * weight
    # The lashes of the upper lid, which no texture holds: it is made with shut eyes.
    from_lid = np.maximum(depth, beyond) / np.float32(max(LASH_WIDTH, 1.0 / radius))
    aside = np.abs(across) * np.float32(radius / (LASH_REACH * eye.width))
    upper = np.clip(0.3 - down, 0.0, 1.0) * np.clip(2.0 - aside, 0.0, 1.0)
    lashes = LASHES * one.contrast * np.exp(-(from_lid**2)) * upper
    lit[part] *= np.exp(-share * opened * lashes)[..., None].astype(np.float32)


def _evidence(seen: Array, painted: Array, weight: Array) -> float:
    """Return how surely a film shows an open eye, 0 to 1, where the landmarks see one.

    Landmarks read eyes that are shut, blurred or in the dark as open. Where the film shows an eye,
    its brightness varies as that of the painted one does, and not much less.

    Args:
        seen: (h, w) levels of the film.
        painted: (h, w) levels of the eye painted there.
        weight: (h, w), 0 to 1: what counts.
    """
    share = weight / max(float(weight.sum()), 1e-3)
    film, eye = (np.log(one + RATIO_FLOOR) for one in (seen, painted))
    film, eye = (one - float((one * share).sum()) for one in (film, eye))
    alike = float((film * eye * share).sum()) / max(float((eye * eye * share).sum()), 1e-6)
    return float(np.clip((alike - UNLIKE) / (LIKE - UNLIKE), 0.0, 1.0))


def _usual(grey: Array, weight: Array) -> float:
    """Return the median of a picture (h, w) where its weight (h, w) is over a half."""
    known = grey[weight > 0.5]
    return float(np.median(known)) + 1.0 if known.size else 256.0


def _grey(picture: Array) -> Array:
    """Return the mean of the channels (h, w); OpenCV is quicker at it than numpy."""
    return np.asarray(cv2.transform(picture, np.full((1, 3), 1 / 3)).reshape(picture.shape[:2]))


def _mean(picture: Array, weight: Array) -> Array:
    """Return the mean color (3,) of a picture (h, w, 3) by weight (h, w)."""
    flat = weight.reshape(-1).astype(np.float32)
    return np.asarray(flat @ picture.reshape(-1, 3) / max(float(flat.sum()), 1e-3))
