import hashlib
import re
import subprocess
import sys

import pytest
from onnx import TensorProto, helper

from tests.helpers.locations import ROOT
from tests.helpers.loopback import body, status
from tests.weights.conftest import model
from videoswap.cli import entry
from videoswap.errors import InputError, PartialError, UsageError
from videoswap.weights import actions
from videoswap.weights import digests as known
from videoswap.weights.manifest import Licence, Manifest


def download(*words):
    actions.download(*words, show=print, complain=lambda text: print(text, file=sys.stderr))


@pytest.fixture
def manifest(server, data, monkeypatch):
    """Two files of one engine at the loopback, and one by hand."""
    made = Manifest(
        (
            model(
                server.serve("/a", body(data)),
                name="a",
                file="a.bin",
                about_mb=3,
                sha256=hashlib.sha256(data).hexdigest(),
            ),
            model(server.serve("/b", body(data)), name="b", file="b.bin", default=False),
            model(name="c", file="c.bin", engines=("y",), manual="Ask a friend."),
        ),
        {"free": Licence("free", "Free", "Do as you like.")},
    )
    monkeypatch.setattr(actions, "load_manifest", lambda: made)
    return made


def test_nothing_is_fetched_without_the_licence(manifest, server, folder, net):
    with pytest.raises(UsageError, match="licence"):
        download(["x"], False, [], net)
    assert server.requests == []
    with pytest.raises(UsageError, match="no family"):
        download(["x"], False, ["fre"], net)


def test_an_engine_is_fetched_and_found_again(manifest, folder, net, capsys):
    download(["x"], False, ["free"], net)
    assert (folder / "a.bin").is_file()
    assert not (folder / "b.bin").exists()
    assert "To fetch: a.bin (~3 MB)" in capsys.readouterr().out
    actions.verify([], show=print)
    assert "a.bin: fine" in capsys.readouterr().out
    download([], True, [], net)
    assert (folder / "b.bin").is_file()
    assert "Ask a friend." in capsys.readouterr().out


def test_one_failure_does_not_stop_the_others(manifest, server, folder, net):
    server.serve("/a", status(404))
    with pytest.raises(PartialError, match="2 of 3"):
        download(["a", "b", "c"], False, ["free"], net)
    assert (folder / "b.bin").is_file()
    with pytest.raises(InputError, match="404"):
        download(["a"], False, [], net)


def test_verify_finds_a_change(manifest, folder, net, capsys):
    download(["a"], False, ["free"], net)
    (folder / "a.bin").write_bytes(b"changed")
    with pytest.raises(InputError, match=r"a\.bin is wrong"):
        actions.verify([], show=print)
    assert "WRONG" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"b\.bin is not there"):
        actions.verify(["b"], show=print)


SCRFD = "scrfd_10g_bnkps.onnx"


@pytest.fixture
def graph():
    """The content of an ONNX file that opens."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
    made = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "twice", [x], [y])
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString()


def test_the_command_line(folder, capsys):
    assert entry.main(["models", "list"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"ghost_unet_2 +to fetch +~737 ", told)
    assert re.search(r"gfpgan +to fetch +\? ", told)
    assert entry.main(["models", "path", "scrfd"]) == InputError.exit_code
    assert "models download scrfd" in capsys.readouterr().err
    (folder / SCRFD).write_bytes(b"x")
    assert entry.main(["models", "path", "scrfd", "--debug"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / SCRFD)
    assert entry.main(["models", "download", "nothing"]) == UsageError.exit_code


def test_random_bytes_are_not_fine_and_do_not_keep_out_the_right_file(folder, graph, capsys):
    (folder / SCRFD).write_bytes(b"random bytes")
    assert entry.main(["models", "verify"]) == InputError.exit_code
    captured = capsys.readouterr()
    assert f"{SCRFD}: WRONG" in captured.out
    assert f"{SCRFD} is wrong" in captured.err
    (folder / SCRFD).write_bytes(graph)
    assert entry.main(["models", "verify", "scrfd"]) == 0
    assert f"{SCRFD}: fine" in capsys.readouterr().out
    assert known.recorded(folder)[SCRFD].proof == "loaded"


def test_a_changed_file_is_right_once_it_is_said_to_be(folder, graph, capsys):
    (folder / SCRFD).write_bytes(graph)
    assert entry.main(["models", "verify"]) == 0
    (folder / SCRFD).write_bytes(graph + b"\x32\x01x")
    assert entry.main(["models", "verify"]) == InputError.exit_code
    assert "verify --forget scrfd" in capsys.readouterr().out
    assert entry.main(["models", "verify", "--forget"]) == UsageError.exit_code
    assert entry.main(["models", "verify", "--forget", "scrfd"]) == 0
    assert f"{SCRFD}: forgotten" in capsys.readouterr().out
    assert entry.main(["models", "verify"]) == 0


def test_what_nobody_can_vouch_for_is_said(folder, capsys):
    (folder / "WFLW_4HG.pth").write_bytes(b"x")
    assert entry.main(["models", "verify"]) == 0
    assert "WFLW_4HG.pth: nothing here reads it" in capsys.readouterr().out


def test_verify_without_files_says_so(folder, capsys):
    assert entry.main(["models", "verify"]) == 0
    assert f"No file is here to be checked: {folder}" in capsys.readouterr().out


def test_path_takes_engines_too(folder, capsys):
    assert entry.main(["models", "path", "ghost"]) == InputError.exit_code
    told = capsys.readouterr().err
    for file in ("G_unet_2blocks.pth", "backbone.pth", SCRFD, "2d106det.onnx"):
        assert str(folder / file) in told
    for name in ("G_unet_2blocks.pth", "backbone.pth", SCRFD, "2d106det.onnx"):
        (folder / name).write_bytes(b"x")
    assert entry.main(["models", "path", "ghost"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_lite_names_nothing_that_is_not_there(folder, capsys):
    assert entry.main(["models", "path", "lite"]) == InputError.exit_code
    assert "docs/" not in capsys.readouterr().err


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
