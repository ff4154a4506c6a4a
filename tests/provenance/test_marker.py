"""What marks a run's results, and what is said where it cannot."""

from __future__ import annotations

import errno
import shutil

import pytest
from PIL import Image

from videoswap.errors import InputError, UsageError
from videoswap.marks import MARK_TEXT, MarkSettings, mark_in, with_mark
from videoswap.provenance import marker as marking
from videoswap.provenance.credentials import read_credentials
from videoswap.provenance.marker import Marker


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((20, 20), 9).convert("RGB").save(path)
    return path


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        (None, MARK_TEXT),
        ("", MARK_TEXT),
        ("A film", f"A film; {MARK_TEXT}"),
        (f"A film; {MARK_TEXT}", f"A film; {MARK_TEXT}"),
        (MARK_TEXT, MARK_TEXT),
    ],
)
def test_a_comment_is_kept_and_marked_once(text, marked):
    assert with_mark(text) == marked
    assert mark_in(marked) is not None and mark_in("A film") is None


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"mark": "loud"}, "bad_mark"),
        ({"label": " "}, "bad_label"),
        ({"label": "a\x1b[31mb"}, "bad_label"),
        ({"label": "a" * 201}, "bad_label"),
        ({"certificate": "a.pem"}, "half_a_certificate"),
        ({"private_key": "a.pem"}, "half_a_certificate"),
        ({"label": 3}, "wrong_type"),
    ],
)
def test_settings_without_sense_are_refused(options, code):
    with pytest.raises(UsageError) as raised:
        MarkSettings(**options)
    assert raised.value.code == code


def test_without_a_mark_the_report_says_so(picture):
    found = Marker.load(MarkSettings(mark="none"), keep=True)
    assert found.text is None and found.signer is None
    assert [str(note) for note in found.notes] == [
        "without a mark of synthetic media, because --no_mark asks for none"
    ]
    before = picture.read_bytes()
    assert found.seal(picture, "PNG", None)[0].mark == "none"
    assert picture.read_bytes() == before


@pytest.mark.parametrize("mark", ["plain", "none"])
def test_a_certificate_that_signs_nothing_is_told(mark):
    found = Marker.load(MarkSettings(mark, certificate="a.pem", private_key="b.pem"), keep=True)
    told = f"without the given certificate, because --mark {mark} signs nothing"
    assert found.signer is None and str(found.notes[-1]) == told


def test_plain_marks_sign_nothing(picture):
    found = Marker.load(MarkSettings(mark="plain"), keep=True)
    assert (found.text, found.signer, found.notes) == (MARK_TEXT, None, ())
    assert found.seal(picture, "PNG", None)[0].mark == "plain"
    assert read_credentials(picture) is None


def test_a_missing_library_is_a_note(monkeypatch):
    monkeypatch.setattr(marking, "find_spec", lambda name: None)
    found = Marker.load(MarkSettings(), keep=True)
    assert found.signer is None and "c2pa-python is not installed" in str(found.notes[0])


def test_a_folder_that_cannot_be_written_gives_a_certificate_for_one_run(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("VIDEOSWAP_CREDENTIALS_DIR", str(tmp_path / "file" / "credentials"))
    found = Marker.load(MarkSettings(), keep=True)
    assert found.signer is not None and str(found.notes[0]) == (
        "one for this run alone instead of this machine's own certificate, because "
        f"{tmp_path / 'file' / 'credentials'} cannot be used: Not a directory"
    )


def test_a_given_certificate_that_cannot_sign_ends_the_run(tmp_path):
    (tmp_path / "c.pem").write_text("hello")
    settings = MarkSettings(certificate=tmp_path / "c.pem", private_key=tmp_path / "c.pem")
    with pytest.raises(InputError) as raised:
        Marker.load(settings, keep=True)
    assert raised.value.code == "bad_certificate"


def test_a_format_without_room_is_told_before_the_work(picture):
    found = Marker.load(MarkSettings(), keep=False)
    assert found.planned("PNG", picture) == found.planned("matroska", picture) == ()
    assert "BMP has no place" in str(found.planned("BMP", picture)[0])
    assert found.unsigned("BMP").mark == "none"
    found.seal(picture, "PNG", None)
    assert "the input's content credentials" in str(found.planned("matroska", picture)[0])


@pytest.mark.parametrize("fault", ["a full disk", "another picture"])
def test_a_result_that_cannot_be_signed_stays_as_it_was(fault, picture, monkeypatch):
    def fail(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    def exchange(path, out, *rest):
        shutil.copy(path, out)
        Image.effect_noise((20, 20), 9).convert("RGB").save(out, "PNG")
        return "urn:c2pa:x", "none"

    monkeypatch.setattr(marking, "sign", fail if fault == "a full disk" else exchange)
    before = picture.read_bytes()
    made, notes = Marker.load(MarkSettings(), keep=False).seal(picture, "PNG", None)
    assert made.mark == "plain" and len(notes) == 1
    assert picture.read_bytes() == before and list(picture.parent.iterdir()) == [picture]
