"""``make train-demo``: its settings fit the recipes, and every recipe goes through."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import cv2
import pytest

pytest.importorskip("torch")

from tests.helpers.locations import ROOT
from videoswap.training.recipes import PREPARATIONS, RECIPES
from videoswap.training.settings_file import read_settings

SETTINGS = sorted((ROOT / "examples" / "training").glob("*.toml"))


@pytest.fixture
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_demo", ROOT / "examples" / "train_demo.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_settings_are_those_of_the_recipe(path: Path) -> None:
    recipe, _, data = path.stem.partition("-")
    kind = PREPARATIONS[recipe]().settings if data else RECIPES[recipe].settings
    read_settings(path, kind)


def test_every_recipe_takes_part(demo: ModuleType) -> None:
    shown = {path.stem for path in SETTINGS if not path.stem.endswith("-data")}
    assert shown == set(RECIPES)
    assert {*demo.SHARED_DATA, *demo.TRAINED_BEFORE} <= shown


@pytest.mark.slow
@pytest.mark.needs_dense
def test_every_recipe_goes_through_for_a_step(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    short = tmp_path / "settings"
    short.mkdir()
    for path in SETTINGS:
        text = re.sub(r"(steps|show_step|evaluate_every) = \d+", r"\1 = 1", path.read_text())
        text = re.sub(r"(batch|batch_size|drawn_hands|per_shard|targets) = \d+", r"\1 = 2", text)
        (short / path.name).write_text(re.sub(r"cut = \d+", "cut = 0", text))
    monkeypatch.setattr(demo, "SETTINGS", short)
    monkeypatch.chdir(tmp_path)  # and back after the script has gone elsewhere
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "weights").symlink_to(ROOT / "weights")
    monkeypatch.setattr("sys.argv", ["train_demo.py", "--folder", str(folder)])
    assert demo.main() == 0, capsys.readouterr().err
    sheets = cv2.imread(str(folder / "demo" / "training" / "sheets.png"))
    assert sheets.shape[1] == demo.SHEET_COLUMNS * demo.SHEET_WIDTH and sheets.std() > 20
    assert {path.parent.name for path in folder.glob("demo/training/*/sheets")} == set(RECIPES)
