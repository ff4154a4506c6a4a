"""Settings check themselves."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from videoswap import SwapSettings
from videoswap.engines.ghost.options import GhostOptions
from videoswap.errors import UsageError
from videoswap.settings import AnalysisSettings, PeopleSettings
from videoswap.timerange import TimeRange


@pytest.mark.parametrize(
    "wrong",
    [
        {"swapper": "nix"},
        {"swapper": ""},
        {"swapper": "mesh", "engine_options": GhostOptions(use_sr=True)},
        {"engine_options": "fast"},
    ],
)
def test_what_makes_no_sense_is_refused_at_once(wrong):
    with pytest.raises(UsageError):
        SwapSettings(**wrong)


def test_a_setting_of_ghost_asks_for_ghost():
    usual = SwapSettings()
    assert usual.engine == "auto"
    assert replace(usual, engine_options=GhostOptions(num_blocks=3)).engine == "ghost"
    assert replace(usual, swapper="mesh").engine == "mesh"


@pytest.mark.parametrize(
    "make",
    [
        lambda: AnalysisSettings(keyframe_interval=0),
        lambda: AnalysisSettings(max_gap=-1),
        lambda: AnalysisSettings(min_face="small"),
        lambda: AnalysisSettings(min_face=float("nan")),
        lambda: AnalysisSettings(score_th="0.5"),
        lambda: SwapSettings(similarity_th="0.5"),
        lambda: SwapSettings(batch_size=2.5),
        lambda: SwapSettings(overwrite="yes"),
        lambda: SwapSettings(cache_dir=3),
        lambda: SwapSettings(encode={"crf": 3}),
        lambda: SwapSettings(analysis=None),
        lambda: PeopleSettings(persons=1),
        lambda: TimeRange(2, 1),
        lambda: TimeRange(-1),
        lambda: TimeRange(10**10),
        lambda: TimeRange("soon"),
    ],
)
def test_wrong_types_and_ranges_are_a_sentence(make):
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.message.endswith(".") and "\n" not in caught.value.message


def test_what_means_the_same_is_the_same():
    assert AnalysisSettings(min_face=0.05) == AnalysisSettings(min_face=Fraction(1, 20))
    assert repr(AnalysisSettings(min_face=0.05)) == repr(AnalysisSettings())
    assert SwapSettings(cache_dir="/x") == SwapSettings(cache_dir=Path("/x"))
    assert PeopleSettings(persons=[1, 2]).persons == (1, 2)
    assert repr(TimeRange(0.1, np.int64(2))) == repr(TimeRange(Fraction(1, 10), Fraction(2)))
    assert repr(SwapSettings(similarity_th=np.float32(0.5))) == repr(
        SwapSettings(similarity_th=0.5)
    )
