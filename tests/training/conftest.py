"""The contract's numbers around the networks; use together with the needs_shared marker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def spec(shared: Path) -> Any:
    """Return what stands beside the arrays, see ``golden``."""
    return json.loads((shared / "contracts" / "public" / "pipeline.json").read_text())
