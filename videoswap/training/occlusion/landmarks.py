"""The training of the network that finds the landmarks of a face with something before it.

The landmarks are those that dlib finds in the very same picture with nothing before the face, so
that the network continues what dlib finds, and learns which of dlib's a thing leaves alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ...detection.base import Landmarker
from ...detection.landmarks import DlibLandmarker
from ...geometry.affine import five_points
from ...geometry.face_masks import MIRRORED_LANDMARKS
from ...networks.occlusion import OCCLUSION_SIZE, ExportedLandmarks, OccludedLandmarks
from ...records import Array
from ..recipe import Batch
from ..sheets import grid
from . import shapes
from .export import write_graph, write_weights
from .photos import Pool
from .recipe import EVALUATION_SEED, SHEET_FACES, CoveredFacesRecipe, scaled
from .samples import filmed, relit, tone_of_film, with_things
from .settings import LandmarksSettings

SCALE = 0.51  # mean size of a 256-pixel photo in a sample
CENTER = np.array([127.5, 135.0])  # of a face in its photo
COUNTS = (0.20, 0.62, 0.18)  # how often a face has no thing, one, two before it
BORDER = 10.0  # pixels between this framing and that of the kept pictures
_SIZE = (OCCLUSION_SIZE, OCCLUSION_SIZE)
CHECKED_KINDS = ("hand", "stripe", "card", "half")
CHIN, BRIDGE = 8, 27  # landmarks whose distance is the unit of errors


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkSample:
    """A sample.

    Attributes:
        picture: (S, S, 3) uint8 RGB.
        front: (S, S) float32, what is in front.
        found: (S, S) float32, what a network may take to be in front.
        guess: (68, 2) float32, what dlib finds in the picture.
        landmarks: (68, 2) float32 in pixels.
    """

    picture: Array
    front: Array
    found: Array
    guess: Array
    landmarks: Array


class LandmarksRecipe(CoveredFacesRecipe):
    """The training of the landmarks of covered faces."""

    name = "landmarks"

    def __init__(self, settings: LandmarksSettings) -> None:
        torch.manual_seed(settings.loop.seed)
        self._landmarker = DlibLandmarker()
        super().__init__(settings, OccludedLandmarks())

    def _sample(self, row: int, rng: np.random.Generator) -> dict[str, Array]:
        one = make_landmark_sample(rng, self._pool, self._landmarker, row)
        return {"pictures": _stacked(one), "guess": one.guess, "landmarks": one.landmarks}

    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute the mean error plus a share of its logarithm, by which small ones count too."""
        guess, landmarks = batch["guess"], batch["landmarks"]
        own, trust = self.networks[self.name](scaled(batch["pictures"]), guess)
        with torch.autocast(guess.device.type, enabled=False):
            own, trust = own.float(), trust.float()
            unit = (landmarks[:, CHIN] - landmarks[:, BRIDGE]).norm(dim=1)[:, None]
            errors = [
                (points - landmarks).norm(dim=2) / unit
                for points in (own, own + trust[..., None] * (guess - own))
            ]
            total = torch.stack([e.mean() + 0.05 * (e + 0.002).log().mean() for e in errors]).sum()
            return {"total": total, "own": errors[0].mean(), "error": errors[1].mean()}

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Measure on photos that are held out, in heights of a face (bridge of nose to chin).

        Returns:
            By kind of thing the mean error, and that of the visible outline.
        """
        found: dict[str, float] = {}
        rows = self._held_out()
        for kind in ("any", *CHECKED_KINDS, "bare"):
            rng = np.random.default_rng(5)
            errors, outline = [], []
            for _ in range(self.settings.checked):
                one = make_landmark_sample(
                    rng, self._pool, self._landmarker, int(rng.choice(rows)),
                    count=0 if kind == "bare" else 1,
                    kind=kind if kind in CHECKED_KINDS else None,
                )  # fmt: skip
                unit = np.linalg.norm(one.landmarks[CHIN] - one.landmarks[BRIDGE])
                made = self._answer(networks, one)
                error = np.linalg.norm(made - one.landmarks, axis=1) / unit
                x, y = np.clip(one.landmarks[:17].round().astype(int), 0, OCCLUSION_SIZE - 1).T
                visible = one.front[y, x] < 0.5
                errors.append(error.mean())
                if visible.any():
                    outline.append(error[:17][visible].mean())
            found[kind] = float(np.mean(errors))
            found[f"{kind} outline"] = float(np.mean(outline)) if outline else 0.0
        return found

    def sheet(self, networks: Mapping[str, nn.Module]) -> Array | None:
        """Show held-out photos: dlib's guess red, the answer green, the truth white."""
        rng = np.random.default_rng(EVALUATION_SEED)
        rows = self._held_out()
        cells = []
        for _ in range(SHEET_FACES):
            one = make_landmark_sample(rng, self._pool, self._landmarker, int(rng.choice(rows)))
            shown = np.ascontiguousarray(one.picture)
            for points, color in (
                (one.guess, (255, 60, 60)),
                (one.landmarks, (255, 255, 255)),
                (self._answer(networks, one), (60, 255, 60)),
            ):
                for x, y in points.round().astype(int).tolist():
                    cv2.circle(shown, (x, y), 1, color, -1)
            cells.append(shown)
        return grid([cells[first : first + 8] for first in range(0, len(cells), 8)])

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write ``landmarks.safetensors`` and ``landmarks.onnx``."""
        network = cast("OccludedLandmarks", copy.deepcopy(networks[self.name]))
        paths = (folder / "landmarks.safetensors", folder / "landmarks.onnx")
        write_weights(network, paths[0])
        write_landmarks_graph(network, paths[1])
        return paths

    def _answer(self, networks: Mapping[str, nn.Module], one: LandmarkSample) -> Array:
        """Return the landmarks that a network finds in a sample, (68, 2)."""
        network = networks[self.name]
        device = next(network.parameters()).device
        guess = torch.from_numpy(one.guess)[None].to(device)
        own, trust = network(scaled(torch.from_numpy(_stacked(one)[None]).to(device)), guess)
        made = own + trust[..., None] * (guess - own)
        return np.asarray(made[0].float().cpu().numpy())


def write_landmarks_graph(network: OccludedLandmarks, path: Path) -> None:
    """Write the ONNX file that ``videoswap.detection.occluded_landmarks`` takes."""
    size = OCCLUSION_SIZE
    inputs = {"picture": (1, size, size, 3), "front": (1, size, size), "guess": (1, 68, 2)}
    write_graph(ExportedLandmarks(network.eval()), inputs, ("landmarks", "trust"), path)


def _stacked(one: LandmarkSample) -> Array:
    return np.dstack([one.picture, (one.found * 255).astype(np.uint8)])


def make_landmark_sample(
    rng: np.random.Generator,
    pool: Pool,
    landmarker: Landmarker,
    row: int,
    *,
    count: int | None = None,
    kind: str | None = None,
) -> LandmarkSample:
    """Make a sample of a photo.

    Args:
        rng: Source of chance.
        pool: Photos and hands.
        landmarker: dlib's.
        row: The photo.
        count: How many things to put before it; None for any number.
        kind: What things, see ``things.KINDS``; None for any.
    """
    photo = pool.photo(row)
    linear, shift, mirrored = _framing(rng)
    matrix = np.hstack([linear, shift[:, None]])
    picture = cv2.warpAffine(photo.picture, matrix, _SIZE, borderMode=cv2.BORDER_REPLICATE)
    picture = np.asarray(picture, np.float32)
    points = photo.landmarks @ linear.T + shift
    if mirrored:
        points = points[MIRRORED_LANDMARKS]
    if rng.random() < 0.6:
        picture = relit(rng, picture, points)
    if count is None:
        count = int(rng.choice(3, p=COUNTS))
    free = picture
    picture, front = with_things(rng, pool, photo, picture, points, count, kind)
    if rng.random() < 0.8:
        tone = tone_of_film(rng)
        picture, free = tone(picture), tone(free)
    camera, kept = rng.integers(2**32, size=2)
    picture, free = (filmed(np.random.default_rng(camera), one) for one in (picture, free))
    if rng.random() < 0.3:
        free, _ = _as_kept(np.random.default_rng(kept), free, front)
        picture, front = _as_kept(np.random.default_rng(kept), picture, front)
    wanted = landmarker.landmarks(free, five_points(points).astype(np.float32))
    guess = landmarker.landmarks(picture, _nearly(rng, wanted))
    return LandmarkSample(picture, front, _as_found(rng, front), guess, wanted)


def _framing(rng: np.random.Generator) -> tuple[Array, Array, bool]:
    """Return a random map (2, 2), (2,) from photo to sample, and whether it mirrors.

    Half of the faces lie as in the first round, in which landmarks err, half as in a later one.
    """
    loose = 1.0 if rng.random() < 0.5 else 0.35
    scale = SCALE * np.exp(rng.normal(0, 0.12) * loose)
    angle = rng.normal(0, 0.16) * loose
    wide, lean = np.exp(rng.normal(0, 0.06)), rng.normal(0, 0.03)
    mirror = rng.choice([-1.0, 1.0])
    linear = scale * shapes.turned(np.eye(2), angle).T
    linear = linear @ np.array([[mirror * wide, lean], [0.0, 1 / wide]])
    middle = np.full(2, (OCCLUSION_SIZE - 1) / 2) + rng.normal(0, 9, 2) * loose
    return linear, middle - linear @ CENTER, mirror < 0


def _nearly(rng: np.random.Generator, points: Array) -> Array:
    """Return the five points (5, 2) float32 as they are known after a first round."""
    five = five_points(points)
    unit = float(np.linalg.norm(points[8] - points[27]))
    turn = rng.normal(0, 0.03)
    middle = five.mean(axis=0)
    five = middle + shapes.turned(five - middle, turn) * np.exp(rng.normal(0, 0.03))
    return np.asarray((five + rng.normal(0, 0.015 * unit, 2)).astype(np.float32))


def _as_kept(rng: np.random.Generator, picture: Array, front: Array) -> tuple[Array, Array]:
    """Let a picture end near the face, as those do that the analysis keeps."""
    up, down, left, right = (int(v) for v in np.clip(rng.normal(BORDER, 2.5, 4), 0, 2 * BORDER))
    part = np.s_[up : OCCLUSION_SIZE - down, left : OCCLUSION_SIZE - right]
    edges = (up, down, left, right)
    return (
        cv2.copyMakeBorder(picture[part], *edges, cv2.BORDER_REPLICATE),
        cv2.copyMakeBorder(front[part], *edges, cv2.BORDER_CONSTANT),
    )


def _as_found(rng: np.random.Generator, front: Array) -> Array:
    """Return what a network makes of what is in front: not found, shifted borders, holes."""
    kind = rng.random()
    if kind < 0.12:
        return np.zeros_like(front)
    found = front
    if kind < 0.6:
        found = cv2.GaussianBlur(front, (0, 0), rng.uniform(0.5, 2))
        middle, steepness = rng.uniform(0.25, 0.75), rng.uniform(2, 8)
        found = np.clip((found - np.float32(middle)) * np.float32(steepness) + 0.5, 0, 1)
    if rng.random() < 0.15:
        other = cv2.GaussianBlur(shapes.blob(rng), (0, 0), 2)
        missed = rng.random() < 0.6
        found = found * (1 - other) if missed else np.maximum(found, other * rng.uniform(0.3, 1))
    return np.clip(found, 0, 1).astype(np.float32)
