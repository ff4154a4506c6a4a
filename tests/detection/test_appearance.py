import cv2
import numpy as np
import pytest

from tests.helpers.covered_faces import astronaut
from videoswap.detection.appearance import FRAMED_SIZE, FRAMING, MAX_APPEARANCES, Appearance
from videoswap.detection.face_view import FaceView, FramePicture
from videoswap.geometry.affine import five_points
from videoswap.records import Face
from videoswap.tracking.scan_state import ScannedGroup, ScanState
from videoswap.tracking.store import Store
from videoswap.tracking.tracker import Split


def view(turn=0.0):
    """Return the astronaut's face as the analysis sees it, turned by some degrees."""
    crop = astronaut()
    size = len(crop.pixels)
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), turn, 1.0)
    picture = cv2.warpAffine(crop.pixels, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
    marks = (crop.landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    frame = FramePicture(5, np.rint(picture).astype(np.uint8), np.eye(2, 3))
    face = Face(np.array([0, 0, size, size], np.float32), five_points(marks), 1.0)
    return FaceView.of(frame, face, marks)


def test_a_face_is_framed_upright_by_its_points():
    made = Appearance.of(view(turn=20))
    assert made.pts == 5
    np.testing.assert_allclose(five_points(made.landmarks), FRAMING * FRAMED_SIZE, atol=6)
    straight = Appearance.of(view())
    middle = np.s_[32:112, 32:96]
    apart = straight.picture()[middle].astype(float) - made.picture()[middle]
    assert np.abs(apart).mean() < 5


def window(pts, tracks, splits=()):
    looks = tuple(
        (track, Appearance(pts, b"%d" % pts, np.full((68, 2), pts, np.float32))) for track in tracks
    )
    return ScannedGroup(0, (pts,), (), (), (), looks, splits, ScanState())


@pytest.mark.parametrize("count", [1, MAX_APPEARANCES, MAX_APPEARANCES + 1, 100])
def test_so_many_pictures_of_a_track_are_taken_evenly_spread(count):
    store = Store(None, "", None)
    store.add([window(pts, (3,)) for pts in range(count)])
    store.finish()
    assert store.appearance_pts(3) == list(range(count))
    kept = store.appearances(3)
    assert len(kept) == min(count, MAX_APPEARANCES)
    steps = np.diff([one.pts for one in kept])
    assert len(steps) == 0 or steps.max() - steps.min() <= 1
    assert kept[0].jpeg == b"%d" % kept[0].pts
    np.testing.assert_array_equal(kept[0].landmarks, kept[0].pts)


def test_a_split_takes_its_pictures_along():
    store = Store(None, "", None)
    store.add([window(pts, (0,)) for pts in range(6)])
    store.add([window(6, (), (Split(0, 1, 4),))])
    assert [one.pts for one in store.appearances(0)] == [0, 1, 2, 3]
    assert [one.pts for one in store.appearances(1)] == [4, 5]


def test_what_was_measured_of_the_blur_is_kept():
    store = Store(None, "", None)
    looks = [(pts, Appearance(pts, b"", np.zeros((68, 2), np.float32), pts / 2)) for pts in (0, 3)]
    store.add([ScannedGroup(0, (pts,), (), (), (), ((7, one),), (), None) for pts, one in looks])
    assert store.blurs(7).tolist() == [1.5]
    assert store.appearance(7, 3).blur == 1.5
    assert len(store.blurs(8)) == 0
