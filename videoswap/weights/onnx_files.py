"""ONNX files opened with onnxruntime; one that cannot be used is called damaged."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnxruntime

from ..errors import InputError
from . import digests as known


def open_graph(path: Path, providers: Sequence[str]) -> Any:
    """Open an ONNX file.

    Args:
        path: The file.
        providers: onnxruntime's execution providers, best first.

    Returns:
        An ``onnxruntime.InferenceSession``.

    Raises:
        InputError: ``damaged_weights``.
    """
    with _as_damaged(path):
        return onnxruntime.InferenceSession(str(path), providers=list(providers))


def open_small(path: Path, graph: bytes | None = None) -> Any:
    """Open a small network for one thread of the CPU.

    Its few milliseconds are less than the way to a GPU and back takes, and other stages use the
    other cores.

    Args:
        path: An ONNX file, or the file that the graph was made of.
        graph: What the ONNX file would hold.

    Raises:
        InputError: ``damaged_weights``.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    with _as_damaged(path):
        return onnxruntime.InferenceSession(graph or str(path), options, ["CPUExecutionProvider"])


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
        network = kind(str(path), open_graph(path, providers))
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
