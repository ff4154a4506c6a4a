import subprocess
import sys

import pytest

pytest.importorskip("torch")

from tests.helpers.drawn_faces import pack_drawn
from videoswap.cli import train as command
from videoswap.cli.entry import main
from videoswap.training.checkpoint import NAME
from videoswap.training.recipes import PREPARATIONS, RECIPES

SETTINGS = """
data = "{data}"
[loop]
steps = {steps}
batch = 4
log_every = 2
evaluate_every = 0
threads = 1
precision = "float32"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pack_drawn(tmp_path_factory.mktemp("packed"))


@pytest.fixture
def settings(tmp_path, data):
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS.format(data=data, steps=4))
    return path


def words(settings, out, *more):
    return ["train", "encoder", "--settings", str(settings), "--out", str(out), *more]


def test_the_command_knows_all_recipes():
    assert command.RECIPES.keys() == RECIPES.keys()
    assert set(command.PREPARATIONS) == PREPARATIONS.keys()


def test_a_training_from_start_to_end(settings, tmp_path, capsys):
    assert main(words(settings, tmp_path / "run")) == 0
    told = capsys.readouterr().out
    assert "step 4/4" in told and "samples/s" in told and "left" in told
    assert f"Written: {tmp_path / 'run' / 'encoder.safetensors'}." in told


def test_it_stops_in_time_and_goes_on(settings, tmp_path, capsys):
    assert main(words(settings, tmp_path / "run", "--max_minutes", "0")) == 0
    assert "step 4/4" not in capsys.readouterr().out
    assert main(words(settings, tmp_path / "run")) == 0
    told = capsys.readouterr().out
    assert "Going on after step 1 of 4." in told and "step 4/4" in told


def test_a_dry_run_says_what_it_takes_and_writes_nothing(settings, tmp_path, capsys):
    assert main(words(settings, tmp_path / "run", "--dry_run")) == 0
    told = capsys.readouterr().out
    assert "encoder 1.92 M" in told and "All steps: " in told and "Memory: " in told
    assert not (tmp_path / "run").exists()


def test_an_unknown_setting_is_wrong_usage(settings, tmp_path, capsys):
    settings.write_text("rte = 1")
    assert main(words(settings, tmp_path / "run")) == 2
    assert "Did you mean rate?" in capsys.readouterr().err


def test_ctrl_c_ends_after_a_step_with_a_checkpoint(settings, data, tmp_path):
    settings.write_text(SETTINGS.format(data=data, steps=1_000_000))
    code = "import sys; from videoswap.cli.entry import main; sys.exit(main(sys.argv[1:]))"
    run = subprocess.Popen(
        [sys.executable, "-c", code, *words(settings, tmp_path / "run")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert run.stdout.readline().startswith("step 2/")
        run.terminate()
        assert run.wait(timeout=60) == 130
    finally:
        run.kill()
        run.stdout.close()
    assert (tmp_path / "run" / NAME).is_file()


def test_triplets_are_made_of_packed_faces_and_not_of_photos(tmp_path, capsys):
    words = ["train", "prepare", "triplets", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "takes no SOURCE" in capsys.readouterr().err
    text = f'faces = "{tmp_path}"'
    (tmp_path / "triplets.toml").write_text(text)
    words = ["train", "prepare", "triplets", "--settings", str(tmp_path / "triplets.toml")]
    assert main([*words, "--out", str(tmp_path / "out")]) != 0
    assert "There are no packed pictures" in capsys.readouterr().err
