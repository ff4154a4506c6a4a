"""JSON of strangers: what is no JSON or nested too deep is refused wherever it is read."""

from __future__ import annotations

import json
import struct

import pytest

from videoswap.errors import InputError
from videoswap.evaluation.threshold import _of_report
from videoswap.jobs.folder_record import RECORD_NAME, DoneRecord, is_folder_report
from videoswap.jsonfile import parsed_json
from videoswap.rendering import segment_folder
from videoswap.weights.digests import FILE_NAME, recorded

DEEP = 20_000 * "["


@pytest.mark.parametrize("text", ["", "{", DEEP, '{"a":' * 20_000])
def test_what_is_no_json_is_a_value_error(text, tmp_path):
    with pytest.raises(ValueError):
        parsed_json(text)
    for name in ("report.json", RECORD_NAME, segment_folder.ABOUT_FILE, FILE_NAME):
        (tmp_path / name).write_text(text)
    assert not is_folder_report(tmp_path / "report.json")
    assert segment_folder.about(tmp_path) == {}
    DoneRecord(tmp_path, "w", overwrite=True)
    for read, given in ((_of_report, tmp_path / "report.json"), (recorded, tmp_path)):
        with pytest.raises(InputError):
            read(given)


def test_a_line_of_other_types_is_passed_over(tmp_path):
    stamp = {"size": 1, "mtime_ns": 1, "content": ""}
    names = ("input", "wishes", "run", "exit_code")
    entry = {"result": ["a.mp4"], "source": stamp, "made": stamp, **dict.fromkeys(names, "")}
    (tmp_path / RECORD_NAME).write_text(json.dumps(entry))
    record = DoneRecord(tmp_path, "w", overwrite=False)
    assert record.finished("a.mp4", tmp_path / "a.mp4", "a.mp4") is None


@pytest.mark.parametrize("tree", ["[1]", "{}", "null", DEEP, '{"meshes": [{"primitives": 3}]}'])
def test_a_hand_of_other_types_is_refused(tree, tmp_path):
    hands = pytest.importorskip("videoswap.training.occlusion.hands")
    path, text = tmp_path / "hand.glb", tree.encode()
    path.write_bytes(bytes(12) + struct.pack("<I", len(text)) + bytes(4) + text + bytes(8))
    with pytest.raises(InputError) as caught:
        hands.load_model(path)
    assert caught.value.code == "bad_hand_model"
