import numpy as np
import pytest

from tests.engines.wrappers.graphs import FILES, save_restorer
from videoswap.engines.wrappers.restorer import FIDELITY, KINDS, open_restorer
from videoswap.errors import InputError
from videoswap.settings import RESTORERS
from videoswap.weights import load_manifest

CPU = ["CPUExecutionProvider"]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    return tmp_path


def faces(side, count=2):
    random = np.random.default_rng(3)
    return [random.uniform(40, 200, (side, side, 3)).astype(np.float32) for _ in range(count)]


def test_every_restorer_is_a_choice_and_in_the_manifest():
    assert ("none", *KINDS) == RESTORERS
    for name, file in FILES.items():
        model = load_manifest().model(name)
        assert model.file == file
        assert model.crc32
        assert all(url.endswith(f"/{file}") for url in model.urls)


@pytest.mark.parametrize("name", KINDS)
def test_rgb_from_minus_one_to_one_and_codeformers_weight(weights, name):
    side, weight = KINDS[name].side, name == "codeformer"
    save_restorer(weights / FILES[name], side, slope=-0.5, offset=0.1, weight=weight)
    restorer, path = open_restorer(name, CPU)
    assert path == weights / FILES[name]
    given = faces(side)
    made = restorer(given)
    for before, after in zip(given, made, strict=True):
        moved = -0.5 * (before / 127.5 - 1) + 0.1 + (FIDELITY if weight else 0.0)
        want = (np.clip(moved, -1, 1) + 1) * 127.5
        np.testing.assert_allclose(after, want, atol=1e-3)


def test_a_missing_file_says_how_to_get_it(weights):
    with pytest.raises(InputError) as caught:
        open_restorer("gpen512", CPU)
    assert caught.value.code == "missing_weights"
    assert "videoswap models download gpen512" in caught.value.hint
    assert "gpen_bfr_512.onnx" in caught.value.message


def test_another_restorers_file_is_refused(weights):
    save_restorer(weights / FILES["gpen256"], 512)
    with pytest.raises(InputError) as caught:
        open_restorer("gpen256", CPU)
    assert caught.value.code == "wrong_weights"
    (weights / FILES["gfpgan"]).write_bytes(b"no graph")
    with pytest.raises(InputError, match="cannot be used"):
        open_restorer("gfpgan", CPU)
