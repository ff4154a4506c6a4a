import pytest

from videoswap.cli import verify as command
from videoswap.cli.entry import main
from videoswap.evaluation import encoders


def test_the_command_knows_all_encoders():
    assert set(command.ENCODERS) == set(encoders.ENCODERS)


def test_weights_are_for_one_encoder(tmp_path, capsys):
    words = ["verify", "pairs.csv", "--pictures", "x.tar", "--weights", "w.onnx"]
    assert main(words) == 2
    assert "single --encoder" in capsys.readouterr().err


def test_pairs_that_are_not_there(tmp_path, capsys):
    assert main(["verify", str(tmp_path / "none.csv"), "--pictures", "x.tar"]) == 3
    assert "has no pairs" in capsys.readouterr().err


@pytest.mark.needs_shared
def test_a_line_for_each_encoder(shared, tmp_path, capsys):
    lines = (shared / "faces" / "lfw_pairs.csv").read_text().splitlines()
    few = [lines[0], *(line for n, line in enumerate(lines[1:]) if n % 300 == 0)]
    (tmp_path / "pairs.csv").write_text("\n".join(few))
    tar = shared / "faces" / "lfw112.tar"
    words = ["verify", str(tmp_path / "pairs.csv"), "--pictures", str(tar), "--encoder", "dlib"]
    assert main(words) == 0
    line = capsys.readouterr().out
    assert line.startswith("dlib: ") and "of 20 pairs" in line and "ms a face" in line
