"""Where crops are cut out of frames and pictures."""

import numpy as np
import pytest

from tests.engines.test_engines import landmarks
from videoswap.crops import CropSpec, PictureSurface, crop_face, place_crops
from videoswap.geometry.affine import blended_pose, five_points
from videoswap.records import Face

PICTURE = np.zeros((300, 400, 3), np.uint8)
#: Faces by their size and where they begin; one lies outside, and one has no extent.
FACES = [(100.0, 50.0), (60.0, 210.0), (80.0, 900.0), (0.0, 100.0)]
SIZES = [256, 512, 256, 256]
SPECS = {
    "the usual template": CropSpec(),
    "a rule for the template": CropSpec(template=blended_pose),
    "the detector's points": CropSpec(points="detector"),
}


def face_of(size, place):
    points = landmarks(size) + np.float32(place)
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return Face(box, five_points(points) + np.float32(1.0), 1.0, landmarks=points)


@pytest.mark.parametrize("name", SPECS)
def test_places_of_several_faces_are_those_of_each(name):
    spec, surface = SPECS[name], PictureSurface(PICTURE)
    faces = [face_of(*one) for one in FACES]
    places = place_crops(surface, faces, spec, SIZES)
    assert [one is None for one in places] == [False, False, True, True]
    for face, place, size in zip(faces, places, SIZES, strict=True):
        alone = crop_face(surface, face, spec, size=size)
        assert (alone is None) == (place is None)
        if place is not None:
            assert place.side == len(alone.pixels) == size
            np.testing.assert_allclose(place.matrix, alone.matrix)
            wanted = spec.matrix(spec.points_of(face), size)
            np.testing.assert_allclose(place.matrix, wanted)  # pictures are upright


def test_no_faces_have_no_places():
    assert place_crops(PictureSurface(PICTURE), [], CropSpec(), []) == []
