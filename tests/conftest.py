"""Capability markers and pictures that every test may use."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.browser import browser
from tests.helpers.locations import SHARED
from videoswap.weights import find

pytest_plugins = [
    "tests.helpers.error_codes",
    "tests.helpers.fake_nvdec",
    "tests.helpers.models",
    "tests.helpers.group_clips",
    "tests.helpers.pipeline_goldens",
]


def _has_cuda() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what asks for tests that take longer than anybody waits."""
    text = "run every row of tests/hostile, which takes about an hour, and not the short form alone"
    parser.addoption("--whole_table", action="store_true", help=text)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for; skip what this machine cannot run, and say why."""
    if not config.getoption("--whole_table"):
        left_out = [item for item in items if item.get_closest_marker("whole_table")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    cuda: bool | None = None
    for item in items:
        if item.get_closest_marker("needs_dense") and find("dense_landmarks") is None:
            item.add_marker(pytest.mark.skip(reason="the dense landmarks are not here"))
        if item.get_closest_marker("needs_browser") and browser() is None:
            item.add_marker(pytest.mark.skip(reason="no Playwright, or no Chromium"))
        if item.get_closest_marker("needs_shared") and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason="no ../shared beside this checkout"))
        if item.get_closest_marker("needs_cuda"):
            cuda = _has_cuda() if cuda is None else cuda
            if not cuda:
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(scope="session", autouse=True)
def own_certificate(tmp_path_factory) -> Iterator[Path]:
    """Keep the certificate that signs results of tests out of the user's home."""
    folder = tmp_path_factory.mktemp("user data") / "credentials"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDEOSWAP_CREDENTIALS_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the real clips; use together with the needs_shared marker."""
    return SHARED


@pytest.fixture(scope="session")
def group_photo() -> Path:
    """Return the photo of six people that the insightface package carries."""
    spec = importlib.util.find_spec("insightface")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("insightface is not installed")
    return Path(spec.submodule_search_locations[0]) / "data" / "images" / "t1.jpg"
