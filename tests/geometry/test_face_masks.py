import numpy as np

from videoswap.geometry import face_masks as masks

SQUARE = np.array([[20.0, 20.0], [80.0, 20.0], [80.0, 80.0], [20.0, 80.0]], np.float32)


def test_hull_covers_its_points_and_nothing_far():
    mask = masks.fill_hull(SQUARE, 100)
    assert mask.dtype == np.float32
    assert mask[50, 50] == 1.0
    assert mask[21, 21] == 1.0
    assert mask[10, 50] == 0.0
    assert abs(mask.sum() - 61 * 61) < 70


def test_feather_is_zero_outside_and_full_deep_inside():
    mask = masks.fill_hull(SQUARE, 100)
    soft = masks.feather(masks.depth(mask), 10.0)
    assert not soft[mask == 0.0].any()
    assert soft[50, 50] == 1.0
    line = soft[50, 20:33]
    assert (np.diff(line) >= 0).all()
    assert 0.4 < line[5] < 0.7


def test_the_border_of_the_crop_is_always_zero():
    soft = masks.feather(masks.depth(np.ones((64, 64), np.float32)), 4.0)
    for edge in (soft[0], soft[-1], soft[:, 0], soft[:, -1]):
        assert not edge.any()


def test_the_mask_of_a_face_outside_of_the_crop_is_empty():
    far = np.random.default_rng(1).random((68, 2)).astype(np.float32) * 40.0 - 300.0
    assert not masks.inner_face_mask(far, 100).any()


def test_forehead_lies_above_the_brows_of_a_turned_face():
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[27], landmarks[8] = [50, 50], [90, 50]  # the chin points to the right
    landmarks[17:27] = np.linspace([45, 20], [45, 80], 10)
    points = masks.forehead_points(landmarks, 0.5)
    assert (points[:, 0] < landmarks[17:27, 0]).all()
    np.testing.assert_allclose(points[4:6, 0].mean(), 45 - 20, atol=0.5)
    np.testing.assert_allclose(points[0, 0], 45 - 10, atol=0.5)


def test_a_mirror_changes_sides_and_keeps_the_middle():
    mirrored = masks.MIRRORED_LANDMARKS
    np.testing.assert_array_equal(mirrored[mirrored], np.arange(68))
    assert [*mirrored[[0, 8, 17, 30, 36, 41, 48, 60]]] == [16, 8, 26, 30, 45, 46, 54, 64]
