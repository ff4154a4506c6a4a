"""Patterns of numbered pictures, and the files that they stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from videoswap.video.sequences.pattern import (
    files_of,
    is_numbered,
    numbered_files,
    numbered_name,
)


@pytest.mark.parametrize(
    ("pattern", "names", "numbers"),
    [
        ("%04d.png", ["0001.png", "0002.png", "00003.png", "4.png", "0005.jpg"], [1, 2]),
        ("%04d.png", ["9999.png", "10000.png"], [9999, 10000]),
        ("%d.png", ["1.png", "02.png", "10.png"], [1, 10]),
        ("a.###.exr", ["a.001.exr", "a.002.exr", "b.003.exr"], [1, 2]),
        ("f_%03d_x.tif", ["f_007_x.tif", "f_x.tif"], [7]),
    ],
)
def test_names(pattern: str, names: list[str], numbers: list[int], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    path = tmp_path / pattern
    assert is_numbered(path)
    found = numbered_files(path)
    assert list(found) == numbers
    assert all(numbered_name(path, number) == file for number, file in found.items())
    assert files_of(path) == tuple(found.values())


@pytest.mark.parametrize("name", ["a.png", "%04d.mp4", "%s.png", "%04d_%04d.png", "100%.png"])
def test_other_names(name: str, tmp_path: Path) -> None:
    assert not is_numbered(tmp_path / name)
    assert files_of(tmp_path / name) == (tmp_path / name,)


def test_a_file_of_that_very_name_goes_first(tmp_path: Path) -> None:
    (tmp_path / "%04d.png").touch()
    assert not is_numbered(tmp_path / "%04d.png")


def test_a_path_that_cannot_be_has_no_pictures():
    assert numbered_files(Path("a\0b") / "%04d.png") == {}
