"""Settings check themselves."""

from dataclasses import replace

import pytest

from videoswap import SwapSettings
from videoswap.errors import UsageError
from videoswap.settings import ENGINES, GhostSettings
from videoswap.swappers.registry import engines


def test_the_engines_have_the_same_names_everywhere():
    assert tuple(engine.name for engine in engines()) == ENGINES


@pytest.mark.parametrize(
    "wrong",
    [
        {"swapper": "nix"},
        {"swapper": ""},
        {"swapper": "mesh", "ghost": GhostSettings(use_sr=True)},
    ],
)
def test_what_makes_no_sense_is_refused_at_once(wrong):
    with pytest.raises(UsageError):
        SwapSettings(**wrong)


def test_a_setting_of_ghost_asks_for_ghost():
    usual = SwapSettings()
    assert usual.engine == "auto"
    assert replace(usual, ghost=GhostSettings(num_blocks=3)).engine == "ghost"
    assert replace(usual, swapper="mesh").engine == "mesh"
