from dataclasses import replace

import numpy as np
import pytest
import skimage.data

from videoswap.crops import CropSpec, crop_face
from videoswap.detection.face_parser import PARSED_SIZE, FaceParser, FacePart
from videoswap.errors import InputError
from videoswap.geometry.affine import transform
from videoswap.records import Face

# The five points of skimage's astronaut, by dlib.
POINTS = np.array([[203.5, 101], [246.7, 103.5], [223.2, 126.4], [201.5, 138.9], [245.2, 140.4]])
PLACES = {
    "forehead": ((221, 84), FacePart.SKIN),
    "cheek": ((209, 113), FacePart.SKIN),
    "left eye": ((203, 101), FacePart.EYES),
    "right eye": ((247, 103), FacePart.EYES),
    "teeth": ((222, 143), FacePart.MOUTH),
    "lower lip": ((216, 152), FacePart.LIPS),
    "hair over the forehead": ((223, 59), FacePart.HAIR),
    "hair beside the face": ((164, 79), FacePart.HAIR),
    "neck": ((255, 167), FacePart.NECK),
}


@pytest.fixture(scope="module")
def parser():
    return FaceParser()


@pytest.fixture(scope="module")
def astronaut():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def parts(parser, astronaut):
    return parser.parse(astronaut, POINTS)


@pytest.mark.parametrize(("place", "part"), PLACES.values(), ids=PLACES)
def test_it_knows_the_parts_of_a_face(parts, place, part):
    x, y = transform(parts.matrix, np.array([place], float))[0].round().astype(int)
    assert FacePart(parts.labels()[y, x]) is part


def test_probabilities_sum_to_one_and_match_the_labels(parts):
    assert parts.probabilities.shape == (len(FacePart), PARSED_SIZE, PARSED_SIZE)
    assert parts.probabilities.dtype == np.float32
    np.testing.assert_allclose(parts.probabilities.sum(axis=0), 1, atol=1e-3)
    np.testing.assert_allclose(parts.probability(*FacePart), 1, atol=1e-3)
    hair = parts.labels() == FacePart.HAIR
    assert parts.probability(FacePart.HAIR)[hair].min() > 0.1


def test_masks_lie_in_the_pixels_of_the_picture(parts, astronaut):
    height, width = astronaut.shape[:2]
    skin = parts.mask(FacePart.SKIN, width=width, height=height)
    assert skin.shape == (height, width)
    assert skin[113, 209] > 0.8
    assert skin[300:].max() == 0
    both = parts.mask(FacePart.SKIN, FacePart.HAIR, width=width, height=height)
    hair = parts.mask(FacePart.HAIR, width=width, height=height)
    np.testing.assert_allclose(both, skin + hair, atol=1e-5)


def test_a_face_its_points_and_a_crop_give_the_same_parts(parser, astronaut, parts):
    face = Face(np.array([170, 50, 280, 190], np.float32), POINTS.astype(np.float32), 1.0)
    np.testing.assert_allclose(parser.parse(astronaut, face).matrix, parts.matrix, atol=1e-4)
    shifted = parser.parse(astronaut[10:, 20:], POINTS - [20, 10])
    assert (shifted.labels() == parts.labels()).mean() > 0.99


def test_crops_are_parsed_together_as_alone(parser, astronaut, landmarker):
    landmarks = landmarker.landmarks(astronaut, POINTS.astype(np.float32))
    crops = [crop_face(astronaut, landmarks, CropSpec(), size=side) for side in (192, 256)]
    together = parser.parse_crops(crops)
    for crop, found in zip(crops, together, strict=True):
        alone = parser.parse(crop.pixels, crop.landmarks)
        np.testing.assert_allclose(found.probabilities, alone.probabilities, atol=1e-3)
        skin = found.mask(FacePart.SKIN, width=len(crop.pixels), height=len(crop.pixels))
        assert skin[tuple(crop.landmarks[30].round().astype(int)[::-1])] > 0.8
    assert parser.parse_crops([]) == []


def test_what_a_crop_knows_is_not_looked_for_again(parser, astronaut, landmarker):
    landmarks = landmarker.landmarks(astronaut, POINTS.astype(np.float32))
    plain = crop_face(astronaut, landmarks, CropSpec(), size=192)
    parts = np.full((10, 128, 128), 0.1, np.float32)
    known, seen = parser.parse_crops([replace(plain, parts=parts), plain])
    assert known.probabilities is parts
    np.testing.assert_array_equal(known.matrix, seen.matrix)
    assert seen.probabilities[FacePart.SKIN].max() > 0.8


def test_wrong_points_and_damaged_files_are_refused(parser, astronaut, tmp_path):
    with pytest.raises(ValueError, match="points must be"):
        parser.parse(astronaut, np.zeros((4, 2)))
    path = tmp_path / "parser.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(InputError) as caught:
        FaceParser(path)
    assert caught.value.code == "damaged_weights"
    assert parser.key.startswith("face parser ")
