"""dlib's landmarks against dlib's own detector and under similarity transforms."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from videoswap.detection import packaged_files as packaged
from videoswap.geometry.affine import transform


@pytest.mark.parametrize("angle", [0, 25, 90, 180])
@pytest.mark.parametrize("scale", [0.6, 1.0])
def test_landmarks_follow_turned_and_scaled_pictures(landmarker, group, faces, angle, scale):
    face = faces[0]
    middle = face.points5.mean(axis=0).astype(float)
    matrix = cv2.getRotationMatrix2D(tuple(middle), angle, scale)
    turned = cv2.warpAffine(group, matrix, group.shape[1::-1])
    points5 = transform(matrix, face.points5).astype(np.float32)
    expected = transform(matrix, face.landmarks)
    error = np.linalg.norm(landmarker.landmarks(turned, points5) - expected, axis=1)
    assert error.mean() < 0.015 * face.size * scale


def test_landmarks_agree_with_dlibs_own_detector(landmarker, group, faces):
    import dlib

    predict = dlib.shape_predictor(str(packaged.landmarks_path()))
    boxes = dlib.get_frontal_face_detector()(group, 0)
    assert len(boxes) >= 4
    nearest = []
    for box in boxes:
        theirs = np.array([(part.x, part.y) for part in predict(group, box).parts()])
        errors = [np.linalg.norm(theirs - face.landmarks, axis=1).mean() for face in faces]
        nearest.append(min(errors) / box.width())
    assert max(nearest) < 0.04 and np.median(nearest) < 0.015
