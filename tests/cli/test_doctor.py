import importlib.metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from videoswap import SwapSettings, devices
from videoswap.cli import doctor as diagnosis
from videoswap.cli import entry
from videoswap.packages import NEEDED
from videoswap.records import Fallback
from videoswap.video import encoder_context, nvdec


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
    (check,) = diagnosis._onnxruntime_packages()
    assert check.fine is fine


def test_a_missing_system_library_is_named(monkeypatch):
    def broken(name):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(diagnosis.importlib, "import_module", broken)
    check = diagnosis._package(NEEDED[1])
    assert not check.fine
    assert "libGL.so.1" in check.finding
    assert "apt-get install libgl1" in check.advice


def test_a_check_that_breaks_is_a_finding_and_not_a_crash(monkeypatch):
    def broken():
        raise OSError("disk on fire")

    monkeypatch.setattr(diagnosis, "_models", broken)
    checks = {check.name: check for check in diagnosis.examine()}
    assert "disk on fire" in checks["face models"].finding
    assert not checks["face models"].fine


def test_this_machine_is_fine(capsys):
    assert entry.main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "engine mesh: usable" in told
    assert "libx264" in told


def test_what_is_optional_and_not_here_is_marked_so():
    lines = [str(check) for check in diagnosis.examine() if check.name.startswith("engine ")]
    assert any(line.startswith("ok    engine mesh: usable") for line in lines)
    assert any(
        line.startswith("--    engine lite: its weights are not published") for line in lines
    )
    assert all(line[:2] in ("ok", "--") for line in lines)


@pytest.mark.parametrize(("fine", "needed", "code"), [(False, False, 0), (False, True, 1)])
def test_doctor_fails_only_where_something_needed_is_wrong(monkeypatch, fine, needed, code, capsys):
    monkeypatch.setattr(
        diagnosis, "examine", lambda: (diagnosis.Check("x", fine, "y", needed=needed),)
    )
    assert entry.main(["doctor"]) == code


@pytest.mark.parametrize("folder", ["cache", "weights"])
def test_doctor_says_where_things_are_kept_and_whether_that_can_be_written(
    folder, tmp_path, monkeypatch
):
    file = tmp_path / "file"
    file.touch()
    for place, writable in ((tmp_path / "deep" / "down", True), (file, False)):
        monkeypatch.setenv(f"VIDEOSWAP_{folder.upper()}_DIR", str(place))
        (check,) = getattr(diagnosis, f"_{folder}")()
        assert str(place) in check.finding
        assert check.fine is writable and not check.needed


def test_doctor_says_what_is_not_in_the_folder_of_weights_and_makes_swaps_better(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setattr("videoswap.weights.store.shipped_dir", lambda: tmp_path)
    checks = {one.name: one for one in diagnosis._models()}
    for name in ("478 landmarks", "correction of swaps"):
        assert not checks[name].fine and not checks[name].needed
        assert "not there" in str(checks[name]) and "swaps" in str(checks[name])
        assert "worse" in str(checks[name]) and "videoswap models" in str(checks[name])
    engines = {one.name: one.finding for one in diagnosis._engines()}
    assert engines["engine ghost"].endswith("fetches them)")
    assert engines["engine blendface"].endswith("fetches it)")


def test_a_user_without_a_home_has_no_cache_and_still_everything_else(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    for name in ("VIDEOSWAP_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert SwapSettings().cache_dir is None
    (check,) = diagnosis._cache()
    assert not check.fine and "VIDEOSWAP_CACHE_DIR" in check.advice
    assert entry.main(["cache", "list"]) == 2


@pytest.mark.parametrize(
    ("notes", "lines"),
    [
        ((), ["ok    device: cuda; torch and onnxruntime computed on the NVIDIA H200"]),
        (
            (
                Fallback("torch on the GPU", "torch on the CPU", "no kernel"),
                Fallback("onnxruntime on the GPU", "onnxruntime on the CPU", "no library"),
            ),
            [
                "--    device: torch on the CPU instead of torch on the GPU, because no kernel",
                "--    device: onnxruntime on the CPU instead of onnxruntime on the GPU, because "
                "no library",
            ],
        ),
    ],
)
def test_the_device_is_what_a_run_would_take(monkeypatch, notes, lines):
    found = devices.Device("cuda", devices.PROVIDERS["cuda"], notes, "NVIDIA H200")
    monkeypatch.setattr(devices, "gpu_present", lambda: True)
    monkeypatch.setattr(devices, "choose_device", lambda wanted: found)
    assert [str(check) for check in diagnosis._device()] == lines


@pytest.mark.parametrize("works", [True, False])
def test_a_hardware_encoder_is_believed_once_it_has_encoded(monkeypatch, works):
    monkeypatch.setattr(devices, "gpu_present", lambda: True)
    refused = None if works else "OpenEncodeSessionEx failed: unsupported device"
    monkeypatch.setattr(encoder_context, "hardware_refusal", lambda name: refused)
    whole, *others = diagnosis._encoders()
    assert ("h264_nvenc" in whole.finding) is works
    assert bool(others) is not works
    assert all("H100" in str(check) and not check.needed for check in others)


@pytest.mark.parametrize(
    ("there", "trouble", "lines"),
    [
        (False, {}, ["ok    decoders: cpu"]),
        (True, {}, ["ok    decoders: cpu, nvdec (h264, hevc)"]),
        (
            True,
            {"hevc": "it has no decoder of hevc"},
            [
                "ok    decoders: cpu, nvdec (h264)",
                "--    decoder nvdec of hevc: it has no decoder of hevc. It needs an NVIDIA GPU "
                "and its driver; use --decoder cpu.",
            ],
        ),
    ],
)
def test_nvdec_is_believed_once_it_has_decoded(monkeypatch, there, trouble, lines):
    monkeypatch.setattr(devices, "gpu_present", lambda: there)
    monkeypatch.setattr(nvdec, "nvdec_trouble", lambda codec: trouble.get(codec, ""))
    assert [str(check) for check in diagnosis._decoders()] == lines


def test_a_hardware_encoder_without_hardware_says_so():
    if Path("/dev/nvidia0").exists():
        pytest.skip("there is a GPU")
    assert encoder_context.hardware_refusal("h264_nvenc")
    assert encoder_context.hardware_refusal("libx264") is None
