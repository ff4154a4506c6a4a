"""Record files that the test writes by the description of the format."""

import struct

import numpy as np
import pytest

from tests.helpers.drawn_faces import drawn
from videoswap.errors import InputError
from videoswap.training.faces.record_files import list_records
from videoswap.training.faces.sources import list_items
from videoswap.training.shards import decode_jpeg, encode_jpeg

MAGIC = struct.pack("<I", 0xCED7230A)


def framed(content):
    """One record; content with the magic number at a multiple of four is divided there."""
    parts, start = [], 0
    for at in range(0, len(content) - 3, 4):
        if content[at : at + 4] == MAGIC:
            parts.append(content[start:at])
            start = at + 4
    parts.append(content[start:])
    kinds = [0] if len(parts) == 1 else [1, *[2] * (len(parts) - 2), 3]
    return b"".join(
        MAGIC + struct.pack("<I", kind << 29 | len(part)) + part + bytes(-len(part) % 4)
        for kind, part in zip(kinds, parts, strict=True)
    )


def content(labels, picture):
    if isinstance(labels, int):
        return struct.pack("<IfQQ", 0, labels, 7, 0) + picture
    count = len(labels)
    return struct.pack(f"<IfQQ{count}f", count, 0, 7, 0, *labels) + picture


@pytest.fixture
def jpegs():
    made = [encode_jpeg(drawn(person, size=112), 95) for person in range(3)]
    # A comment with the magic number in it: 24 bytes of the head and 4 before it, all of four.
    comment = bytes(2) + MAGIC + bytes(6) + MAGIC + b"end."
    made[1] = (
        made[1][:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + made[1][2:]
    )
    return made


@pytest.fixture
def file(tmp_path, jpegs):
    contents = [
        content((4.0, 6.0), b""),  # as insightface's first one: which records are people
        content(0, jpegs[0]), content((5.0, 1.0), jpegs[1]), content(5, jpegs[2]),
    ]  # fmt: skip
    data, lines = b"", []
    for key, one in enumerate(contents):
        lines.append(f"{key}\t{len(data)}\n")
        data += framed(one)
    (tmp_path / "train.rec").write_bytes(data)
    (tmp_path / "train.idx").write_text("".join(lines))
    return tmp_path / "train.rec"


@pytest.mark.parametrize("index", [True, False])
def test_pictures_and_people(file, jpegs, index):
    if not index:
        file.with_suffix(".idx").unlink()
    items = list_items([file])
    assert [one.name for one in items] == [
        "train.rec/0/00000001.jpg", "train.rec/5/00000002.jpg", "train.rec/5/00000003.jpg",
    ]  # fmt: skip
    assert [one.identity for one in items] == ["train.rec/0", "train.rec/5", "train.rec/5"]
    assert framed(content(5, jpegs[1])).count(MAGIC) >= 2  # it is divided
    for item, jpeg in zip(items, jpegs, strict=True):
        assert np.array_equal(item.read(), decode_jpeg(jpeg, ""))


def test_a_record_that_the_index_lacks_is_left_out(file):
    index = file.with_suffix(".idx")
    index.write_text("".join(index.read_text().splitlines(keepends=True)[:2]))
    assert [one.key for one in list_records(file)] == [1]


@pytest.mark.parametrize("label", [float("nan"), float("inf"), -1e30], ids=str)
def test_a_label_that_is_no_number_of_a_person(tmp_path, label):
    path = tmp_path / "train.rec"
    path.write_bytes(framed(struct.pack("<IfQQ", 0, label, 7, 0) + b"picture"))
    with pytest.raises(InputError, match="at byte 0") as caught:
        list(list_records(path))
    assert caught.value.code == "bad_source"


@pytest.mark.parametrize("damage", ["cut", "magic", "index", "empty"])
def test_damaged_files(file, damage):
    data = file.read_bytes()
    if damage == "index":
        file.with_suffix(".idx").write_text("1 2 3\n")
    else:
        file.write_bytes({"cut": data[:-40], "magic": b"x" + data[1:], "empty": b""}[damage])
    with pytest.raises(InputError, match=r"damaged|index|cannot be read"):
        list_items([file])
