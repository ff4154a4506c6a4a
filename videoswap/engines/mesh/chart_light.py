"""The light of the film put onto a source face, in the chart of the dense mesh.

Both faces are compared in the chart, at ``LIGHT_SIDE``, in the logarithm of each channel, where a
change of light is a sum. In the chart every region of a face has its place, whatever the pose,
and does not swim: regions where no hair grows may differ a lot, since there it can only be light.
A quadratic surface is fitted robustly (Tukey's biweight). What is left over is followed closely
in luminance, and in color only by its wide mean, so that lips, brows and a flush of the target
leave no stain; only a highlight takes its color along. Small highlights and shadows that the film
shows by itself, as of a wet forehead or beside a nose, are put on top.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ...geometry import face_masks as masks
from ...geometry.brightness import RATIO_FLOOR
from ...geometry.face_mesh import (
    BROWS,
    CHART,
    EYES,
    MESH_POINTS,
    NOSE_TIP,
    OUTER_LIPS,
    OUTLINE,
    Raster,
    normals,
    rasterize,
    with_ring,
)
from ...records import Array
from .light import LUMA, quadratic_basis, spread_out, veil_between, with_gains
from .light_edges import share_of_edges, with_edges

LIGHT_SIDE = 64
MEAN = np.full(3, 1.0 / 3.0, np.float32)
SHINE_SIGMA = 0.05  # of the chart: what is brighter than its surroundings of this size shines
PORE_SIGMA = 0.007  # of the chart: what is finer than this stays
SHINING = 0.35  # log units by which a place is brighter where it has lost the skin's color
GENTLE, GLARE = 0.03, 0.12  # log units by which a place is brighter: by its shape; all is shine
SHINE_TAKEN = 0.7
FEATURE_GROWTH = ((EYES, 1.3), (BROWS, 1.15), ((OUTER_LIPS,), 1.0))
EDGE_ON, TOWARDS = 0.0, 0.25
BEARD_COLOR = 0.3  # share by which color is followed where a beard seems to be
BEARD_DOUBT = 0.8  # share by which skin where a beard grows counts less in the surface
BEARD_STIFFNESS = 3.0  # penalty on a surface whose skin beards hide
LEAST_SKIN, LEAST_LIDS = 40.0, 4.0  # pixels of the chart
RELIEF_FINE, RELIEF_AROUND = 0.35, 2.5  # sizes of small lights: as fine as they are, around them
LEAST_RELIEF = 0.02  # log units: less is noise
NOSE_SIZES, BRIDGE = (0.125, 0.095), 0.08  # of the chart: tip (and eyes), bridge; how far it is up
SOCKET_LIMITS = -0.6, 0.2  # log units
NOSE_BASE, CHIN = 2, 152  # of the mesh


@dataclass(frozen=True, slots=True)
class ChartLightSettings:
    """How closely the film's light is followed; lengths are shares of the chart's side.

    Attributes:
        fine: Width of the luminance's local part.
        wide: Width of the color's local part, and of the luminance's where the fine part is unsure.
        bare: Difference in log units at which a pixel counts for nothing where no hair grows.
        hairy: The same on forehead, temples, jaw and around the mouth.
        beard: Difference in log units that both sides of a jaw share, at which it is a beard.
        limit: Largest gain in log units.
        veil: How much of the film's haze is laid over the swap, 0 to 1.
        disagreement: Difference in log units at which a pixel shows something else than lit skin.
        highlight: Log units by which a place is lit beyond its surroundings to take the color.
        relief_size: Size of the film's small highlights and shadows.
        shine: Share of its small highlights that the swap gets.
        shade: The same of its small shadows.
        socket: Share by which lids are as dark beside the face as the film's are.
    """

    fine: float = 0.06
    wide: float = 0.08
    bare: float = 2.5
    hairy: float = 2.0
    beard: float = 0.8
    limit: float = 1.6
    veil: float = 0.8
    disagreement: float = 0.75
    highlight: float = 0.4
    relief_size: float = 0.04
    shine: float = 1.3
    shade: float = 0.7
    socket: float = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Regions of any face in the chart, (64, 64) float32, 0 to 1.

    Attributes:
        face: Inside the outline.
        skin: Plain skin: without eyes, brows and lips.
        lips: The lips and what is between them.
        beard: Where a beard grows.
        bare: Where no hair grows.
    """

    face: Array
    skin: Array
    lips: Array
    beard: Array
    bare: Array


@cache
def regions() -> Regions:
    """Draw the regions."""
    place = CHART * LIGHT_SIDE - 0.5
    face = masks.fill_polygon(place[OUTLINE], LIGHT_SIDE)
    around = np.ones((3, 3), np.uint8)
    skin = cv2.erode(face, around)
    for outlines, growth in FEATURE_GROWTH:
        for outline in outlines:
            grown = masks.fill_polygon(masks.scale_points(place[outline], growth), LIGHT_SIDE)
            skin = skin * (1.0 - cv2.dilate(grown, around))
    row = np.arange(LIGHT_SIDE, dtype=np.float32)[:, None]
    nose, chin = place[NOSE_BASE, 1], place[CHIN, 1]
    brow = min(place[one, 1].min() for one in BROWS)
    # A beard climbs towards the ears.
    aside = np.abs(np.arange(LIGHT_SIDE) - place[NOSE_BASE, 0])[None] / LIGHT_SIDE
    begin = nose - (chin - nose) * np.clip(4.0 * aside - 0.8, 0.0, 1.0)
    beard = np.clip((row - begin) / 2.0, 0.0, 1.0) * face
    forehead = np.clip((brow - 1.0 - row) / 2.0, 0.0, 1.0) * face
    temples = np.clip((aside - 0.3) / 0.05, 0.0, 1.0) * face
    bare = face * (1.0 - np.maximum(np.maximum(beard, forehead), temples))
    lips = masks.fill_polygon(place[OUTER_LIPS], LIGHT_SIDE)
    parts = (face, skin, lips, beard, bare)
    return Regions(*(np.asarray(part, np.float32) for part in parts))


@cache
def light_raster() -> Raster:
    """Return the mesh drawn into its own chart at the size of the light."""
    return rasterize(CHART * LIGHT_SIDE - 0.5, LIGHT_SIDE)


def without_shine(texture: Array) -> Array:
    """Take the photo's small highlights off the skin: shine of its light, not of the film's.

    Args:
        texture: (S, S, 3) float32 RGB, 0 to 255, in the chart.

    Returns:
        (S, S, 3) float32.
    """
    side = len(texture)
    logarithm = np.log(np.maximum(texture, 0.0) + RATIO_FLOOR)
    soft = cv2.GaussianBlur(logarithm, (0, 0), PORE_SIGMA * side)
    taken = np.zeros_like(logarithm)
    for region in (regions().skin, regions().lips):
        where = cv2.resize(cv2.GaussianBlur(region, (0, 0), 0.8), (side, side))
        above = soft - spread_out(logarithm, where, SHINE_SIGMA * side, 0.0, 1e-3)
        luma = above @ LUMA
        shine = luma * np.clip((luma - GENTLE) / (GLARE - GENTLE), 0.0, 1.0) * where
        color = np.minimum(shine / SHINING, 1.0)[..., None] * (above - luma[..., None])
        taken += SHINE_TAKEN * (shine[..., None] + color)
    return np.asarray(np.exp(logarithm - taken) - RATIO_FLOOR)


def film_in_chart(points: Array, side: int) -> tuple[Array, Array]:
    """Return where in a film's crop every place of the chart lies, and whether it faces the viewer.

    Args:
        points: (468 or more, 3) dense landmarks in pixels of a crop.
        side: Side of that crop.

    Returns:
        (64, 64, 2) float32, pixel / side, and (64, 64) float32, 0 to 1.
    """
    mesh = points[:MESH_POINTS].astype(np.float64)
    towards = -normals(mesh)[:, 2:]
    values = np.hstack([(mesh[:, :2] + 0.5) / side, towards])
    drawn = light_raster().interpolate(with_ring(values))
    facing = np.clip((drawn[..., 2] - EDGE_ON) / (TOWARDS - EDGE_ON), 0.0, 1.0)
    return drawn[..., :2], np.asarray(facing, np.float32)


def light_between(
    source: Array,
    film: Array,
    skin: Array,
    shown: Array,
    settings: ChartLightSettings,
    beard: Array | None = None,
    detailed: Callable[[], Array] | None = None,
) -> tuple[Array, Array]:
    """Find the light that makes a source face look as lit as the film's.

    Args:
        source: (64, 64, 3) float32 RGB, 0 to 255: the source in the chart.
        film: (64, 64, 3) float32 RGB: the film's face in the chart.
        skin: (64, 64) float32, 0 to 1: where both show skin.
        shown: (64, 64) float32, 0 to 1: where the film's face is seen and nothing is in front.
        settings: How closely.
        beard: (64, 64) float32, 0 to 1: where either has a beard, so that they say nothing about
            light; None for nowhere.
        detailed: Gives the film in a larger chart, (N, N, 3) RGB, by which hard light ends.

    Returns:
        (64, 64, 4) or, where there is hard light, (N, N, 4) float32, the gains of the channels and
        the agreement: 1 where the film looks like the lit source, 0 where it shows something else,
        like hair; and (3,) float32, the levels to be added: what haze adds. The gains are for
        levels ``RATIO_FLOOR`` higher.
    """
    region = regions()
    weights, hidden = skin * shown * region.skin, 0.0
    if beard is not None:
        bare = float(weights.sum())
        weights = weights * (1.0 - beard)
        hidden = 1.0 - float(weights.sum()) / max(bare, 1.0)
    made: Array = np.ones((LIGHT_SIDE, LIGHT_SIDE, 4), np.float32)
    if float(weights.sum()) < LEAST_SKIN:
        return made, np.zeros(3, np.float32)
    veil = veil_between(source, film, (region.face * shown) > 0.6, settings.veil)
    log_source = np.log(source + RATIO_FLOOR)
    log_film = np.log(np.maximum(film - veil, 0.0) + RATIO_FLOOR)
    difference = log_film - log_source
    smooth, trust, in_color = _robust_fit(difference, weights, settings, hidden)
    left_over = difference - smooth
    luma = (left_over @ LUMA)[..., None]
    color = left_over - luma
    fine, wide = settings.fine * LIGHT_SIDE, settings.wide * LIGHT_SIDE
    around = spread_out(luma, trust, wide, 0.0, 0.02)
    near = spread_out(luma, trust, fine, around, 0.03)
    color_around = spread_out(color, in_color, wide, 0.0, 0.02)
    color_near = spread_out(color, in_color, fine, color_around, 0.03)
    # Where the film shines its light is nearer to white than the skin's color.
    shine = np.clip((near - around) / settings.highlight, 0.0, 1.0)
    gain = smooth + near + color_around + shine * (color_near - color_around)
    gain += _relief_to_take(log_film, log_source + gain, weights, settings)
    for lids, socket in _sockets():
        seen = lids * shown
        held = float(seen.sum())
        if held >= LEAST_LIDS:
            darker = float(((luma - near)[..., 0] * seen).sum()) / held
            gain += settings.socket * np.clip(darker, *SOCKET_LIMITS) * socket[..., None]
    strange = np.abs(left_over) @ MEAN / settings.disagreement
    made[..., 3] = np.clip(2.0 - 2.0 * strange, 0.0, 1.0)
    if detailed is not None:
        edges = share_of_edges(gain, log_film, weights)
        if edges is not None:
            log_detailed = np.log(np.maximum(detailed() - veil, 0.0) + RATIO_FLOOR)
            gain = with_edges(gain, log_detailed, weights, edges)
            made = np.asarray(cv2.resize(made, gain.shape[1::-1]))
    made[..., :3] = np.exp(np.clip(gain, -settings.limit, settings.limit))
    return made, veil


def lit_by(pixels: Array, gains: Array, veil: Array) -> tuple[Array, Array]:
    """Light a face.

    Args:
        pixels: (S, S, 3) float32 RGB, 0 to 255.
        gains: (R, R, 4) float32, as of ``light_between``, in the place of the pixels.
        veil: (3,) levels to be added.

    Returns:
        The lit pixels, and the agreement (R, R).
    """
    return with_gains(pixels, np.ascontiguousarray(gains[..., :3]), veil), gains[..., 3]


def _relief_to_take(
    log_film: Array, log_lit: Array, weights: Array, settings: ChartLightSettings
) -> Array:
    """Return (64, 64, 3), log units, what shines and is shaded in the film more than in the swap.

    Only what a film shows by itself is taken, so that no fold of the photo is lit away.

    Args:
        log_film: (64, 64, 3) log units: the film without haze.
        log_lit: (64, 64, 3) log units: the source in the film's light so far.
        weights: (64, 64), 0 to 1: where both show skin.
        settings: How much of it.
    """
    size = settings.relief_size * LIGHT_SIDE
    both = np.concatenate([log_film, (log_lit @ LUMA)[..., None]], axis=2)
    mean = np.tensordot(weights, both, 2) / float(weights.sum())
    around = spread_out(both, weights, RELIEF_AROUND * size, mean, 1e-2)
    relief = spread_out(both, weights, RELIEF_FINE * size, around, 1e-2) - around
    shown = relief[..., :3] @ LUMA
    missing = shown - relief[..., 3]
    bright = np.maximum(np.minimum(shown, missing) - LEAST_RELIEF, 0.0)
    dark = np.maximum(np.minimum(-shown, -missing) - LEAST_RELIEF, 0.0)
    taken = settings.shine * bright + settings.shade * dark
    inside = cv2.GaussianBlur(weights, (0, 0), 0.7) * _away_from_features()
    share = inside * taken / np.maximum(np.abs(shown), 1e-3)
    return np.asarray(share[..., None] * relief[..., :3], np.float32)


@cache
def _away_from_features() -> Array:
    """Return 1 where small lights are taken to 0 at the nose: people are known by its shading.

    (64, 64) float32; half of them are taken at the eyes.
    """
    place = (np.mgrid[:LIGHT_SIDE, :LIGHT_SIDE][::-1] + 0.5) / LIGHT_SIDE

    def near(point: Array, size: float) -> Array:
        apart = (place - point[:, None, None]) / size
        return np.asarray(np.exp(-(apart**2).sum(axis=0)))

    tip = CHART[NOSE_TIP]
    nose = near(tip, NOSE_SIZES[0]) + near(tip - [0.0, BRIDGE], NOSE_SIZES[1])
    eyes = sum(near(CHART[eye].mean(axis=0), NOSE_SIZES[0]) for eye in EYES)
    return np.asarray(1.0 - np.minimum(nose + 0.5 * eyes, 1.0), np.float32)


@cache
def _sockets() -> tuple[tuple[Array, Array], ...]:
    """Return the lids of each eye without its opening, and its soft socket, (64, 64) float32."""
    place = CHART * LIGHT_SIDE - 0.5
    brows = np.max([masks.fill_polygon(place[one], LIGHT_SIDE) for one in BROWS], axis=0)
    made = []
    for eye in EYES:
        whole, middle, opening = (
            masks.fill_polygon(masks.scale_points(place[eye], growth), LIGHT_SIDE)
            for growth in (1.9, 1.5, 1.1)
        )
        lids = whole * (1.0 - brows) * (1.0 - opening)
        soft = cv2.GaussianBlur(middle, (0, 0), 0.03 * LIGHT_SIDE)
        made.append((np.asarray(lids, np.float32), np.asarray(soft, np.float32)))
    return tuple(made)


@cache
def _basis() -> Array:
    return np.asarray(quadratic_basis(LIGHT_SIDE), np.float32)


def _robust_fit(
    difference: Array, weights: Array, settings: ChartLightSettings, hidden: float
) -> tuple[Array, ...]:
    """Fit a quadratic surface per channel by reweighted least squares (Tukey's biweight).

    The larger the share of the skin that a beard hides, the less the surface may bend under it.
    Returns the surface, shaped like ``difference``, and the final weights (64, 64) of luminance
    and of color.
    """
    region = regions()
    basis = _basis()
    values = difference.reshape(-1, 3)
    outlier = settings.hairy + (settings.bare - settings.hairy) * region.bare
    fitted = weights * (1.0 - BEARD_DOUBT * region.beard)  # cheeks and nose lead
    trust = np.ones_like(weights)
    bend, slope = 0.1 + BEARD_STIFFNESS * hidden, 1e-2 + 0.1 * BEARD_STIFFNESS * hidden
    penalty = np.diag([1e-6, slope, slope, bend, bend, bend]) * float(fitted.sum())
    narrow = np.float32(1.0) / outlier
    beard = region.beard / np.float32(settings.beard)
    # Start wide so that a badly lit half of the face is not mistaken for an outlier.
    for width in (4.0, 2.0, 1.0, 1.0):
        weighted = basis * (fitted * trust).reshape(-1, 1)
        coefficients = np.linalg.solve(weighted.T @ basis + penalty, weighted.T @ values)
        coefficients = coefficients.astype(np.float32)
        surface = (basis @ coefficients).reshape(difference.shape)
        apart = difference - surface
        error = cv2.transform(cv2.absdiff(difference, surface), MEAN[None]) * narrow
        luma = cv2.blur(cv2.transform(apart, LUMA[None]), (3, 3))
        other = cv2.flip(luma, 1)
        # the lesser of both sides where they have one sign, else 0
        shared = np.maximum(np.minimum(luma, other), 0.0) - np.minimum(np.maximum(luma, other), 0.0)
        bearded = shared * beard
        agrees = np.maximum(1.0 - (error / np.float32(width)) ** 2, 0.0) ** 2
        skin = np.maximum(1.0 - bearded**2, 0.0) ** 2
        trust = agrees * skin
    # A shadow under a chin may pass for a beard, and its color would stay.
    in_color = agrees * (skin + BEARD_COLOR * (1.0 - skin))
    parts = (surface, trust * weights, in_color * weights)
    return tuple(part.astype(np.float32) for part in parts)
