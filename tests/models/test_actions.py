import subprocess

import pytest

from tests.conftest import ROOT
from tests.models.conftest import model
from tests.models.loopback import body, status
from videoswap import cli
from videoswap.errors import InputError, PartialError, UsageError
from videoswap.models import actions, known
from videoswap.models.manifest import Licence, Manifest


@pytest.fixture
def manifest(server, data, monkeypatch):
    """Two files of one engine at the loopback, and one by hand."""
    made = Manifest(
        (
            model(server.serve("/a", body(data)), name="a", file="a.bin"),
            model(server.serve("/b", body(data)), name="b", file="b.bin", default=False),
            model(name="c", file="c.bin", engines=("y",), manual="Ask a friend."),
        ),
        {"free": Licence("free", "Free", "Do as you like.")},
    )
    monkeypatch.setattr(actions, "load_manifest", lambda: made)
    return made


def test_nothing_is_fetched_without_the_licence(manifest, server, folder, net):
    with pytest.raises(UsageError, match="licence"):
        actions.download(["x"], False, [], net)
    assert server.requests == []
    with pytest.raises(UsageError, match="no family"):
        actions.download(["x"], False, ["fre"], net)


def test_an_engine_is_fetched_and_found_again(manifest, folder, net, capsys):
    actions.download(["x"], False, ["free"], net)
    assert (folder / "a.bin").is_file()
    assert not (folder / "b.bin").exists()
    actions.verify([])
    assert "a.bin: fine" in capsys.readouterr().out
    actions.download([], True, [], net)
    assert (folder / "b.bin").is_file()
    assert "Ask a friend." in capsys.readouterr().out


def test_one_failure_does_not_stop_the_others(manifest, server, folder, net):
    server.serve("/a", status(404))
    with pytest.raises(PartialError, match="2 of 3"):
        actions.download(["a", "b", "c"], False, ["free"], net)
    assert (folder / "b.bin").is_file()
    with pytest.raises(InputError, match="404"):
        actions.download(["a"], False, [], net)


def test_verify_finds_a_change(manifest, folder, net, capsys):
    actions.download(["a"], False, ["free"], net)
    (folder / "a.bin").write_bytes(b"changed")
    with pytest.raises(InputError, match=r"a\.bin is wrong"):
        actions.verify([])
    assert "WRONG" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"b\.bin is not there"):
        actions.verify(["b"])


def test_the_command_line(folder, capsys):
    assert cli.main(["models", "list"]) == 0
    assert "ghost_unet_2" in capsys.readouterr().out
    assert cli.main(["models", "path", "scrfd"]) == InputError.exit_code
    assert "models download scrfd" in capsys.readouterr().err
    (folder / "scrfd_10g_bnkps.onnx").write_bytes(b"x")
    assert cli.main(["models", "path", "scrfd", "--debug"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(folder / "scrfd_10g_bnkps.onnx")
    assert "nobody here has seen" in captured.err
    assert cli.main(["models", "download", "nothing"]) == UsageError.exit_code


def test_the_script_is_a_door_to_the_command(folder, tmp_path):
    found = subprocess.run(
        [str(ROOT / "download_models.sh"), "no such model"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert found.returncode == UsageError.exit_code
    assert "There is no model 'no such model'" in found.stderr
    assert known.recorded(folder) == {}
