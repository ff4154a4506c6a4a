import json
from dataclasses import replace

import cv2
import pytest

from videoswap import SwapSettings, VideoswapError, check_photos
from videoswap.cli import entry
from videoswap.weights.manifest import load_manifest

SETTINGS = SwapSettings(device="cpu")


def test_every_photo_gets_an_answer_and_a_place_on_the_sheet(photos, tmp_path):
    names = ["source", "left", "nobody"]
    found = check_photos([photos[one] for one in names], sheet=tmp_path / "sheet.png",
                         settings=SETTINGS)  # fmt: skip
    assert [(one.path, one.faces) for one in found] == [
        (str(photos[one]), int(one != "nobody")) for one in names
    ]
    assert "open_mouth" in [one.code for one in found[0].advice]  # the astronaut laughs
    assert [one.code for one in found[2].advice] == ["no_face"]
    height, width = cv2.imread(str(tmp_path / "sheet.png")).shape[:2]
    assert width > 3 * 180 and height > 200


def test_the_command_says_what_to_do(photos, capsys):
    assert entry.main(["check", str(photos["source"]), "--device", "cpu"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{photos['source']}:"
    assert any("mouth closed" in line for line in said[1:])
    assert entry.main(["check", str(photos["nobody"]), "--device", "cpu"]) == 4


@pytest.mark.parametrize(
    ("names", "code"), [(["left", "text", "gone", "source"], 5), (["text"], 3)]
)
def test_the_command_names_every_photo_that_cannot_be_read(names, code, photos, tmp_path, capsys):
    others = {"text": tmp_path / "text.mp4", "gone": tmp_path / "gone.png"}
    others["text"].write_text("hello")
    paths = {one: str({**photos, **others}[one]) for one in names}
    sheet = tmp_path / "sheet.png"
    assert entry.main(["check", *paths.values(), "-o", str(sheet), "--device", "cpu"]) == code
    said = capsys.readouterr()
    shown = [line.partition(":")[0] for line in said.out.splitlines() if line[0] != " "]
    assert shown == [path for one, path in paths.items() if one in photos]
    refused = said.err.splitlines()
    assert [line.split()[:2] for line in refused] == [
        ["videoswap:", path] for one, path in paths.items() if one not in photos
    ]
    assert sheet.exists() is bool(shown)


def test_a_sheet_is_not_written_over_a_photo(photos):
    before = photos["source"].read_bytes()
    with pytest.raises(VideoswapError) as told:
        check_photos(photos["source"], sheet=photos["source"], settings=SETTINGS)
    assert told.value.code == "output_is_input"
    assert photos["source"].read_bytes() == before


def test_a_sheet_is_not_written_over_weights(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    weights = tmp_path / load_manifest().models[0].file
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(b"precious")
    with pytest.raises(VideoswapError) as told:
        check_photos(photos["left"], sheet=weights, settings=replace(SETTINGS, overwrite=True))
    assert told.value.code == "output_is_input"
    assert weights.read_bytes() == b"precious"


def test_what_is_no_photo_is_an_error(tmp_path):
    (tmp_path / "a.png").write_text(json.dumps({}))
    with pytest.raises(VideoswapError):
        check_photos(tmp_path / "a.png", settings=SETTINGS)
