import tarfile

import cv2
import numpy as np
import pytest

from videoswap.errors import InputError
from videoswap.training.shards import PackedPictures, ShardWriter, is_packed, pack


def picture(value, size=16):
    made = np.zeros((size, size, 3), np.uint8)
    made[:, : size // 2] = (value, 20, 200)
    return made


def fill(name, shard):
    for number in range(3):
        value = 10 * number + (100 if name == "b" else 0)
        shard.add(picture(value), value=value, name=f"{name}{number}", pair=np.array([value, 1.5]))


@pytest.fixture
def folder(tmp_path):
    pack(tmp_path, ["a", "b"], fill)
    return tmp_path


def test_what_was_packed_comes_back_in_order(folder):
    packed = PackedPictures(folder)
    assert len(packed) == 6
    assert packed.columns["name"].tolist() == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert packed.columns["pair"].shape == (6, 2)
    for row in (5, 0, 3):
        made = picture(packed.columns["value"][row])
        error = np.abs(packed.picture(row).astype(int) - made)
        assert error[:, :4].max() <= 6 and error[:, 12:].max() <= 6


def test_any_reader_of_tar_files_finds_the_pictures(folder):
    with tarfile.open(folder / "a.tar") as archive:
        assert archive.getnames() == ["000000.jpg", "000001.jpg", "000002.jpg"]
        data = archive.extractfile("000002.jpg").read()
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(found, PackedPictures(folder).picture(2))


def test_packing_goes_on_where_it_was_cancelled(tmp_path):
    packed = []

    def noted(name, shard):
        packed.append(name)
        fill(name, shard)

    assert pack(tmp_path, ["a", "b"], noted, cancel=lambda: bool(packed)) == 1
    assert pack(tmp_path, ["a", "b"], noted) == 0
    assert packed == ["a", "b"]


def test_a_shard_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), ShardWriter(tmp_path, "a") as shard:
        shard.add(picture(1), value=1)
        raise RuntimeError
    assert not is_packed(tmp_path, "a")
    assert list(tmp_path.iterdir()) == []


def test_the_key_follows_the_content(folder, tmp_path_factory):
    key = PackedPictures(folder).key
    assert PackedPictures(folder).key == key
    other = tmp_path_factory.mktemp("other")
    pack(other, ["a"], fill)
    assert PackedPictures(other).key != key


def test_a_folder_without_shards(tmp_path):
    with pytest.raises(InputError, match="no packed pictures"):
        PackedPictures(tmp_path)


@pytest.mark.parametrize("broken", ["a.npz", "a.tar"])
def test_a_damaged_shard_is_an_error(folder, broken):
    (folder / broken).write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        PackedPictures(folder)


def test_a_damaged_picture_is_an_error(folder):
    packed = PackedPictures(folder)
    data = bytearray((folder / "a.tar").read_bytes())
    first = int(packed.columns["offset"][1])
    data[first : first + 20] = bytes(20)
    (folder / "a.tar").write_bytes(data)
    with pytest.raises(InputError, match="no picture"):
        PackedPictures(folder).picture(1)
