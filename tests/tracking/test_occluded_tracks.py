import cv2
import numpy as np
import pytest
import skimage.data

from videoswap.detection.appearance import FRAMED_SIZE, FRAMING, Appearance
from videoswap.detection.dense_landmarks import IBUG_68
from videoswap.detection.face_models import FaceModels
from videoswap.detection.face_view import FaceView, FramePicture
from videoswap.detection.occluded_landmarks import SURROUNDINGS
from videoswap.geometry.affine import five_points
from videoswap.occlusion.builtin import load_coarse_model
from videoswap.records import Face
from videoswap.settings import AnalysisSettings
from videoswap.tracking.occluded_tracks import (
    OccludedTrack,
    UnoccludedView,
    error_on,
    framed_by_refined_landmarks,
    in_profile,
    nearest_free,
    refine_occluded_landmarks,
    with_refined_landmarks,
)
from videoswap.tracking.scan_state import ScannedGroup, ScanState
from videoswap.tracking.store import RefinedLandmarks, Store

FRAMES = 6


def film():
    """Return the astronaut in some frames, with a cup-like card over the cheek in the last."""
    photo = np.ascontiguousarray(skimage.data.astronaut()[:300, 60:420])
    frames = []
    for number in range(FRAMES):
        matrix = np.float64([[1, 0, 1.5 * number], [0, 1, 0.5 * number]])
        frames.append(cv2.warpAffine(photo, matrix, (360, 300), borderMode=cv2.BORDER_REPLICATE))
    for picture in frames[4:]:
        cv2.rectangle(picture, (40, 95), (160, 240), (235, 235, 225), -1)
        cv2.rectangle(picture, (40, 150), (160, 180), (200, 40, 40), -1)
    return frames


@pytest.fixture(scope="module")
def filmed(landmarker):
    """Return frames, landmarks without the card, and landmarks as found."""
    frames = film()
    tools = FaceModels.load(settings=AnalysisSettings(landmarks="dlib"))
    points5 = tools.detector.detect(frames[0])[0].points5
    step = np.float32([1.5, 0.5])
    found = [
        landmarker.landmarks(frame, points5 + step * number) for number, frame in enumerate(frames)
    ]
    truth = [found[0] + step * number for number in range(FRAMES)]
    return frames, truth, found


def stored(frames, found):
    store = Store(None, "", None)
    for number, (frame, marks) in enumerate(zip(frames, found, strict=True)):
        box = np.array([*marks.min(axis=0), *marks.max(axis=0)], np.float32)
        view = FaceView.of(
            FramePicture(number, frame, np.eye(2, 3)),
            Face(box, five_points(marks), 1.0),
            marks,
        )
        motion = (7, number, np.zeros((68, 3), np.float32))
        looks = ((7, Appearance.of(view)),)
        store.add(
            [ScannedGroup(0, (number,), ((7, view.face()),), (), (motion,), looks, (), ScanState())]
        )
    return store


def pictures_of(frames):
    """Return what gives frames again, in their own size."""

    def pictures(first, last):
        for number in range(first, last + 1):
            yield FramePicture(number, frames[number], np.eye(2, 3))

    return pictures


def read(store, last):
    """Return faces and motions as they are after uncovering."""
    part = 7, 0, last
    return with_refined_landmarks(store.faces(*part), store.motions(*part), store.refined(*part))


def error(landmarks, truth):
    eyes = np.linalg.norm(truth[36:42].mean(axis=0) - truth[42:48].mean(axis=0))
    return float(np.linalg.norm(landmarks - truth, axis=1).mean() / eyes)


def test_landmarks_come_back_to_where_they_are_without_the_thing(filmed, face_models):
    frames, truth, found = filmed
    store = stored(frames, found)

    looked, expected = [], []
    refine_occluded_landmarks(
        store,
        [7],
        pictures_of(frames),
        load_coarse_model(),
        face_models,
        carry_on=lambda: looked.append(1),
        expect=lambda more: expected.append(len(looked) + more),
    )
    assert expected == [len(looked)]
    faces, motions = read(store, FRAMES)
    after = [face.landmarks for face in faces]
    for number in range(3):  # nothing is before the face
        np.testing.assert_array_equal(after[number], found[number])
    for number in (4, 5):
        assert error(found[number], truth[number]) > 0.05
        assert error(after[number], truth[number]) < 0.6 * error(found[number], truth[number])
        assert error(after[number], truth[number]) < 0.05
        gone = np.isnan(motions[number]).all(axis=1)
        assert 5 < gone.sum() < 45  # those under the card, on the left
        assert not gone[[13, 14, 15]].any()


def test_kept_pictures_are_framed_by_landmarks_that_were_put_right(filmed, face_models):
    frames, _, found = filmed
    store = stored(frames, found)

    refine_occluded_landmarks(
        store, [7], pictures_of(frames), load_coarse_model(), face_models, carry_on=lambda: None
    )
    before = store.appearances(7)
    after = list(framed_by_refined_landmarks(store, 7, before))
    assert after[:4] == before[:4]  # nothing is before the face
    free, beside = before[0].picture().astype(float), np.s_[30:100, 70:110]  # the card is left
    for number in (4, 5):
        np.testing.assert_allclose(
            five_points(after[number].landmarks), FRAMING * FRAMED_SIZE, atol=6
        )
        apart = [
            np.abs(one[number].picture()[beside] - free[beside]).mean() for one in (before, after)
        ]
        assert apart[1] < 0.6 * apart[0]


def test_what_the_network_is_wrong_by_is_told_in_its_own_pixels(filmed):
    frames, _, found = filmed
    free = UnoccludedView.kept(stored(frames[:1], found[:1]).appearance(7, 0))

    def place(picture, front, guess):
        assert not front.any()
        assert picture.shape == (FRAMED_SIZE, FRAMED_SIZE, 3)
        np.testing.assert_allclose(five_points(guess), SURROUNDINGS * FRAMED_SIZE, atol=8)
        return guess + np.array([3.0, -2.0]), np.zeros(68)

    np.testing.assert_allclose(error_on(free, place), np.tile([3.0, -2.0], (68, 1)), atol=1e-9)


def test_who_is_seen_in_profile(detector, landmarker, group):
    """Of the six in the group photo, from left to right, only the fifth."""
    faces = sorted(detector.detect(group), key=lambda face: face.box[0])
    found = [(landmarker.landmarks(group, face.points5), face.points5) for face in faces]
    assert [in_profile(*one) for one in found] == [False, False, False, False, True, False]
    for turned_little in (0, 2, 3, 5):  # landmarks of a profile, led astray by something
        assert not in_profile(found[4][0], found[turned_little][1])


def test_a_face_that_is_never_free_gets_better_too(filmed, face_models):
    frames, truth, found = filmed
    covered = [frames[4], frames[5]]
    store = stored(covered, found[4:])

    refine_occluded_landmarks(
        store, [7], pictures_of(covered), load_coarse_model(), face_models, carry_on=lambda: None
    )
    for number, face in enumerate(read(store, 1)[0]):
        before = error(found[4 + number], truth[4 + number])
        assert error(face.landmarks, truth[4 + number]) < 0.8 * before


def test_stopped_the_track_does_not_count_as_looked_at_and_is_gone_on_with(filmed, face_models):
    frames, _, found = filmed
    store = stored(frames, found)
    served = []

    def pictures(first, last):
        for number in range(first, last + 1):
            served.append(number)
            yield FramePicture(number, frames[number], np.eye(2, 3))

    def carry_on():
        if len(served) > 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        refine_occluded_landmarks(store, [7], pictures, load_coarse_model(), face_models, carry_on)
    assert served == [3, 4, 5]
    assert store.refined_tracks() == set()
    whole = stored(frames, found)
    for one in (store, whole):
        refine_occluded_landmarks(
            one, [7], pictures, load_coarse_model(), face_models, carry_on=lambda: None
        )
        assert one.refined_tracks() == {7}
    for face, other in zip(read(store, FRAMES)[0], read(whole, FRAMES)[0], strict=True):
        np.testing.assert_array_equal(face.landmarks, other.landmarks)


def test_dense_landmarks_move_with_those_near_them(filmed):
    _, _, found = filmed
    box, points5 = np.zeros(4, np.float32), np.zeros((5, 2), np.float32)
    dense = np.zeros((478, 3), np.float32)
    dense[IBUG_68, :2] = found[0]
    face = Face(box, points5, 1.0, landmarks=found[0], dense_landmarks=dense)
    right = found[0].copy()
    right[:17] += [4.0, -2.0]  # the jaw alone
    refined = RefinedLandmarks(7, 0, right, np.zeros(68, bool))
    ((moved,), _) = with_refined_landmarks([face], {}, [refined])
    np.testing.assert_array_equal(moved.landmarks, right)
    np.testing.assert_allclose(moved.dense_landmarks[IBUG_68, :2], right, atol=0.01)
    assert np.all(moved.dense_landmarks[:, 2] == 0) and np.all(dense[162, :2] == found[0][0])


def test_only_the_tracks_asked_for_are_looked_at(filmed, face_models):
    frames, _, found = filmed
    store = stored(frames, found)
    refine_occluded_landmarks(store, [], None, None, face_models, carry_on=lambda: None)
    assert store.refined_tracks() == set() and store.refined(7, 0, FRAMES) == []


def test_the_free_face_nearest_in_time_is_taken_and_kept(filmed):
    frames, _, found = filmed
    store = stored(frames, found)
    hidden = OccludedTrack(7, ((3, 5),), (0, 3), np.zeros((68, 2)))
    first = nearest_free(store, hidden, 1, None)
    assert first.pts == 0
    assert nearest_free(store, hidden, 1, first) is first
    assert nearest_free(store, hidden, 5, first).pts == 3
    nowhere = OccludedTrack(7, ((3, 5),), (), np.zeros((68, 2)))
    assert nearest_free(store, nowhere, 5, None) is None
