"""Results appear whole or not at all; what killed runs left goes, and nothing else."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import clips
from videoswap.errors import InputError, OutputError
from videoswap.video.animated.animation_writer import AnimationWriter
from videoswap.video.files import (
    atomic_output,
    check_readable,
    clear_leftovers,
    locked_scratch,
    output_folder,
    scratch_path,
)
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader
from videoswap.video.stills.picture import Picture, write_picture


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appeared_is_not_replaced(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "no links here")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    out = tmp_path / "out"
    with pytest.raises(OutputError) as caught, atomic_output(out, overwrite=False) as part:
        part.write_text("mine")
        out.write_text("theirs")
    assert caught.value.code == "output_exists"
    aside = tmp_path / "out.new"
    assert str(aside) in caught.value.hint
    assert out.read_text() == "theirs" and aside.read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == [out, aside]
    aside.unlink()
    with atomic_output(out) as part:
        part.write_text("mine")
    assert out.read_text() == "mine"
    out.unlink()
    with atomic_output(out, overwrite=False) as part:
        part.write_text("new")
    assert out.read_text() == "new" and list(tmp_path.iterdir()) == [out]


def test_pictures_do_not_replace(tmp_path: Path) -> None:
    taken = tmp_path / "out.png"
    taken.write_text("theirs")
    with pytest.raises(OutputError):
        write_picture(taken, Picture(np.zeros((4, 4, 3), np.uint8)), overwrite=False)


def test_a_full_disk_leaves_nothing_of_an_animation(tmp_path: Path) -> None:
    info = probe(clips.make(tmp_path / "clip.mp4", clips.Clip(frames=30, audio=0)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with (
            pytest.raises(OutputError) as caught,
            VideoReader(info) as reader,
            AnimationWriter(info, tmp_path / "out.gif") as writer,
            atomic_output(tmp_path / "out.gif") as out,
        ):
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
            for frame in reader.frames():
                writer.write(frame)
            writer.finish(out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == "disk_full"
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_name_that_no_file_can_have_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        check_readable(tmp_path / ("x" * 300))
    assert caught.value.code == "unreadable_file"


@pytest.mark.parametrize("name", ["pipe", "/dev/zero"])
def test_what_can_be_read_only_once_or_for_ever_is_no_input(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")  # to open it would wait until somebody writes
    with pytest.raises(InputError) as caught:
        check_readable(tmp_path / name)
    assert caught.value.code == "not_a_file"


def test_folders_that_stay_empty_go_again(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    with pytest.raises(ValueError, match="no"), output_folder(deep):
        raise ValueError("no")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    with output_folder(deep):
        assert deep.is_dir()
    assert (tmp_path / "a").is_dir() and not deep.exists()
    with output_folder(deep):
        (deep / "result").touch()
    assert (deep / "result").exists()
    with pytest.raises(OutputError), output_folder(deep / "result" / "c"):
        pass


WRITER = """
import sys, time
from pathlib import Path
from videoswap.video.files import atomic_output
from videoswap.rendering.segment_folder import open_segment_folder
out = Path(sys.argv[1])
with open_segment_folder(None, "", out, out, print) as segments, atomic_output(out) as part:
    (segments / "a segment").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_run_left_goes(tmp_path: Path) -> None:
    others = [
        tmp_path / name
        for name in (
            ".0123456789ab.part",
            f".videoswap-00000000-{2**22 + 5}-0123456789ab.part",
            ".videoswap-notes.txt",
            "film.part",
        )
    ]
    for path in others:
        path.write_text("theirs")
    command = [sys.executable, "-c", WRITER, str(tmp_path / "out.mp4")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stdout.readline() == b"ready\n"
        clear_leftovers(tmp_path)
        assert len(list(tmp_path.iterdir())) == len(others) + 2  # it still runs
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    assert len(list(tmp_path.iterdir())) == len(others) + 2
    clear_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_lock_is_enough(tmp_path: Path) -> None:
    mine = scratch_path(tmp_path, "part")
    dead = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{2**22 + 5}-"))
    dead.touch()
    with locked_scratch(dead):
        clear_leftovers(tmp_path)
        assert dead.exists()
    clear_leftovers(tmp_path)
    assert not dead.exists()
    clear_leftovers(tmp_path / "nowhere")
