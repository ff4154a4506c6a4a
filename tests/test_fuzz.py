"""The fuzzer finds what is wrong, and nothing that it finds quickly is wrong with the readers."""

import struct

import pytest

from scripts.fuzz import Target, fuzz
from scripts.fuzz_targets import targets
from videoswap.errors import InputError

TARGETS = targets()


@pytest.mark.parametrize("target", TARGETS, ids=[one.name for one in TARGETS])
def test_no_reader_raises_what_it_should_not(target):
    made = fuzz(target, executions=200)
    assert [f"{one.kind} {one.place}\n{one.trace}" for one in made.findings] == []
    assert made.executions == 200 and made.lines > 10 and made.new > 0


@pytest.mark.parametrize("target", TARGETS, ids=[one.name for one in TARGETS])
def test_the_corpus_is_valid(target, tmp_path):
    for data in target.corpus:
        target.read(data, tmp_path)


def broken(data, folder):
    """Read a tag, a count and as many bytes; right but for one count."""
    if data[:3] != b"TAG":
        raise InputError("bad_file", "This has no tag.")
    if len(data) < 5:
        raise InputError("bad_file", "This is cut short.")
    (count,) = struct.unpack_from("<H", data, 3)
    if count > 1000:
        if data[5:6] == b"x":
            raise ZeroDivisionError
        raise InputError("bad_file", "There are too many.")


def hungry(data, folder):
    """Take as much memory as the file says."""
    if len(data) > 4:
        bytes(int.from_bytes(data[:5], "little"))


def endless(data, folder):
    """Go round for ever where the file says so."""
    while data[:1] == b"\0":
        pass


@pytest.mark.parametrize(
    ("read", "data", "kind"),
    [
        (broken, b"TAG\2\0ab", "ZeroDivisionError"),
        (hungry, b"\2" + bytes(9), "MemoryError"),
        (endless, b"ab", "TooSlow"),
    ],
    ids=["a wrong exception", "too much memory", "too slow"],
)
def test_a_broken_reader_is_found(read, data, kind, tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.fuzz.SECONDS", 0.05)
    target = Target("broken", read, (data,), ("test_fuzz.py",), (b"x",))
    made = fuzz(target, executions=20_000, enough=1)
    (finding,) = made.findings
    assert finding.kind == kind and finding.place.startswith("tests/test_fuzz.py:")
    again = fuzz(target, executions=finding.execution)
    assert finding.data in [one.data for one in again.findings]  # the seed makes it again
    path = finding.write(tmp_path)
    assert path.read_bytes() == finding.data
    assert f"seed 0, execution {finding.execution}" in path.with_suffix(".txt").read_text()


def stairs(data, folder):
    """Fail where each of four bytes lies among 16 of 256: every line is one of them."""
    if data[:1] not in HIGH:
        return
    if data[1:2] not in HIGH:
        return
    if data[2:3] not in HIGH:
        return
    if data[3:4] in HIGH:
        raise ValueError


HIGH = [bytes([n]) for n in range(0xC0, 0xD0)]


def test_what_an_input_reaches_leads_on(monkeypatch):
    """The same number of tries reaches the end of the stairs only if the lines are looked at."""
    found = []
    for files in (("test_fuzz.py",), ("nothing.py",)):
        monkeypatch.setattr("scripts.fuzz.EACH", 1)
        target = Target("stairs", stairs, (b"....",), files)
        found.append(len(fuzz(target, executions=20_000, enough=1).findings))
    assert found == [1, 0]
