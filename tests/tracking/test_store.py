"""What the store writes and reads again."""

import numpy as np

from videoswap.tracking.store import pack_dense, unpack_dense


def test_dense_landmarks_are_packed_closely():
    points = np.random.default_rng(0).uniform(-300, 2000, (478, 3)).astype(np.float32)
    packed = pack_dense(points)
    assert len(packed) == 12 + 478 * 3 * 2
    assert np.abs(unpack_dense(packed) - points).max() < 0.05
    assert unpack_dense(packed).dtype == np.float32
