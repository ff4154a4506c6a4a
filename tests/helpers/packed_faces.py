"""Packed faces of the people of the group photo: small data for recipes that read `FaceShards`."""

from __future__ import annotations

import cv2
import numpy as np

from videoswap.detection.face_detector import FaceDetector
from videoswap.geometry.face_masks import MIRRORED_LANDMARKS
from videoswap.training.faces.dataset import FaceSample, pack_faces


def group_samples(group, face_models, pictures=2, held=0):
    """Return samples of the six people, so many of each: the photo, its mirror image, darker ...

    The last ``held`` people are kept out of training.
    """
    found = FaceDetector(face_models).detect(group)
    samples = []
    for number, face in enumerate(found):
        assert face.landmarks is not None
        for look in range(pictures):
            picture, points = group, face.landmarks
            if look % 2:
                picture, points = mirrored(group, points)
            if look >= 2:
                picture = cv2.convertScaleAbs(picture, alpha=1 - 0.1 * (look // 2))
            samples.append(
                FaceSample(
                    picture, points, f"group.jpg#{number}/{look}", f"person {number}",
                    held=number >= len(found) - held,
                )
            )  # fmt: skip
    return samples


def mirrored(picture, landmarks):
    """Return the mirror image of a picture and its (68, 2) landmarks."""
    points = landmarks[MIRRORED_LANDMARKS].copy()
    points[:, 0] = picture.shape[1] - 1 - points[:, 0]
    return np.ascontiguousarray(picture[:, ::-1]), points


def pack_group(folder, group, face_models, *, framing="ffhq", size=None, pictures=2, held=0):
    """Pack the people of the group photo (fixtures ``group``, ``face_models``); returns folder."""
    samples = group_samples(group, face_models, pictures, held)
    pack_faces(folder, samples, framing=framing, size=size)
    return folder
