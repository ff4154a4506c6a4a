"""Labels of face parts as a weak network gave them, corrected by rule with dense landmarks.

The weak network finds hair, skin and neck, and errs in details: brows, eyes, lips and mouth are
drawn anew from the dense landmarks; specks within the face become skin; hair under the nose of
somebody with hair on chin or lip is a beard; the border between hair and skin follows the edges of
the picture. What stays in doubt is marked `IGNORED` and teaches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...detection.face_parser import FacePart
from ...geometry import face_masks as masks
from ...geometry.face_mesh import BROWS, EYES, INNER_LIPS, OUTER_LIPS, OUTLINE
from ...occlusion.guided_filter import guided_filter_refine
from ...records import Array

IGNORED = 255
#: The weak network's classes, in its order, as ours.
WEAK_CLASSES = np.array(
    [
        *(FacePart.BACKGROUND, FacePart.SKIN, FacePart.BROWS, FacePart.EYES, FacePart.LIPS),
        *(FacePart.MOUTH, FacePart.HAIR, FacePart.GLASSES, FacePart.NECK),
    ],
    np.uint8,
)
_DRAWN = (FacePart.BROWS, FacePart.EYES, FacePart.LIPS, FacePart.MOUTH)
LEAST_SKIN = 0.7  # share of the cheeks that a label worth anything calls skin
BEARDED = 0.12  # share of lip and chin that is hair
DARK = 0.75  # of the cheeks' brightness: darker skin on lip and chin may be a beard
DARK_SHARE = 0.25
GLASSES_SHARE = 0.03  # of the region of the eyes
OPAQUE = 0.7  # share of the eyes that dark glasses cover
NOSE_BASE = 2  # of the dense landmarks
EARS = (93, 323)  # points of the outline at the lower end of the ears
JAW_SIDES = (132, 361)


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """A label after its correction.

    Attributes:
        label: (S, S) uint8, `FacePart` or `IGNORED`.
        glasses: Whether the person seems to wear glasses.
        beard: Whether a beard, moustache or stubble is likely.
    """

    label: Array
    glasses: bool
    beard: bool


def correct_label(weak: Array, picture: Array, points: Array) -> Corrected | None:
    """Correct the label of a face that stands upright in its picture.

    Args:
        weak: (S, S) uint8, classes of the weak network.
        picture: (S, S, 3) uint8 RGB.
        points: (478, 3) dense landmarks in its pixels.

    Returns:
        The corrected label; None where the weak one is not worth it.
    """
    return _Correction(weak, picture, points[:, :2]).run()


class _Correction:
    def __init__(self, weak: Array, picture: Array, points: Array) -> None:
        self._picture, self._points, self._size = picture, points, len(weak)
        self._label = WEAK_CLASSES[weak]
        self._weak_glasses = self._label == FacePart.GLASSES
        self._rows, self._columns = np.mgrid[: self._size, : self._size]
        self._oval = self._filled(OUTLINE)
        unit = self._unit = float(np.linalg.norm(points[152] - points[10]))
        side = max(1, round(0.02 * unit))
        self._inside = cv2.erode(self._oval.astype(np.uint8), np.ones((side * 2 + 1,) * 2)) > 0
        self._label[np.isin(self._label, _DRAWN)] = FacePart.SKIN
        self._gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        self._nose = float(points[NOSE_BASE, 1])
        eyes = [points[eye].mean(axis=0) for eye in EYES]
        self._eyes_y = float((eyes[0][1] + eyes[1][1]) / 2)
        self._middle = points[OUTLINE].mean(axis=0)

    def run(self) -> Corrected | None:
        label, inside = self._label, self._inside
        cheeks = (
            inside & (self._rows > self._eyes_y + 0.07 * self._unit) & (self._rows < self._nose)
        )
        skin = np.isin(label, (FacePart.SKIN, FacePart.GLASSES))
        if not cheeks.any() or skin[cheeks].mean() < LEAST_SKIN:
            return None
        glasses = self._correct_glasses()
        stray = inside & np.isin(label, (FacePart.BACKGROUND, FacePart.NECK))
        label[stray] = FacePart.SKIN
        self._drop_specks()
        self._snap_hair()
        beard = self._correct_beard(float(np.median(self._gray[cheeks & skin])))
        self._correct_outside()
        self._draw_features(glasses)
        return Corrected(label, glasses, beard)

    def _filled(self, outline: Array, growth: float = 1.0) -> Array:
        points = masks.scale_points(self._points[outline], growth)
        return masks.fill_polygon(points, self._size) >= 0.5

    def _correct_glasses(self) -> bool:
        """Keep glasses where they are, and take the doubtful surroundings of the eyes out."""
        label, points = self._label, self._points
        stray = label == FacePart.GLASSES
        brows = np.concatenate([points[brow] for brow in BROWS])
        low = float(brows[:, 1].min()) - 0.02 * self._unit
        high = self._eyes_y + 0.22 * self._unit
        across = np.ptp(points[[127, 356], 0])
        zone = (self._rows > low) & (self._rows < high)
        zone &= np.abs(self._columns - self._middle[0]) < 0.62 * across
        found = stray & zone
        label[stray] = np.where(self._oval, FacePart.SKIN, FacePart.NECK)[stray]
        if found[zone].mean() < GLASSES_SHARE:
            return False
        eyes = np.any([self._filled(eye, 1.3) for eye in EYES], axis=0)
        grown = cv2.dilate(found.astype(np.uint8), np.ones((7, 7))) > 0
        label[zone & self._oval | grown] = IGNORED
        dark = self._gray[eyes].mean() < 0.6 * np.median(self._gray[self._inside])
        if found[eyes].mean() > OPAQUE and dark:
            label[found] = FacePart.GLASSES
        return True

    def _drop_specks(self) -> None:
        """Turn hair that does not reach out of the face into skin; ignore hair far off."""
        label = self._label
        hair = (label == FacePart.HAIR).astype(np.uint8)
        count, parts = cv2.connectedComponents(hair)
        near = cv2.dilate(self._oval.astype(np.uint8), np.ones((25, 25))) > 0
        above_nose = self._rows < self._nose
        for number in range(1, count):
            part = parts == number
            within = part & self._oval
            if within.sum() > 0.9 * part.sum():
                label[within & above_nose] = FacePart.SKIN
            elif not (part & near).any():
                label[part] = IGNORED

    def _snap_hair(self) -> None:
        """Move the border of the hair to the edges of the picture."""
        label = self._label
        hair = (label == FacePart.HAIR).astype(np.float32)
        snapped = guided_filter_refine(hair, self._picture.astype(np.float32))
        changeable = np.isin(label, (FacePart.SKIN, FacePart.HAIR))
        label[changeable & (snapped >= 0.65)] = FacePart.HAIR
        doubtful = changeable & (snapped > 0.35) & (snapped < 0.65)
        skin = changeable & (snapped <= 0.35) & (hair > 0)
        label[skin & self._oval] = FacePart.SKIN
        label[skin & ~self._oval] = IGNORED
        label[doubtful] = IGNORED

    def _correct_beard(self, cheek: float) -> bool:
        label, points = self._label, self._points
        lips = self._filled(OUTER_LIPS, 1.05)
        width = float(np.ptp(points[[61, 291], 0]))
        mouth_x = float(points[[61, 291], 0].mean())
        chin = self._oval & (self._rows > self._nose) & ~lips
        chin &= np.abs(self._columns - mouth_x) < 0.75 * width
        if not chin.any():
            return False
        dark = (self._gray < DARK * cheek) & (label == FacePart.SKIN)
        hair = label == FacePart.HAIR
        left = self._columns < mouth_x  # a shadow lies on one side, a beard on both
        sides = [hair[chin & side].mean() for side in (left, ~left) if (chin & side).any()]
        slope = np.interp(
            self._columns[0],
            [points[EARS[0], 0], points[NOSE_BASE, 0], points[EARS[1], 0]],
            [points[EARS[0], 1], self._nose, points[EARS[1], 1]],
        )
        below = self._rows > slope[None]
        if min(sides) > BEARDED:
            reach = self._filled(OUTLINE, 1.12)
            jaw = self._filled(OUTLINE, 1.35) & (self._rows > points[61, 1])
            jaw &= np.abs(self._columns - self._middle[0]) < 0.45 * np.ptp(points[OUTLINE, 0])
            label[hair & below & (reach | jaw)] = FacePart.BEARD
            label[dark & below] = IGNORED
            edge = cv2.morphologyEx(
                (label == FacePart.BEARD).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))
            )
            label[(edge > 0) & (label == FacePart.SKIN)] = IGNORED
            return True
        label[hair & chin] = IGNORED
        if dark[chin].mean() > DARK_SHARE:
            label[dark & below] = IGNORED
            return True
        return False

    def _correct_outside(self) -> None:
        """Tell the neck and the ears from the skin of the face."""
        label, points = self._label, self._points
        outside = ~(cv2.dilate(self._oval.astype(np.uint8), np.ones((5, 5))) > 0)
        edge = outside ^ ~self._inside
        skin = label == FacePart.SKIN
        below = self._rows > min(float(points[side, 1]) for side in JAW_SIDES)
        beside = self._rows > self._eyes_y
        label[skin & outside & beside] = FacePart.NECK
        # Where the face ends under the jaw, no network can say within a few pixels.
        changing = np.isin(label, (FacePart.SKIN, FacePart.NECK))
        label[edge & ~self._inside & below & changing & ~self._oval] = IGNORED

    def _draw_features(self, glasses: bool) -> None:
        label, points = self._label, self._points
        hair = label == FacePart.HAIR
        for outline, part in (
            *((brow, FacePart.BROWS) for brow in BROWS),
            *((eye, FacePart.EYES) for eye in EYES),
            (OUTER_LIPS, FacePart.LIPS),
        ):
            inside = self._filled(outline)
            if not inside.any() or hair[inside].mean() > 0.6:
                continue
            free = inside & (label != FacePart.GLASSES)
            if part is FacePart.BROWS and glasses:
                continue
            label[free] = part
        opening = np.linalg.norm(points[13] - points[14])
        if opening > 0.012 * self._unit:
            inside = self._filled(INNER_LIPS)
            label[inside & (label == FacePart.LIPS)] = FacePart.MOUTH
