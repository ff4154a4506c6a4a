"""Disks that take nothing, folders in use and other refusals of training."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")
from tests.helpers.toy_trainings import Toy
from videoswap.errors import OutputError, UsageError
from videoswap.locks import discard, try_lock
from videoswap.training.checkpoint import NAME, save_checkpoint
from videoswap.training.faces import page
from videoswap.training.faces import prepare as faces
from videoswap.training.loop import LOCK, train
from videoswap.training.recipes import recipe_named
from videoswap.training.shards import ShardWriter
from videoswap.training.sheets import write_sheet


@pytest.fixture
def file(tmp_path):
    """Return a file, under which nothing can be made."""
    path = tmp_path / "file"
    path.touch()
    return path


@pytest.fixture
def photos(monkeypatch):
    """Let there be nothing to pack, which nobody looks at."""
    monkeypatch.setattr(faces, "_items", lambda settings: [])
    monkeypatch.setattr(faces, "_key", lambda settings, items: "key")
    return SimpleNamespace()


def code_of(function, *given):
    """Return the code of the error that a call raises."""
    with pytest.raises((OutputError, UsageError)) as caught:
        function(*given)
    assert caught.value.message.endswith(".")
    return caught.value.code


def test_an_unknown_recipe():
    assert code_of(recipe_named, "soup") == "unknown_recipe"


def test_folders_that_cannot_be_made(file, photos):
    assert code_of(train, Toy(), file / "run") == "bad_run_folder"
    assert code_of(faces.prepare_faces, photos, file / "data") == "bad_data_folder"


def test_folders_that_are_in_use(tmp_path, photos):
    for lock, code, call in (
        (LOCK, "run_in_use", lambda: train(Toy(), tmp_path)),
        (faces.LOCK, "data_in_use", lambda: faces.prepare_faces(photos, tmp_path)),
    ):
        held = try_lock(tmp_path / lock)
        assert code_of(call) == code
        discard(held)


def test_files_that_cannot_be_written(tmp_path):
    (tmp_path / NAME).mkdir()
    (tmp_path / "file").write_text("no folder")
    for folder in (tmp_path, tmp_path / "file"):
        assert code_of(save_checkpoint, folder, {}) == "cannot_write_checkpoint"
    (tmp_path / "sheets" / "00000001.png").mkdir(parents=True)
    sheet = np.zeros((4, 4, 3), np.uint8)
    assert code_of(write_sheet, tmp_path, 1, sheet) == "cannot_write_sheet"

    (tmp_path / "a.npz").mkdir()

    def pack():
        with ShardWriter(tmp_path, "a") as shard:
            shard.add(sheet, name="a")

    assert code_of(pack) == "cannot_write_shard"


def test_a_page_that_cannot_be_written(file, monkeypatch):
    for part in ("_counts", "_facts", "_sources", "_people", "_table"):
        monkeypatch.setattr(page, part, lambda *given: "")
    none = np.zeros(0, np.int64)
    selection = SimpleNamespace(order=none, reasons=none.astype(str), originals=none)
    columns = {"name": none.astype(str)}
    told = code_of(page.write_page, file, columns, selection, None, lambda row: b"")
    assert told == "cannot_write_report"
