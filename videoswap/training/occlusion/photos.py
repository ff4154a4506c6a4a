"""The photos that samples are made of, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from ...geometry import face_masks as masks
from ...geometry.affine import transform
from ...records import Array
from ..faces.dataset import FaceShards
from .hands import Hand, draw_hand, load_model, model_hand
from .settings import CoveredFacesSettings

PHOTO_SIZE = 256  # side of a photo in ArcFace's framing
COARSE = 64  # side of the maps
FOREHEAD = 0.42  # how far up a mask may reach
TILES = 3  # squares of a picture
FLAT = 12.0  # of 255: deviation below which a square has no texture
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
HAIR = 14.0  # distance in Lab from the skin at which something above the brows may be hair
KEPT = 256  # photos that are kept decoded


@dataclass(frozen=True, slots=True, eq=False)
class FacePhoto:
    """A photo of a face.

    Attributes:
        picture: (256, 256, 3) uint8 RGB in ArcFace's framing.
        landmarks: (68, 2) float32.
        skin: (3,) float32 RGB, color of cheeks and nose.
        face: (64, 64) uint8, 255 within the face's outline.
        sure: (64, 64) uint8, 0 where hair may hang over the forehead: nobody knows there what the
            right answer is.
    """

    picture: Array
    landmarks: Array
    skin: Array
    face: Array
    sure: Array


class Pool:
    """Photos of faces, hands and textures.

    Attributes:
        hands: Drawn and modelled hands.
        textures: (M, 256, 256, 3) uint8 RGB; none if no folder of pictures was given.

    Args:
        faces: The photos.
        rows: Those that things may be cut out of.
        hands: At least one.
        textures: See above.
    """

    def __init__(
        self, faces: FaceShards, rows: Array, hands: Sequence[Hand], textures: Array
    ) -> None:
        self._faces, self._rows = faces, rows
        self.hands, self.textures = hands, textures
        self.photo = lru_cache(maxsize=KEPT)(self._photo)

    @classmethod
    def of(cls, faces: FaceShards, settings: CoveredFacesSettings) -> Pool:
        """Make the pool that settings describe.

        Raises:
            InputError: ``bad_hand_model``.
        """
        rng = np.random.default_rng(1)
        hands = [draw_hand(rng) for _ in range(settings.drawn_hands)]
        if settings.hand_model is not None:
            model = load_model(settings.hand_model)
            hands += [model_hand(rng, model) for _ in range(settings.modelled_hands)]
        return cls(faces, faces.training, hands, _tiles(rng, settings.textures))

    def any(self, rng: np.random.Generator) -> FacePhoto:
        """Draw a photo of the training."""
        return self.photo(int(rng.choice(self._rows)))

    def _photo(self, row: int) -> FacePhoto:
        picture = self._faces.cropped(row, "arcface", PHOTO_SIZE)
        matrix = self._faces.matrix(row, "arcface", PHOTO_SIZE)
        landmarks = transform(matrix, self._faces.landmarks(row))
        return FacePhoto(picture, landmarks, *_maps(picture, landmarks))


def _tiles(rng: np.random.Generator, folder: Path | None) -> Array:
    """Cut squares (M, 256, 256, 3) uint8 RGB out of pictures; flat ones are left out."""
    tiles = [np.zeros((0, PHOTO_SIZE, PHOTO_SIZE, 3), np.uint8)]
    for path in sorted(folder.rglob("*")) if folder is not None else ():
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.suffix in PICTURES else None
        if picture is None or min(picture.shape[:2]) < 200:
            continue
        for _ in range(TILES):
            side = round(min(picture.shape[:2]) * float(rng.uniform(0.3, 1)))
            y, x = (int(rng.integers(0, size - side + 1)) for size in picture.shape[:2])
            tile = picture[y : y + side, x : x + side]
            tile = cv2.resize(tile, (PHOTO_SIZE, PHOTO_SIZE), interpolation=cv2.INTER_AREA)
            if tile.std() > FLAT:
                tiles.append(np.asarray(tile[None, ..., ::-1]))
    return np.concatenate(tiles)


def _maps(picture: Array, landmarks: Array) -> tuple[Array, Array, Array]:
    """Return skin, face and sure of one photo."""
    points = landmarks * (COARSE / PHOTO_SIZE)
    outline = masks.fill_hull(np.vstack([points, masks.forehead_points(points, FOREHEAD)]), COARSE)
    small = cv2.resize(picture, (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    spots = []
    for group in ([2, 31, 48], [14, 35, 54], [29, 30]):
        x, y = np.clip(points[group].mean(axis=0).astype(int), 2, COARSE - 3)
        spots.append(np.s_[y - 2 : y + 3, x - 2 : x + 3])
    tone = np.median(np.concatenate([lab[spot].reshape(-1, 3) for spot in spots]), axis=0)
    skin = np.median(np.concatenate([small[spot].reshape(-1, 3) for spot in spots]), axis=0)
    apart = np.sqrt((((lab - tone) * [0.5, 1.0, 1.0]) ** 2).sum(axis=2))
    lifts = [masks.forehead_points(points, lift) for lift in (0.16, 0.8)]
    hair = (masks.fill_hull(np.vstack(lifts), COARSE) > 0.5) & (apart > HAIR)
    face, sure = (outline * 255).astype(np.uint8), np.where(hair, 0, 255).astype(np.uint8)
    return skin.astype(np.float32), face, sure
