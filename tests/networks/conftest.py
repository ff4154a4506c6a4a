"""The contract beside the checkout, and one thread for every test here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def few_threads() -> Iterator[None]:
    """Two threads at most: the machine is shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(2, before))
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Golden:
    """A golden's JSON and arrays."""

    spec: dict[str, Any]
    arrays: Any

    def error(self, name: str, value: torch.Tensor) -> float:
        """Largest difference from everything that is stored of the output ``name``."""
        got = value.detach().double().numpy()
        stored = {
            k: self.arrays[k] for k in self.arrays.files if k == name or k.startswith(name + "__")
        }
        assert stored, name
        errors = []
        for key, want in stored.items():
            part = key[len(name) :]
            if part == "__shape":
                assert got.shape == tuple(want)
            elif part in ("", "__full"):
                assert got.shape == want.shape
                errors.append(np.abs(got - want).max())
            elif part == "__every4":
                errors.append(np.abs(got[..., ::4, ::4] - want).max())
            elif part == "__mean_c":
                errors.append(np.abs(got.mean((0, 2, 3)) - want).max())
            elif part == "__mean":
                errors.append(abs(got.mean() - want))
            elif part == "__val":
                errors.append(np.abs(got.ravel()[self.arrays[name + "__idx"]] - want).max())
        return float(max(errors))


@pytest.fixture
def contracts(shared: Path) -> Path:
    """Folder with keys and goldens."""
    return shared / "contracts"


@pytest.fixture
def golden(contracts: Path) -> Any:
    """Reads a golden by name."""

    def read(name: str) -> Golden:
        folder = contracts / "public"
        spec = json.loads((folder / f"{name}.json").read_text())
        return Golden(spec, np.load(folder / f"{name}.npz"))

    return read
