"""The arrays of the contract around the networks, and which of them tests read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.locations import SHARED
from videoswap.records import Array

ARRAYS = SHARED / "contracts" / "public" / "pipeline.npz"
#: Environment variable with a file that gets the name of every array that is read.
READ = "VIDEOSWAP_TESTS_READ"


class Goldens:
    """Arrays by name."""

    def __init__(self) -> None:
        self._arrays = np.load(ARRAYS)

    def __getitem__(self, name: str) -> Array:
        found: Array = self._arrays[name]
        if READ in os.environ:
            with Path(os.environ[READ]).open("a", encoding="ascii") as file:
                file.write(f"{name}\n")
        return found


@pytest.fixture(scope="module")
def golden() -> Goldens:
    """Arrays by name; use together with the needs_shared marker."""
    return Goldens()
