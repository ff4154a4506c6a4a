import numpy as np
import pytest

from tests.helpers.loopback import Loopback
from videoswap.weights.download import Net
from videoswap.weights.manifest import Model
from videoswap.weights.transfer import Pace


@pytest.fixture
def server():
    server = Loopback()
    yield server
    server.close()


@pytest.fixture
def data():
    return np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of weights, which counts as that of the project's own too."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(folder))
    monkeypatch.setattr("videoswap.weights.store.shipped_dir", lambda: folder)
    return folder


@pytest.fixture
def naps():
    """The pauses that were made."""
    return []


@pytest.fixture
def net(naps):
    """Impatient with servers, and never really waiting."""
    return Net(sleep=naps.append, pace=Pace(timeout=0.5, window=0.2, slowest=100_000.0))


def model(*urls, **more):
    entry = {"name": "one", "file": "sub/one.bin", "what": "", "engines": ("x",), "licence": "free"}
    return Model(**{**entry, "urls": urls, **more})
