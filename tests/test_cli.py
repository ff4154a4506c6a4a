"""The two doors: every command can be reached, wrong usage is told in a sentence."""

import pytest

from videoswap.cli import entry
from videoswap.cli.parser import spelled_out


@pytest.mark.parametrize("command", entry.COMMANDS)
def test_every_command_explains_itself(command, capsys):
    assert entry.main([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert "--debug" in told and "exit codes" in told


@pytest.mark.parametrize(
    "words",
    [
        ["--source_paths", "a", "--target_video", ""],
        ["--source_paths", "", "--target_video", "v"],
        [],
        ["--source_paths", "a.png"],
        ["--source_paths", "a", "--target_video", "v", "--target_image", "i"],
        ["--source_paths", "a", "--target_video", "v", "--min_face", "3"],
        ["--source_paths", "a", "--target_video", "v", "--device", "tpu"],
        ["--source_paths", "a", "--target_video", "v", "--similarity_th", "nan"],
        ["--source_paths", "a", "--target_video", "v", "--similarity_th=-1"],
        ["--source_paths", "a", "--target_dir", "d"],
    ],
)
def test_wrong_usage_exits_2_without_a_traceback(words, capsys):
    assert entry.swap_main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_unknown_command_exits_2(capsys):
    assert entry.main(["dance"]) == 2
    assert "swap" in capsys.readouterr().err


def test_without_a_word_it_says_what_people_do_first(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["videoswap"])
    assert entry.main() == 0
    shown = capsys.readouterr().out
    lines = [line.split("  ")[1] for line in shown.splitlines() if line.startswith("  videoswap")]
    assert len(lines) == 3
    for line in lines:
        words = line.split()[1:]
        parser = entry.program()
        assert parser.parse_args(spelled_out(parser, words).words).run
    assert max(map(len, shown.splitlines())) <= 100
