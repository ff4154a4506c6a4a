import numpy as np
import pytest

from videoswap.occlusion.share import hidden_share


def test_the_share_of_a_face_that_is_hidden():
    turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    circle = np.stack([64 + 40 * np.cos(turn), 70 + 40 * np.sin(turn)], axis=1)
    front = np.zeros((128, 128), np.float32)
    assert hidden_share(front, circle) == 0.0
    front[:, :64] = 1.0
    assert hidden_share(front, circle) == pytest.approx(0.5, abs=0.05)
