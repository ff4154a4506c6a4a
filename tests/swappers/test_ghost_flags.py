"""GHOST's own flags on the command line."""

import argparse
from pathlib import Path

import pytest

from videoswap.cli import add_swap_arguments, settings_from
from videoswap.errors import UsageError
from videoswap.settings import GhostSettings


def ghost(*words):
    parser = argparse.ArgumentParser()
    add_swap_arguments(parser)
    return settings_from(parser.parse_args(["--source_paths", "a.png", *words])).ghost


def test_nothing_said_is_the_official_generator():
    assert ghost() == GhostSettings()


def test_every_flag_arrives():
    words = "--G_path g.pth --backbone linknet --num_blocks 3 --crop_size 256 --use_sr true"
    assert ghost(*words.split(), "--ghost_exact") == GhostSettings(
        Path("g.pth"), "linknet", 3, 256, use_sr=True, exact=True
    )


@pytest.mark.parametrize(
    ("words", "wanted"), [("--use_sr", True), ("--use_sr False", False), ("--use_sr 1", True)]
)
def test_false_means_false(words, wanted):
    assert ghost(*words.split()).use_sr is wanted


@pytest.mark.parametrize("words", ["--use_sr maybe", "--num_blocks two"])
def test_nonsense_is_refused(words):
    with pytest.raises(SystemExit):
        ghost(*words.split())


@pytest.mark.parametrize("words", ["--backbone vgg", "--num_blocks 4", "--crop_size 1"])
def test_what_ghost_does_not_know_is_refused(words):
    with pytest.raises(UsageError):
        ghost(*words.split())
