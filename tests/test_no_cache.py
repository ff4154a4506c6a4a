"""``--no_cache`` keeps nothing: the disk is listed before and after runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.helpers.locations import ROOT

FOLDERS = {
    "HOME": "home",
    "XDG_CACHE_HOME": "home/.cache",
    "XDG_CONFIG_HOME": "home/.config",
    "XDG_DATA_HOME": "home/.local/share",
    "XDG_STATE_HOME": "home/.local/state",
    "XDG_RUNTIME_DIR": "run",
    "TMPDIR": "tmp",
    "VIDEOSWAP_CACHE_DIR": "cache",
    "VIDEOSWAP_CREDENTIALS_DIR": "credentials",
    "VIDEOSWAP_WEIGHTS_DIR": "weights",
}


def listing(folder):
    """Return every path under a folder with its size and time of change."""
    return {
        path.relative_to(folder).as_posix(): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if not path.is_dir()
    }


@pytest.mark.parametrize("flags", [("--no_cache",), ()], ids=["no_cache", "usual"])
def test_a_run_leaves_its_result_and_no_more(solo_clip, photos, tmp_path, flags):
    disk, work = tmp_path / "disk", tmp_path / "work"
    for name in ("home/.cache", "home/.config", "run", "tmp", "weights", "../work"):
        (disk / name).mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = {name: str(disk / folder) for name, folder in FOLDERS.items()}
    words = ["swap", "-s", str(photos["source"]), "-i", str(solo_clip), "-o", "out.mp4"]
    before = listing(tmp_path)
    subprocess.run(
        [sys.executable, "-m", "videoswap", *words, "--device", "cpu", "--end", "0.1", *flags],
        cwd=work,
        env={
            **kept,
            **environment,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        },
        check=True,
        capture_output=True,
        timeout=300,
    )
    new = listing(tmp_path).items() - before.items()
    left = sorted(name for name, _ in new)
    if flags:
        assert left == ["work/out.mp4"]
        return
    kinds = {name.split("/")[1] for name in left if name.startswith("disk/")}
    assert kinds == {"cache", "credentials"}  # the listing sees what is kept
    for name in left:
        if name.startswith("disk/"):
            path = tmp_path / name
            assert path.parent.stat().st_mode & 0o077 == 0
            assert path.name == "certificate.pem" or path.stat().st_mode & 0o077 == 0, name
