import cv2
import numpy as np
import pytest

from tests.helpers.mesh_faces import mesh_face
from videoswap.detection.dense_landmarks import IBUG_68
from videoswap.detection.face_parser import FacePart, FaceParts
from videoswap.engines.mesh.chart import make_chart_texture
from videoswap.engines.mesh.photo_sampling import chart_raster
from videoswap.engines.mesh.source_parts import eyes_hidden, fill_holes, parts_in_chart, parts_of
from videoswap.engines.mesh.texture import parsed_forehead
from videoswap.geometry.affine import five_points, resize_matrix
from videoswap.geometry.face_masks import forehead_points
from videoswap.geometry.face_mesh import CHART, with_ring
from videoswap.records import Face, Photo

SIZE = 256


def parts_from(label):
    """Return parts that are sure of a label (256, 256), in a frame of 128 pixels."""
    half = label[::2, ::2]
    return FaceParts(np.eye(len(FacePart), dtype=np.float32)[half].transpose(2, 0, 1),
                     resize_matrix(0.5, 0.5))  # fmt: skip


@pytest.fixture
def face():
    picture, label, points = mesh_face(SIZE)
    dense = np.zeros((478, 3), np.float32)
    dense[:, :2] = points
    dense[:, 2] = ((points - points[4]) ** 2).sum(axis=1) / SIZE
    return picture, label, dense


def shape(points, mark, reach):
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.hypot(x - points[mark, 0], y - points[mark, 1]) < reach


def chart_of(values, mark, radius=4):
    """Return values of a chart around a point of the mesh."""
    x, y = (CHART[mark] * len(values)).astype(int)
    return values[y - radius : y + radius + 1, x - radius : x + radius + 1]


def in_chart(label, points, picture=None):
    """Return the parts of a picture in the chart; of an even one by default."""
    places = chart_raster().interpolate(with_ring(points[:468, :2].astype(np.float64)))
    places = places.astype(np.float32)
    if picture is None:
        picture = np.full((SIZE, SIZE, 3), 128, np.uint8)
    seen = cv2.remap(picture.astype(np.float32), *cv2.split(places), cv2.INTER_LINEAR)
    return parts_in_chart(parts_from(label), places, seen)


def test_hair_over_one_side_comes_from_the_mirror_image(face):
    picture, label, points = face
    plain = make_chart_texture([(picture, points)], [parts_from(label)])
    lock = shape(points, 105, 16)  # over the brow that lies left
    label[lock], picture[lock] = FacePart.HAIR, 10
    made = make_chart_texture([(picture, points)], [parts_from(label)])
    naive = make_chart_texture([(picture, points)])
    assert chart_of(naive.levels[0], 66).mean() < 80
    for mark in (66, 104):
        kept = chart_of(made.levels[0], mark).astype(float)
        assert np.abs(kept - chart_of(plain.levels[0], mark)).mean() < 25
    assert chart_of(made.seen, 104).min() > 0.9


def test_hair_over_both_sides_is_not_seen_and_skin_lies_under_its_edge(face):
    picture, label, points = face
    fringe = (np.mgrid[:SIZE, :SIZE][0] < points[105, 1]) & (label == FacePart.SKIN)
    label[fringe], picture[fringe] = FacePart.HAIR, 10
    made = make_chart_texture([(picture, points)], [parts_from(label)])
    assert chart_of(made.seen, 151).max() < 0.1
    assert chart_of(made.seen, 5).min() > 0.9
    assert chart_of(made.levels[0], 151).mean() > 120


def test_frames_are_painted_over_and_what_lies_behind_a_clear_lens_stays(face):
    picture, label, points = face
    rings = [shape(points, mark, 24) & ~shape(points, mark, 19) for mark in (159, 386)]
    frame = rings[0] | rings[1]
    label[frame], picture[frame] = FacePart.GLASSES, 0
    made = make_chart_texture([(picture, points)], [parts_from(label)])
    found = in_chart(label, points)
    assert found.painted.max() > 0.9 and chart_of(found.painted, 159, 1).max() < 0.1
    covered = chart_of(made.levels[0], 119, 6)  # under the left eye, where the ring runs
    assert covered.min() > 100
    assert chart_of(made.seen, 119, 6).min() > 0.9


def test_dark_glasses_count_as_not_seen(face):
    _, label, points = face
    for mark in (159, 386):
        label[shape(points, mark, 24)] = FacePart.GLASSES
    found = in_chart(label, points)
    assert chart_of(found.shown, 159, 3).max() < 0.1
    assert chart_of(found.painted, 159, 30).max() == 0
    assert eyes_hidden(parts_from(label), points)
    assert not eyes_hidden(parts_from(mesh_face(SIZE)[1]), points)
    assert chart_of(found.shown, 199, 3).min() > 0.9


def test_an_ear_is_no_part_of_the_face_and_the_neck_is_skin(face):
    _, label, points = face
    label[shape(points, 50, 10)] = label[shape(points, 199, 10)] = FacePart.NECK
    found = in_chart(label, points)
    assert chart_of(found.shown, 50, 3).max() < 0.1
    assert chart_of(found.shown, 199, 3).min() > 0.9


def test_hair_between_nose_and_chin_is_a_beard_and_stays(face):
    _, label, points = face
    label[shape(points, 199, 14)] = FacePart.HAIR
    assert chart_of(in_chart(label, points).shown, 199, 3).min() > 0.9


def test_holes_get_the_color_of_the_skin_around_them():
    texture = np.full((128, 128, 3), 200, np.float32)
    texture[:, 64:] = 100
    known, skin = np.ones((2, 128, 128), np.float32)
    known[40:60, 20:40] = known[40:60, 90:110] = 0
    texture[known == 0] = 0
    filled = fill_holes(texture, known, skin)
    assert np.abs(filled[50, 25:35] - 200).max() < 12
    assert np.abs(filled[50, 95:105] - 100).max() < 12
    np.testing.assert_array_equal(filled[known == 1], texture[known == 1])
    np.testing.assert_array_equal(fill_holes(texture, known, skin * 0), texture)


def test_the_parsed_hairline_limits_the_forehead(face):
    _, label, points = face
    marks = points[IBUG_68, :2].astype(np.float64)
    assert parsed_forehead(parts_from(label), marks, 0.14) == pytest.approx(np.full(10, 0.14))
    height = np.linalg.norm(marks[8] - marks[27])
    line = forehead_points(marks, 0.12)
    label[: int(line[:, 1].mean())] = FacePart.HAIR
    lifts = parsed_forehead(parts_from(label), marks, 0.26)
    ends = forehead_points(marks, lifts)[:, 1]
    assert (ends > line[:, 1].mean() - 2).all()
    assert (lifts < 0.2).all() and (lifts > 0).all() and height > 50


class Told:
    """A parser that answers what it is told."""

    def __init__(self, parts):
        self._parts = parts

    def parse(self, picture, face):
        return self._parts


def test_an_answer_that_contradicts_the_landmarks_is_not_taken(face):
    picture, label, points = face
    marks = points[IBUG_68, :2].astype(np.float32)
    box = np.concatenate([marks.min(axis=0), marks.max(axis=0)])
    photo = Photo("one", picture, Face(box, five_points(marks), 1.0, landmarks=marks))
    right = parts_from(label)
    assert parts_of(photo, Told(right)) is right
    label[:] = FacePart.HAIR
    assert parts_of(photo, Told(parts_from(label))) is None


def test_a_strand_too_thin_for_the_parser_is_painted_over(face):
    picture, label, points = face
    top, brow = points[103, :2], points[9, :2]
    label[shape(points, 103, 14)] = FacePart.HAIR
    picture[shape(points, 103, 14)] = 20
    whole = picture.copy()
    ends = [tuple(int(v) for v in one) for one in (top, brow)]
    cv2.line(picture, *ends, (25, 20, 20), 1, cv2.LINE_AA)
    cv2.line(picture, (180, 180), (190, 180), (25, 20, 20), 1)  # touches no hair
    middle = (0.35 * top + 0.65 * brow).astype(int)
    found = in_chart(label, points, picture).painted - in_chart(label, points, whole).painted
    at = CHART[103] + 0.65 * (CHART[9] - CHART[103])
    x, y = (at * 512).astype(int)
    assert picture[middle[1], middle[0]].mean() < 120
    assert found[y - 8 : y + 9, x - 8 : x + 9].max() > 0.7
    assert found[300:].max() < 0.2
    made = make_chart_texture([(picture, points)], [parts_from(label)]).levels[0]
    naive = make_chart_texture([(picture, points)]).levels[0]
    part = np.s_[y - 5 : y + 6, x - 5 : x + 6]
    assert naive[part].min() < 110 and made[part].min() > 130


def test_the_soft_end_of_a_fringe_goes_on_past_what_the_parser_calls_hair(face):
    picture, label, points = face
    rows = np.mgrid[:SIZE, :SIZE][0]
    end = points[151, 1] - 4
    label[(rows < end) & (label == FacePart.SKIN)] = FacePart.HAIR
    picture[rows < end + 6] = 20
    found = in_chart(label, points, picture)
    bare = in_chart(label, points)
    x, y = (CHART[9] * 512).astype(int)
    assert (bare.shown[:y, x] > 0.5).sum() > (found.shown[:y, x] > 0.5).sum() + 4


def test_a_brow_that_hair_hides_in_part_is_not_seen(face):
    picture, label, points = face
    for rows, seen in ((0.0, True), (0.75, False)):
        covered = label.copy()
        top, low = points[[105, 52], 1]
        fringe = np.mgrid[:SIZE, :SIZE][0] < top + rows * (low - top) - 6 * (rows == 0)
        covered[fringe] = FacePart.HAIR
        shown = in_chart(covered, points, picture).shown
        assert (chart_of(shown, 53, 1).min() > 0.5) == seen


def test_hair_beside_the_mouth_on_one_side_is_no_beard(face):
    _, label, points = face
    label[shape(points, 212, 10)] = FacePart.HAIR
    assert chart_of(in_chart(label, points).shown, 212, 3).max() < 0.3
    label[shape(points, 432, 10)] = FacePart.HAIR
    assert chart_of(in_chart(label, points).shown, 212, 3).min() > 0.7
