import dlib
import numpy as np
import pytest

from videoswap.detection.dlib_network import CHIP_SIZE, open_dlib_network
from videoswap.detection.landmarks import face_square
from videoswap.detection.packaged_files import landmarks_path, recognition_path
from videoswap.errors import InputError
from videoswap.geometry.resample import warp


@pytest.fixture(scope="module")
def chips(detector, group):
    """Return six faces, noise, black and white."""
    faces = [face_square(face.points5).to_region(CHIP_SIZE, 0.0) for face in detector.detect(group)]
    noise = np.random.default_rng(1).integers(0, 256, (CHIP_SIZE, CHIP_SIZE, 3), np.uint8)
    plain = [np.full_like(noise, value) for value in (0, 255)]
    return [*(warp(group, matrix, CHIP_SIZE) for matrix in faces), noise, *plain]


def test_the_embedding_is_the_one_that_dlib_computes(chips):
    network = open_dlib_network(recognition_path())
    judge = dlib.face_recognition_model_v1(str(recognition_path()))
    for chip in chips:
        expected = np.array(judge.compute_face_descriptor(chip))
        assert np.linalg.norm(expected) > 0.5
        np.testing.assert_allclose(network(chip), expected, atol=1e-5)


def _with_huge_numbers(content):
    return content[:1_000_000] + 4000 * b"\x7f" + content[1_004_000:]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no network" * 1000, id="text"),
        pytest.param(recognition_path().read_bytes()[:-50_000], id="cut short"),
        pytest.param(_with_huge_numbers(recognition_path().read_bytes()), id="infinite"),
        pytest.param(landmarks_path().read_bytes()[:5_000_000], id="another model"),
    ],
)
def test_what_is_not_the_network_is_called_damaged(tmp_path, content):
    path = tmp_path / "model.dat"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        open_dlib_network(path)
    assert caught.value.code == "damaged_weights" and str(path) in caught.value.message
