"""Where the work runs: one answer for torch, one for onnxruntime, each proved by computing.

What a library says of itself is not enough. torch calls a GPU available that its build has no
kernels for, and onnxruntime lists CUDA where its libraries cannot be loaded, and then computes on
the CPU without a word.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path

import numpy as np
import onnxruntime

from .errors import UsageError, first_line
from .records import Fallback

_log = logging.getLogger(__name__)

CPU_PROVIDER, CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"
# onnxruntime's execution providers for a device, best first.
PROVIDERS = {"cpu": (CPU_PROVIDER,), "cuda": (CUDA_PROVIDER, CPU_PROVIDER)}


@dataclass(frozen=True, slots=True)
class Device:
    """Where to compute.

    Attributes:
        name: Where torch computes: cpu or cuda.
        providers: onnxruntime's execution providers, best first; they need not be those of
            torch's device.
        notes: Why a GPU that is there is not used.
        gpu: Name of the GPU in use; empty for none.
    """

    name: str
    providers: tuple[str, ...]
    notes: tuple[Fallback, ...] = ()
    gpu: str = ""

    @property
    def onnx(self) -> str:
        """Where onnxruntime computes: cpu or cuda."""
        return onnx_device(self.providers)

    @property
    def fallback(self) -> Fallback | None:
        """The first of the notes; None where there is none."""
        return self.notes[0] if self.notes else None


def onnx_device(providers: Sequence[str]) -> str:
    """Return the device, cpu or cuda, that providers of onnxruntime stand for."""
    return "cuda" if CUDA_PROVIDER in providers else "cpu"


def choose_device(wanted: str) -> Device:
    """Turn auto, cpu or cuda into a device.

    Raises:
        UsageError: ``no_cuda`` if cuda was asked for by name and torch or onnxruntime cannot
            use it.
    """
    if wanted == "cpu" or (wanted == "auto" and not gpu_present()):
        return Device("cpu", PROVIDERS["cpu"])
    troubles = {"torch": torch_trouble(), "onnxruntime": onnx_trouble()}
    said = [trouble for trouble in troubles.values() if trouble is not None]
    if wanted == "cuda" and said:
        raise UsageError(
            "no_cuda",
            f"CUDA cannot be used: {'; '.join(said)}.",
            "Run `videoswap doctor`, or --device cpu.",
        )
    notes = tuple(
        Fallback(f"{library} on the GPU", f"{library} on the CPU", trouble)
        for library, trouble in troubles.items()
        if trouble is not None
    )
    name, onnx = ("cpu" if trouble else "cuda" for trouble in troubles.values())
    return Device(name, PROVIDERS[onnx], notes, gpu_name() if name == "cuda" else "")


def gpu_present() -> bool:
    """Tell, without loading anything large, whether an NVIDIA driver is here."""
    return Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None


def gpu_name() -> str:
    """Return the name of the GPU that torch uses, such as ``NVIDIA H200``."""
    import torch

    return str(torch.cuda.get_device_name())


@cache
def torch_trouble() -> str | None:
    """Return why torch cannot compute on the GPU, or None if it did."""
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    import torch

    built = torch.version.cuda
    if not torch.cuda.is_available():
        if built is None:
            return "this torch is built without CUDA"
        return f"torch sees no CUDA device (no driver, or one that is too old for CUDA {built})"
    try:
        answer = float((torch.arange(8.0, device="cuda") * 2).sum())
    except RuntimeError as error:
        return (
            f"torch cannot run on this GPU ({first_line(error)}): this build is for CUDA {built} "
            "and newer GPUs; another build of torch may fit (pytorch.org, previous versions)"
        )
    return None if answer == 56.0 else f"torch computes wrongly on the GPU ({answer} for 56)"


@cache
def onnx_trouble() -> str | None:
    """Return why onnxruntime cannot compute on the GPU, or None if it did."""
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        return "onnxruntime has no CUDA provider (install onnxruntime-gpu in place of onnxruntime)"
    load_cuda_libraries()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        session = onnxruntime.InferenceSession(_one_node(), options, [CUDA_PROVIDER])
        if CUDA_PROVIDER not in session.get_providers():
            return "onnxruntime could not start CUDA (are CUDA's and cuDNN's libraries there?)"
        session.disable_fallback()
        answer = float(session.run(["y"], {"x": np.ones((1, 1, 4, 4), np.float32)})[0].sum())
    except Exception as error:  # it raises whatever it likes
        return f"onnxruntime could not compute with CUDA ({first_line(error)})"
    return None if answer == 36.0 else f"onnxruntime computes wrongly on the GPU ({answer} for 36)"


@cache
def load_cuda_libraries() -> None:
    """Load CUDA's libraries, which must be there before onnxruntime's first session on the GPU.

    onnxruntime-gpu brings none and looks nowhere: it finds those that torch loaded, or those of
    NVIDIA's packages once ``preload_dlls`` did.
    """
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.version.cuda is not None:
            return
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is None:
        return
    with redirect_stdout(StringIO()) as said:  # it prints what it does not find
        preload()
    if said.getvalue():
        _log.warning("%s", said.getvalue().strip())


def _one_node() -> bytes:
    """Return an ONNX graph of one convolution: each of 2 x 2 windows of 3 x 3 ones is 9."""
    from onnx import TensorProto, helper

    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 4, 4])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 2, 2])
    ones = helper.make_tensor("w", TensorProto.FLOAT, [1, 1, 3, 3], [1.0] * 9)
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "one_node", [given], [made], [ones])
    opsets = [helper.make_opsetid("", 13)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
