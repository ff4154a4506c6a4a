"""Runs that are killed without a warning end with the same bytes once they are started again."""

import sys

import pytest

from tests.helpers.locations import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import kills


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="moments are read from /proc")
def test_killed_runs_come_to_the_same_bytes(capsys):
    assert kills.run(3, seed=0)
    assert "3 kills in" in capsys.readouterr().out
