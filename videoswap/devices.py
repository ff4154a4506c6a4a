"""Which device the work runs on, decided by one word, and why it is not another one."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from .errors import UsageError
from .records import Fallback


@dataclass(frozen=True, slots=True)
class Device:
    """Where to compute.

    Attributes:
        name: cpu or cuda.
        providers: onnxruntime's execution providers, best first.
        fallback: Set when a GPU is there and cannot be used.
    """

    name: str
    providers: tuple[str, ...]
    fallback: Fallback | None = None


# onnxruntime's execution providers for a device, best first.
PROVIDERS = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
}


def choose_device(wanted: str) -> Device:
    """Turn auto, cpu or cuda into a device.

    Raises:
        UsageError: ``no_cuda`` if cuda was asked for by name and cannot be used.
    """
    if wanted == "cpu":
        return Device("cpu", PROVIDERS["cpu"])
    trouble = cuda_trouble() if wanted == "cuda" or gpu_present() else None
    if wanted == "cuda" and trouble is not None:
        raise UsageError(
            "no_cuda",
            f"CUDA cannot be used: {trouble}.",
            "Run `videoswap doctor`, or --device cpu.",
        )
    if wanted == "auto" and not gpu_present():
        return Device("cpu", PROVIDERS["cpu"])
    if trouble is not None:
        return Device("cpu", PROVIDERS["cpu"], Fallback("the GPU", "the CPU", trouble))
    return Device("cuda", PROVIDERS["cuda"])


def gpu_present() -> bool:
    """Tell, without loading anything large, whether an NVIDIA driver is here."""
    return Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None


def cuda_trouble() -> str | None:
    """Return why CUDA cannot be used, or None if it can."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "onnxruntime has no CUDA provider (install onnxruntime-gpu in place of onnxruntime)"
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    import torch

    if not torch.cuda.is_available():
        return "torch sees no CUDA device (driver missing, or a torch build without CUDA)"
    return None
