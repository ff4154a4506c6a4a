import io

import numpy as np
import pytest

from videoswap.runtime.progress import CostModel, Progress


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
        with Progress("render", 3, 3, enabled, stream) as bar:
            for _ in range(3):
                bar.advance(1)
    assert quiet.getvalue() == ""
    assert "render" in drawn.getvalue()
    assert "3/3" in drawn.getvalue()
