"""Stretches of frames and frames a second, as reports have them."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from videoswap.jobs.frame_report import stretches_of, throughput
from videoswap.report import Stretch

INFO = SimpleNamespace(start_pts=100, time_base=Fraction(1, 50))


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("....", []),
        ("####", [(0, 6, 4)]),
        ("#..#", [(0, 0, 1), (6, 6, 1)]),
        (".##.", [(2, 4, 2)]),
        ("", []),
    ],
)
def test_frames_that_follow_each_other_are_one_stretch(chosen, found):
    meant = np.array([one == "#" for one in chosen], bool)
    pts = 100 + 2 * np.arange(len(chosen))
    wanted = tuple(Stretch(Fraction(a, 50), Fraction(b, 50), n) for a, b, n in found)
    assert stretches_of(meant, pts, INFO) == wanted


def test_frames_a_second_are_told_of_parts_that_ran():
    seconds = {"analyze": 2.0, "render": 4.0, "mux": 1.0, "verify": 0.0}
    assert throughput(seconds, {"analyze": 0, "render": 10}) == {"render": 2.5}
    assert throughput(seconds, {"analyze": 10, "verify": 3, "refine": 3}) == {"analyze": 5.0}
