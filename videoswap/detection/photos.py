"""Faces of still pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..errors import NoFaceError
from ..records import Array, Face, Photo
from ..settings import AnalysisSettings
from .face_detector import Detection, Detector, non_maximum_suppression
from .face_view import frontality
from .landmarks import Landmarker
from .search import FaceSearch

HEIGHTS = (400, 720, 200)  # searched one after the other until a face is found
MARGIN = 0.35  # of the shorter side, added around a picture that is all face
LARGE = 50_000_000  # pixels above which a copy is searched and a large face is made smaller
SEARCHED = 12_000_000  # pixels of that copy, at most
ENOUGH = 1024  # pixels of a face in a large photo: engines use fewer
MIRRORED = np.array([1, 0, 2, 4, 3])  # eyes and mouth corners change places


@dataclass(frozen=True, slots=True)
class PhotoReader:
    """Finds the faces of still pictures.

    Attributes:
        detector: Finds faces.
        landmarker: Finds their landmarks.
        settings: Threshold.
    """

    detector: Detector
    landmarker: Landmarker
    settings: AnalysisSettings = field(default_factory=AnalysisSettings)

    def analyze_picture(self, rgb: Array) -> list[Face]:
        """Return the faces of a picture with landmarks, largest first.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright.
        """
        search = FaceSearch(self.detector, self.settings)
        found = self._search_large(search, rgb) if is_large(rgb) else self._search(search, rgb)
        refined = [search.refine(rgb, face) or face for face in found]
        faces = [self._face(rgb, one) for one in non_maximum_suppression(refined)]
        return sorted(faces, key=lambda face: -face.size)

    def photo_from(self, label: str, rgb: Array, faces: list[Face] | None = None) -> Photo:
        """Return a photo with its largest face; a large one is made smaller if the face is.

        Args:
            label: Name to show.
            rgb: (H, W, 3) uint8 RGB, upright.
            faces: Its faces, if they are known already.

        Raises:
            NoFaceError: ``no_face_in_photo``.
        """
        face = largest_face(self.analyze_picture(rgb) if faces is None else faces)
        if face is None:
            raise NoFaceError(
                "no_face_in_photo",
                f"No face was found in {label}.",
                "Use a sharp photo in which the face looks into the camera and is not cut off.",
            )
        factor = int(face.size // ENOUGH)
        if is_large(rgb) and factor > 1:
            rgb, face = shrunk(rgb, factor), _smaller(face, factor)
        return Photo(label, rgb, face)

    def _search_large(self, search: FaceSearch, rgb: Array) -> list[Detection]:
        factor = int(np.ceil(np.sqrt(rgb.shape[0] * rgb.shape[1] / SEARCHED)))
        found = self._search(search, shrunk(rgb, factor))
        return [face.moved(factor, (factor - 1) / 2, (factor - 1) / 2) for face in found]

    def _search(self, search: FaceSearch, rgb: Array) -> list[Detection]:
        """Search at the usual size, then others, mirrored, and with a margin."""
        height, width = rgb.shape[:2]
        for rows in HEIGHTS:
            # A panorama or a strip is searched at the size of its shorter side.
            found = search.at_height(rgb, max(1, round(rows * height / min(height, width))))
            if found:
                return found
        found = search.at_height(np.ascontiguousarray(rgb[:, ::-1]), HEIGHTS[0])
        if found:
            return [_mirrored(face, width) for face in found]
        edge = round(MARGIN * min(height, width))
        framed = cv2.copyMakeBorder(rgb, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        return [face.moved(1.0, -edge, -edge) for face in search.at_height(framed, HEIGHTS[0])]

    def _face(self, rgb: Array, one: Detection) -> Face:
        landmarks = self.landmarker.landmarks(rgb, one.points5)
        return Face(0, one.box, one.points5, landmarks, min(one.score, 1.0))


def largest_face(faces: list[Face]) -> Face | None:
    """Return the largest face, the more frontal one of equals; None if there is none."""

    def rank(face: Face) -> tuple[float, float]:
        return face.size, 0.0 if face.landmarks is None else frontality(face.landmarks)

    return max(faces, key=rank, default=None)


def is_large(rgb: Array) -> bool:
    """Whether a picture is so large that it is better made smaller first."""
    return bool(rgb.shape[0] * rgb.shape[1] > LARGE)


def shrunk(rgb: Array, factor: int) -> Array:
    """Return a picture made smaller by a whole factor; an incomplete last row or column goes."""
    height, width = (max(1, side // factor) for side in rgb.shape[:2])
    whole = rgb[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))


def _smaller(face: Face, factor: int) -> Face:
    """Return a face in a picture that was made smaller by a factor."""

    def moved(points: Array) -> Array:
        return ((points + 0.5) / factor - 0.5).astype(np.float32)

    landmarks = None if face.landmarks is None else moved(face.landmarks)
    return Face(face.pts, moved(face.box), moved(face.points5), landmarks, face.score)


def _mirrored(face: Detection, width: int) -> Detection:
    left, top, right, bottom = face.box
    box = np.array([width - 1 - right, top, width - 1 - left, bottom], np.float32)
    points = face.points5[MIRRORED] * np.array([-1, 1], np.float32)
    return Detection(box, points + np.array([width - 1, 0], np.float32), face.score)
