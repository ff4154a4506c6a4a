import json
import os

import pytest

from tests.weights.conftest import model
from videoswap.errors import InputError, UsageError
from videoswap.weights import digests as known
from videoswap.weights.actions import require_licences
from videoswap.weights.manifest import Licence


@pytest.fixture
def one(folder):
    (folder / "one.bin").write_bytes(b"first")
    return model(file="one.bin")


@pytest.fixture
def loaded(one, folder):
    """The same, after it was loaded."""
    known.confirm(folder / "one.bin")
    return one


def replaced(folder, content=b"other"):
    (folder / "one.bin").write_bytes(content)
    os.utime(folder / "one.bin", ns=(1, 1))


def test_a_file_that_never_loaded_binds_nobody(one, folder):
    """A broken file may be replaced by the right one."""
    known.check(one, folder, thorough=True)
    assert known.recorded(folder) == {}
    replaced(folder)
    known.check(one, folder)


def test_a_file_that_loads_is_believed_aloud_and_once(one, folder, caplog):
    for _ in range(2):
        known.confirm(folder / "one.bin")
        known.check(one, folder, thorough=True)
    (line,) = caplog.messages
    assert "nobody here has used this file before" in line
    assert known.recorded(folder)["one.bin"].proof == "loaded"


def test_another_file_in_its_place_is_refused(loaded, folder):
    replaced(folder)
    for _ in range(2):
        with pytest.raises(InputError, match="not the file it should be") as caught:
            known.check(loaded, folder)
    assert caught.value.code == "changed_weights"
    assert "models download one" in caught.value.hint
    assert "models verify --forget one" in caught.value.hint


def test_what_is_forgotten_is_believed_anew(loaded, folder):
    replaced(folder)
    assert known.forget(["one.bin", "two.bin"], folder) == ["one.bin"]
    known.check(loaded, folder)
    known.confirm(folder / "one.bin")
    replaced(folder, b"the third")
    with pytest.raises(InputError):
        known.check(loaded, folder)


def test_a_record_of_an_older_version_binds_nobody_until_the_file_loads(loaded, folder):
    path = folder / known.FILE_NAME
    raw = json.loads(path.read_text())
    del raw["one.bin"]["proof"]
    path.write_text(json.dumps(raw))
    replaced(folder)
    known.check(loaded, folder)
    known.confirm(folder / "one.bin")
    replaced(folder, b"the third")
    with pytest.raises(InputError):
        known.check(loaded, folder)


@pytest.mark.parametrize("name", ["lite/generator.safetensors", "../elsewhere.bin"])
def test_what_is_ours_or_lies_elsewhere_is_not_recorded(folder, name):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"weights")
    known.confirm(path)
    assert known.recorded(folder) == {}


def test_a_change_that_keeps_size_and_time_is_found_by_a_thorough_check(loaded, folder):
    times = (folder / "one.bin").stat()
    (folder / "one.bin").write_bytes(b"FIRST")
    os.utime(folder / "one.bin", ns=(times.st_atime_ns, times.st_mtime_ns))
    known.check(loaded, folder)
    with pytest.raises(InputError):
        known.check(loaded, folder, thorough=True)


def test_a_touched_file_is_read_again_and_stays_known(loaded, folder):
    before = known.recorded(folder)["one.bin"]
    os.utime(folder / "one.bin", ns=(5, 5))
    known.check(loaded, folder)
    after = known.recorded(folder)["one.bin"]
    assert (after.sha256, after.first_seen) == (before.sha256, before.first_seen)
    assert (after.mtime_ns, after.proof) == (5, "loaded")


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
    require_licences([FREE, FREE], folder, said.append, accept=["free"])
    assert len(said) == 1
    assert "Do as you like." in said[0]
    require_licences([FREE], folder, said.append)
    assert len(said) == 1


def test_without_consent_nothing_goes_on(folder):
    said = []
    with pytest.raises(UsageError, match="strict") as caught:
        require_licences([FREE, STRICT], folder, said.append, accept=["free"])
    assert caught.value.code == "licence_not_accepted"
    assert "--accept_licence strict" in caught.value.hint
    assert "free" not in caught.value.hint
    assert len(said) == 2
    with pytest.raises(UsageError):
        require_licences([STRICT], folder, said.append, ask=lambda question: False)
    require_licences([STRICT], folder, said.append, ask=lambda question: "strict" in question)
    require_licences([FREE, STRICT], folder, said.append)


def test_a_changed_licence_is_asked_for_again(folder):
    require_licences([FREE], folder, print, accept=["free"])
    with pytest.raises(UsageError):
        require_licences([Licence("free", "Free things", "Not any more.")], folder, print)
