"""The face restorers that FaceFusion ships as ONNX: GFPGAN, CodeFormer, GPEN.

All take and give one RGB picture of a face in [-1, 1], input ``input``; CodeFormer also takes
``weight``. Framings, ranges and inputs as in facefusion 3.8 (face_enhancer). Without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...geometry.affine import TEMPLATES
from ...records import Array
from ...weights import store
from ...weights.onnx_models import OnnxNetwork, pictures, planes

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
        inputs = {self._input: planes(faces, -1.0, 1.0)}
        if "weight" in self._network.inputs:
            inputs["weight"] = np.full(len(faces), FIDELITY)
        return pictures(self._network(inputs), -1.0, 1.0)


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
