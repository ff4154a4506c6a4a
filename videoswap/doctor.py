"""What is installed here, what can be used, and why something cannot."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass

_PACKAGES = (
    ("av", "av", "reads and writes video"),
    ("cv2", "opencv-python", "warps and blends"),
    ("numpy", "numpy", "computes"),
    ("scipy", "scipy", "assigns and clusters"),
    ("onnxruntime", "onnxruntime", "runs the face detector"),
    ("onnx", "onnx", "prepares the face detector"),
    ("dlib", "dlib-bin", "landmarks and embeddings"),
    ("PIL", "pillow", "reads and writes pictures"),
    ("ffmpeg", "ffmpeg-python", "drives the ffmpeg program"),
)
_OPTIONAL = (
    ("torch", "torch", "runs the neural engines"),
    ("kornia", "kornia", "warps on the GPU"),
    ("insightface", "insightface", "reads the official detection and landmark weights"),
)
# Debian's names of the packages that hold what opencv's wheel links against.
_SYSTEM = {"libGL.so.1": "libgl1", "libgthread-2.0.so.0": "libglib2.0-0"}


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: What was looked at.
        fine: Whether it is as it should be.
        finding: What was found.
        advice: What to do about it.
    """

    name: str
    fine: bool
    finding: str
    advice: str = ""

    def __str__(self) -> str:
        """Return one line."""
        text = f"{'ok  ' if self.fine else 'FAIL'}  {self.name}: {self.finding}"
        return f"{text}. {self.advice}" if self.advice else text


def examine() -> tuple[Check, ...]:
    """Look at everything; nothing raises."""
    checks = [_python()]
    checks += [_package(module, name, use) for module, name, use in _PACKAGES]
    checks += [_optional(module, name, use) for module, name, use in _OPTIONAL]
    steps: tuple[tuple[str, Callable[[], list[Check]]], ...] = (
        ("onnxruntime packages", _onnxruntime_packages),
        ("face models", _models),
        ("ffmpeg program", _ffmpeg),
        ("device", _device),
        ("engines", _engines),
        ("restorers", _restorers),
        ("encoders", _encoders),
    )
    for name, step in steps:
        try:
            checks += step()
        except Exception as error:
            checks.append(Check(name, False, f"{type(error).__name__}: {error}"))
    return tuple(checks)


def _python() -> Check:
    version = sys.version.split()[0]
    fine = sys.version_info >= (3, 11)
    return Check("python", fine, version, "" if fine else "Python 3.11 or newer is needed.")


def _package(module: str, name: str, use: str) -> Check:
    try:
        importlib.import_module(module)
    except ImportError as error:
        missing = next((lib for lib in _SYSTEM if lib in str(error)), None)
        if missing is not None:
            advice = f"On Debian or Ubuntu: apt-get install {_SYSTEM[missing]}"
            return Check(name, False, f"the system library {missing} is missing", advice)
        return Check(name, False, f"cannot be imported ({error})", f"It {use}: pip install {name}")
    return Check(name, True, _version(name))


def _optional(module: str, name: str, use: str) -> Check:
    """Look without importing: these are large."""
    if importlib.util.find_spec(module) is None:
        return Check(name, True, f"not installed; it {use}")
    return Check(name, True, _version(name))


def _version(name: str) -> str:
    for candidate in (name, f"{name}-gpu", f"{name}-headless"):
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "installed"


def _onnxruntime_packages() -> list[Check]:
    found = []
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"] or ""
        if name.lower().replace("_", "-").startswith("onnxruntime"):
            found.append(name)
    names = " and ".join(sorted(set(found)))
    if len(set(found)) > 1:
        return [
            Check(
                "onnxruntime packages",
                False,
                f"{names} are both installed and overwrite each other",
                "Uninstall all of them, then install one: onnxruntime-gpu with an NVIDIA GPU, "
                "else onnxruntime",
            )
        ]
    return [Check("onnxruntime packages", bool(found), names or "none")]


def _models() -> list[Check]:
    from .finding import packaged

    return [
        Check(name, True, str(locate()))
        for name, locate in (
            ("CenterFace", packaged.centerface_path),
            ("68 landmarks", packaged.landmarks_path),
            ("face embedding", packaged.recognition_path),
        )
    ]


def _ffmpeg() -> list[Check]:
    from .media.ffmpeg import ffmpeg_program

    return [Check("ffmpeg program", True, ffmpeg_program())]


def _device() -> list[Check]:
    from .devices import choose_device, cuda_trouble

    device = choose_device("auto")
    if device.fallback is not None:
        return [Check("device", False, str(device.fallback))]
    reason = "" if device.name == "cuda" else f" ({cuda_trouble()})"
    return [Check("device", True, f"{device.name}{reason}")]


def _engines() -> list[Check]:
    from .swappers.registry import engines

    return [
        Check(f"engine {engine.name}", True, engine.missing or f"usable: {engine.summary}")
        for engine in engines()
    ]


def _restorers() -> list[Check]:
    from .models.found import missing_files
    from .restorers.restorer import KINDS

    return [
        Check(f"restorer {name}", True, missing_files([name], name) or "usable") for name in KINDS
    ]


def _encoders() -> list[Check]:
    from .devices import gpu_present
    from .media.formats import encoders_for

    names = [name for name in encoders_for("yuv420p") if gpu_present() or "nvenc" not in name]
    return [Check("encoders", "libx264" in names, ", ".join(names))]
