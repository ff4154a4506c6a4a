"""Keys of unfinished renders: another file or another setting is another render."""

import os

import pytest

from tests.engines.test_engine_runs import FILES
from tests.helpers import engine_weights as filled
from tests.helpers.engine_weights import save
from tests.helpers.restorer_files import FILES as RESTORERS
from tests.helpers.restorer_files import save_restorer
from videoswap.detection.centerface import CenterFace
from videoswap.detection.landmarks import DlibLandmarker
from videoswap.detection.packaged_files import centerface_path, landmarks_path, recognition_path
from videoswap.detection.recognition import DlibRecognizer
from videoswap.engines.base import engine_key
from videoswap.engines.ghost.options import GhostOptions
from videoswap.engines.mesh.engine import MeshEngine, MeshSettings
from videoswap.engines.registry import load_engine
from videoswap.engines.restorer import restored
from videoswap.occlusion import builtin as own
from videoswap.settings import DetailSettings
from videoswap.weights import slim

CPU = ("CPUExecutionProvider",)
#: A remark of one letter, as ONNX writes it: the file is another one, the network is the same.
REMARK = b"\x32\x01x"


@pytest.mark.usefixtures("small_networks")
@pytest.mark.parametrize(
    ("engine", "file"), [(engine, file) for engine, files in FILES.items() for file in files]
)
def test_another_weight_file_is_another_key(engine, file, weights, monkeypatch):
    for name, network in FILES[engine].items():
        save(weights / name, network)
    ghost = GhostOptions(num_blocks=1) if engine == "ghost" else None

    def files() -> str:
        """Return what a key says of the files; it also names the kind of numbers."""
        return load_engine(engine, device="cpu", options=ghost).key.split()[-1]

    before = files()
    assert files() == before
    time = (weights / file).stat().st_mtime_ns
    monkeypatch.setattr(filled, "TAG", "others")
    save(weights / file, FILES[engine][file])
    os.utime(weights / file, ns=(time, time + 1))
    (weights / "known.json").unlink(missing_ok=True)
    slim.slim_path(weights / file).unlink(missing_ok=True)
    assert files() != before


@pytest.mark.usefixtures("small_networks")
def test_other_options_are_another_key(weights):
    for name, network in FILES["ghost"].items():
        save(weights / name, network)
    asked = [{}, {"crop_size": 256}, {"exact": True}, {"backbone": "unet"}]
    keys = {
        load_engine("ghost", device="cpu", options=GhostOptions(num_blocks=1, **one)).key
        for one in asked
    }
    assert len(keys) == 3


def test_another_schema_is_another_key(tmp_path):
    file = tmp_path / "a.onnx"
    file.write_bytes(b"a")
    keys = [engine_key("one", 1, "x", files=[file]), engine_key("one", 2, "x", files=[file])]
    keys += [engine_key("one", 1, "y", files=[file]), engine_key("one", 1, "x", files=[None])]
    keys += [engine_key("other", 1, "x", files=[file])]
    assert len(set(keys)) == len(keys)
    assert engine_key("one", 1, "x", files=[file]) == keys[0]


@pytest.mark.parametrize("name", ["gfpgan", "gpen512"])
def test_another_restorer_is_another_key(weights, name):
    save_restorer(weights / RESTORERS[name], 512, slope=1.1)
    asked = DetailSettings(restorer=name)
    keys = {restored(MeshEngine(), asked, CPU).key, MeshEngine().key}
    keys.add(restored(MeshEngine(), DetailSettings(restorer=name, restorer_blend=0.5), CPU).key)
    save_restorer(weights / RESTORERS[name], 512, slope=1.2)
    keys.add(restored(MeshEngine(), asked, CPU).key)
    assert len(keys) == 4


def test_mesh_tells_its_settings():
    keys = {MeshEngine(one).key for one in (None, MeshSettings(), MeshSettings(feather=0.05))}
    assert len(keys) == 2


@pytest.mark.parametrize("name", ["COARSE_MODEL", "DEEP_MODEL"])
def test_another_occlusion_network_is_another_key(tmp_path, monkeypatch, name):
    before = own.BuiltinSegmenter().key
    network = getattr(own, name)
    (tmp_path / network.name).write_bytes(network.read_bytes() + REMARK)
    monkeypatch.setattr(own, name, tmp_path / network.name)
    assert own.BuiltinSegmenter().key != before


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (CenterFace, centerface_path),
        (DlibLandmarker, landmarks_path),
        (DlibRecognizer, recognition_path),
    ],
)
def test_another_face_model_is_another_key(tmp_path, model, path):
    other = tmp_path / path().name
    other.write_bytes(path().read_bytes() + REMARK)
    assert model(other).key != model(path()).key
