"""dlib's embedding against dlib's own, and on six people."""

from __future__ import annotations

import cv2
import numpy as np

from videoswap.detection import packaged_files as packaged


def test_embedding_agrees_with_dlibs_own_chip(recognizer, group, faces):
    import dlib

    model = dlib.face_recognition_model_v1(str(packaged.recognition_path()))
    for face in faces[:2]:
        points = [dlib.point(*map(round, point)) for point in face.landmarks.tolist()]
        shape = dlib.full_object_detection(dlib.rectangle(*map(int, face.box)), points)
        theirs = np.array(model.compute_face_descriptor(group, shape))
        assert np.linalg.norm(theirs - recognizer.embed(group, face.landmarks)) < 0.15


def test_embeddings_tell_the_six_apart(recognizer, group, faces):
    # One pair of the six is nearer than dlib's usual 0.6.
    vectors = [recognizer.embed(group, face.landmarks) for face in faces]
    small = cv2.resize(group, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    for row, face in enumerate(faces):
        again = recognizer.embed(small, (face.landmarks + 0.5) * 0.6 - 0.5)
        apart = [recognizer.distance(again, vector) for vector in vectors]
        assert int(np.argmin(apart)) == row and apart[row] < 0.3
        assert sorted(apart)[1] > 0.45
