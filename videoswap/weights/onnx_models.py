"""ONNX files opened with onnxruntime; one that cannot be used is called damaged."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ..devices import CUDA_PROVIDER, load_cuda_libraries, onnx_device
from ..errors import InputError, VideoswapError, first_line, out_of_memory
from ..records import Array, Fallback
from ..threads import plan_threads
from . import digests as known


def open_onnx(
    path: Path,
    providers: Sequence[str] = ("CPUExecutionProvider",),
    *,
    graph: bytes | None = None,
    threads: int | None = None,
    quiet: bool = False,
    free_sides: bool = False,
    full_precision: bool = False,
) -> Any:
    """Open an ONNX file; the one place where sessions of onnxruntime are made.

    Args:
        path: The file, or the file that ``graph`` was made of.
        providers: onnxruntime's execution providers, best first; see :func:`providers_of`.
        graph: What the ONNX file would hold; None reads ``path``.
        threads: Threads of the CPU. Small networks get one, as other stages use the other cores;
            None takes what is planned for large ones.
        quiet: Whether onnxruntime's warnings about the file are kept back.
        free_sides: Whether pictures of many sizes go in. On a GPU cuDNN then takes a good
            algorithm by rule; otherwise it tries all of them, anew for each shape.
        full_precision: Whether a GPU must not round the factors of float32 products to TF32, as
            it does by default.

    Returns:
        An ``onnxruntime.InferenceSession``, which never goes on with another provider while it
        runs; see :func:`provider_notes` for those that it opened with.

    Raises:
        InputError: ``damaged_weights``.
    """
    options = onnxruntime.SessionOptions()
    threads = plan_threads().networks if threads is None else threads
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1 if threads == 1 else 0
    if quiet:
        options.log_severity_level = 4
    wanted: list[Any] = list(providers)
    if CUDA_PROVIDER in wanted:
        load_cuda_libraries()
        at = wanted.index(CUDA_PROVIDER)
        wanted[at] = CUDA_PROVIDER, cuda_options(free_sides, full_precision)
    with _as_damaged(path):
        session = onnxruntime.InferenceSession(graph or str(path), options, wanted)
    session.disable_fallback()
    return session


def cuda_options(free_sides: bool, full_precision: bool) -> dict[str, str]:
    """Return the options of onnxruntime's CUDA provider, see :func:`open_onnx`."""
    options = {"arena_extend_strategy": "kSameAsRequested"}  # torch wants memory too
    if free_sides:
        options["cudnn_conv_algo_search"] = "HEURISTIC"
    if full_precision:
        options["use_tf32"] = "0"
    return options


def providers_of(session: Any) -> tuple[str, ...]:
    """Return the execution providers that a session really uses, best first."""
    return tuple(session.get_providers())


def provider_notes(real: Sequence[str], wanted: Sequence[str], what: str) -> tuple[Fallback, ...]:
    """Return a note if a session runs on another device than it was to.

    Args:
        real: The execution providers that it really uses, see :func:`providers_of`.
        wanted: The providers that were asked for, best first.
        what: What runs in it, as part of a sentence.
    """
    if onnx_device(wanted) == onnx_device(real):
        return ()
    reason = "onnxruntime could not start CUDA for it (see videoswap doctor)"
    return (Fallback(f"{what} on the GPU", f"{what} on the CPU", reason),)


def open_insightface(
    module: str,
    name: str,
    path: Path,
    providers: Sequence[str],
    *,
    free_sides: bool = False,
    full_precision: bool = False,
) -> Any:
    """Make one of insightface's networks of a local file.

    Args:
        module: Module of ``insightface.model_zoo``.
        name: Class in it that takes a path and a session.
        path: The ONNX file.
        providers: onnxruntime's execution providers, best first.
        free_sides: See :func:`open_onnx`.
        full_precision: See :func:`open_onnx`.

    Raises:
        ImportError: If insightface, or what it needs, is not installed.
        InputError: ``damaged_weights``.
    """
    kind = getattr(importlib.import_module(f"insightface.model_zoo.{module}"), name)
    with _as_damaged(path):
        session = open_onnx(path, providers, free_sides=free_sides, full_precision=full_precision)
        network = kind(str(path), session)
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


#: Crops that onnxruntime gets at once, at most.
LARGEST = 32


class OnnxNetwork:
    """A graph of which the first output is wanted.

    Args:
        path: The file.
        providers: onnxruntime's execution providers, best first.
        full_precision: See :func:`open_onnx`.

    Attributes:
        inputs: Shapes by name; sides that a graph leaves open are not numbers.
        batched: Whether several samples go in at once; given up where single ones alone can run.
        largest: Most samples at once; halved for good when memory runs out.
        device: Where it really runs: cpu or cuda.
        notes: Says so where that is not what was asked for.

    Raises:
        InputError: ``damaged_weights``.
    """

    def __init__(
        self, path: Path, providers: Sequence[str], *, full_precision: bool = False
    ) -> None:
        self._session = open_onnx(path, providers, full_precision=full_precision)
        real = providers_of(self._session)
        self.device, self.notes = onnx_device(real), provider_notes(real, providers, path.name)
        self.inputs: dict[str, tuple[int | str | None, ...]] = {
            one.name: tuple(one.shape) for one in self._session.get_inputs()
        }
        self._types = {
            one.name: _TYPES.get(one.type, np.float32) for one in self._session.get_inputs()
        }
        self.batched = not any(isinstance(shape[0], int) for shape in self.inputs.values())
        self.largest = LARGEST
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
        arrays = {key: np.ascontiguousarray(x, self._types[key]) for key, x in inputs.items()}
        count = len(next(iter(arrays.values())))
        made: list[Array] = []
        start = 0
        while start < count:
            size = self.largest if self.batched else 1
            part = {key: x[start : start + size] for key, x in arrays.items()}
            some = self._some(part)
            if some is not None:
                made.append(some)
                start += size
        if not self._ran:  # it is what it should be, since it takes and gives what is expected
            known.confirm(self._path)
            self._ran = True
        return np.concatenate(made)

    def _some(self, arrays: Mapping[str, Array]) -> Array | None:
        """Run a part of a batch; None if it has to be smaller, which it is from then on."""
        count = len(next(iter(arrays.values())))
        try:
            return self._run(arrays)
        except Exception as error:  # onnxruntime raises whatever it likes
            if not out_of_memory(error):
                if count == 1:
                    raise VideoswapError(
                        "onnx_failed",
                        f"{self._path} cannot be computed: {first_line(error)}.",
                        "Try --device cpu." if self.device == "cuda" else "Fetch it again.",
                    ) from error
            elif count == 1:
                raise VideoswapError(
                    "out_of_memory",
                    f"The memory is too small for {self._path.name}.",
                    "Close other programs, use --device cpu, or a smaller engine.",
                ) from error
            else:
                self.largest = count // 2
                return None
        # A batch size that is open in name only: if single ones run, that is how it stays.
        singles = [{key: x[k : k + 1] for key, x in arrays.items()} for k in range(count)]
        made = [one for single in singles if (one := self._some(single)) is not None]
        self.batched = False
        return np.concatenate(made)

    def _run(self, arrays: Mapping[str, Array]) -> Array:
        return np.asarray(self._session.run([self._output], dict(arrays))[0], np.float32)
