import numpy as np
import pytest

from tests.helpers.covered_faces import over, stripe
from tests.helpers.occlusion_files import save_parser, save_xseg
from videoswap.devices import PROVIDERS, Device
from videoswap.errors import InputError
from videoswap.occlusion.builtin import networks_key
from videoswap.occlusion.external import PARSING, XSEG
from videoswap.occlusion.load import load_occlusion_segmenter
from videoswap.weights import load_manifest, onnx_models

CPU = Device("cpu", ("CPUExecutionProvider",))
GPU = Device("cuda", PROVIDERS["cuda"])


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", [XSEG, PARSING])
def test_they_are_in_the_manifest_and_not_fetched_unasked(name):
    model = load_manifest().model(name)
    assert not model.default
    assert model.crc32
    assert all(url.endswith(f"/{model.file}") for url in model.urls)


@pytest.mark.parametrize(
    ("mask", "color", "save"),
    [("xseg", (0, 0, 255), save_xseg), ("parsing", (255, 0, 0), save_parser)],
)
def test_a_stripe_is_found_where_it_is(weights, face, mask, color, save):
    save(weights)
    alpha = stripe(face, 0.3, 0.15, 0.05)
    bare = face.pixels.mean(axis=2, keepdims=True).repeat(3, axis=2) * [0.9, 1.0, 0.2]
    shown = over(type(face)(bare.astype(np.float32), face.matrix, face.landmarks, 0, 0, 0),
                 np.array(color), alpha)  # fmt: skip
    front = load_occlusion_segmenter(mask, CPU).segment(shown).occluder_mask
    middle = np.s_[len(front) // 3 : len(front) // 2, len(front) // 3 : 2 * len(front) // 3]
    truth, kept = alpha[middle] > 0.5, front[middle] > 0.5
    assert (truth & kept).sum() / (truth | kept).sum() > 0.9


@pytest.mark.parametrize(("mask", "name"), [("xseg", XSEG), ("parsing", PARSING)])
def test_a_missing_file_says_how_to_get_it(weights, mask, name):
    with pytest.raises(InputError) as caught:
        load_occlusion_segmenter(mask, CPU)
    assert caught.value.code == "missing_weights"
    assert f"videoswap models download {name}" in caught.value.hint


def test_another_networks_file_is_refused(weights):
    save_xseg(weights)
    (weights / "xseg_1.onnx").rename(weights / "bisenet_resnet_34.onnx")
    with pytest.raises(InputError) as caught:
        load_occlusion_segmenter("parsing", CPU)
    assert caught.value.code == "wrong_weights"


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_auto_takes_xseg_only_where_it_is_cheap(weights, face, monkeypatch):
    assert load_occlusion_segmenter("outline", CPU).segment(face) is face
    assert load_occlusion_segmenter("auto", GPU).key.startswith(networks_key())
    save_xseg(weights)
    assert load_occlusion_segmenter("auto", CPU).key.startswith(networks_key())
    # onnxruntime does not start CUDA here: by itself it is not taken, by name it is, with a note.
    assert load_occlusion_segmenter("auto", GPU).key.startswith(networks_key())
    (note,) = load_occlusion_segmenter("xseg", GPU).notes
    assert "xseg_1.onnx on the GPU" in str(note)
    monkeypatch.setattr(onnx_models, "providers_of", lambda session: PROVIDERS["cuda"])
    found = load_occlusion_segmenter("auto", GPU)
    assert found.key.startswith("xseg")
    assert found.notes == ()
