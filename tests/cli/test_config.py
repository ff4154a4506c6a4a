"""Flags from a configuration file."""

from pathlib import Path

import pytest

from videoswap.cli import config, entry
from videoswap.cli.parser import spelled_out
from videoswap.errors import InputError, UsageError

SWAP = ("swap", "-s", "a.png", "-i", "v.mp4")


def words(text, *line):
    path = Path("c.toml")
    path.write_text(text)
    program = entry.program()
    spelled = spelled_out(program, line)
    found = config.words_of(path, program, spelled)
    program.parse_args([*spelled.words[: spelled.end], *found, *spelled.words[spelled.end :]])
    return found


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ('encoder = "h265"\ncrf = 20', SWAP, ["--encoder=h265", "--crf=20"]),
        ('min-face = "1/8"\nkeep_eyes = false', SWAP, ["--min_face=1/8", "--keep_eyes=false"]),
        ("overwrite = true\nno_cache = false", SWAP, ["--overwrite"]),
        ('min_face = "1/8"\ncrf = 20', ("faces", "v", "-o", "d"), ["--min_face=1/8"]),
        ("crf = 20\n[swap]\ncrf = 30\n[faces]\nmin_face = 0.1", SWAP, ["--crf=30"]),
        ("crf = 20", (*SWAP, "--crf", "25"), []),
        ("overwrite = true\nquiet = true", (*SWAP, "-yq"), []),
        ('source = ["a", "-b"]', ("evaluate", "o", "r"), ["--source", "a", "./-b"]),
        ('source = ["a"]', ("evaluate", "--", "o", "r"), ["--source", "a"]),
        ('source = ["a", "b"]', ("faces", "v", "-o", "d"), []),
        ('exclude = ["*.gif", "x"]', SWAP, ["--exclude=*.gif", "--exclude=x"]),
        ("", SWAP, []),
    ],
)
def test_keys_are_the_names_of_flags_and_the_command_line_wins(text, line, found):
    assert words(text, *line) == found


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ('encodr = "h265"', UsageError, "Did you mean encoder?"),
        ("[swop]\ncrf = 3", UsageError, r"\[swop\]. Did you mean \[swap\]?"),
        ("[faces]\ncrf = 3", UsageError, "crf"),
        ("crf = [1, 2]", UsageError, "one value"),
        ("crf = {a = 1}", UsageError, r"\[crf\]"),
        ("overwrite = 3", UsageError, "true or false"),
        ('config = "x"', UsageError, "config"),
        ("crf = ", InputError, "not TOML"),
        ("crf = " + 5000 * "[", InputError, "not TOML"),
    ],
)
def test_what_no_flag_has_is_refused(text, error, told):
    with pytest.raises(error, match=told):
        words(text, *SWAP)


def test_which_file_is_read():
    own = Path("videoswap/config.toml")
    own.parent.mkdir()

    def file(*line):
        return config.file_of(spelled_out(entry.program(), (*SWAP, *line)))

    assert file() is None
    own.touch()
    assert file() == own.absolute()
    assert file("--config", "other.toml") == Path("other.toml")
    assert file("--conf=other.toml") == Path("other.toml")
    assert file("--config", "none") is None


@pytest.mark.parametrize("door", [entry.swap_main, lambda line: entry.main(["swap", *line])])
def test_both_doors_read_it(door, capsys):
    Path("c.toml").write_text("[swap]\nmin_face = 3\n[evaluate]\nstep = 2\n")
    line = ["-s", "a.png", "-i", "v.mp4", "--config", "c.toml"]
    assert door(line) == 2
    assert "--min_face" in capsys.readouterr().err
    assert door([*line[:-1], "gone.toml"]) == 3
    assert door([*line, "--min_face", "1/20", "-v"]) == 3  # no v.mp4
    told = capsys.readouterr()
    assert "From c.toml: nothing for this command" in told.out and "v.mp4" in told.err
