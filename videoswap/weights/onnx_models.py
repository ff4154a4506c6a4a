"""ONNX files opened with onnxruntime; one that cannot be used is called damaged."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ..errors import InputError
from ..records import Array
from . import digests as known


def open_onnx(
    path: Path,
    providers: Sequence[str] = ("CPUExecutionProvider",),
    *,
    graph: bytes | None = None,
    threads: int | None = None,
    quiet: bool = False,
) -> Any:
    """Open an ONNX file; the one place where sessions of onnxruntime are made.

    Args:
        path: The file, or the file that ``graph`` was made of.
        providers: onnxruntime's execution providers, best first; see :func:`providers_of`.
        graph: What the ONNX file would hold; None reads ``path``.
        threads: Threads of the CPU. Small networks get one, as other stages use the other cores;
            None leaves the number to onnxruntime.
        quiet: Whether onnxruntime's warnings about the file are kept back.

    Returns:
        An ``onnxruntime.InferenceSession``.

    Raises:
        InputError: ``damaged_weights``.
    """
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    if quiet:
        options.log_severity_level = 4
    with _as_damaged(path):
        return onnxruntime.InferenceSession(graph or str(path), options, list(providers))


def providers_of(session: Any) -> tuple[str, ...]:
    """Return the execution providers that a session really uses, best first."""
    return tuple(session.get_providers())


def open_insightface(module: str, name: str, path: Path, providers: Sequence[str]) -> Any:
    """Make one of insightface's networks of a local file.

    Args:
        module: Module of ``insightface.model_zoo``.
        name: Class in it that takes a path and a session.
        path: The ONNX file.
        providers: onnxruntime's execution providers, best first.

    Raises:
        ImportError: If insightface, or what it needs, is not installed.
        InputError: ``damaged_weights``.
    """
    kind = getattr(importlib.import_module(f"insightface.model_zoo.{module}"), name)
    with _as_damaged(path):
        network = kind(str(path), open_onnx(path, providers))
    known.confirm(path)
    return network


@contextmanager
def _as_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # onnxruntime and insightface raise whatever they like
        raise InputError(
            "damaged_weights", f"{path} cannot be used: {error}.", "Fetch it again."
        ) from error


_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}


class OnnxNetwork:
    """A graph of which the first output is wanted.

    Args:
        path: The file.
        providers: onnxruntime's execution providers, best first.

    Attributes:
        inputs: Shapes by name; sides that a graph leaves open are not numbers.
        batched: Whether several samples go in at once; given up at the first refusal.

    Raises:
        InputError: ``damaged_weights``.
    """

    def __init__(self, path: Path, providers: Sequence[str]) -> None:
        self._session = open_onnx(path, providers)
        self.inputs: dict[str, tuple[int | str | None, ...]] = {
            one.name: tuple(one.shape) for one in self._session.get_inputs()
        }
        self._types = {
            one.name: _TYPES.get(one.type, np.float32) for one in self._session.get_inputs()
        }
        self.batched = not any(isinstance(shape[0], int) for shape in self.inputs.values())
        self._output = self._session.get_outputs()[0].name
        self._path = path
        self._ran = False

    def input_of(self, name: str, rank: int, side: int | None = None) -> str:
        """Return the input of that name, or else the only one of that rank and last side.

        Raises:
            InputError: ``wrong_weights``.
        """
        if name in self.inputs:
            return name
        fitting = [
            key
            for key, shape in self.inputs.items()
            if len(shape) == rank and (side is None or shape[-1] == side)
        ]
        if len(fitting) != 1:
            raise InputError(
                "wrong_weights",
                f"{self._path} has no input {name!r}; it has {', '.join(self.inputs)}.",
                "It may be another network's file.",
            )
        return str(fitting[0])

    def __call__(self, inputs: Mapping[str, Array]) -> Array:
        """Run the graph.

        Args:
            inputs: Arrays (B, ...) by input, of any kind of number.

        Returns:
            (B, ...) float32.
        """
        outputs = self._batch(inputs)
        if not self._ran:  # it is what it should be, since it takes and gives what is expected
            known.confirm(self._path)
            self._ran = True
        return outputs

    def _batch(self, inputs: Mapping[str, Array]) -> Array:
        arrays = {key: np.ascontiguousarray(x, self._types[key]) for key, x in inputs.items()}
        count = len(next(iter(arrays.values())))
        if self.batched and count > 1:
            try:
                return self._run(arrays)
            except Exception:  # a batch size that is open in name only
                self.batched = False
        singles = [{key: x[k : k + 1] for key, x in arrays.items()} for k in range(count)]
        return np.concatenate([self._run(single) for single in singles])

    def _run(self, arrays: Mapping[str, Array]) -> Array:
        return np.asarray(self._session.run([self._output], dict(arrays))[0], np.float32)
