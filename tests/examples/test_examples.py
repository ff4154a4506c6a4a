"""Every script of ``examples/`` runs, and does what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.video import clips
from videoswap import VideoReader


def read_write_video(folder: Path) -> list[str]:
    clips.make(folder / "in.mp4", clips.CLIPS["90"])
    return ["in.mp4", "out.mkv"]


def check_read_write_video(folder: Path) -> None:
    with VideoReader(folder / "in.mp4") as before, VideoReader(folder / "out.mkv") as after:
        pairs = [(before.rgb(a), after.rgb(b)) for a, b in zip(before, after, strict=True)]
    for old, new in pairs:
        change = np.abs(old.astype(int) - new).mean(axis=2)
        assert change[:20].mean() < 8 and change[50:70, 40:60].mean() > 30
    assert len(clips.packets(folder / "out.mkv", "audio")) == 1


#: What makes a script's arguments in a folder, and what looks at the folder afterwards.
CASES: dict[str, tuple[Callable[[Path], list[str]], Callable[[Path], None]]] = {
    "read_write_video": (read_write_video, check_read_write_video),
}


@pytest.mark.parametrize("name", CASES)
def test_example(name: str, tmp_path: Path) -> None:
    prepare, check = CASES[name]
    script = ROOT / "examples" / f"{name}.py"
    command = [sys.executable, str(script), *prepare(tmp_path)]
    environment = {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert run.returncode == 0, run.stderr
    check(tmp_path)
