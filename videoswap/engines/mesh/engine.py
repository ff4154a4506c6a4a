"""The engine of a fresh machine: no learned generator, works offline.

The source photo is bent onto the target's landmarks and takes the target's light and color. Gaze,
blinks and speech are the target's: the inside of its mouth is kept, and so are its eyes where the
photo's cannot be drawn with its lids and gaze.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from ...compositing.kept_regions import EYES, MOUTH, eye_outlines, keep_eyes, kept_mask
from ...crops import CropSpec
from ...detection.face_parser import FaceParser, FaceParts
from ...detection.recognition import DlibRecognizer
from ...geometry import face_masks as masks
from ...geometry.affine import TEMPLATES
from ...geometry.face_mesh import Raster
from ...occlusion.segmenter import Appearances
from ...records import (
    Array,
    Crop,
    Photo,
    SwappedCrop,
)
from ..base import Engine, Identity, engine_key
from .beards import TrackBeards, beard_mask, beardedness, beards_in_chart, beards_in_crop
from .chart import ChartTexture, draw_chart, fitting_texture, look_up, rasterize_face
from .chart_light import ChartLightSettings, film_in_chart, light_between, lit_by
from .correction import Corrector
from .expression import expression_change, read_expression
from .eyes import draw_eyes, share_of_source
from .folds import take_folds
from .light import LightSettings, match_light
from .mouth import take_mouth
from .options import MeshOptions
from .shape import reshaped
from .source_parts import contradicts, parts_of
from .target_parts import in_front, past_outline, with_front
from .texture import (
    Outline,
    Texture,
    controls_of,
    make_texture,
)
from .warp import warp_tps

#: Counted up whenever results change.
SCHEMA = 38
# FFHQ's framing without the hair: from the upper forehead to under an open mouth's chin.
_TEMPLATE = 0.5 + (TEMPLATES["ffhq_512"] - [0.5, 0.602]) * 1.4
_AROUND = 1 / 1.4  # size of a face in its crop where what is around it moves along
_SHOWN, _SHOWN_FINE = 96, 192  # sides at which the film is compared, and its light's edges seen
_FINE = 128  # side of the chart of those
_SOFT = 64  # side at which masks without sharp edges are made
#: As far beside a thing what is behind it is taken, since its edge may be blurred.
_BESIDE = np.ones((3, 3), np.uint8)
_READ_EVERY = 3  # frames: none is further than one from one that is parsed and corrected
_HAIR = 1.6  # how surely a pixel that does not agree is hair: it stays in full, not half
_FOLDS_TAKEN = 0.85  # from the target at most: a person is known by them too


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """The engine's few numbers; lengths are shares of the crop's side unless said otherwise.

    Attributes:
        outline: How far the swapped face reaches.
        feather: Width of the soft border.
        chart_light: How closely the light is followed where the dense landmarks are known.
    """

    outline: Outline = field(default_factory=Outline)
    feather: float = 0.04
    chart_light: ChartLightSettings = field(default_factory=ChartLightSettings)


class MeshEngine(Engine):
    """Swaps by landmarks; see the module's docstring.

    Args:
        settings: Its few numbers.
        options: What a user chooses.
        corrector: Corrects the swaps; None leaves them as they are drawn.
    """

    sizes = (128, 160, 192, 224, 256, 288, 320, 352, 384, 448, 512, 640, 768)
    spec = CropSpec(_TEMPLATE, sizes)

    def __init__(
        self,
        settings: MeshSettings | None = None,
        options: MeshOptions | None = None,
        corrector: Corrector | None = None,
    ) -> None:
        self._options = options or MeshOptions()
        self._corrector = corrector
        self._settings = settings or MeshSettings()
        spec = type(self).spec
        if self._options.shape_outline:
            wide = 0.5 + (_TEMPLATE - 0.5) * _AROUND
            spec = replace(spec, template=wide)
            feather = self._settings.feather * _AROUND
            self._settings = replace(self._settings, feather=feather)
        self._light = LightSettings()
        self._parser = FaceParser()
        self._track_beards: TrackBeards | None = None
        super().__init__(
            "mesh",
            engine_key(
                "mesh",
                SCHEMA,
                self._options,
                self._settings,
                self._light,
                self._parser.key,
                None if corrector is None else corrector.key,
            ),
            spec,
            keeps=frozenset({MOUTH}),
            keeps_without_dense=frozenset({EYES}),
        )

    def for_video(self, appearances: Appearances) -> MeshEngine:
        """Return the engine for a video: whose beards are decided for whole tracks."""
        made = copy(self)
        made._track_beards = TrackBeards(appearances, self._parser)
        return made

    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Build the texture; of several photos the one with the largest face leads."""
        ordered = sorted(photos, key=lambda photo: photo.face.size, reverse=True)
        lead = ordered[0].label
        parts = [parts_of(photo, self._parser) for photo in ordered]
        texture = make_texture(ordered, _TEMPLATE, self._settings.outline, parts=parts)
        if self._corrector is not None:
            texture = replace(texture, descriptor=_descriptor(ordered))
        return Identity(lead, texture, lead)

    def read_parts(self, crop: Crop) -> Crop:
        """Parse every third frame: hair and glasses keep their place on a face that long."""
        if crop.frame is None or crop.frame % _READ_EVERY:
            return crop
        return replace(crop, parts=self._parser.parse_crops([crop])[0].probabilities)

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap each crop; a batch brings nothing here."""
        made = []
        for crop, texture in zip(crops, people, strict=True):
            parts = self._parser.parse_crops([crop])[0]
            front = in_front(crop, parts)
            crop, kept = self._with_beard(crop, parts, texture)
            if kept is not None:
                front = kept if front is None else np.maximum(front, kept)
            if front is None:
                made.append(self._swap_one(crop, texture))
                continue
            swapped = self._swap_one(with_front(crop, front), texture)
            around = None if swapped.around is None else swapped.around * (1.0 - front)
            made.append(replace(swapped, mask=swapped.mask * (1.0 - front), around=around))
        return made if self._corrector is None else self._with_corrections(crops, made, people)

    def _with_corrections(
        self, crops: Sequence[Crop], made: list[SwappedCrop], people: Sequence[Any]
    ) -> list[SwappedCrop]:
        """Say what to change in the swaps of every third frame; the finisher puts it between."""
        assert self._corrector is not None  # the caller's check
        told = [
            place
            for place, crop in enumerate(crops)
            if crop.dense_landmarks is not None and not (crop.frame or 0) % _READ_EVERY
        ]
        if not told:
            return made
        given = ([crops[place] for place in told], [made[place] for place in told])
        descriptors = [people[place].descriptor for place in told]
        maps = self._corrector.maps(*given, descriptors, self.keeps)
        for place, own in zip(told, maps, strict=True):
            made[place] = replace(made[place], correction=own)
        return made

    def _with_beard(
        self, crop: Crop, parts: FaceParts, texture: Texture
    ) -> tuple[Crop, Array | None]:
        """Return a crop that knows its beard, and what of that stays in front of the swap."""
        if texture.chart is None or contradicts(parts, crop.landmarks):
            return crop, None
        if self._track_beards is None:
            bearded = beardedness(parts, crop.landmarks)
        else:
            bearded = self._track_beards.of(crop.track)
        mask = beard_mask(crop, parts, bearded.amount)
        if mask is None:
            return crop, None
        kept = mask * np.float32(bearded.long)
        known = replace(crop, beard=mask - kept) if bearded.long < 1.0 else crop
        return known, kept if bearded.long > 0.0 else None

    def _swap_one(self, crop: Crop, texture: Texture) -> SwappedCrop:
        if texture.chart is not None and crop.dense_landmarks is not None:
            shape, outline = self._options.shape, self._options.shape_outline
            if not shape and not outline:
                raster = rasterize_face(crop.dense_landmarks, len(crop.pixels))
                return self._swap_in_chart(crop, texture.chart, raster)
            assert texture.proportions is not None  # it has a chart
            crop, raster, around = reshaped(crop, texture.proportions, shape, outline)
            swapped = self._swap_in_chart(crop, texture.chart, raster)
            return replace(swapped, reshaped=crop, around=around)
        size = crop.pixels.shape[0]
        points = crop.landmarks
        # Where a fringe hides the source's forehead the target keeps its own.
        controls = controls_of(points / size, texture.lifts, self._settings.outline.lip_gap)
        bent, area = warp_tps(texture.at_least(size), texture.controls, controls, size)
        brow = masks.forehead_points(points, texture.lifts)
        face = masks.fill_hull(np.vstack([points[masks.JAW], brow]), size)
        sound = _unfolded(area)
        if sound.min() < 1.0:
            face *= cv2.resize(sound, (size, size), interpolation=cv2.INTER_LINEAR)
        depths = masks.depth(face)
        small = cv2.resize(face, (_SOFT, _SOFT), interpolation=cv2.INTER_AREA)
        skin = _plain_skin(points * (_SOFT / size), small)
        lit, agreement = match_light(bent, *_without_front(crop), skin, self._light)
        face *= masks.feather(depths, self._settings.feather * size)
        strange = np.minimum(_HAIR * (1.0 - agreement), 1.0)
        hair = self._below_hair(points * (_SOFT / size)) * strange
        if hair.max() > 0.02:  # it stays in front
            face *= 1.0 - cv2.resize(hair, (size, size), interpolation=cv2.INTER_LINEAR)
        return SwappedCrop(lit, face, frozenset({EYES}))

    def _swap_in_chart(self, crop: Crop, texture: ChartTexture, raster: Raster) -> SwappedCrop:
        """Swap a crop whose dense landmarks are known, through the chart of their mesh."""
        assert crop.dense_landmarks is not None  # the caller's check
        size = crop.pixels.shape[0]
        expression = read_expression(crop.dense_landmarks)
        texture = fitting_texture(texture, expression)
        view = draw_chart(texture, raster, size)
        gains, veil = self._light_in_chart(crop, texture, crop.dense_landmarks)
        lit, agreement = lit_by(view.pixels, look_up(gains, view.places), veil)
        face = view.seen * masks.feather(masks.depth(view.face), self._settings.feather * size)
        beards = beards_in_crop(size, view.places, texture.beard, crop.beard)
        if beards is not None:
            things = past_outline(crop)
            past = beards.past if things is None else beards.past * (1.0 - things)
            face = np.maximum(face, past)
        agreement = cv2.resize(agreement, (_SOFT, _SOFT), interpolation=cv2.INTER_AREA)
        strange = np.minimum(_HAIR * (1.0 - agreement), 1.0)
        hair = self._below_hair(crop.landmarks * (_SOFT / size)) * strange
        if hair.max() > 0.02:  # it stays in front
            face *= 1.0 - cv2.resize(hair, (size, size), interpolation=cv2.INTER_LINEAR)
        change = expression_change(texture.expression, expression)
        if change > 0.0:
            beard = None if beards is None else beards.either
            take_folds(lit, crop, view.places, _FOLDS_TAKEN * change, beard)
        take_mouth(lit, crop, change, None if beards is None else beards.either)
        keeps = frozenset() if self._paint_eyes(lit, view.pixels, crop, texture) else {EYES}
        contrast = None if beards is None else beards.contrast
        return SwappedCrop(lit, np.asarray(face, np.float32), frozenset(keeps), contrast)

    def _paint_eyes(self, lit: Array, swap: Array, crop: Crop, texture: ChartTexture) -> bool:
        """Paint the eyes into a lit face, in place; whether the photo shows any.

        Small and turned ones are the target's own, or between both.
        """
        if texture.irises is None or crop.dense_landmarks is None:
            return False
        if share_of_source(crop.dense_landmarks) < 1.0:
            keep_eyes(lit, crop.pixels, eye_outlines(crop), crop.occluder_mask)
        draw_eyes(lit, swap, crop.pixels, crop.dense_landmarks, texture.irises)
        return True

    def _light_in_chart(
        self, crop: Crop, texture: ChartTexture, dense: Array
    ) -> tuple[Array, Array]:
        """Return gains, agreement and haze, see ``light_between``."""
        places, facing = film_in_chart(dense, crop.pixels.shape[0])
        shown, free = _without_front(crop, _SHOWN)
        film = look_up(shown, places)
        free = look_up(free, places) * facing
        beard = beards_in_chart(texture.beard, crop.beard, places)
        settings = self._settings.chart_light

        def detailed() -> Array:
            there = cv2.resize(places, (_FINE, _FINE))
            return look_up(_without_front(crop, _SHOWN_FINE)[0], there)

        return light_between(texture.small, film, texture.skin, free, settings, beard, detailed)

    def _below_hair(self, points: Array) -> Array:
        """Return the soft mask (_SOFT, _SOFT) of forehead and temples, where hair may hang."""
        low, high = (
            masks.forehead_points(points, share * self._settings.outline.forehead)
            for share in (0.6, 2.0)
        )
        temples = (
            _temple(points, (0, 1, 36, 17), high[:2]),
            _temple(points, (16, 15, 45, 26), high[-2:]),
        )
        # no hull, which would hold the brows too
        above = masks.fill_polygon(np.vstack([low, high[::-1]]), _SOFT)
        region = np.max([above, *(masks.fill_hull(part, _SOFT) for part in temples)], axis=0)
        return np.asarray(cv2.GaussianBlur(region, (0, 0), 0.03 * _SOFT))


def _descriptor(photos: Sequence[Photo]) -> Array:
    """Return dlib's descriptor (128,) of a person: the mean over the photos."""
    recognizer = DlibRecognizer()
    found = [
        recognizer.embed(photo.pixels, photo.face.landmarks)
        for photo in photos
        if photo.face.landmarks is not None
    ]
    return np.asarray(np.mean(found, axis=0), np.float32)


def _temple(points: Array, marks: tuple[int, int, int, int], above: Array) -> Array:
    """Return the corners (6, 2) of a temple, a little past the face's outline.

    Args:
        points: (68, 2) landmarks.
        marks: Of that side: the jaw's two uppermost, the corner of the eye, the end of the brow.
        above: (2, 2) the forehead's outline over that end.
    """
    jaw, cheek, eye, brow = points[list(marks)]
    beyond = 1.15 * np.stack([jaw, cheek]) - 0.15 * points[27]
    return np.vstack([beyond, 0.5 * (jaw + eye), brow, above])


def _without_front(crop: Crop, side: int = _SOFT) -> tuple[Array, Array]:
    """Return the face without what is in front of it, and where it is seen or known.

    So a hand that passes does not change the light on the rest of the face. Both have the side
    that is asked for.
    """
    small = (side, side)
    shown = cv2.resize(crop.pixels, small, interpolation=cv2.INTER_AREA)
    if crop.occluder_mask is None:
        return shown, np.ones(small, np.float32)
    hidden = cv2.resize(crop.occluder_mask, small, interpolation=cv2.INTER_AREA)
    if crop.unoccluded is None:
        return shown, np.asarray(1.0 - hidden)
    known = cv2.resize(crop.unoccluded.known, small, interpolation=cv2.INTER_AREA)
    behind = cv2.resize(crop.unoccluded.pixels, small, interpolation=cv2.INTER_AREA)
    share = known * cv2.dilate(hidden, _BESIDE)
    return shown + (behind - shown) * share[..., None], 1.0 - hidden * (1.0 - known)


def _unfolded(area: Array) -> Array:
    """Return 1 where the warp is sound, falling to 0 where it folds over."""
    return np.asarray(np.clip(area / 0.08, 0.0, 1.0), np.float32)


def _plain_skin(points: Array, face: Array) -> Array:
    """Return the weight of pixels that show plain skin in any face; all at side ``_SOFT``."""
    features = [
        masks.scale_points(points[17:22], 1.2),
        masks.scale_points(points[22:27], 1.2),
        points[48:60],
        masks.scale_points(points[masks.LEFT_EYE], 1.6),
        masks.scale_points(points[masks.RIGHT_EYE], 1.6),
    ]
    inside = cv2.erode(face, np.ones((3, 3), np.uint8))
    for feature in features:
        inside = inside * (1.0 - masks.fill_hull(feature, _SOFT))
    return np.asarray(inside * (1.0 - kept_mask(points, _SOFT)), np.float32)
