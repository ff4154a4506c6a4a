"""The program as users run it: a process with an exit code."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.locations import ROOT


def start(arguments, folder, **more):
    environment = {**os.environ, "VIDEOSWAP_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, str(ROOT / "inference.py"), *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


def long_copy(clip, folder, times=12):
    """Repeat the clip; twelve times it is rendered in three segments."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from speed import loop

    loop(clip, folder / "long.mp4", times)
    return folder / "long.mp4"


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["analyze", "render"])
def test_an_interrupted_run_leaves_nothing_and_can_go_on(clip, photos, tmp_path, kill, moment):
    video = long_copy(clip, tmp_path, times=12 if moment == "render" else 4)
    out = tmp_path / "out.mp4"
    arguments = ["--source_paths", photos["source"], "--target_faces_paths", photos["right"]]
    arguments += ["--target_video", video, "--out_video_name", out]
    process = start(arguments, tmp_path)
    pattern = "*.sqlite" if moment == "analyze" else "renders/*/*.segment"
    deadline = time.monotonic() + 60
    while not list((tmp_path / "cache").glob(pattern)) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(kill)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + kill, said
    word = "Interrupted" if kill == signal.SIGINT else "Terminated"
    assert said.strip() == f"videoswap: {word}. Run it again to go on where it stopped."
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "long.mp4"]
    assert list((tmp_path / "cache").rglob("*.part")) == []
    again = start(arguments, tmp_path)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert out.exists()


def test_bad_input_is_one_sentence_with_a_hint(photos, tmp_path):
    process = start(
        ["--source_paths", photos["source"], "--target_video", tmp_path / "none.mp4"], tmp_path
    )
    told, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert said.count("\n") == 1
    assert "does not exist. Check the name" in said
    assert told == ""


def test_a_plain_run_says_what_it_did(clip, photos, tmp_path):
    out = tmp_path / "out.mp4"
    arguments = ["--source_paths", photos["source"], "--target_video", clip]
    process = start([*arguments, "--out_video_name", out], tmp_path)
    told, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert said == ""
    assert "most screen time" in told
    done = [line for line in told.splitlines() if line.startswith(f"Result: {out}")]
    assert len(done) == 1
    assert [line for line in told.splitlines() if line.startswith("time    ")]
    assert start([*arguments, "--out_video_name", out], tmp_path).wait(60) == 6  # exists already


def test_no_telemetry_of_onnxruntime_is_left_behind(photos, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, str(ROOT / "inference.py"), "--source_paths", photos["source"]]
    command += ["--target_image", photos["left"], "--out_image_name", tmp_path / "o.png"]
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    subprocess.run([str(word) for word in command], env=environment, check=True, timeout=60)
    assert [path for path in home.rglob("*") if path.is_file()] == []
