"""What a shell is offered when Tab is pressed."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.helpers.locations import ROOT
from videoswap.cli import entry
from videoswap.cli.completion import SHELLS, candidates


@pytest.mark.parametrize(
    ("words", "some"),
    [
        ([""], ["swap", "plan", "ui", "faces", "check"]),
        (["d"], ["doctor"]),
        (["swap", "-i", "v.mp4", "--he"], ["--help"]),
        (["models", ""], ["list", "download", "verify", "path", "convert"]),
        (["cache", "l"], ["list"]),
        (["res"], ["resume"]),
        (["resume", "--a"], ["--all"]),
        (["swap", "--source_p"], ["--source_paths"]),
        (["swap", "--target-v"], ["--target_video"]),
        (["swap", "--mask", "x"], ["xseg"]),
        (["swap", "--mask", ""], ["auto", "outline", "xseg", "parsing"]),
        (["swap", "-i", ""], []),
        (["swap", "-s", "a.png", "--crf", ""], []),
        (["swap", "--nonsense", ""], []),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_what_may_come_next(words, some):
    found = candidates(entry.program(), words)
    assert found[: len(some)] == some
    assert bool(found) == bool(some)


def test_flags_are_those_of_the_command():
    assert "--crf" in candidates(entry.program(), ["swap", "-"])
    assert "--crf" not in candidates(entry.program(), ["faces", "-"])


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_its_script(shell, capsys):
    assert entry.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "videoswap completion ask" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_bash_completes(tmp_path):
    program = tmp_path / "videoswap"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m videoswap "$@"\n')
    program.chmod(0o755)
    ask = """source <(videoswap completion bash)
    COMP_WORDS=(videoswap swap --mask x); COMP_CWORD=3; COMP_LINE='videoswap swap --mask x'
    COMP_POINT=${#COMP_LINE}; _videoswap; echo "${COMPREPLY[@]}"
    """
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-c", ask], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "xseg\n", done.stderr
