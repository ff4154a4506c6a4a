"""Face restorers behind an engine: GFPGAN, CodeFormer and GPEN, as ONNX files of FaceFusion.

A restorer redraws the swapped face with more detail; light and color stay the swap's. All take and
give one RGB picture of a face in [-1, 1], input ``input``; CodeFormer also takes ``weight``.
Framings, ranges and inputs as in facefusion 3.8 (face_enhancer). Without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import InputError
from ..fingerprint import file_digest
from ..geometry.affine import TEMPLATES, crop_matrix, five_points, invert
from ..geometry.face_masks import fade_border
from ..geometry.resample import warp
from ..records import (
    Array,
    Crop,
    SwappedCrop,
)
from ..settings import DetailSettings
from ..tensors import from_planar, to_planar
from ..weights import store
from ..weights.onnx_models import OnnxNetwork
from .base import Engine, EngineWrapper

#: Counted up whenever results with a restorer change.
SCHEMA = 1
#: What CodeFormer is told about truth against beauty: 1 stays close to what it is given, so that
#: the identity does, 0 invents most.
FIDELITY = 0.7


@dataclass(frozen=True, slots=True)
class Kind:
    """A restorer.

    Attributes:
        template: Name of its framing, see ``alignment.TEMPLATES``.
        side: Side of its pictures.
    """

    template: str
    side: int


#: By their names in the manifest and on the command line.
KINDS = {
    "gfpgan": Kind("ffhq_512", 512),
    "codeformer": Kind("ffhq_512", 512),
    "gpen256": Kind("arcface_128", 256),
    "gpen512": Kind("ffhq_512", 512),
}


class Restorer:
    """Redraws faces.

    Args:
        kind: Which one.
        path: Its file.
        providers: onnxruntime's execution providers, best first.

    Raises:
        InputError: ``damaged_weights`` or ``wrong_weights``.
    """

    def __init__(self, kind: Kind, path: Path, providers: Sequence[str]) -> None:
        self.side = kind.side
        self.template = TEMPLATES[kind.template]
        self._network = OnnxNetwork(path, providers)
        self.notes = self._network.notes
        self._input = self._network.input_of("input", rank=4, side=kind.side)
        side = self._network.inputs[self._input][-1]
        if isinstance(side, int) and side != kind.side:
            raise InputError(
                "wrong_weights",
                f"{path} takes pictures of {side} pixels, not of {kind.side}.",
                "It may be another network's file.",
            )

    def __call__(self, faces: Sequence[Array]) -> list[Array]:
        """Redraw pictures (side, side, 3) float32 RGB, 0 to 255, in its framing."""
        inputs = {self._input: to_planar(faces, -1, 1)}
        if "weight" in self._network.inputs:
            inputs["weight"] = np.full(len(faces), FIDELITY)
        return from_planar(self._network(inputs), -1, 1)


def open_restorer(name: str, providers: Sequence[str]) -> tuple[Restorer, Path]:
    """Load a restorer.

    Args:
        name: A key of ``KINDS``.
        providers: onnxruntime's execution providers, best first.

    Returns:
        The restorer and its file.

    Raises:
        InputError: ``missing_weights``, which says how to get it, ``damaged_weights`` or
            ``wrong_weights``.
    """
    path = store.require(name)
    return Restorer(KINDS[name], path, providers), path


#: Share of its frame over which what a restorer adds fades out.
BORDER = 0.08
#: Light and color are what is wider than this share of the crop; they stay the swap's.
TONE = 0.06
_COARSE = 64  # side at which they are compared


class RestoredEngine(EngineWrapper):
    """An engine and a restorer behind it.

    The restorer sees the swap on its target, so that it gets a whole face. Beyond the crop the
    border goes on, where FFHQ's framing reaches further than the engine's.

    Args:
        engine: The engine.
        restorer: The restorer.
        blend: How much of what it draws is taken, 0 to 1.
        key: Text that changes when the restorer does.
    """

    def __init__(self, engine: Engine, restorer: Restorer, blend: float, key: str) -> None:
        super().__init__(engine)
        self._restorer = restorer
        self._blend = blend
        self.key = f"{engine.key} + {key} {blend}"
        self.notes = (*engine.notes, *restorer.notes)

    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of one size and redraw the faces."""
        made = self.engine.paint(crops, people)
        if self._blend == 0.0:
            return made
        seen = [
            crop.pixels + (swap.pixels - crop.pixels) * swap.mask[..., None]
            for crop, swap in zip(crops, made, strict=True)
        ]
        side = self._restorer.side
        matrices = [self._matrix(crop) for crop in crops]
        pairs = zip(seen, matrices, strict=True)
        drawn = self._restorer(
            [warp(face, matrix, side, average_all=True) for face, matrix in pairs]
        )
        frame = fade_border(np.ones((side, side), np.float32), BORDER * side)
        results = []
        for swap, face, matrix, redrawn in zip(made, seen, matrices, drawn, strict=True):
            back, size = invert(matrix), len(face)
            share = warp(frame, back, size, black_outside=True, average_all=True)
            restored = warp(redrawn, back, size, average_all=True)
            added = _detail(restored - face, share) * np.float32(self._blend)
            pixels = np.clip(swap.pixels + added, 0.0, 255.0)
            results.append(replace(swap, pixels=np.asarray(pixels, np.float32)))
        return results

    def _matrix(self, crop: Crop) -> Array:
        """Return the (2, 3) matrix from the crop to the restorer's picture."""
        return crop_matrix(
            five_points(crop.landmarks), self._restorer.template, self._restorer.side
        )


def _detail(difference: Array, share: Array) -> Array:
    """Return a difference of two pictures without its light and color.

    Args:
        difference: (S, S, 3) float32.
        share: (S, S) float32, 0 to 1: where it counts, and how much of it is wanted.
    """
    coarse = (_COARSE, _COARSE)
    counted = cv2.resize(difference * share[..., None], coarse, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(share, coarse, interpolation=cv2.INTER_AREA)
    counted, weight = (cv2.GaussianBlur(one, (0, 0), TONE * _COARSE) for one in (counted, weight))
    tone = cv2.resize(counted / (weight + 1e-3)[..., None], share.shape[::-1])
    return np.asarray((difference - tone) * share[..., None])


def restored(engine: Engine, settings: DetailSettings, providers: Sequence[str]) -> Engine:
    """Put a restorer behind an engine if one is wanted.

    Raises:
        InputError: If its file is missing, which says how to get it, or damaged.
    """
    if settings.restorer == "none":
        return engine
    restorer, path = open_restorer(settings.restorer, providers)
    key = f"{settings.restorer} {SCHEMA} {file_digest(path)}"
    return RestoredEngine(engine, restorer, settings.restorer_blend, key)
