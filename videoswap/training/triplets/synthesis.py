"""Swaps for training, made by the mesh engine, and the checks that drop bad ones.

A triplet is a source, a target and the picture that a swapper should make of them. Swapping real
photos gives no such picture; swapping swaps does:

- *naive*: the swap itself is the answer: source S, target T, answer ST (S's face on T);
- *cycle*: source ST, target TS, answer S. Both inputs are made, the answer is a photo;
- *of one photo*: X is a photo, C another face swapped onto it, S a changed copy of X. The answer to
  S on C is X, so one photo of each person is enough.

Source: ReliableSwap (Yuan et al., 2023, arXiv 2306.05356), which swaps by reenactment, blending and
inpainting; the mesh engine takes their place here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from ...compositing.composite import composite
from ...compositing.finisher import Finisher
from ...crops import crop_face
from ...detection.face_models import FaceModels
from ...engines.base import Identity
from ...engines.mesh.engine import MeshEngine, MeshSettings
from ...engines.mesh.expression import CLEARLY_OTHER, TURNS, read_expression
from ...engines.mesh.options import MeshOptions
from ...engines.mesh.warp import warp_tps
from ...errors import UsageError
from ...fieldtypes import conform
from ...geometry.affine import five_points, invert, transform
from ...geometry.face_masks import LEFT_EYE, MIRRORED_LANDMARKS, RIGHT_EYE
from ...geometry.head_pose import head_angles
from ...records import Array, Crop, Face, FrameSwap, Photo, SwappedCrop
from ..augment import Augmentation, change_look

OTHER_EXPRESSION = 0.8  # chance that a changed copy has another expression
EYES_68 = (LEFT_EYE, RIGHT_EYE)
# Where the border of a picture stays when a face is warped.
_BORDER = np.array([[x, y] for x in (0, 0.5, 1) for y in (0, 0.5, 1) if (x, y) != (0.5, 0.5)])


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A photo as both, source and target.

    Attributes:
        photo: With its landmarks.
        identity: What the mesh engine keeps of it.
        embedding: (D,) float32.
    """

    photo: Photo
    identity: Identity
    embedding: Array


@dataclass(frozen=True, slots=True, eq=False)
class MeshSwap:
    """A photo with another face.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, the photo with the swap composited.
        mask: (H, W) uint8: where it changed.
        crop: What the engine got of the target.
        painted: What the engine painted, before it was finished.
        finished: The same as it was composited.
    """

    pixels: Array
    mask: Array
    crop: Crop
    painted: SwappedCrop
    finished: SwappedCrop


class MeshSwapper:
    """Swaps faces between photos as a run of ``videoswap`` with the engine ``mesh`` does.

    Args:
        shape: As ``--shape``: how far a swap gets the source's proportions, 0 to 1. With 0 it has
            the geometry of the target.
        models: Landmarks and embeddings; None loads the usual ones.
        settings: Of the engine; None takes the usual ones.
    """

    def __init__(
        self,
        shape: float = 0.7,
        models: FaceModels | None = None,
        settings: MeshSettings | None = None,
    ) -> None:
        self.models = models or FaceModels.load()
        self.engine = MeshEngine(settings, MeshOptions(shape=shape))
        self._finisher = Finisher(keeps=self.engine.keeps)

    def read(self, label: str, pixels: Array, points5: Array) -> Photo:
        """Find the landmarks of an aligned face.

        Args:
            label: Name of the photo.
            pixels: (H, W, 3) uint8 RGB.
            points5: (5, 2) float32 eye, eye, nose, mouth corner, mouth corner in its pixels.
        """
        landmarks, dense = self.models.landmarks(pixels, points5.astype(np.float32))
        box = np.concatenate([landmarks.min(axis=0), landmarks.max(axis=0)]).astype(np.float32)
        points = five_points(landmarks).astype(np.float32)
        return Photo(
            label, pixels, Face(box, points, 1.0, landmarks=landmarks, dense_landmarks=dense)
        )

    def read_again(self, photo: Photo, pixels: Array) -> Photo:
        """Find the landmarks of a photo whose pixels have changed."""
        return self.read(photo.label, pixels, photo.face.points5)

    def identity(self, photo: Photo) -> Identity:
        """Prepare a source; raises ``InputError`` if its face is too small."""
        return self.engine.identity([photo])

    def person(self, photo: Photo) -> Person:
        """Prepare a photo as source and target; raises ``InputError`` if its face is too small."""
        return Person(photo, self.identity(photo), self.embed(photo))

    def embed(self, photo: Photo) -> Array:
        """Return the recognizer's embedding (D,) of a photo's face."""
        assert photo.face.landmarks is not None  # a photo has them
        return self.models.recognizer.embed(photo.pixels, photo.face.landmarks)

    def distance(self, one: Array, other: Array) -> float:
        """Return the recognizer's distance of two embeddings."""
        return self.models.recognizer.distance(one, other)

    def swap(self, source: Identity, target: Photo, *, size: int | None = None) -> MeshSwap | None:
        """Swap a source onto a photo.

        Args:
            source: Who is put on, see `identity`.
            target: The photo; it is not changed.
            size: Side of the engine's crop; by default the one that loses no detail.

        Returns:
            The swap; None where the face lies outside of the picture.
        """
        crop = crop_face(target.pixels, target.face, self.engine.spec, size=size)
        if crop is None:
            return None
        painted = self.engine.swap([crop], source)[0]
        finished = self._finisher.finish([FrameSwap(crop, painted)])
        pixels = target.pixels.copy()
        mask = np.zeros(pixels.shape[:2], np.uint8)
        composite(
            pixels, crop, finished.pixels, mask=finished.mask, grain=self._finisher.grain,
            frame_mask=mask,
        )  # fmt: skip
        return MeshSwap(pixels, mask, crop, painted, finished)


class Fault(StrEnum):
    """Why a swap is dropped."""

    UNREADABLE = "unreadable"
    TURNED = "turned"
    SMALL = "small"
    IDENTITY = "identity"
    GEOMETRY = "geometry"


@dataclass(frozen=True, slots=True)
class SwapChecks:
    """Limits of a good swap.

    Attributes:
        turn: Largest difference of both heads' views before they are swapped, in the unit of
            ``engines.mesh.expression``: 1 is clearly another view.
        area: Least share of the hull of the target's landmarks that has to be swapped.
        nearer: By how much nearer to the source than to the target the swap has to be, as a share
            of the distance of both: 1 is the source itself, -1 the target.
        geometry: Largest distance of the swap's landmarks from where the engine put them, RMS, as
            a share of the distance between the eyes.
    """

    turn: float = 1.6
    area: float = 0.5
    nearer: float = 0.0
    geometry: float = 0.06

    def __post_init__(self) -> None:
        conform(self)
        if min(self.turn, self.geometry) <= 0 or self.area < 0 or abs(self.nearer) > 1:
            problem = (
                "turn and geometry of the checks must be above 0, area not negative, nearer from "
                "-1 to 1."
            )
            raise UsageError("wrong_setting", problem)

    def before(self, source: Photo, target: Photo) -> Fault | None:
        """Return why two photos are not to be swapped, or None."""
        views = _views(source, target)
        if views is None:
            return Fault.UNREADABLE
        return Fault.TURNED if np.linalg.norm(views[0] - views[1]) > self.turn else None

    def after(self, swap: MeshSwap, read: Photo, target: Photo) -> Fault | None:
        """Return what is wrong with the geometry of a swap, or None.

        Args:
            swap: The swap.
            read: Its picture with the landmarks that are found in it.
            target: The photo that it was made of.
        """
        marks, own = read.face.landmarks, target.face.landmarks
        assert marks is not None and own is not None  # a photo has them
        hull = float(cv2.contourArea(cv2.convexHull(own)))
        if np.count_nonzero(swap.mask > 127) < self.area * hull:
            return Fault.SMALL
        if read.face.dense_landmarks is None and target.face.dense_landmarks is not None:
            return Fault.UNREADABLE
        bent = swap.painted.reshaped or swap.crop
        goal = transform(invert(swap.crop.matrix), bent.landmarks.astype(np.float64))
        eyes = target.face.points5[:2]
        apart = np.sqrt(np.square(marks - goal).sum(axis=1).mean())
        limit = self.geometry * float(np.linalg.norm(eyes[0] - eyes[1]))
        return Fault.GEOMETRY if apart > limit else None

    def identity(self, to_source: float, to_target: float, apart: float) -> Fault | None:
        """Return whether a swap shows too little of its source.

        Args:
            to_source: Distance of the embeddings of swap and source.
            to_target: Of swap and target.
            apart: Of source and target.
        """
        nearer = (to_target - to_source) / max(apart, 1e-6)
        return Fault.IDENTITY if nearer < self.nearer else None


def checked_swap(
    swapper: MeshSwapper, source: Person, target: Person, checks: SwapChecks
) -> MeshSwap | Fault:
    """Swap a person's face onto another photo; returns why where the result is no good."""
    fault = checks.before(source.photo, target.photo)
    if fault is not None:
        return fault
    swap = swapper.swap(source.identity, target.photo)
    if swap is None:
        return Fault.UNREADABLE
    read = swapper.read_again(target.photo, swap.pixels)
    fault = checks.after(swap, read, target.photo)
    if fault is None:
        made, distance = swapper.embed(read), swapper.distance
        fault = checks.identity(
            distance(made, source.embedding),
            distance(made, target.embedding),
            distance(source.embedding, target.embedding),
        )
    return swap if fault is None else fault


def changed_copy(
    swapper: MeshSwapper, photo: Photo, look: Augmentation, random: np.random.Generator
) -> Photo:
    """Show a face from the other side, in other light and with another expression.

    Args:
        swapper: Finds its landmarks.
        photo: The face.
        look: How often and how much light, color and sharpness change.
        random: The sample's random numbers.
    """
    assert photo.face.landmarks is not None  # a photo has them
    picture = np.ascontiguousarray(photo.pixels[:, ::-1])
    points = photo.face.landmarks[MIRRORED_LANDMARKS].copy()
    points[:, 0] = picture.shape[1] - 1 - points[:, 0]
    if random.random() < OTHER_EXPRESSION:
        picture = with_other_expression(picture, points, random)
    level = np.clip(change_look(picture, look, random), 0, 1)
    return swapper.read(photo.label, _in_bytes(255 * level), five_points(points))


def with_other_expression(picture: Array, landmarks: Array, random: np.random.Generator) -> Array:
    """Warp mouth, jaw, brows and lids of a face.

    Args:
        picture: (S, S, 3) uint8 RGB.
        landmarks: (68, 2) in its pixels.
        random: Decides how.

    Returns:
        (S, S, 3) uint8.
    """
    goal = landmarks.astype(np.float64)
    down = goal[8] - goal[27]
    across = np.array([down[1], -down[0]])  # as long as the face is high, to the right
    mouth = goal[48:68]
    aside = (mouth - mouth.mean(axis=0)) @ across / (across @ across)
    widened, raised, opened = random.normal(size=3) * (0.09, 0.035, 0.02)
    mouth += widened * aside[:, None] * across
    # The nearer a point is to a corner, the more it rises or sinks.
    mouth -= raised * np.square(aside / np.abs(aside).max())[:, None] * down
    lower = (*range(55, 60), *range(65, 68))  # of the lips
    goal[list(lower)] += max(opened, 0.0) * down
    goal[5:12] += max(opened, 0.0) * down
    goal[17:27] -= random.normal() * 0.02 * down
    for eye in EYES_68:
        middle = goal[eye].mean(axis=0)
        height = (goal[eye] - middle) @ down / (down @ down)
        goal[eye] += np.clip(random.normal() * 0.18, -0.4, 0.4) * height[:, None] * down
    size = len(picture)
    first, last = (np.vstack([points / size, _BORDER]) for points in (landmarks, goal))
    return _in_bytes(warp_tps(picture.astype(np.float32), first, last, size)[0])


def occluded_alike(
    pictures: list[Array], landmarks: Array, texture: Array, random: np.random.Generator
) -> list[Array]:
    """Lay one thing over some pictures of a face, at the same place.

    Args:
        pictures: (S, S, 3) uint8 RGB each.
        landmarks: (68, 2) of the face; the thing lies over a part of it.
        texture: (S, S, 3) uint8 RGB: what the thing looks like.
        random: Decides where and how large.
    """
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    middle = random.uniform(low, high)
    axes = (high - low) * random.uniform(0.12, 0.4, size=2)
    mask = np.zeros(texture.shape[:2], np.float32)
    cv2.ellipse(
        mask, middle.astype(int).tolist(), np.maximum(axes, 2).astype(int).tolist(),
        float(random.uniform(0, 180)), 0, 360, 1.0, -1, cv2.LINE_AA,
    )  # fmt: skip
    soft = cv2.GaussianBlur(mask, (0, 0), random.uniform(0.3, 1.5))[..., None]
    return [_in_bytes(one + (texture - one.astype(np.float32)) * soft) for one in pictures]


def _views(source: Photo, target: Photo) -> tuple[Array, Array] | None:
    """Return yaw and pitch of two heads, in the unit of ``engines.mesh.expression``."""
    dense = source.face.dense_landmarks, target.face.dense_landmarks
    if dense[0] is not None and dense[1] is not None:
        return read_expression(dense[0])[TURNS], read_expression(dense[1])[TURNS]
    angles = []
    for photo in (source, target):
        assert photo.face.landmarks is not None  # a photo has them
        height, width = photo.pixels.shape[:2]
        found = head_angles(photo.face.landmarks, width, height)
        if found is None:
            return None
        angles.append(np.radians(found[:2]) / CLEARLY_OTHER[TURNS])
    return angles[0], angles[1]


def _in_bytes(picture: Array) -> Array:
    return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8)
