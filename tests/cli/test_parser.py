"""Flags in every spelling, and file names that look like flags."""

from pathlib import Path

import pytest

from videoswap.cli import entry, swap
from videoswap.cli.parser import Parser, spelled_out
from videoswap.errors import UsageError


def parser():
    found = Parser(prog="test")
    swap.add_arguments(found)
    return found


def written(*words):
    return spelled_out(parser(), words).words


def parsed(*words):
    return parser().parse_args(written(*words))


@pytest.mark.parametrize(
    ("word", "full"),
    [
        ("--source_paths", "--source_paths"),
        ("--source-paths", "--source_paths"),
        ("--target-vid", "--target_video"),
        ("--sim", "--similarity_th"),
        ("--min-face=1/8", "--min_face=1/8"),
        ("--crf=-1", "--crf=-1"),
        ("-1.5", "-1.5"),
    ],
)
def test_flags_are_written_in_full(word, full):
    assert written(word) == [full]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--source_pth"], "Did you mean --source_paths?"),
        (["--g_path"], "Did you mean --G_path?"),
        (["--zzz"], "There is no flag --zzz. See `test --help`."),
        (["--str"], "--str could be --strength, --strict_input or --strict_streams."),
        (["--target_video", "v", "--enc-oder", "x"], "Did you mean --encoder?"),
    ],
)
def test_what_is_no_flag_is_told_first_with_what_may_be_meant(words, told):
    with pytest.raises(UsageError) as caught:
        written(*words)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_names_that_begin_with_a_dash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("-a.png").touch()
    Path("--crf").touch()
    words = ["--source_paths", "b.png", "-a.png", "--target_video", "-v.mp4", "--crf", "20"]
    found = parsed(*words)
    assert found.source_paths == [Path("b.png"), Path("-a.png")]
    assert found.target_video == Path("-v.mp4")
    assert found.crf == 20.0


def test_after_two_dashes_nothing_is_a_flag():
    assert written("--crf", "3", "--", "--zzz") == ["--crf", "3", "--", "--zzz"]


def test_flags_of_a_sub_command_are_those_of_that_command():
    spelled = spelled_out(entry.program(), ["models", "download", "--accept-licence", "x"])
    assert spelled.parser.prog == "videoswap models download"
    assert spelled.words == ["models", "download", "--accept_licence", "x"]
    with pytest.raises(UsageError, match="videoswap faces --help"):
        spelled_out(entry.program(), ["faces", "--crf", "3"])


@pytest.mark.parametrize("spelling", ["--similarity-th", "--simil"])
def test_both_doors_take_the_same_spellings(spelling, capsys):
    for door in (entry.swap_main, lambda words: entry.main(["swap", *words])):
        assert door(["--source_paths", "a", spelling, "x"]) == 2
        assert "--similarity_th: 'x' is not a number" in capsys.readouterr().err
