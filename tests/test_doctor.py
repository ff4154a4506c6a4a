import importlib.metadata
from types import SimpleNamespace

import pytest

from videoswap import cli, doctor


def fake_distributions(names):
    return lambda: [SimpleNamespace(metadata={"Name": name}) for name in names]


@pytest.mark.parametrize(
    ("names", "fine"),
    [
        (["numpy", "onnxruntime"], True),
        (["onnxruntime-gpu"], True),
        (["onnxruntime", "onnxruntime-gpu"], False),
        (["onnxruntime_gpu", "onnxruntime"], False),
        (["numpy"], False),
    ],
)
def test_exactly_one_onnxruntime(monkeypatch, names, fine):
    monkeypatch.setattr(importlib.metadata, "distributions", fake_distributions(names))
    (check,) = doctor._onnxruntime_packages()
    assert check.fine is fine


def test_a_missing_system_library_is_named(monkeypatch):
    def broken(name):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    check = doctor._package("cv2", "opencv-python", "warps")
    assert not check.fine
    assert "libGL.so.1" in check.finding
    assert "apt-get install libgl1" in check.advice


def test_a_check_that_breaks_is_a_finding_and_not_a_crash(monkeypatch):
    def broken():
        raise OSError("disk on fire")

    monkeypatch.setattr(doctor, "_models", broken)
    checks = {check.name: check for check in doctor.examine()}
    assert "disk on fire" in checks["face models"].finding
    assert not checks["face models"].fine


def test_this_machine_is_fine(capsys):
    assert cli.main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "engine mesh: usable" in told
    assert "libx264" in told
