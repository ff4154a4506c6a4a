"""One thread for every test here, and folders of weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import videoswap.networks
from tests.helpers.engine_weights import small_build


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The machine is shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every engine take the small networks."""
    monkeypatch.setattr(videoswap.networks, "build", small_build)


@pytest.fixture
def weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that counts as the folder of weights, and as that of the project's own."""
    folder = tmp_path_factory.mktemp("weights")
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(folder))
    monkeypatch.setattr("videoswap.weights.store.shipped_dir", lambda: folder)
    return folder
