import io
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from tests.helpers.mesh_faces import mesh_face
from videoswap.detection.face_parser import FacePart
from videoswap.errors import InputError, UsageError
from videoswap.training.parser import prepare
from videoswap.training.parser.labels import WEAK_CLASSES
from videoswap.training.parser.prepare import ParserPrepareSettings, prepare_parser
from videoswap.training.shards import PackedPictures, encode_jpeg

SIZE = 256


def add(archive, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Four crops: two good ones, one without a label, one whose label misses the face."""
    picture, label, points = mesh_face(SIZE)
    to_weak = np.zeros(len(FacePart), np.uint8)
    to_weak[WEAK_CLASSES] = np.arange(len(WEAK_CLASSES))
    dense = np.column_stack([points, np.zeros(478)]).astype(np.float32)

    class Landmarker:
        def __init__(self, path):
            assert path.name == "face_landmark_with_attention.tflite"

        def landmarks(self, picture, points5):
            return SimpleNamespace(points=dense)

    monkeypatch.setattr(prepare, "DenseLandmarker", Landmarker)
    with tarfile.open(tmp_path / "faces.tar", "w") as archive:
        for name in ("a", "b", "c", "d"):
            add(archive, f"set/{name}.jpg", encode_jpeg(picture, 95))
    with tarfile.open(tmp_path / "labels.tar", "w") as archive:
        for name, own in (("a", to_weak[label]), ("b", to_weak[label]), ("d", label * 0)):
            add(archive, f"set/{name}.png", bytes(cv2.imencode(".png", own)[1]))
    return ParserPrepareSettings((tmp_path / "faces.tar",), tmp_path / "labels.tar", held=1)


def test_crops_are_packed_with_their_corrected_labels(settings, tmp_path):
    assert prepare_parser(settings, tmp_path / "data")
    packed = PackedPictures(tmp_path / "data")
    assert packed.columns["name"].tolist() == ["set/a.jpg", "set/b.jpg"]
    assert packed.columns["held"].all() and set(packed.columns["kind"]) == {"plain"}
    picture, label = packed.picture(0), packed.columns["label"][0]
    assert picture.shape == (160, 160, 3) and label.shape == (160, 160)
    place = packed.columns["points"][0].astype(float) * 160 - 0.5
    nose, eye = (np.round(place[mark]).astype(int) for mark in (4, 159))
    assert label[nose[1], nose[0]] == FacePart.SKIN
    assert label[eye[1] + 1, eye[0]] == FacePart.EYES


def test_beards_are_labelled_by_a_list(settings, tmp_path):
    listed = tmp_path / "beards.txt"
    listed.write_text("set/a beard\nset/b doubt\n")
    assert prepare_parser(replace(settings, beards=listed), tmp_path / "data")
    columns = PackedPictures(tmp_path / "data").columns
    assert columns["kind"].tolist() == ["beard", "plain"]
    assert columns["beard"].all()
    listed.write_text("")
    assert prepare_parser(replace(settings, beards=listed), tmp_path / "bare")
    assert not PackedPictures(tmp_path / "bare").columns["beard"].any()


def test_what_cannot_be_read_is_said(settings, tmp_path):
    with pytest.raises(InputError) as caught:
        prepare_parser(ParserPrepareSettings(labels=tmp_path / "none.tar"), tmp_path / "data")
    assert caught.value.code == "bad_source"
    with pytest.raises(UsageError):
        ParserPrepareSettings(held=0)
