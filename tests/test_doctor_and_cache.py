import importlib.metadata
from types import SimpleNamespace

import pytest
from filelock import FileLock

from videoswap import cache, cli, doctor


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


def test_the_cache_is_listed_and_cleared(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "cache"
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(folder))
    assert cache.listing(folder) == [f"{folder}: nothing is kept"]
    render = folder / "renders" / ("ab" * 16)
    render.mkdir(parents=True)
    (render / "000000.piece").write_bytes(bytes(2_000_000))
    (folder / f"{'0' * 40}.sqlite").write_bytes(bytes(500_000))
    (folder / "thesis.txt").write_text("not ours")
    (folder / "renders" / "thesis.txt").write_text("not ours")
    assert cli.main(["cache", "list"]) == 0
    told = capsys.readouterr().out
    assert f"2.0 MB  renders/{'ab' * 16}" in told
    assert "2.5 MB  in" in told
    assert "thesis" not in told
    assert cli.main(["cache", "clear"]) == 0
    assert "2.5 MB" in capsys.readouterr().out
    assert not render.exists()
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert left == ["renders/thesis.txt", "thesis.txt"]


def test_what_a_running_process_uses_is_not_cleared(tmp_path):
    render = tmp_path / "renders" / ("cd" * 16)
    render.mkdir(parents=True)
    (render / "000000.piece").write_bytes(bytes(100))
    with FileLock(render / "lock"):
        told = cache.clear(tmp_path)
    assert told[0] == f"in use: renders/{'cd' * 16}"
    assert (render / "000000.piece").exists()
