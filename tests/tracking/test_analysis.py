"""Smoothed faces of a track, read from a store in memory."""

import numpy as np

from tests.engines.test_chart import head
from tests.geometry.test_face_proportions import person, posed
from videoswap import Face, Track
from videoswap.geometry.face_proportions import proportions
from videoswap.tracking.analysis import Frames, _SmoothedFaces


class Store:
    """Faces of one track by pts."""

    def __init__(self, meshes):
        self.found = {pts: face_of(mesh, pts) for pts, mesh in meshes.items()}

    def faces(self, track, first, last):
        return [face for pts, face in self.found.items() if first <= pts <= last]

    def motions(self, track, first, last):
        return {}


def face_of(mesh, pts):
    box, five = np.array([0, 0, 9, 9], np.float32), np.zeros((5, 2), np.float32)
    return Face(box, five, 1.0, pts=pts, dense_landmarks=mesh)


def faces_of(meshes):
    pts = np.arange(0, 10 * len(meshes), 10)
    store = Store(dict(zip(pts.tolist(), meshes, strict=True)))
    track = Track(0, 0, int(pts[0]), int(pts[-1]), len(pts), None, 0)
    frames = Frames(pts, np.zeros(len(pts), np.int64))
    read = _SmoothedFaces(store, frames, [track], frozenset(), lambda faces, pts, moves: faces)
    return list(read.of_track(0))


def test_every_face_of_a_track_has_the_proportions_of_most_of_it():
    usual, other = head(), head()
    other[:468] = posed(person(1)).astype(np.float32)
    faces = faces_of([usual, other, usual, usual, other])
    wanted = proportions(usual[None])[0]
    assert np.abs(proportions(other[None])[0] - wanted).max() > 0.1
    for face in faces:
        np.testing.assert_allclose(face.proportions, wanted, atol=1e-5)


def test_faces_without_dense_landmarks_have_none():
    faces = faces_of([head(), None, None])
    assert [face.proportions is None for face in faces] == [False, True, True]
    assert [face.proportions for face in faces_of([None, None])] == [None, None]
