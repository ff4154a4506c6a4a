"""Faces of pictures and videos are found, measured and refused for what is wrong with them."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from videoswap.detection.face_parser import FacePart
from videoswap.geometry.resample import warp
from videoswap.training.faces.dataset import framing_matrix, template_of
from videoswap.training.faces.scan import REFUSALS, FaceScanner, outside, picture_hash
from videoswap.training.faces.settings import FacesSettings
from videoswap.training.faces.sources import list_items
from videoswap.training.shards import PackedPictures, ShardWriter

LEFT = (420, 230, 620, 470)  # a face of the group photo that looks into the camera
TWO = (420, 150, 900, 560)


@pytest.fixture
def scanned(tmp_path, face_models):
    """Write pictures, scan them, and return the columns of what was found."""

    def scan(pictures, folder="loose", **settings):
        place = tmp_path / "photos"
        (place / folder).mkdir(parents=True)
        for name, picture in pictures.items():
            cv2.imwrite(str(place / folder / f"{name}.png"), picture[..., ::-1])
        items = list_items([place], folders=folder != "loose")
        return scan_items(items, tmp_path, face_models, **settings)

    return scan


def scan_items(items, folder, models, **settings):
    with ShardWriter(folder / "scan", "0") as shard:
        FaceScanner(FacesSettings(**settings), models=models).scan(items, shard)
    return PackedPictures(folder / "scan").columns


def part(picture, box):
    left, top, right, bottom = box
    return picture[top:bottom, left:right]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, ""),
        ({"min_score": 1.01}, "low_score"),
        ({"min_size": 400}, "small"),
        ({"max_outside": 0.0}, "cut_off"),
        ({"max_yaw": 0.01}, "turned"),
        ({"max_pitch": 0.01}, "turned"),
        ({"min_sharpness": 0.5}, "blurred"),
        ({"landmarks": "dense"}, "no_landmarks"),  # these models have no dense ones
        ({"landmarks": "dense", "min_size": 400}, "small"),
    ],
)
def test_a_face_is_refused_for(scanned, group, settings, reason):
    columns = scanned({"a": part(group, LEFT)}, **settings)
    assert columns["reason"].tolist() == [reason]
    assert reason in ("", *REFUSALS)
    assert columns["name"].tolist() == ["photos/loose/a.png#0"]


def test_a_blurred_face_is_refused_and_a_sharp_one_kept(scanned, group):
    face = part(group, LEFT)
    columns = scanned({"a": face, "b": cv2.GaussianBlur(face, (0, 0), 4)})
    assert columns["reason"].tolist() == ["", "blurred"]
    assert columns["sharpness"][0] > 2 * columns["sharpness"][1]


@pytest.mark.parametrize(
    ("several", "folder", "refused"),
    [
        ("auto", "loose", [False, False]),
        ("auto", "ann", [False, True]),
        ("largest", "loose", [False, True]),
        ("all", "ann", [False, False]),
        ("refuse", "loose", [True, True]),
    ],
)
def test_pictures_with_several_faces(scanned, group, several, folder, refused):
    columns = scanned({"two": part(group, TWO)}, folder, several=several, min_size=20)
    assert len(columns["reason"]) == 2
    assert (columns["reason"] == "several").tolist() == refused
    who = "" if folder == "loose" else "photos/ann"
    assert set(columns["identity"].tolist()) == {who}


def test_what_shows_no_face_or_is_no_picture(tmp_path, face_models):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((120, 160, 3), 90, np.uint8))
    (tmp_path / "text.jpg").write_text("no picture")
    columns = scan_items(list_items([tmp_path]), tmp_path / "out", face_models, parts=True)
    assert columns["reason"].tolist() == ["no_face", "unreadable"]


def test_a_picture_that_is_aligned_is_not_searched(scanned, group, face_models, tmp_path):
    points = face_models.detector.detect(part(group, LEFT))[0].points5
    crop = warp(part(group, LEFT), framing_matrix(points, "arcface", 112), 112)
    columns = scanned({"a": crop, "flat": crop * 0}, aligned="arcface", framing="arcface")
    assert columns["reason"].tolist() == ["", "blurred"]
    expected = face_models.landmarker.landmarks(
        crop, (template_of("arcface") * 112).astype(np.float32)
    )
    found = PackedPictures(tmp_path / "scan")
    assert np.abs(columns["landmarks"][0] / 16384 * 112 - 0.5 - expected).max() < 0.02
    assert np.abs(found.picture(0).astype(int) - crop).mean() < 3  # as it was, but for the JPEG


def test_frames_of_a_track_that_are_too_near_are_refused(clip, tmp_path, face_models):
    columns = scan_items(
        list_items([clip]), tmp_path, face_models, every=0.2, min_size=40, max_outside=1
    )
    reasons = columns["reason"].tolist()
    assert len(set(columns["group"].tolist())) == 2  # two people
    assert reasons.count("") >= 2 and reasons.count("too_near") >= 2
    assert set(reasons) <= {"", "too_near"}
    times = [int(name.rpartition("@")[2]) for name in columns["name"].tolist() if "#0@" in name]
    assert all(later - earlier >= 200 for earlier, later in pairwise(times))


def test_a_track_has_so_many_pictures_at_most(clip, tmp_path, face_models):
    columns = scan_items(
        list_items([clip]), tmp_path, face_models, every=0, per_track=3, near_bits=0
    )
    tracks = [name.partition("@")[0] for name in columns["name"].tolist()]
    assert {tracks.count(track) for track in tracks} == {3}


def test_parts_lie_on_the_crop(scanned, group, tmp_path):
    scanned({"a": part(group, LEFT)}, parts=True)
    found = PackedPictures(tmp_path / "scan")
    parts, nose = found.parts(0), found.columns["landmarks"][0][30] / 16384 * 256 - 0.5
    assert parts.shape == (256, 256)
    assert parts[tuple(nose.round().astype(int)[::-1])] == FacePart.SKIN
    assert len(np.unique(parts)) > 4


def test_a_hash_knows_a_picture_in_another_light_and_compression(group):
    face, other = part(group, LEFT), part(group, (720, 330, 890, 520))
    same = cv2.convertScaleAbs(cv2.GaussianBlur(face, (0, 0), 1), alpha=0.9, beta=5)
    bits = picture_hash(face)
    assert (picture_hash(same) != bits).sum() <= 4
    assert (picture_hash(other) != bits).sum() > 12


@pytest.mark.parametrize(
    ("shift", "share"), [((0, 0), 0.0), ((50, 0), 0.5), ((-25, -25), 0.4375), ((200, 0), 1.0)]
)
def test_share_of_a_crop_outside_of_the_picture(shift, share):
    matrix = np.array([[1.0, 0, shift[0]], [0, 1.0, shift[1]]])
    assert outside((100, 100, 3), matrix, 100) == pytest.approx(share, abs=1e-6)
