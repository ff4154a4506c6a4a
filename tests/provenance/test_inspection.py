"""``videoswap inspect``: what files say about themselves, as text and as JSON."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from videoswap import swap_image
from videoswap.cli.entry import main
from videoswap.marks import MARK_TEXT, MarkSettings
from videoswap.provenance.inspection import inspect
from videoswap.provenance.marker import Marker


def told(capsys, *words):
    code = main(["inspect", *map(str, words)])
    return code, capsys.readouterr()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((40, 40), 9).convert("RGB").save(path)
    return path


def test_a_file_that_says_nothing(picture, capsys):
    code, out = told(capsys, picture)
    assert code == 0 and "does not say so" in out.out and "credentials: none" in out.out
    found = inspect(picture)
    assert (found.synthetic, found.videoswap, found.holds) == (False, False, True)


def test_a_result_says_it_in_three_ways_and_a_change_is_found(photos, settings, tmp_path, capsys):
    out = tmp_path / "o.png"
    swap_image(photos["source"], photos["left"], out, settings=settings)
    code, said = told(capsys, out, "--json")
    data = json.loads(said.out)
    assert code == 0 and data["kind"] == "videoswap inspection" and data["holds"] is True
    assert data["mark"] == MARK_TEXT.rstrip(".") or data["mark"] == MARK_TEXT
    assert data["source_type"] == "compositeWithTrainedAlgorithmicMedia"
    assert data["credentials"]["valid"] and data["credentials"]["trusted"]
    assert data["synthetic"] and data["made_by_videoswap"]
    code, said = told(capsys, out)
    assert code == 0 and "this machine's own" in said.out
    changed = bytearray(out.read_bytes())
    changed[-300] ^= 1
    out.write_bytes(changed)
    code, said = told(capsys, out)
    assert code == 3 and "BROKEN (assertion.dataHash.mismatch)" in said.out


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_file_that_cannot_be_read_does_not_hide_the_others(form, picture, tmp_path, capsys):
    bad = tmp_path / "bad.mp4"
    bad.write_text("hello")
    code, said = told(capsys, bad, picture, tmp_path / "gone", *form)
    assert code == 5 and str(picture) in said.out and str(bad) not in said.out
    first, second = said.err.splitlines()
    assert first.startswith(f"videoswap: {bad} ") and str(tmp_path / "gone") in second


def test_another_machines_result_is_valid_but_unknown(picture, capsys, monkeypatch, tmp_path):
    Marker.load(MarkSettings(), keep=False).seal(picture, "PNG", None)
    monkeypatch.setenv("VIDEOSWAP_CREDENTIALS_DIR", str(tmp_path / "nothing here"))
    code, said = told(capsys, picture)
    assert code == 0 and "nobody that this machine knows" in said.out
    assert not inspect(picture).credentials.trusted


@pytest.mark.parametrize("what", ["nothing", "text", "a folder", "cut short"])
def test_what_cannot_be_read_is_one_sentence(what, picture, tmp_path, capsys):
    path = tmp_path / "x"
    if what == "text":
        path.write_text("hello")
    elif what == "a folder":
        path.mkdir()
    elif what == "cut short":
        path.write_bytes(picture.read_bytes()[:20])
    code, said = told(capsys, path)
    assert code == 3 and said.err.count("\n") == 1 and "Traceback" not in said.err
