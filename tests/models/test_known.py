import os

import pytest

from tests.models.conftest import model
from videoswap.errors import InputError, UsageError
from videoswap.models import known, licences
from videoswap.models.manifest import Licence


@pytest.fixture
def one(folder):
    (folder / "one.bin").write_bytes(b"first")
    return model(file="one.bin")


def test_a_file_put_there_by_hand_is_believed_once(one, folder):
    said = []
    known.check(one, folder, said.append)
    known.check(one, folder, said.append)
    known.check(one, folder, said.append, thorough=True)
    assert len(said) == 1
    assert "nobody here has seen" in said[0]


def test_another_file_in_its_place_is_refused(one, folder):
    known.check(one, folder)
    (folder / "one.bin").write_bytes(b"other")
    os.utime(folder / "one.bin", ns=(1, 1))
    for _ in range(2):
        with pytest.raises(InputError, match="not the file it should be") as caught:
            known.check(one, folder)
    assert caught.value.code == "changed_weights"


def test_a_change_that_keeps_size_and_time_is_found_by_a_thorough_check(one, folder):
    known.check(one, folder)
    times = (folder / "one.bin").stat()
    (folder / "one.bin").write_bytes(b"FIRST")
    os.utime(folder / "one.bin", ns=(times.st_atime_ns, times.st_mtime_ns))
    known.check(one, folder)
    with pytest.raises(InputError):
        known.check(one, folder, thorough=True)


def test_a_touched_file_is_read_again_and_stays_known(one, folder):
    known.check(one, folder)
    before = known.recorded(folder)["one.bin"]
    os.utime(folder / "one.bin", ns=(5, 5))
    known.check(one, folder)
    after = known.recorded(folder)["one.bin"]
    assert (after.sha256, after.first_seen) == (before.sha256, before.first_seen)
    assert after.mtime_ns == 5


def test_the_manifest_outranks_the_record(one, folder):
    known.check(one, folder)
    with pytest.raises(InputError, match="instead of 000"):
        known.check(model(file="one.bin", sha256="0" * 64), folder)


def test_a_shipped_file_may_change_with_the_project(folder):
    (folder / "one.bin").write_bytes(b"first")
    known.check(model(file="one.bin", shipped=True), folder)
    assert known.recorded(folder) == {}


def test_a_damaged_record_is_not_taken_for_an_empty_one(one, folder):
    (folder / known.FILE_NAME).write_text("{")
    with pytest.raises(InputError) as caught:
        known.check(one, folder)
    assert caught.value.code == "bad_known_file"


FREE = Licence("free", "Free things", "Do as you like.")
STRICT = Licence("strict", "Strict things", "Do nothing.")


def test_a_licence_is_shown_and_accepted_once(folder):
    said = []
    licences.require([FREE, FREE], folder, said.append, accept=["free"])
    assert len(said) == 1
    assert "Do as you like." in said[0]
    licences.require([FREE], folder, said.append)
    assert len(said) == 1


def test_without_consent_nothing_goes_on(folder):
    said = []
    with pytest.raises(UsageError, match="strict") as caught:
        licences.require([FREE, STRICT], folder, said.append, accept=["free"])
    assert caught.value.code == "licence_not_accepted"
    assert "--accept_licence strict" in caught.value.hint
    assert "free" not in caught.value.hint
    assert len(said) == 2
    with pytest.raises(UsageError):
        licences.require([STRICT], folder, said.append, ask=lambda question: False)
    licences.require([STRICT], folder, said.append, ask=lambda question: "strict" in question)
    licences.require([FREE, STRICT], folder, said.append)


def test_a_changed_licence_is_asked_for_again(folder):
    licences.require([FREE], folder, print, accept=["free"])
    with pytest.raises(UsageError):
        licences.require([Licence("free", "Free things", "Not any more.")], folder, print)
