import os
import subprocess
import sys
import tempfile

import pytest

from videoswap import swap_image, swap_video
from videoswap.errors import OutputError
from videoswap.jobs.output_locks import lock_outputs

HOLD = """
import sys
from pathlib import Path
from videoswap.jobs.output_locks import lock_outputs
with lock_outputs([Path(sys.argv[1])]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def private(tmp_path, monkeypatch):
    """Locks of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def other_run(tmp_path):
    """Another process, which writes o.mp4."""
    line = [sys.executable, "-c", HOLD, str(tmp_path / "o.mp4")]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_run_is_told_before_its_work(clip, photos, settings, tmp_path, other_run):
    (tmp_path / "here").symlink_to(tmp_path)
    for out in (tmp_path / "o.mp4", tmp_path / "here" / "o.mp4"):
        for swap, masks in ((swap_video, None), (swap_image, None), (swap_video, out)):
            with pytest.raises(OutputError) as caught:
                swap(["no photo"], clip, tmp_path / "m.mp4" if masks else out, save_masks=masks)
            assert caught.value.code == "output_in_use"
    with lock_outputs([tmp_path / "another.mp4"]):
        pass


def test_a_run_that_died_is_no_obstacle_and_nothing_stays(tmp_path, other_run):
    other_run.kill()
    other_run.communicate()
    with (
        lock_outputs([tmp_path / "o.mp4"]),
        pytest.raises(OutputError),
        lock_outputs([tmp_path / "o.mp4"]),
    ):
        pass
    with lock_outputs([tmp_path / "o.mp4"]):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("obstacle", ["file", "foreign", "read-only"])
def test_where_no_lock_can_be_made_a_run_goes_on(tmp_path, monkeypatch, obstacle):
    folder = tmp_path / f"videoswap-{os.getuid()}"
    if obstacle == "file":
        folder.write_text("in the way")
    elif obstacle == "foreign":
        folder.symlink_to(tmp_path)
    else:
        monkeypatch.setattr(tempfile, "tempdir", "/proc")
    with lock_outputs([tmp_path / "o.mp4"]):
        assert list(tmp_path.rglob("*.lock")) == []
