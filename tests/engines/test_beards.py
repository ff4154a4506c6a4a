from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.helpers.mesh_faces import TONES, mesh_face
from videoswap.detection.appearance import Appearance
from videoswap.detection.dense_landmarks import IBUG_68
from videoswap.detection.face_parser import FacePart, FaceParts
from videoswap.engines.mesh.beards import (
    Beardedness,
    TrackBeards,
    beard_mask,
    beardedness,
    beards_in_chart,
    beards_in_crop,
    reach,
    source_beard,
)
from videoswap.engines.mesh.chart_light import film_in_chart
from videoswap.engines.mesh.photo_sampling import drawn_in
from videoswap.geometry.affine import resize_matrix
from videoswap.geometry.face_masks import fill_polygon
from videoswap.geometry.face_mesh import CHART, MEAN_SHAPE, OUTLINE, rasterize, with_ring
from videoswap.records import Crop

SIZE = 256


class Face:
    """A drawn face on which a beard can be put."""

    def __init__(self):
        self.picture, self.label, self.points = mesh_face(SIZE)
        depth = np.zeros(478)
        depth[:468] = MEAN_SHAPE[:, 2] * np.ptp(self.points[:, 0]) / 2
        self.dense = np.column_stack([self.points, depth]).astype(np.float32)
        self.marks = self.dense[IBUG_68, :2].copy()

    @property
    def parts(self):
        small = self.label[::2, ::2]
        return FaceParts(
            np.eye(len(FacePart), dtype=np.float32)[small].transpose(2, 0, 1),
            resize_matrix(0.5, 0.5),
        )

    @property
    def crop(self):
        return Crop(self.picture.astype(np.float32), np.eye(2, 3), self.marks, 0, 0, 0)

    def draw(self, where):
        where = where & np.isin(self.label, (FacePart.SKIN, FacePart.NECK))
        self.label[where] = FacePart.BEARD
        self.picture[where] = TONES[FacePart.HAIR]

    def below(self, mark, until=SIZE):
        rows = np.mgrid[:SIZE, :SIZE][0]
        return (rows > self.marks[mark, 1]) & (rows < until)


@pytest.fixture
def face():
    return Face()


@pytest.fixture
def bearded():
    made = Face()
    made.draw(made.below(33, made.marks[8, 1] + 4))
    return made


def test_bare_bearded_moustached_and_long_are_told_apart(face, bearded):
    assert beardedness(face.parts, face.marks) == Beardedness(0.0, 0.0, 0.0)
    assert beardedness(bearded.parts, bearded.marks) == Beardedness(1.0, 0.0, 1.0)
    moustache = Face()
    moustache.draw(moustache.below(33, moustache.marks[51, 1]))
    assert beardedness(moustache.parts, moustache.marks).amount > 0.9
    long = Face()
    long.draw(long.below(33))
    assert beardedness(long.parts, long.marks) == Beardedness(1.0, 1.0, 1.0)


def test_a_beard_is_masked_where_it_is(face, bearded):
    assert beard_mask(bearded.crop, bearded.parts, 0.0) is None
    assert beard_mask(face.crop, face.parts, 1.0) is None
    mask = beard_mask(bearded.crop, bearded.parts, 1.0)
    hair = (bearded.label == FacePart.BEARD).astype(np.uint8)
    assert mask[cv2.erode(hair, np.ones((9, 9))) > 0].min() > 0.9
    oval = fill_polygon(bearded.points[OUTLINE], SIZE) == 1
    assert mask[oval & (cv2.dilate(hair, np.ones((15, 15))) == 0)].max() < 0.1


@pytest.mark.parametrize(("amounts", "wanted"), [("bbf", 1.0), ("bff", 0.0), ("", 0.0)])
def test_a_whole_track_has_a_beard_or_none(face, bearded, amounts, wanted):
    kinds = {"b": bearded, "f": face}
    asked = []

    def appearances(track):
        asked.append(track)
        jpeg = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
        return [Appearance(at, jpeg, kinds[kind].marks) for at, kind in enumerate(amounts)]

    class Parser:
        def parse(self, picture, marks):
            return next(one.parts for one in kinds.values() if one.marks is marks)

    track_beards = TrackBeards(appearances, Parser())
    assert [track_beards.of(7).amount for _ in range(3)] == [wanted] * 3
    assert asked == [7]


def test_a_photos_beard_lies_in_its_place_in_the_chart(face, bearded):
    assert source_beard(face.dense, drawn_in(face.dense), face.parts) is None
    beard = source_beard(bearded.dense, drawn_in(bearded.dense), bearded.parts)
    side = len(beard)
    for mark, shown in ((199, True), (152, True), (4, False), (50, False), (17, False)):
        x, y = (CHART[mark] * side).astype(int)
        assert (beard[y, x] > 0.8) is np.bool_(shown)
    np.testing.assert_allclose(beard, beard[:, ::-1], atol=0.15)


def test_a_beard_says_nothing_about_light(bearded):
    places, _ = film_in_chart(bearded.dense, SIZE)
    target = (bearded.label == FacePart.BEARD).astype(np.float32)
    assert beards_in_chart(None, None, places) is None
    found = beards_in_chart(None, target, places)
    for mark, hidden in ((199, 1.0), (4, 0.0), (151, 0.0)):
        x, y = (CHART[mark] * len(found)).astype(int)
        assert found[y, x] == pytest.approx(hidden, abs=0.05)
    source = np.zeros((256, 256), np.float32)
    source[:128] = 1.0
    both = beards_in_chart(source, target, places)
    assert both[4:28].min() == 1.0
    assert both.max() == 1.0


def places_of(face):
    """Return where in the chart the pixels of a crop lie, at a third of it."""
    small = face.dense[:468].astype(np.float64) / 3
    return rasterize(with_ring(small), SIZE // 3 + 1).interpolate(CHART)


def test_the_mask_reaches_past_the_jaw_with_a_beard_and_only_there(face):
    places = places_of(face)
    assert beards_in_crop(SIZE, places, None, None) is None
    source = np.ones((256, 256), np.float32)
    made = beards_in_crop(SIZE, places, source, None)
    x, y = face.marks[8].astype(int)
    assert fill_polygon(face.points[OUTLINE], SIZE)[y + 5, x] == 0
    assert made.past[y + 5, x] > 0.9
    assert made.contrast[y - 5, x] == pytest.approx(1.0, abs=0.01)
    rows = np.mgrid[:SIZE, :SIZE][0]
    assert made.past[rows < face.marks[28, 1]].max() == 0
    assert made.past[[0, -1]].max() == made.past[:, [0, -1]].max() == 0
    target = (rows > face.marks[57, 1]).astype(np.float32)
    both = beards_in_crop(SIZE, places, source, target)
    assert both.contrast[y - 5, x] == pytest.approx(0.0, abs=0.01)
    assert both.either[y - 5, x] == pytest.approx(1.0, abs=0.01)
    assert both.past[y + 5, x] > 0.9
    theirs = beards_in_crop(SIZE, places, None, target)
    assert theirs.past[y + 5, x] > 0.9
    assert theirs.past[rows < face.marks[51, 1]].max() == 0


def test_a_collar_is_no_beard(bearded):
    bearded.label[-12:, :60] = FacePart.BEARD
    mask = beard_mask(bearded.crop, bearded.parts, 1.0)
    assert mask[-12:, :60].max() == 0
    assert mask.max() > 0.9


def test_how_far_a_beard_reaches():
    side, ring = len(reach()), reach()
    for mark, least, most in ((152, 0.99, 1.0), (10, 0.0, 0.0), (168, 0.0, 0.0)):
        x, y = (CHART[mark] * side).round().astype(int)
        assert least <= ring[y - 1, x] <= most
    assert ring[-1].max() < 0.05
    np.testing.assert_allclose(ring, ring[:, ::-1], atol=0.02)


def test_a_crop_checks_its_beard(face):
    with pytest.raises(ValueError, match="beard"):
        replace(face.crop, beard=np.zeros((4, 4), np.float32))
