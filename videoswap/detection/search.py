"""Finds the faces of every frame without searching every frame as a whole.

Frames come in windows that end with a keyframe. Known faces are followed through a window with
the detector on a small crop each; the keyframe is searched as a whole, and a face that is new
there is followed backwards through the window. Places where a frame between differs from both
keyframes are searched at a bounded cost, and a face found there is followed both ways. What is
stored always comes from the crops, which show every face at one size and upright: results do not
wobble between keyframes and others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..geometry.affine import Square, invert, transform
from ..geometry.resample import warp
from ..records import Array, Face
from ..settings import AnalysisSettings
from .base import Detector
from .boxes import centre, only_new, roll
from .centerface import SIZE_MULTIPLE

MIN_FACE_PIXELS = 20  # pixels a face needs in the picture that is searched as a whole
MAX_SEARCHED_PIXELS = (
    5_000_000  # pixels searched at once: about 1.2 GB; strips would be scaled up to more
)
COARSE_HEIGHT = 320  # second search for huge faces where the first one is finer than twice this
NEAR_CROP, WIDE_CROP = (96, 2.0), (160, 3.3)  # pixels of the crop, its side in face sizes
FINE_CROP = (192, 2.0)  # the same where a gap is searched again
FOLLOW_THRESHOLD = 0.7  # of the threshold, enough for a face that is known to be there
GAP_THRESHOLD = 0.5  # of it, where the face is known to be before and after
REGION_PIXELS = 10_000  # searched between keyframes, a frame: less than 2 ms
MAX_STEP, MAX_GROWTH = 0.75, 1.7  # largest move in face sizes and change of size between two frames


@dataclass(frozen=True, slots=True, eq=False)
class FollowedFace:
    """A known face and where it goes.

    A Kalman filter with constant velocity was measured on four clips: damped like this it predicts
    as well, undamped worse, by a third after eight frames without the face.

    Attributes:
        face: Its latest detection, in picture pixels.
        velocity: (2,) float32, picture pixels a frame.
        missed: Frames since then.
    """

    face: Face
    velocity: Array
    missed: int = 0

    def expected(self) -> Array:
        """Return (2,) the centre expected in the next frame."""
        return centre(self.face) + self.velocity * (1 - 0.8 ** (self.missed + 1)) / 0.2

    def seen(self, face: Face) -> FollowedFace:
        """Return this face after it was seen again."""
        step = (centre(face) - centre(self.face)) / (self.missed + 1)
        return FollowedFace(face, (0.6 * step + 0.4 * self.velocity).astype(np.float32))


def search_height(settings: AnalysisSettings) -> int:
    """Return the height of the picture searched as a whole."""
    return int(np.ceil(MIN_FACE_PIXELS / float(settings.min_face)))


class FaceSearch:
    """Finds the faces of windows of frames.

    Args:
        detector: Finds faces in a picture.
        settings: Threshold, smallest face, longest gap.
    """

    def __init__(self, detector: Detector, settings: AnalysisSettings) -> None:
        self._detector = detector
        self._settings = settings

    def group(
        self,
        pictures: Sequence[Array],
        known: Sequence[FollowedFace],
        probes: Mapping[int, Sequence[Array]] | None = None,
    ) -> tuple[list[list[Face]], list[FollowedFace]]:
        """Find the faces of a window whose last picture is a keyframe.

        Args:
            pictures: (H, W, 3) uint8 RGB each, consecutive frames of one shot.
            known: The faces followed at the end of the window before.
            probes: Regions to be searched too, by place in the window: (4,) boxes in shares of
                the picture.

        Returns:
            The faces of each picture, and the faces to follow after the last one.
        """
        found: list[list[Face]] = []
        for picture in pictures:
            faces, known = self._step(picture, known, ())
            found.append(faces)
        last = len(pictures) - 1
        new = self._new_faces(pictures[last], found[last])
        back, _ = self._spread(pictures, found, new, last)
        follow = [*known, *(_start(face, back) for face in new)]
        for place, regions in (probes or {}).items():
            new = self._probe(pictures[place], regions, found[place])
            _, onward = self._spread(pictures, found, new, place)
            follow.extend(onward)
        return found, follow

    def follow(
        self, picture: Array, known: Sequence[FollowedFace]
    ) -> tuple[list[Face], list[FollowedFace]]:
        """Follow known faces into the next picture.

        Args:
            picture: (H, W, 3) uint8 RGB, the frame after the one they were followed to.
            known: The faces to follow.

        Returns:
            The faces that were found again, and the faces to follow after the picture.
        """
        return self._step(picture, known, ())

    def _spread(
        self,
        pictures: Sequence[Array],
        found: list[list[Face]],
        new: Sequence[Face],
        place: int,
    ) -> tuple[list[FollowedFace], list[FollowedFace]]:
        """Add new faces of one picture to the window, and follow them to both ends of it.

        Returns:
            The faces in the picture before, as followed backwards, and those to follow after
            the last picture.
        """
        found[place].extend(new)
        back = [_start(face) for face in new]
        before: list[FollowedFace] = []
        for index in range(place - 1, -1, -1):
            faces, back = self._step(pictures[index], back, found[index])
            found[index].extend(faces)
            before = back if index == place - 1 else before
        onward = [_start(face, before) for face in new]
        for index in range(place + 1, len(pictures)):
            faces, onward = self._step(pictures[index], onward, found[index])
            found[index].extend(faces)
        return before, onward

    def whole(self, picture: Array) -> list[Face]:
        """Return all faces of a picture, searched at one size, or two where it is very fine."""
        height = min(search_height(self._settings), 2 * picture.shape[0])
        heights = [height, COARSE_HEIGHT] if height > 2 * COARSE_HEIGHT else [height]
        faces: list[Face] = []
        for rows in heights:
            faces.extend(only_new(self.at_height(picture, rows), faces))
        return faces

    def at_height(self, picture: Array, rows: int) -> list[Face]:
        """Return the faces of a picture that is scaled to a height first, or less for a strip."""
        height, width = picture.shape[:2]
        rows = max(1, min(rows, int(height * _largest_scale(height, width))))
        scale = rows / height
        size = (max(1, round(width * scale)), rows)
        way = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
        scaled = cv2.resize(picture, size, interpolation=way)
        found = self._detector.detect(scaled, self._settings.score_th)
        back = 1 / scale
        return [face.moved(back, back / 2 - 0.5, back / 2 - 0.5) for face in found]

    def refine(self, picture: Array, face: Face) -> Face | None:
        """Find a face again in its own crop; None if the crop does not show one."""
        return self._look(picture, face, centre(face), *NEAR_CROP)

    def again(self, picture: Array, expected: Face) -> Face | None:
        """Look for a face once more where it must be if it can be seen at all."""
        return self._look(picture, expected, centre(expected), *FINE_CROP, GAP_THRESHOLD)

    def _step(
        self, picture: Array, known: Sequence[FollowedFace], taken: Sequence[Face]
    ) -> tuple[list[Face], list[FollowedFace]]:
        """Follow faces into one picture; one that runs into a taken face is dropped."""
        faces: list[Face] = []
        follow: list[FollowedFace] = []
        for one in sorted(known, key=lambda one: (one.missed, -one.face.score)):
            face = self._find_again(picture, one)
            if face is not None and not only_new([face], taken):
                continue
            if face is not None and only_new([face], faces):
                faces.append(face)
                follow.append(one.seen(face))
            elif one.missed < self._settings.max_gap and _inside(picture, one):
                follow.append(replace(one, missed=one.missed + 1))
        return faces, follow

    def _find_again(self, picture: Array, one: FollowedFace) -> Face | None:
        expected = one.expected()
        face = None if one.missed else self._look(picture, one.face, expected, *NEAR_CROP)
        return self._look(picture, one.face, expected, *WIDE_CROP) if face is None else face

    def _look(
        self,
        picture: Array,
        like: Face,
        where: Array,
        side: int,
        reach: float,
        share: float = FOLLOW_THRESHOLD,
    ) -> Face | None:
        """Search a crop for the face most like a known one."""
        square = Square(float(where[0]), float(where[1]), reach * like.size, roll(like.points5))
        matrix = square.to_region(side, 0.0)
        faces = self._detector.detect(warp(picture, matrix, side), share * self._settings.score_th)
        back = invert(matrix)
        best, best_cost = None, 1.0
        for face in (_mapped(face, back) for face in faces):
            move = float(np.linalg.norm(centre(face) - where)) / like.size / MAX_STEP
            growth = abs(float(np.log(face.size / like.size))) / float(np.log(MAX_GROWTH))
            cost = max(move, growth) - 0.3 * face.score
            if max(move, growth) < 1 and cost < best_cost:
                best, best_cost = face, cost
        return best

    def _new_faces(self, picture: Array, known: Sequence[Face]) -> list[Face]:
        """Search a picture as a whole and return what is not known, as crops show it."""
        new: list[Face] = []
        for face in only_new(self.whole(picture), known):
            again = self.refine(picture, face) or face
            new.extend(only_new([again], [*known, *new]))
        return new

    def _probe(self, picture: Array, regions: Sequence[Array], known: Sequence[Face]) -> list[Face]:
        """Search parts of a picture, the coarser the larger; return what crops confirm as new."""
        height, width = picture.shape[:2]
        boxes = [np.rint(box * [width, height, width, height]).astype(int) for box in regions]
        area = sum(int(np.prod(box[2:] - box[:2])) for box in boxes)
        scale = min(search_height(self._settings) / height, float(np.sqrt(REGION_PIXELS / area)))
        new: list[Face] = []
        for left, top, right, bottom in boxes:
            part = picture[top:bottom, left:right]
            rows = max(1, round(scale * part.shape[0]))
            seen = [face.moved(1.0, left, top) for face in self.at_height(part, rows)]
            for face in only_new(seen, known):
                again = self.refine(picture, face)
                if again is not None and again.score > self._settings.score_th:
                    new.extend(only_new([again], [*known, *new]))
        return new


def _largest_scale(height: int, width: int) -> float:
    """Return the scale at which a padded picture has ``MAX_SEARCHED_PIXELS`` pixels.

    The larger root of ``(height * x + pad) * (width * x + pad) = MAX_SEARCHED_PIXELS``.
    """
    pad = SIZE_MULTIPLE - 1
    area, edge = height * width, pad * (height + width)
    return float((np.sqrt(edge**2 + 4 * area * (MAX_SEARCHED_PIXELS - pad**2)) - edge) / (2 * area))


def _start(face: Face, before: Sequence[FollowedFace] = ()) -> FollowedFace:
    """Return a face to follow, with the speed at which it was followed to the picture before."""
    still = FollowedFace(face, np.zeros(2, np.float32))
    near = [one for one in before if not one.missed and _distance(one.face, face) < MAX_STEP]
    if not near:
        return still
    nearest = min(near, key=lambda one: _distance(one.face, face))
    return replace(still, velocity=-nearest.velocity)


def _distance(one: Face, other: Face) -> float:
    """Return the distance of two faces in face sizes."""
    return float(np.linalg.norm(centre(one) - centre(other))) / one.size


def _mapped(face: Face, matrix: Array) -> Face:
    """Return a face of a turned crop in picture pixels; its box keeps its size."""
    scale = float(np.sqrt(np.linalg.det(matrix[:, :2])))
    middle = transform(matrix, centre(face).astype(np.float64))
    half = (face.box[2:] - face.box[:2]) / 2 * scale
    box = np.concatenate([middle - half, middle + half]).astype(np.float32)
    return Face(box, transform(matrix, face.points5).astype(np.float32), face.score)


def _inside(picture: Array, one: FollowedFace) -> bool:
    """Tell whether any of a face that is not found could still be in the picture."""
    middle, half = one.expected(), one.face.size / 2
    size = np.array([picture.shape[1], picture.shape[0]])
    return bool(np.all(middle > -half) and np.all(middle < size + half))
