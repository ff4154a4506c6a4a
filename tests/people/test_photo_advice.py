from dataclasses import replace

import cv2
import numpy as np
import pytest

from videoswap.detection.face_detector import FaceDetector, largest_face
from videoswap.detection.face_parser import FaceParser, FacePart, FaceParts
from videoswap.devices import choose_device
from videoswap.geometry.affine import five_points
from videoswap.geometry.head_pose import HEAD
from videoswap.occlusion.load import load_occlusion_segmenter
from videoswap.occlusion.segmenter import OutlineSegmenter
from videoswap.people.photo_advice import (
    MAX_YAW,
    CheckedPhoto,
    PhotoAdvice,
    advice_lines,
    advise,
    check_sources,
)
from videoswap.people.sources import Source, photo_of
from videoswap.records import Face

SIZE = 512


def face_from(points):
    box = np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)
    return Face(box=box, points5=five_points(points).astype(np.float32), score=0.9,
                landmarks=points.astype(np.float32))  # fmt: skip


def head(yaw=0.0, scale=1.6):
    """Return the face of the average head, turned by so many degrees about its height."""
    turn = np.radians(yaw)
    rotation = np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    )
    points = HEAD @ rotation.T
    far = 1500.0 * scale
    return face_from(points[:, :2] * far / (1500 + points[:, 2:]) + [SIZE / 2, SIZE / 2 - 60])


@pytest.fixture(scope="module")
def picture():
    """Sharp noise: an evenly lit face as far as any rule can tell."""
    noise = np.random.default_rng(0).normal(0, 1, (SIZE, SIZE))
    even = np.clip(128 + 25 * cv2.GaussianBlur(noise, (0, 0), 1) / 0.28, 0, 255)
    return np.dstack([even, 0.95 * even, 0.9 * even]).astype(np.uint8)


class Parts:
    """A parser that finds skin, and glasses or hair in a share of every row."""

    def __init__(self, glasses=0.0, hair=0.0):
        self.shares = {FacePart.GLASSES: glasses, FacePart.HAIR: hair}

    def parse_crops(self, crops):
        found = np.zeros((len(FacePart), 128, 128), np.float32)
        for part, share in self.shares.items():
            found[part] = share
        found[FacePart.SKIN] = 1 - found.sum(axis=0)
        return [FaceParts(found, np.diag([0.5, 0.5, 1])[:2]) for _ in crops]


class Covers:
    """A segmenter that finds something in front of what it is told."""

    key = "covers"

    def __init__(self, low, high):
        self.rows = low, high

    def segment(self, crop):
        """Cover all between two landmarks, from top to bottom."""
        top, bottom = (crop.landmarks[one][1] if one is not None else 0 for one in self.rows)
        rows = np.arange(len(crop.pixels))[:, None]
        mask = np.broadcast_to((rows >= top) & (rows <= bottom), crop.pixels.shape[:2])
        return replace(crop, occluder_mask=mask.astype(np.float32))

    def for_video(self, appearances):
        return self


def advice_for(image, face, segmenter=None, **parts):
    return advise(image, face, segmenter or OutlineSegmenter(), parser=Parts(**parts))


def codes(image, face, segmenter=None):
    return [one.code for one in advice_for(image, face, segmenter)]


def test_a_good_photo_needs_no_advice(picture):
    assert codes(picture, head()) == []


@pytest.mark.parametrize(("yaw", "told"), [(-40, True), (-15, False), (15, False), (40, True)])
def test_a_turned_head(picture, yaw, told):
    found = {one.code: one for one in advice_for(picture, head(yaw))}
    assert ("turned" in found) is told
    if told:
        assert found["turned"].value == pytest.approx(abs(yaw), abs=4) and abs(yaw) > MAX_YAW


def test_a_small_face(picture):
    assert codes(picture, head(scale=0.5))[0] == "small"


def test_a_blurred_face(picture):
    assert codes(cv2.GaussianBlur(picture, (0, 0), 6), head()) == ["blurred"]


@pytest.mark.parametrize(("times", "told"), [(1.2, False), (3.0, True)])
def test_light_from_one_side(picture, times, told):
    light = np.linspace(times**-0.5, times**0.5, SIZE)[None, :, None]
    lit = np.clip(picture * 0.6 * light**3, 0, 255).astype(np.uint8)
    assert ("side_light" in codes(lit, head())) is told


def test_a_photo_without_color(picture):
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert codes(grey, head()) == ["grey"]


@pytest.mark.parametrize(("opening", "told"), [(0.02, ["eyes_shut"]), (0.25, [])])
def test_shut_eyes(picture, opening, told):
    dense = np.zeros((478, 3), np.float32)
    for outer, inner, upper, lower in ((33, 133, 159, 145), (362, 263, 386, 374)):
        dense[[outer, inner], 0] = -20, 20
        dense[[upper, lower], 1] = -20 * opening, 20 * opening
    assert codes(picture, replace(head(), dense_landmarks=dense)) == told


def test_an_open_mouth(picture):
    points = head().landmarks.copy()
    points[[5, 6, 7, 8, 9, 10, 11, 55, 56, 57, 58, 59, 65, 66, 67], 1] += 20
    assert codes(picture, face_from(points)) == ["open_mouth"]


@pytest.mark.parametrize(
    ("rows", "code"), [((None, 24), "fringe"), ((37, 29), "eyes_covered"), ((33, 8), "covered")]
)
def test_something_in_front_of_the_face(picture, rows, code):
    assert code in codes(picture, head(), Covers(*rows))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"glasses": 0.1}, []),
        ({"glasses": 0.2}, ["glasses"]),
        ({"hair": 0.25}, []),
        ({"hair": 0.4}, ["fringe"]),
    ],
)
def test_glasses_and_hair(picture, parts, expected):
    assert [one.code for one in advice_for(picture, head(), **parts)] == expected


def test_sunglasses_are_told_once(picture):
    found = advice_for(picture, head(), Covers(37, 29), glasses=0.5)
    assert [one.code for one in found] == ["glasses"]


def test_photos_of_people(group):
    faces = FaceDetector().detect(group)
    photo = photo_of("group.jpg", group, faces)
    (checked,) = check_sources(
        [Source("me", (photo,))], [None], OutlineSegmenter(), parser=FaceParser()
    )
    assert (checked.faces, checked.person, checked.leads) == (6, "me", None)
    found = {one.code: one for one in checked.advice}
    assert found["several_faces"].value == len(faces) == 6
    assert codes(group, None) == ["no_face"]


@pytest.fixture(scope="module")
def good(group):
    """A good photo of one of the group, and his face."""
    picture = np.ascontiguousarray(group[200:500, 380:660])
    return picture, largest_face(FaceDetector().detect(picture))


def with_glasses(picture, points):
    left, right = (points[one].mean(axis=0) for one in (slice(36, 42), slice(42, 48)))
    unit = float(right[0] - left[0])
    for x, y in (left, right):
        axes = round(0.4 * unit), round(0.32 * unit)
        cv2.ellipse(picture, (round(x), round(y)), axes, 0, 0, 360, (20, 20, 20), 3, cv2.LINE_AA)


def with_fringe(picture, points):
    hair = picture[28:66, 95:215].copy()
    picture[56:106, 82:212] = cv2.resize(hair, (130, 50))


def with_side_light(picture, points):
    columns = np.interp(np.arange(picture.shape[1]), points[[0, 16], 0], [0.15, 1.2])
    picture[:] = np.clip(picture * columns[None, :, None], 0, 255)


def darkened(picture, points):
    picture[:] = picture // 4


def blurred(picture, points):
    picture[:] = cv2.GaussianBlur(picture, (0, 0), 3)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (None, None),
        (darkened, None),
        (with_glasses, "glasses"),
        (with_fringe, "fringe"),
        (with_side_light, "side_light"),
        (blurred, "blurred"),
    ],
)
def test_a_real_photo_with_one_fault(good, change, code):
    picture, face = good[0].copy(), good[1]
    if change is not None:
        change(picture, face.landmarks)
    segmenter = load_occlusion_segmenter("auto", choose_device("cpu"))
    found = advise(picture, face, segmenter, parser=FaceParser())
    assert [one.code for one in found] == ([code] if code else [])


def test_a_line_says_what_is_wrong_and_what_to_do(picture):
    advice = advice_for(picture, head(40))
    (line,) = CheckedPhoto("me.png", 1, advice, "me.png").lines
    degrees = round(advice[0].value)
    expected = f"the head is turned by {degrees} degrees; take a photo that looks into the camera"
    assert line == f"me.png: {expected}." and advice[0].as_data()["text"] == expected


@pytest.mark.parametrize(
    ("faults", "line"),
    [
        ((0,), None),
        ((0, 1), "me: 0.png leads, for its face is the largest."),
        ((1, 1), "me: 0.png leads, for its face is the largest."),
        (
            (2, 1),
            "me: 0.png leads, for its face is the largest; 1.png is the better photo, so leave "
            "0.png out.",
        ),
    ],
)
def test_which_of_several_photos_leads(faults, line):
    fault = PhotoAdvice("blurred", "the face is blurred", "take a sharper photo", 1.0)
    photos = [
        CheckedPhoto(f"{number}.png", 1, (fault,) * count, "me", number == 0)
        for number, count in enumerate(faults)
    ]
    said = list(advice_lines(photos))
    assert said == [*(one for photo in photos for one in photo.lines), *([line] if line else [])]
    alike = [replace(photo, leads=None) for photo in photos]
    assert len(list(advice_lines(alike))) == sum(faults)
