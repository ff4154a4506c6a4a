from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from tests.helpers.packed_faces import mirrored
from videoswap.training.faces.dataset import FaceSample, FaceShards, pack_faces
from videoswap.training.occlusion.hands import draw_hand
from videoswap.training.occlusion.photos import Pool


@pytest.fixture(scope="session")
def portraits(tmp_path_factory, detector, landmarker):
    """Packed: the astronaut, who is learnt from, and the mirror image, which is held out."""
    folder = tmp_path_factory.mktemp("portraits")
    photo = skimage.data.astronaut()
    points = landmarker.landmarks(photo, detector.detect(photo)[0].points5)
    other, marks = mirrored(photo, points)
    samples = [FaceSample(photo, points, "a"), FaceSample(other, marks, "b", held=True)]
    pack_faces(folder, samples, framing="arcface", size=256)
    return folder


@pytest.fixture(scope="session")
def pool(portraits):
    faces = FaceShards(portraits)
    hands = [draw_hand(np.random.default_rng(1))]
    textures = skimage.data.brick()[None, :256, :256, None].repeat(3, axis=3)
    return Pool(faces, faces.training, hands, textures)
