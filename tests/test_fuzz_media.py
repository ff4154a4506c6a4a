"""Mutated media leave nothing wrong behind, and what would be wrong is found."""

import io
import random
import subprocess
import sys
from contextlib import nullcontext

import pytest
from PIL import Image

from scripts import fuzz_media
from scripts.fuzz_media import KINDS, Run, Worker, make_media, nth, table
from scripts.media_mutants import mutant, with_right_sums


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    return make_media(tmp_path_factory.mktemp("media"))


def test_a_sound_file_of_every_kind_is_swapped_and_a_mutant_handled(media, monkeypatch):
    runs = []

    def one_sound(paths, kind, number, seed):
        data, role = nth(paths, kind, number, seed)
        return (paths[-1].read_bytes(), role) if number == 0 else (data, role)

    class Noting(Worker):
        def run(self, data, kind, role):
            runs.append(
                (
                    data in [one.read_bytes() for one in media[kind]],
                    made := super().run(data, kind, role),
                )
            )
            return made

    monkeypatch.setattr(fuzz_media, "nth", one_sound)
    monkeypatch.setattr(fuzz_media, "Worker", Noting)
    tallies = fuzz_media.fuzz_media(media, KINDS, 2, 1)
    assert [(run.faults, run.said) for _, run in runs if run.faults] == []
    assert [run.said for sound, run in runs if sound and run.code != 0] == []
    assert {kind: one.exits.total() for kind, one in tallies.items()} == dict.fromkeys(KINDS, 2)
    assert sum(one.reasons.total() for one in tallies.values()) > 0  # some are refused
    assert len(list(table(tallies))) == 2 * (2 + len(KINDS)) + 1


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import os, signal; input(); os.kill(os.getpid(), signal.SIGSEGV)", "crash"),
        ("import time; time.sleep(100)", "hang"),
    ],
    ids=["crash", "hang"],
)
def test_a_worker_that_dies_or_hangs_is_found(code, fault, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz_media, "WALL_SECONDS", 20.0 if fault == "crash" else 0.1)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    worker = Worker(tmp_path, tmp_path)
    worker._process = subprocess.Popen([sys.executable, "-c", code], **pipes)
    run = worker.run(b"", "mp4", "target")
    assert run.faults[0].startswith(fault) and run.code < 0


@pytest.mark.parametrize(
    ("run", "said", "left", "fault"),
    [
        (Run(0), "fine", ["out.mp4"], ""),
        (Run(3), "videoswap: This is no film.", [], ""),
        (Run(3), "", [], "exit code"),
        (Run(1), "videoswap: Defect in videoswap: KeyError", [], "traceback"),
        (Run(0), "a.py:3: RuntimeWarning: overflow", ["out.mp4"], "traceback"),
        (Run(130), "videoswap: Interrupted.", [], "exit code"),
        (Run(3), "videoswap: \x1b]0;x\x07", [], "control character"),
        (Run(3), "no", ["out.mp4"], "leftover"),
        (Run(0), "fine", ["out.mp4", "tmp/spool"], "leftover"),
    ],
)
def test_what_is_wrong_with_a_run_is_seen(run, said, left, fault, tmp_path):
    (tmp_path / "tmp").mkdir()
    path = tmp_path / "in.mp4"
    for one in (path, *(tmp_path / name for name in left)):
        one.write_bytes(b"film")
    found = list(fuzz_media._faults(tmp_path, path, b"film", run, said))
    assert bool(found) == bool(fault) and all(one.startswith(fault) for one in found[:1])
    assert "input: it was changed" in fuzz_media._faults(tmp_path, path, b"other", run, said)


def test_a_result_that_does_not_decode_is_seen(media, tmp_path):
    for kind in ("mp4", "png"):
        whole = media[kind][0]
        assert fuzz_media._faults_of_result(whole) == []
        cut = tmp_path / f"out.{kind}"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
        assert fuzz_media._faults_of_result(cut)
    assert fuzz_media._faults_of_result(None)


def test_mutants_come_again_and_pngs_get_right_sums(media):
    paths = media["png"]
    assert nth(paths, "png", 5, seed=1) == nth(paths, "png", 5, seed=1)
    assert nth(paths, "png", 5, seed=1) != nth(paths, "png", 6, seed=1)
    sound = paths[-1].read_bytes()
    broken = bytearray(sound)
    broken[45] ^= 255
    assert with_right_sums(sound) == sound
    for data, bad in ((bytes(broken), True), (with_right_sums(bytes(broken)), False)):
        wrong = pytest.raises((SyntaxError, OSError)) if bad else nullcontext()
        with Image.open(io.BytesIO(data)) as picture, wrong:
            picture.verify()
    mutants = [mutant(sound, "png", random.Random(n)) for n in range(40)]
    assert sum(one == sound for one in mutants) < 3
    assert 10 < sum(len(one) == len(sound) for one in mutants) < 30
