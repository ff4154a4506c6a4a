"""What `VideoWriter` and `VideoReader` promise, for every kind of file that they know."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import clips
from videoswap.errors import InputError, OutputError, UsageError, VideoswapError
from videoswap.settings import EncodeSettings
from videoswap.video.probe import VideoInfo, probe
from videoswap.video.reader import VideoReader
from videoswap.video.sequences.pattern import files_of
from videoswap.video.writer import VideoWriter

SIZE = (64, 48)
BASE = Fraction(1, 1000)
TIMES = [0, 40, 110, 120, 230, 280, 340, 400]  # uneven, whole hundredths
MEAN = Fraction(20)


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: Name of the result.
        tick: Seconds to which times are rounded; 0 for exact ones.
        even: Whether only the order of frames is kept, not their times.
        exact: Whether RGB comes back sample for sample.
        encoder: Asked for by name.
    """

    name: str
    tick: Fraction = Fraction(0)
    even: bool = False
    exact: bool = False
    encoder: str | None = None


KINDS = [
    Kind("o.mp4"),
    Kind("o.mov"),
    Kind("o.nut", exact=True, encoder="ffv1"),
    Kind("o.mkv", exact=True, encoder="ffv1"),
    Kind("o.webm", encoder="libvpx-vp9"),
    Kind("o.ts", Fraction(1, 90000)),
    Kind("o.avi", exact=True, encoder="ffv1"),
    Kind("o.gif"),
    Kind("o.webp", exact=True),
    Kind("o.apng", exact=True),
    Kind("o%03d.png", even=True, exact=True),
    Kind("o%03d.tif", even=True, exact=True),
    Kind("o%03d.jpg", even=True),
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def pictures() -> list[np.ndarray[Any, Any]]:
    return [clips.picture(index, *SIZE) for index in range(len(TIMES))]


def description() -> VideoInfo:
    return VideoInfo.of_frame(pictures()[0], time_base=BASE, rate=MEAN)


def writer(folder: Path, kind: Kind, **more: Any) -> VideoWriter:
    settings = EncodeSettings(encoder=kind.encoder, threads=1)
    return VideoWriter(folder / kind.name, description(), settings=settings, **more)


def write(folder: Path, kind: Kind, **more: Any) -> Path:
    with writer(folder, kind, **more) as made:
        for picture, pts in zip(pictures(), TIMES, strict=True):
            made.write(picture, pts)
    return folder / kind.name


@every_kind
def test_frames_come_back_with_their_times(kind: Kind, tmp_path: Path) -> None:
    with VideoReader(os.fspath(write(tmp_path, kind))) as reader:
        frames = list(reader)
        seconds = [(frame.pts - frames[0].pts) * reader.info.time_base for frame in frames]
        found = [reader.rgb(frame) for frame in frames]
    if kind.even:
        assert [frame.pts for frame in frames] == list(range(len(TIMES)))
    else:
        errors = [abs(new - old * BASE) for new, old in zip(seconds, TIMES, strict=True)]
        assert max(errors) <= kind.tick
        assert seconds == sorted(set(seconds))
    for new, old in zip(found, pictures(), strict=True):
        error = np.abs(new.astype(int) - old)
        assert error.max() == 0 if kind.exact else error.mean() < 12


@every_kind
def test_nothing_has_the_name_before_the_end(kind: Kind, tmp_path: Path) -> None:
    made = writer(tmp_path, kind)
    made.write(pictures()[0], 0)
    made.write(pictures()[1], 40)
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
    made.close()
    made.close()
    assert sorted(tmp_path.iterdir()) == sorted(files_of(tmp_path / kind.name))
    with pytest.raises(UsageError) as caught:
        made.write(pictures()[2], 80)
    assert caught.value.code == "writer_closed"


@every_kind
def test_an_error_leaves_nothing(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writer(tmp_path, kind) as made:
        made.write(pictures()[0], 0)
        _ = 1 // 0
    with pytest.raises(OutputError) as caught, writer(tmp_path, kind):
        pass
    assert caught.value.code == "no_frames"
    assert not list(tmp_path.iterdir())


@every_kind
def test_a_file_is_replaced_only_if_asked(kind: Kind, tmp_path: Path) -> None:
    path = write(tmp_path, kind)
    before = {file: file.read_bytes() for file in files_of(path)}
    with pytest.raises(OutputError) as caught:
        write(tmp_path, kind)
    assert caught.value.code == "output_exists"
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    with writer(tmp_path, kind, overwrite=True) as made:
        made.write(255 - pictures()[0], 0)
        made.write(pictures()[1], 40)
    with VideoReader(path) as reader:
        error = np.abs(reader.rgb(next(iter(reader))).astype(int) - (255 - pictures()[0]))
    assert error.mean() < 12
    with VideoReader(path) as reader, pytest.raises(OutputError) as caught:
        VideoWriter(path, reader.info, overwrite=True)
    assert caught.value.code == "output_is_input"


@every_kind
def test_wrong_frames_are_refused(kind: Kind, tmp_path: Path) -> None:
    good, codes = pictures()[0], []
    with writer(tmp_path, kind) as made:
        made.write(good, 40)
        wrong = [
            (good, None),
            (good, 40),
            (good, 0),
            (good[:-2], 80),
            (good.astype(np.float32), 80),
            (clips.frame(0, "yuv420p", *SIZE), 80),
            ("frame", 80),
        ]
        for frame, pts in wrong:
            with pytest.raises(UsageError) as caught:
                made.write(frame, pts)
            codes.append(caught.value.code)
        made.write(pictures()[1], 120)
    assert codes == ["wrong_pts"] * 3 + ["wrong_frame"] * 4
    with VideoReader(tmp_path / kind.name) as reader:
        assert len(list(reader)) == 2


@every_kind
def test_a_folder_that_is_missing_is_named(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        writer(tmp_path / "missing", kind)
    assert caught.value.code == "no_output_folder" and "missing" in caught.value.message


@every_kind
def test_any_part_is_read(kind: Kind, tmp_path: Path) -> None:
    with VideoReader(write(tmp_path, kind)) as reader:
        whole = [frame.pts for frame in reader]
        for first, last in ((0, 2), (3, 5), (7, 7), (2, None), (None, 3)):
            ends = [None if at is None else whole[at] for at in (first, last)]
            wanted = whole[first or 0 : len(whole) if last is None else last + 1]
            assert [frame.pts for frame in reader.frames(*ends)] == wanted
        assert list(reader.frames(whole[-1] + 1)) == []


@every_kind
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files here")
def test_a_reader_keeps_one_part_open_and_none_after_closing(kind: Kind, tmp_path: Path) -> None:
    path = write(tmp_path, kind)

    def opened() -> int:
        links = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
        return sum(tmp_path.resolve() in link.parents for link in links)

    with VideoReader(path) as reader:
        first = reader.frames()
        next(first)
        once = opened()
        for _ in range(3):
            second = reader.frames()
            next(second)
            assert opened() == once
        assert list(first) == []  # it ended where the next began
        assert len(list(second)) == len(TIMES) - 1
        next(reader.frames())
    assert opened() == 0


@every_kind
def test_a_file_that_changes_or_goes_is_noticed(kind: Kind, tmp_path: Path) -> None:
    path = write(tmp_path, kind)
    info = probe(path)
    for file in files_of(path):
        os.utime(file, ns=(1, 1))
    with VideoReader(info) as reader, pytest.raises(InputError) as caught:
        list(reader)
    assert caught.value.code == "video_changed"
    for file in files_of(path):
        file.unlink()
    with VideoReader(info) as reader, pytest.raises(InputError) as caught:
        list(reader)
    assert caught.value.code == "missing_file"


@every_kind
@pytest.mark.parametrize("harm", ["empty", "noise"])
def test_what_is_no_such_file_is_refused(kind: Kind, harm: str, tmp_path: Path) -> None:
    path = write(tmp_path, kind)
    for file in files_of(path):
        file.write_bytes(b"" if harm == "empty" else bytes(range(1, 256)) * 8)
    with pytest.raises(VideoswapError) as caught:
        VideoReader(path)
    assert (
        caught.value.code
        in {"empty": ("empty_file",), "noise": ("not_media", "not_a_picture")}[harm]
    )
