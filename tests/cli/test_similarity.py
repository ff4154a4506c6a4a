import json

import cv2
import pytest
import skimage.data

from videoswap.cli.entry import main


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Return two square crops of one face: as it is, and mirrored."""
    folder = tmp_path_factory.mktemp("crops")
    crop = skimage.data.astronaut()[40:200, 150:310, ::-1]
    paths = [folder / "one.png", folder / "other.png"]
    for path, picture in zip(paths, (crop, crop[:, ::-1]), strict=True):
        cv2.imwrite(str(path), picture)
    return list(map(str, paths))


def test_the_table_has_a_row_a_picture_and_dlibs_distance_beside_its_cosine(crops, capsys):
    assert main(["similarity", *crops, crops[0], "--aligned"]) == 0
    head, other, itself = capsys.readouterr().out.splitlines()
    assert head.split()[-2:] == ["dlib", "distance"] and head.startswith(crops[0])
    assert other.split()[0] == crops[1]
    assert itself.split() == [crops[0], "1.0000", "0.0000"]
    assert len(head) == len(other) == len(itself)


def test_the_table_as_json(crops, capsys):
    assert main(["similarity", *crops, "--aligned", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one.keys() == {"path", "encoder", "cosine", "distance"}
    assert one["path"] == crops[1] and 0 < one["distance"] < 0.6


def test_weights_are_for_one_encoder(crops, capsys):
    words = ["--encoder", "lite", "--encoder", "dlib", "--weights", "w.onnx"]
    assert main(["similarity", *crops, *words]) == 2
    assert "single --encoder" in capsys.readouterr().err
