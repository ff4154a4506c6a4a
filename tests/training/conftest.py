"""The contract's numbers around the networks; use together with the needs_shared marker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def golden(shared: Path) -> Any:
    """Arrays by name."""
    return np.load(shared / "contracts" / "public" / "pipeline.npz")


@pytest.fixture(scope="module")
def spec(shared: Path) -> Any:
    """The JSON beside them."""
    return json.loads((shared / "contracts" / "public" / "pipeline.json").read_text())
