import cv2
import numpy as np
import pytest

from tests.helpers.mesh_faces import TONES, mesh_face
from videoswap.detection.face_parser import FRAME_SHARE, FacePart
from videoswap.errors import InputError
from videoswap.geometry.face_masks import fill_polygon
from videoswap.geometry.face_mesh import OUTLINE
from videoswap.training.parser.beard_labels import read_beards, with_beard, without_beard
from videoswap.training.parser.labels import IGNORED

SIZE = 160


class Hinting:
    """A parser that is a quarter sure of what a label says of a beard, and sure of skin."""

    def __init__(self, label):
        scale = FRAME_SHARE * 128 / SIZE
        shift = 63.5 - scale * (SIZE - 1) / 2
        matrix = np.array([[scale, 0, shift], [0, scale, shift]])
        small = cv2.warpAffine(label, matrix, (128, 128), flags=cv2.INTER_NEAREST)
        self._parts = np.zeros((10, 128, 128), np.float32)
        self._parts[FacePart.SKIN] = small == FacePart.SKIN
        self._parts[FacePart.BEARD] = 0.25 * (small == FacePart.BEARD)

    def parse_framed(self, framed):
        assert framed.shape == (2, 128, 128, 3)
        return np.stack([self._parts, self._parts[..., ::-1]])


@pytest.fixture
def face():
    """Picture, label without a beard, points, and where the beard is drawn."""
    picture, label, points = mesh_face(SIZE)
    rows = np.mgrid[:SIZE, :SIZE][0]
    oval = fill_polygon(points[OUTLINE], SIZE) > 0.5
    beard = oval & (rows > points[164, 1]) & (label == FacePart.SKIN)
    return picture, label, points, beard


def test_a_beard_is_labelled_where_it_looks_like_one(face):
    picture, label, points, beard = face
    shade = np.random.default_rng(0).normal(size=(SIZE, SIZE, 1)) * 12
    picture[beard] = np.clip(np.array(TONES[FacePart.HAIR]) + shade, 0, 255)[beard]
    hint = label.copy()
    hint[beard] = FacePart.BEARD
    made = with_beard(picture, label, points, Hinting(hint))
    known = made != IGNORED
    assert ((made == FacePart.BEARD) & beard).sum() > 0.8 * beard.sum()
    inside = fill_polygon(points[OUTLINE], SIZE) > 0.5
    assert ((made == FacePart.BEARD) & ~beard & known & inside).sum() < 0.03 * beard.sum()
    lips = np.isin(label, (FacePart.LIPS, FacePart.MOUTH, FacePart.EYES))
    np.testing.assert_array_equal(made[lips], label[lips])


def test_a_shadow_on_one_side_is_left_out(face):
    picture, label, points, beard = face
    beard &= np.mgrid[:SIZE, :SIZE][1] > points[454, 0] * 0.35 + points[1, 0] * 0.65
    picture[beard] = (picture[beard] * 0.4).astype(np.uint8)
    hint = label.copy()
    hint[beard] = FacePart.BEARD
    made = with_beard(picture, label, points, Hinting(hint))
    assert (made[beard] == FacePart.BEARD).mean() < 0.1
    assert (made[beard] == IGNORED).mean() > 0.8


def test_doubts_are_skin_where_there_is_no_beard_for_sure(face):
    _, label, points, beard = face
    doubtful = label.copy()
    doubtful[beard] = IGNORED
    made = without_beard(doubtful, points)
    chin = np.round(points[199]).astype(int)
    assert made[chin[1], chin[0]] == FacePart.SKIN
    forehead = np.round(points[151]).astype(int)
    doubtful[forehead[1], forehead[0]] = IGNORED
    assert without_beard(doubtful, points)[forehead[1], forehead[0]] == IGNORED


@pytest.mark.parametrize("text", ["a beard\nb\n", "a moustache\n"])
def test_a_list_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "beards.txt"
    with pytest.raises(InputError):
        read_beards(path)
    path.write_text("set/a beard\n\nset/b doubt\n")
    assert read_beards(path) == {"set/a": "beard", "set/b": "doubt"}
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_beards(path)
    assert caught.value.code == "bad_source"
