"""What is swapped and where the result goes."""

import json
import os
import threading
from pathlib import Path

import pytest

from videoswap.cli import entry, swap
from videoswap.cli.parser import Parser, spelled_out
from videoswap.cli.target import target_of
from videoswap.errors import OutputError, UsageError


def parse(*words):
    parser = Parser(prog="test")
    swap.add_arguments(parser)
    return parser.parse_args(spelled_out(parser, ["-s", "a.png", *map(str, words)]).words)


def found(*words):
    with target_of(parse(*words)) as target:
        return target.kind, target.path, target.out


@pytest.fixture
def here(tmp_path, monkeypatch, clip, photos):
    monkeypatch.chdir(tmp_path)
    Path("v.mp4").symlink_to(clip)
    Path("p.png").symlink_to(photos["right"])
    Path("folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("flag", ["-i", "--input", "--target_video", "--target_image"])
def test_the_input_is_taken_for_what_it_is(flag, here):
    assert found(flag, "v.mp4") == ("video", Path("v.mp4"), Path("v_swapped.mp4"))
    assert found(flag, "p.png") == ("image", Path("p.png"), Path("p_swapped.png"))
    assert found(flag, "folder", "-o", "out") == ("folder", Path("folder"), Path("out"))
    assert found(flag, "folder", "--out_dir", "out") == ("folder", Path("folder"), Path("out"))


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["-o", "r.mkv"], "r.mkv"),
        (["--output", "folder"], "folder/v_swapped.mp4"),
        (["--out_dir", "folder"], "folder/v_swapped.mp4"),
        (["--out_dir", "folder", "--out_video_name", "r.mp4"], "folder/r.mp4"),
        (["--out_dir", "folder/deep/down", "--dry_run"], "folder/deep/down/v_swapped.mp4"),
    ],
)
def test_where_the_result_goes(words, out, here):
    assert found("-i", "v.mp4", *words)[2] == Path(out)
    assert list(Path("folder").iterdir()) == []


def test_the_folder_of_numbered_pictures_is_made(here):
    with target_of(parse("-i", "v.mp4", "-o", "new/%04d.png")) as target:
        assert target.out == Path("new/%04d.png") and Path("new").is_dir()
    assert not Path("new").exists()  # nothing came into it


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], UsageError),
        (["-i", "v.mp4", "--target_video", "v.mp4"], UsageError),
        (["-i", "v.mp4", "-o", "a.mp4", "--out_video_name", "b.mp4"], UsageError),
        (["-i", "v.mp4", "--out_dir", "folder", "-o", "/tmp/b.mp4"], UsageError),
        (["-i", "v.mp4", "--image_to_image"], UsageError),
        (["-i", "folder"], UsageError),
        (["-i", "folder", "-o", "out", "--out_dir", "out"], UsageError),
        (["-i", "v.mp4", "--out_dir", "v.mp4/x"], OutputError),
    ],
)
def test_what_makes_no_sense_is_refused(words, error, here):
    with pytest.raises(error):
        found(*words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "is missing. Name it: -i film.mp4"),
        (["-i", "v.mp4", "--target_dir", "folder"], "--input and --target_dir each name the input"),
    ],
)
def test_it_says_how_the_input_is_named(words, told, here):
    with pytest.raises(UsageError) as refused:
        found(*words)
    assert told in str(refused.value)


def test_a_folder_made_for_a_result_goes_again_if_there_is_none(here):
    with (
        pytest.raises(ZeroDivisionError),
        target_of(parse("-i", "p.png", "--out_dir", "new/deep")) as target,
    ):
        assert target.out.parent.is_dir()
        raise ZeroDivisionError
    assert not Path("new").exists()


def test_a_report_on_stdout_is_all_there_is_on_it(here, photos, capsys):
    words = ["-s", str(photos["source"]), "-i", "p.png", "--out_dir", "new", "--report", "-"]
    assert entry.swap_main(words) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["output"] == str(Path("new", "p_swapped.png"))
    assert "Result: new/p_swapped.png" in told.err
    assert Path("new/p_swapped.png").is_file()
    assert not Path("-").exists()


def test_stdin_and_stdout(here, monkeypatch, capfdbinary):
    monkeypatch.setenv("TMPDIR", str(here))
    monkeypatch.setattr("tempfile.tempdir", None)
    pipe = here / "pipe.mp4"
    os.mkfifo(pipe)
    film = Path("v.mp4").read_bytes()
    threading.Thread(target=lambda: pipe.write_bytes(film), daemon=True).start()
    said = []
    with target_of(parse("-i", pipe, "-o", "-", "--format", "mkv"), said.append) as target:
        assert target.kind == "video" and target.path.read_bytes() == film
        assert target.out.suffix == ".mkv" and said
        target.out.write_bytes(b"the result")
        assert target.spoken(f"{target.path} to {target.out}") == f"{pipe} to stdout"
    assert capfdbinary.readouterr().out == b"the result"
    assert not [path for path in here.iterdir() if path.name.startswith(".videoswap")]


@pytest.mark.parametrize(
    "words",
    [
        ["-i", "v.mp4", "-o", "r.mkv", "--format", "mkv"],
        ["-i", "v.mp4", "-o", "-", "--report", "-"],
        ["-i", "v.mp4", "-o", "-", "--out_dir", "folder"],
        ["-i", "folder", "-o", "-"],
    ],
)
def test_stdout_is_for_one_thing(words, here):
    with pytest.raises(UsageError) as caught:
        found(*words)
    assert caught.value.code == "which_output"


def test_progress_for_programs_is_lines_of_json_on_stderr(here, photos, capsys):
    words = ["-s", str(photos["source"]), "-i", "v.mp4", "--progress", "json", "--no_cache"]
    assert entry.swap_main(words) == 0
    told = capsys.readouterr()
    updates = [json.loads(line) for line in told.err.splitlines()]
    assert {"analyze", "render"} <= {update["stage"] for update in updates}
    assert set(updates[0]) == {"stage", "done", "total", "seconds_left", "unit"}
    assert "Result: v_swapped.mp4" in told.out
