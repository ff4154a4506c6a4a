"""Finds the faces of a single picture, with landmarks and, on request, embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ..records import Array, Face, check_picture
from ..settings import AnalysisSettings
from .boxes import non_maximum_suppression
from .face_models import FaceModels
from .face_view import frontality
from .search import FaceSearch

SEARCH_HEIGHTS = (400, 720, 200)  # rows, tried one after another until a face is found
CLOSE_UP_MARGIN = 0.35  # of the shorter side, added around a picture that is all face
LARGE_PICTURE_PIXELS = 50_000_000  # above this a smaller copy is searched
SEARCHED_PIXELS = 12_000_000  # of that copy, at most
MIRRORED_POINTS5 = np.array([1, 0, 2, 4, 3])  # eyes and mouth corners swap in a mirror image


class FaceDetector:
    """Finds the faces of a picture of any size.

    The picture is searched at several sizes, mirrored, and with a margin, until a face is found.
    Each face is then detected again in an upright crop of its own, which gives its final place.
    The same class reads source photos, target faces and the targets of a picture swap; videos
    are read by `analyze_video`, or online by `FaceTracker`.

    Example:
        >>> from videoswap import FaceDetector
        >>> faces = FaceDetector().detect(picture)  # doctest: +SKIP

    Args:
        models: The networks; None loads those that come with packages, on the CPU.
        settings: Score threshold and smallest face; None takes the defaults.

    Raises:
        InputError: ``model_missing``, if a model file is not installed.
    """

    def __init__(
        self, models: FaceModels | None = None, settings: AnalysisSettings | None = None
    ) -> None:
        self.models = FaceModels.load() if models is None else models
        self._search = FaceSearch(self.models.detector, settings or AnalysisSettings())

    def detect(self, image: Array, *, embed: bool = False) -> list[Face]:
        """Find the faces of a picture.

        Args:
            image: (H, W, 3) uint8 RGB, upright.
            embed: Whether each face gets an embedding as well.

        Returns:
            The faces with landmarks, largest first, in pixels of the picture.

        Raises:
            ValueError: If the picture has another shape or dtype.
        """
        check_picture(image)
        found = self._in_smaller_copy(image) if is_large(image) else self._at_any_size(image)
        refined = [self._search.refine(image, face) or face for face in found]
        faces = [self._complete(image, one, embed) for one in non_maximum_suppression(refined)]
        return sorted(faces, key=lambda face: -face.size)

    def _in_smaller_copy(self, image: Array) -> list[Face]:
        factor = int(np.ceil(np.sqrt(image.shape[0] * image.shape[1] / SEARCHED_PIXELS)))
        found = self._at_any_size(shrunk(image, factor))
        return [face.moved(factor, (factor - 1) / 2, (factor - 1) / 2) for face in found]

    def _at_any_size(self, image: Array) -> list[Face]:
        """Search at the usual size, then at others, mirrored, and with a margin."""
        height, width = image.shape[:2]
        for rows in SEARCH_HEIGHTS:
            # A panorama or a strip is searched at the size of its shorter side.
            rows = max(1, round(rows * height / min(height, width)))
            if found := self._search.at_height(image, rows):
                return found
        mirror_image = np.ascontiguousarray(image[:, ::-1])
        if found := self._search.at_height(mirror_image, SEARCH_HEIGHTS[0]):
            return [_mirrored(face, width) for face in found]
        edge = round(CLOSE_UP_MARGIN * min(height, width))
        framed = cv2.copyMakeBorder(image, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        found = self._search.at_height(framed, SEARCH_HEIGHTS[0])
        return [face.moved(1.0, -edge, -edge) for face in found]

    def _complete(self, image: Array, face: Face, embed: bool) -> Face:
        """Return a face with landmarks, and an embedding if it is asked for."""
        landmarks, dense = self.models.landmarks(image, face.points5)
        embedding = self.models.recognizer.embed(image, landmarks) if embed else None
        return replace(
            face,
            score=min(face.score, 1.0),
            landmarks=landmarks,
            embedding=embedding,
            dense_landmarks=dense,
        )


def largest_face(faces: Sequence[Face]) -> Face | None:
    """Return the largest face, the more frontal one of equals; None if there is none."""

    def rank(face: Face) -> tuple[float, float]:
        return face.size, 0.0 if face.landmarks is None else frontality(face.landmarks)

    return max(faces, key=rank, default=None)


def is_large(image: Array) -> bool:
    """Tell whether a picture is so large that it is better made smaller first."""
    return bool(image.shape[0] * image.shape[1] > LARGE_PICTURE_PIXELS)


def shrunk(image: Array, factor: int) -> Array:
    """Return a picture made smaller by a whole factor; an incomplete last row or column goes."""
    height, width = (max(1, side // factor) for side in image.shape[:2])
    whole = image[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))


def _mirrored(face: Face, width: int) -> Face:
    """Return a face of a mirror image in the picture itself."""
    left, top, right, bottom = face.box
    box = np.array([width - 1 - right, top, width - 1 - left, bottom], np.float32)
    points = face.points5[MIRRORED_POINTS5] * np.array([-1, 1], np.float32)
    return Face(box, points + np.array([width - 1, 0], np.float32), face.score)
