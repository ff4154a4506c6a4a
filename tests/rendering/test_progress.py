import io
import os

import numpy as np
import pytest

from videoswap.rendering.progress import CostModel, ProgressBar
from videoswap.watching import watched


def test_costs_of_frames_and_faces_are_told_apart():
    model = CostModel()
    random = np.random.default_rng(3)
    for _ in range(40):
        frames, faces = int(random.integers(5, 30)), int(random.integers(0, 40))
        model.observe(frames, faces, 0.02 * frames + 0.05 * faces)
    assert model.predict(1000, 0) == pytest.approx(20.0, rel=0.02)
    assert model.predict(1000, 500) == pytest.approx(45.0, rel=0.02)


def test_silent_when_not_a_terminal_and_drawn_when_forced():
    quiet, drawn = io.StringIO(), io.StringIO()
    for stream, enabled in ((quiet, None), (drawn, True)):
        with ProgressBar("render", 3, 3, enabled, stream) as bar:
            for _ in range(3):
                bar.advance(1)
    assert quiet.getvalue() == ""
    assert "render" in drawn.getvalue()
    assert "3/3" in drawn.getvalue()


def test_what_is_counted_and_how_fast():
    stream = io.StringIO()
    with ProgressBar("hidden", None, enabled=True, stream=stream, unit="faces", waits=True) as bar:
        assert stream.getvalue() == ""
        bar.reach(1)
        bar.reach(2, 4)
        bar.reach(4, 4)
    last = stream.getvalue().rsplit("\r", 1)[-1]
    assert "4/4" in last and "faces/s" in last and "100%" in last


def test_nothing_is_drawn_where_there_is_nothing_to_do():
    stream = io.StringIO()
    with ProgressBar("analyze", 100, enabled=True, stream=stream, waits=True):
        pass
    assert stream.getvalue() == ""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals of this kind here")
def test_a_terminal_of_no_columns():
    terminal, line = os.openpty()  # which says that it has none
    with (
        os.fdopen(line, "w") as stream,
        watched(bars=True),
        ProgressBar("render", 3, stream=stream) as bar,
    ):
        for _ in range(3):
            bar.advance()
        bar.close()
        drawn = b""
        while b"3/3" not in drawn:  # a terminal gives what it has in pieces
            drawn += os.read(terminal, 10_000)
    os.close(terminal)
