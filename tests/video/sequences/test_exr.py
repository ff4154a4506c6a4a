"""OpenEXR pictures: half floats bit for bit, and all else in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR

from tests.helpers.numbered_pictures import (
    HEIGHT,
    WIDTH,
    make_exr,
    make_sequence,
    segments_of,
)
from videoswap.settings import EncodeSettings
from videoswap.video.probe import probe
from videoswap.video.reader import AnalysisScaler, VideoReader
from videoswap.video.sequences.exr import half_to_ordinal, ordinal_to_half
from videoswap.video.sequences.pattern import (
    files_of,
)
from videoswap.video.sequences.writing import plan_pictures, write_pictures


def test_everything_else_of_exr_is_kept(tmp_path: Path) -> None:
    source = make_sequence(tmp_path / "in", "exr")
    info = probe(source)
    out = tmp_path / "g%04d.exr"
    segments, times = segments_of(info, plan_pictures(info, EncodeSettings(), out), tmp_path)
    (made, *_) = write_pictures(segments, info, times, out)
    paths = (str(made), str(files_of(source)[0]))
    new, old = (OpenEXR.File(path, separate_channels=True) for path in paths)
    assert new.header()["shot"] == "take 7"
    assert new.header()["compression"] == old.header()["compression"]
    assert set(new.channels()) == set(old.channels()) == {"R", "G", "B", "depth.Z"}
    for name, channel in old.channels().items():
        assert new.channels()[name].pixels.tobytes() == channel.pixels.tobytes(), name


def test_floats_of_32_bits_are_told(tmp_path: Path) -> None:
    for number in (1, 2):
        make_exr(tmp_path / f"{number}.exr", number, np.float32)
    plan = plan_pictures(probe(tmp_path / "%d.exr"), EncodeSettings(), tmp_path / "o%d.exr")
    assert [note.used for note in plan.notes] == ["half floats"]


def test_half_floats_are_numbered_in_order() -> None:
    numbers = np.arange(65536, dtype=np.uint16)
    values = ordinal_to_half(numbers)
    assert np.array_equal(half_to_ordinal(values), numbers)
    finite = values[np.isfinite(values)].astype(float)
    assert (np.diff(finite) >= 0).all()


def test_exr_is_seen_like_a_picture(tmp_path: Path) -> None:
    gray = np.full((HEIGHT, WIDTH), 0.5, np.float16)
    with OpenEXR.File({}, {"R": gray, "G": gray, "B": gray * 0}) as file:
        file.write(str(tmp_path / "1.exr"))
    info = probe(tmp_path / "%d.exr")
    with VideoReader(info) as reader:
        picture = AnalysisScaler(info, 16).picture(next(reader.frames()))
    assert picture.shape == (16, 24, 3)
    assert picture[5, 5].tolist() == [191, 191, 0]  # 255 * 0.5 ** (1 / 2.4)
