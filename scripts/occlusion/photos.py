"""The photos that samples are made of, and what is known of each."""

from __future__ import annotations

import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from hands import Array, Hand, draw_hand
from modelled_hands import load_model, model_hand

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from videoswap.geometry import face_masks as masks  # noqa: E402

COARSE = 64  # side of the maps
FOREHEAD = 0.42  # how far up a mask may reach
DRAWN, MODELLED = 400, 800  # hands
TILES = 3  # squares of a picture
FLAT = 12.0  # of 255: deviation below which a square has no texture
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
HAIR = 14.0  # distance in Lab from the skin at which something above the brows may be hair


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Photos of faces, hands and textures.

    Attributes:
        pictures: (N, 256, 256, 3) uint8 RGB.
        landmarks: (N, 68, 2) float32.
        skin: (N, 3) float32 RGB, colour of cheeks and nose.
        face: (N, 64, 64) uint8, 255 within the face's outline.
        sure: (N, 64, 64) uint8, 0 where hair may hang over the forehead: nobody knows there
            what the right answer is.
        hands: Drawn and modelled hands.
        textures: (M, 256, 256, 3) uint8 RGB; none if no folder of pictures was given.
    """

    pictures: Array
    landmarks: Array
    skin: Array
    face: Array
    sure: Array
    hands: list[Hand]
    textures: Array


def load(folder: Path, hand_model: Path | None = None, textures: Path | None = None) -> Pool:
    """Read the faces of ``../shared/faces`` (its README says how they may be used).

    Args:
        folder: Where they lie.
        hand_model: A mesh, see ``modelled_hands``; without it all hands are drawn.
        textures: A folder of pictures, looked through to its bottom.
    """
    table = np.load(folder / "landmarks_embeddings.npz")
    places = {str(name).removesuffix(".jpg"): row for row, name in enumerate(table["name"])}
    landmarks = table["landmarks68"].astype(np.float32)
    count = len(places)
    pictures = np.zeros((count, 256, 256, 3), np.uint8)
    skin = np.zeros((count, 3), np.float32)
    face, sure = (np.zeros((count, COARSE, COARSE), np.uint8) for _ in range(2))
    for number in (1, 2, 3):
        with tarfile.open(folder / f"faces-{number}.tar") as archive:
            for member in archive:
                row = places.get(member.name.removesuffix(".jpg"))
                if row is None:
                    continue
                data = np.frombuffer(
                    io.BytesIO(archive.extractfile(member).read()).read(), np.uint8
                )
                pictures[row] = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
                skin[row], face[row], sure[row] = _maps(pictures[row], landmarks[row])
    rng = np.random.default_rng(1)
    hands = [draw_hand(rng) for _ in range(DRAWN)]
    if hand_model is not None:
        model = load_model(hand_model)
        hands += [model_hand(rng, model) for _ in range(MODELLED)]
    return Pool(pictures, landmarks, skin, face, sure, hands, _tiles(rng, textures))


def _tiles(rng: np.random.Generator, folder: Path | None) -> Array:
    """Cut squares (M, 256, 256, 3) uint8 RGB out of pictures; flat ones are left out."""
    tiles = [np.zeros((0, 256, 256, 3), np.uint8)]
    for path in sorted(folder.rglob("*")) if folder is not None else ():
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.suffix in PICTURES else None
        if picture is None or min(picture.shape[:2]) < 200:
            continue
        for _ in range(TILES):
            side = round(min(picture.shape[:2]) * float(rng.uniform(0.3, 1)))
            y, x = (rng.integers(0, size - side + 1) for size in picture.shape[:2])
            tile = picture[y : y + side, x : x + side]
            tile = cv2.resize(tile, (256, 256), interpolation=cv2.INTER_AREA)
            if tile.std() > FLAT:
                tiles.append(tile[None, ..., ::-1])
    return np.concatenate(tiles)


def _maps(picture: Array, landmarks: Array) -> tuple[Array, Array, Array]:
    """Return skin, face and sure of one photo."""
    points = landmarks * (COARSE / 256)
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
    return skin, (outline * 255).astype(np.uint8), np.where(hair, 0, 255).astype(np.uint8)
