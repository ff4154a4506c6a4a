"""The source face in the chart of the dense mesh: made once a photo, drawn once a frame.

The chart is the head's cylinder unrolled (`geometry.face_mesh`). A photo is sampled into it
through the mesh; what it does not show comes from its mirror image. In a frame the mesh is
rasterized at a quarter of the crop, which tells where in the chart every pixel lies, and one remap
draws the face: what is turned away or behind the nose is not drawn, so nothing folds over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...detection.face_parser import FaceParts
from ...geometry import face_masks as masks
from ...geometry.face_mesh import (
    CHART,
    EYES,
    INNER_LIPS,
    MESH_POINTS,
    OUTER_LIPS,
    OUTLINE,
    Raster,
    rasterize,
    with_ring,
)
from ...geometry.resample import blur
from ...records import Array
from .beards import BEARD_SIDE, source_beard
from .chart_light import LIGHT_SIDE, without_shine
from .expression import photo_shares, read_expression
from .eyes import Iris, take_irises
from .photo_light import evenly_lit, greyness, with_dark_brows, with_even_color, with_red_lips
from .photo_sampling import CHART_SIDE, drawn_in, sample_photo
from .source_parts import eyes_hidden
from .typical_shading import with_typical_shading

COARSEST_SIDE = 128
RASTER_STEP, FINE_RASTER_STEP = 4, 2  # pixels of a crop to one of the raster, of a small crop
SMALL_CROP = 192
BETTER = 0.3, 1.0  # of that span: by as much a mirror image shows a place better, is taken alone
ASLANT = 1.5, 2.2  # of that span: a place is seen aslant, well enough whatever the mirror image
MOST_LEADS = 6  # photos of a person that lead textures of their own
OPENING_EDGE = 2  # texels by which what eyes and mouth show reaches past their outlines
EDGE_ROUNDS = 2  # raster pixels by which the drawn map is continued past its edge


@dataclass(frozen=True, slots=True, eq=False)
class ChartTexture:
    """A source face in the chart.

    Attributes:
        levels: (S, S, 3) uint8 RGB from fine to coarse, S = 512, 256, 128.
        seen: (512, 512) float32, 0 to 1: how well the photo or its mirror image shows a place.
        expression: View and expression of the photo that leads, see `read_expression`.
        face_size: Width of its face in pixels.
        irises: Those of the photos; None where no eye is open.
        others: Textures of the same person that other photos lead.
        small: (64, 64, 3) float32 RGB, 0 to 255: for comparing light.
        skin: (64, 64) float32, 0 to 1: where the source shows skin.
        beard: (256, 256) float32, 0 to 1: where the source has a beard; None where it has none.
    """

    levels: tuple[Array, ...]
    seen: Array
    small: Array
    skin: Array
    expression: Array
    face_size: float
    irises: tuple[Iris, Iris] | None = None
    others: tuple[ChartTexture, ...] = ()
    beard: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ChartView:
    """A texture drawn into a crop.

    Attributes:
        pixels: (S, S, 3) float32 RGB, 0 to 255.
        face: (S, S) float32, 0 or 1: where the face is drawn.
        seen: (S, S) float32, 0 to 1: how well the source's photo shows what is drawn.
        places: (R, R, 2) float32: where in the chart every pixel of the raster lies.
    """

    pixels: Array
    face: Array
    seen: Array
    places: Array


def make_chart_texture(
    photos: Sequence[tuple[Array, Array]],
    parts: Sequence[FaceParts | None] = (),
    *,
    hard_light: bool = False,
) -> ChartTexture:
    """Sample photos of one person into the chart.

    Args:
        photos: Pairs of a picture (H, W, 3) uint8 RGB and the dense landmarks (478, 3) in its
            pixels. The first leads; the others fill what it does not show, and the next of them
            lead textures of their own, see `fitting_texture`.
        parts: Of each photo's face, where they are known: hair and glasses are taken out.
        hard_light: Leave the shading of hard light as it is.
    """
    every = [*parts, *([None] * (len(photos) - len(parts)))]
    sampled = [
        sample_photo(pixels, points[:MESH_POINTS], one)
        for (pixels, points), one in zip(photos, every, strict=True)
    ]
    irises = take_irises(
        [
            photo
            for photo, one in zip(photos, every, strict=True)
            if one is None or not eyes_hidden(one, photo[1])
        ]
    )
    textures = [
        _led_by(
            [sampled[lead], *sampled[:lead], *sampled[lead + 1 :]],
            points,
            irises,
            None if one is None else source_beard(points, drawn_in(points), one),
            hard_light=hard_light,
        )
        for lead, ((_, points), one) in enumerate(
            zip(photos[:MOST_LEADS], every[:MOST_LEADS], strict=True)
        )
    ]
    return replace(textures[0], others=tuple(textures[1:]))


def _led_by(
    sampled: Sequence[tuple[Array, Array]],
    points: Array,
    irises: tuple[Iris, Iris] | None,
    beard: Array | None,
    *,
    hard_light: bool,
) -> ChartTexture:
    """Return the texture of the first of some sampled photos, with landmarks (478, 3)."""
    texture, facing = sampled[0]
    mirrored = texture[:, ::-1], facing[:, ::-1]
    weight = np.minimum(facing, 1.0)
    for other, shown in sampled[1:]:
        texture, weight = _filled(texture, weight, other, shown)
        facing = np.maximum(facing, shown)
    # Light falls off towards the edge of a turned face: there the other side is the better.
    better = np.clip((mirrored[1] - facing - BETTER[0]) / (BETTER[1] - BETTER[0]), 0.0, 1.0)
    aslant = np.clip((ASLANT[1] - facing) / (ASLANT[1] - ASLANT[0]), 0.0, 1.0)
    texture, weight = _filled(texture, weight * (1.0 - better * aslant), *mirrored)
    texture = with_red_lips(evenly_lit(texture), greyness(texture, weight))
    texture = with_even_color(without_shine(_without_openings(texture)))
    seen = np.asarray(np.minimum(weight, 1.0), np.float32)
    if not hard_light:
        texture = with_typical_shading(texture, seen, beard)
    texture = with_dark_brows(texture)
    levels = [np.asarray(np.clip(np.rint(texture), 0, 255), np.uint8)]
    while levels[-1].shape[0] > COARSEST_SIDE:
        levels.append(np.asarray(cv2.pyrDown(levels[-1])))
    tiny = (LIGHT_SIDE, LIGHT_SIDE)
    small, skin = (
        np.asarray(cv2.resize(one, tiny, interpolation=cv2.INTER_AREA), np.float32)
        for one in (levels[-1], seen)
    )
    size = float(np.ptp(points[OUTLINE, 0]))
    expression = read_expression(points)
    return ChartTexture(tuple(levels), seen, small, skin, expression, size, irises, beard=beard)


def _filled(texture: Array, weight: Array, other: Array, shown: Array) -> tuple[Array, Array]:
    """Fill what a texture (S, S, 3) lacks by its weight (S, S) from another one; return both."""
    shown = np.minimum(shown, 1.0)
    share = ((1.0 - weight) * shown)[..., None]
    held = weight[..., None] + 1e-3  # what nothing shows well stays as the first photo has it
    return (texture * held + other * share) / (held + share), weight + (1.0 - weight) * shown


def fitting_texture(texture: ChartTexture, frame: Array) -> ChartTexture:
    """Return what a person's photos give for a frame with a view and expression (5,).

    That is the texture of the photo that fits best, or a blend.
    """
    if not texture.others:
        return texture
    every = [texture, *texture.others]
    shares = photo_shares(
        [one.expression for one in every], [one.face_size for one in every], frame
    )
    shown = [(one, float(share)) for one, share in zip(every, shares, strict=True) if share > 0.0]

    def blended(pictures: Sequence[Array]) -> Array:
        made = pictures[0]
        total = shown[0][1]
        for picture, (_, share) in zip(pictures[1:], shown[1:], strict=True):
            total += share
            made = np.asarray(
                cv2.addWeighted(made, 1.0 - share / total, picture, share / total, 0.0)
            )
        return made

    textures = [one for one, _ in shown]
    levels = zip(*(one.levels for one in textures), strict=True)
    return replace(
        texture,
        levels=tuple(blended(level) for level in levels),
        seen=blended([one.seen for one in textures]),
        small=blended([one.small for one in textures]),
        skin=blended([one.skin for one in textures]),
        expression=np.sum([share * one.expression for one, share in shown], axis=0),
        others=(),
        beard=_beard_of(blended, textures),
    )


def _beard_of(
    blended: Callable[[Sequence[Array]], Array], textures: Sequence[ChartTexture]
) -> Array | None:
    """Return the blended beard of textures, of which some may have none."""
    if all(one.beard is None for one in textures):
        return None
    none = np.zeros((BEARD_SIDE, BEARD_SIDE), np.float32)
    return blended([none if one.beard is None else one.beard for one in textures])


def _without_openings(texture: Array) -> Array:
    """Return a texture (512, 512, 3) whose eyes and mouth are shut.

    Openings get the color of the lids and lips around them, so that nothing of the photo's
    eyes and teeth is drawn where the target's are closed.
    """
    place = CHART * CHART_SIDE - 0.5
    kernel = np.ones((2 * OPENING_EDGE + 1, 2 * OPENING_EDGE + 1), np.uint8)
    made = texture
    for opening, around in (
        *((eye, masks.scale_points(place[eye], 1.5)) for eye in EYES),
        (INNER_LIPS, place[OUTER_LIPS]),
    ):
        hole = cv2.dilate(masks.fill_polygon(place[opening], CHART_SIDE), kernel)
        ring = masks.fill_polygon(around, CHART_SIDE) * (hole == 0)
        total, held = np.zeros_like(texture), np.zeros((CHART_SIDE, CHART_SIDE), np.float32)
        for sigma, share in ((3.0, 1.0), (12.0, 0.01)):
            total += share * blur(texture * ring[..., None], sigma)
            held += share * blur(ring, sigma)
        soft = cv2.GaussianBlur(hole, (0, 0), 1.0)[..., None]
        made = made + (total / np.maximum(held, 1e-6)[..., None] - made) * soft
    return np.asarray(made, np.float32)


def rasterize_face(points: Array, size: int) -> Raster:
    """Rasterize the mesh of a target at the size at which the chart is looked up.

    Args:
        points: (468 or more, 3) dense landmarks in pixels of a crop.
        size: Side of the crop.
    """
    side = size // (FINE_RASTER_STEP if size <= SMALL_CROP else RASTER_STEP)
    mesh = with_ring(points[:MESH_POINTS].astype(np.float64))
    mesh[:, :2] = (mesh[:, :2] + 0.5) * (side / size) - 0.5
    return rasterize(mesh, side)


def draw_chart(texture: ChartTexture, raster: Raster, size: int) -> ChartView:
    """Draw a texture into a crop.

    Args:
        texture: The source face.
        raster: The target's mesh, see `rasterize_face`.
        size: Side of the crop.
    """
    places = raster.interpolate(CHART)
    face = raster.face
    level = texture.levels[_level(places, face, len(face) / size, len(texture.levels))]
    places = _past_the_edge(places, raster.triangles >= 0)

    def enlarged(values: Array) -> Array:
        return np.asarray(cv2.resize(values, (size, size), interpolation=cv2.INTER_LINEAR))

    columns, rows = (enlarged(one) for one in _texels(places, len(level)))
    pixels = cv2.remap(level, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covered = enlarged(face.astype(np.float32))
    return ChartView(
        pixels.astype(np.float32),
        (covered > 0.5).astype(np.float32),
        enlarged(look_up(texture.seen, places)),
        places,
    )


def look_up(picture: Array, chart: Array) -> Array:
    """Sample a picture of the chart at chart coordinates (N, N, 2)."""
    columns, rows = _texels(chart, len(picture))
    return np.asarray(
        cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def _texels(chart: Array, side: int) -> tuple[Array, Array]:
    """Return columns and rows of a picture of the chart at chart coordinates (N, N, 2)."""
    columns, rows = cv2.split(cv2.addWeighted(chart, float(side), chart, 0.0, -0.5))
    return columns, rows


def _level(places: Array, face: Array, scale: float, levels: int) -> int:
    """Return the coarsest level that is not coarser than the crop."""
    inside = face[::2, 1:] & face[::2, :-1]
    if not inside.any():
        return 0
    steps = np.abs(np.diff(places[::2, :, 0], axis=1))[inside]
    texels = float(np.median(steps)) * scale * CHART_SIDE  # to a pixel of the crop
    return int(np.clip(np.log2(max(texels, 1e-3)) + 0.3, 0, levels - 1))


def _past_the_edge(coarse: Array, drawn: Array) -> Array:
    """Continue the map (N, N, 2) past its edge, so that enlarging it mixes nothing in."""
    known = drawn.astype(np.float32)
    for _ in range(EDGE_ROUNDS):
        share = cv2.blur(known, (3, 3))
        around = cv2.blur(coarse * known[..., None], (3, 3)) / np.maximum(share, 1e-6)[..., None]
        new = (known == 0) & (share > 1e-6)
        coarse[new], known[new] = around[new], 1.0
    return coarse
