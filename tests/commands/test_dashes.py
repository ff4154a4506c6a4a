"""File names that look like flags are still file names."""

import argparse
from pathlib import Path

from videoswap.commands import swap
from videoswap.commands.dashes import shield_dashes


def parse(words):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    swap.add_arguments(parser)
    return parser.parse_args(shield_dashes(parser, words))


def test_names_that_begin_with_a_dash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("-a.png").touch()
    Path("--crf").touch()
    words = ["--source_paths", "-a.png", "b.png", "--target_video", "-v.mp4", "--crf", "20"]
    found = parse(words)
    assert found.source_paths == [Path("-a.png"), Path("b.png")]
    assert found.target_video == Path("-v.mp4")
    assert found.crf == 20.0
