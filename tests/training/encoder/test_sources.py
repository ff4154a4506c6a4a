import numpy as np

from videoswap.geometry.affine import TEMPLATES, similarity
from videoswap.training.encoder.sources import CROP_SIZE, FaceSources


def test_faces_of_loose_photos_lie_in_the_framing(group_photo, landmarker, tmp_path):
    (tmp_path / "group.jpg").write_bytes(group_photo.read_bytes())
    faces = list(FaceSources(loose=True).faces(tmp_path))
    assert len(faces) == 6
    template = TEMPLATES["arcface_112_v2"] * CROP_SIZE
    for face in faces:
        assert face.picture.shape == (CROP_SIZE, CROP_SIZE, 3)
        # No turn, scale or shift would bring the points nearer to the template.
        assert np.abs(similarity(face.points5, template) - np.eye(2, 3)).max() < 0.01
        # The landmarks are those of the crop: found there again, they are the same.
        again = landmarker.landmarks(face.picture, face.points5)
        assert np.abs(again - face.landmarks).mean() < 0.02 * CROP_SIZE
