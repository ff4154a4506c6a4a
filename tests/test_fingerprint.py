"""What identifies an input: content, whatever name, size or time say."""

import os

import numpy as np
import pytest

from videoswap import fingerprint
from videoswap.fingerprint import (
    digest_of,
    digest_of_files,
    file_digest,
    noting_digests,
    pixels_digest,
)
from videoswap.rendering import segment_folder as pieces
from videoswap.rendering.segment_folder import render_key


def test_a_file_is_its_content_and_not_its_name_or_time(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"same")
    other.write_bytes(b"same")
    os.utime(other, ns=(5, 5))
    assert file_digest(one) == file_digest(other)
    assert len(file_digest(one)) == 64


def test_what_is_digested_meanwhile_is_noted(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).write_text(name)
    noted = {}
    with noting_digests(noted):
        file_digest(tmp_path / "one")
        file_digest(tmp_path / "one")  # known already
    digest_of_files([tmp_path / "other"])
    assert noted == {tmp_path / "one": file_digest(tmp_path / "one")}


def test_a_replaced_file_is_another_one_though_size_and_time_are_kept(tmp_path):
    model, newer = tmp_path / "model", tmp_path / "newer"
    model.write_bytes(b"old weights")
    newer.write_bytes(b"new weights")
    before, times = file_digest(model), model.stat()
    os.utime(newer, ns=(times.st_atime_ns, times.st_mtime_ns))
    newer.replace(model)
    assert file_digest(model) != before


def test_a_file_is_read_once(tmp_path, monkeypatch):
    (tmp_path / "large").write_bytes(b"weights")
    read = []
    real = fingerprint.hashlib.file_digest
    monkeypatch.setattr(
        fingerprint.hashlib, "file_digest", lambda *given: read.append(1) or real(*given)
    )
    for _ in range(3):
        file_digest(tmp_path / "large")
    assert read == [1]


def test_which_files_and_in_what_order(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    a, b = tmp_path / "a", tmp_path / "b"
    found = {digest_of_files(files) for files in ([a, b], [b, a], [a], [a, None], [None, a], [])}
    assert len(found) == 6


def test_pictures_of_the_same_bytes_and_another_shape_differ():
    flat = np.arange(12, dtype=np.uint8)
    assert len({pixels_digest(flat.reshape(shape)) for shape in ((3, 4), (4, 3), (2, 6))}) == 3


@pytest.mark.parametrize("other", [{"name": "b", "n": 1}, {"name": "a", "n": 2}, {"name": "a"}])
def test_every_fact_counts(other):
    assert digest_of(**other) != digest_of(name="a", n=1)


def test_other_code_or_libraries_make_another_render(tmp_path, monkeypatch):
    keys = {render_key(engine="mesh")}
    assert render_key(engine="mesh") in keys
    monkeypatch.setattr(pieces, "library_versions", lambda: ("numpy 0.0",))
    keys.add(render_key(engine="mesh"))
    (tmp_path / "changed.py").write_text("THRESHOLD = 2\n")
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)
    fingerprint.code_digest.cache_clear()
    try:
        keys.add(render_key(engine="mesh"))
        assert len(keys) == 3
    finally:
        fingerprint.code_digest.cache_clear()
