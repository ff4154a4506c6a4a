"""Colors: on terminals only, and not where somebody does not want them."""

from __future__ import annotations

import io

import pytest

from videoswap.cli import entry
from videoswap.cli.console import painted


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("line", "environment", "shown"),
    [
        ("Note: slow.", {}, "\x1b[33mNote:\x1b[0m slow."),
        ("videoswap: No.", {}, "\x1b[31mvideoswap:\x1b[0m No."),
        ("Result: a.mp4 (1: 2)", {}, "\x1b[32mResult:\x1b[0m a.mp4 (1: 2)"),
        ("Note: slow.", {"NO_COLOR": "1"}, "Note: slow."),
        ("Note: slow.", {"TERM": "dumb"}, "Note: slow."),
        ("person 0: 3 frames", {}, "person 0: 3 frames"),
        ("Note", {}, "Note"),
    ],
)
def test_what_a_line_begins_with(line, environment, shown, monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert painted(line, Terminal()) == shown
    assert painted(line, io.StringIO()) == line


def test_without_a_word_the_first_steps_are_told(capsys):
    assert entry.main([]) == 0
    told = capsys.readouterr().out
    assert "videoswap faces" in told and "videoswap swap" in told and "\x1b" not in told
