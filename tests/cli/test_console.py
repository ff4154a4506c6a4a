"""Every end of a command: an exit code and a sentence, a traceback only on request."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.locations import ROOT
from videoswap.cli import console
from videoswap.cli.parser import Parser
from videoswap.errors import InputError, NoFaceError
from videoswap.watching import ProgressUpdate


@pytest.fixture(autouse=True)
def same_signals():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def ends(error, *words, says=""):
    """Run a command that says something and raises ``error``, if there is any."""

    def run(arguments):
        arguments.console.say(says or "Note: said")
        arguments.console.detail("detail")
        if error is not None:
            raise error
        return 5

    return ends_with(run, *words)


def ends_with(run, *words):
    """Run a command; returns its exit code."""
    parser = Parser(prog="test")
    parser.add_argument("--no_cache", action="store_true")
    parser.set_defaults(run=run)
    console.add_common(parser)
    return console.run_guarded(parser, words)


def no_memory():
    return RuntimeError("onnxruntime: std::bad_alloc")


@pytest.mark.parametrize(
    ("error", "words", "code", "told"),
    [
        (None, [], 5, ""),
        (InputError("x", "It is broken.", "Mend it."), [], 3, "videoswap: It is broken. Mend it."),
        (NoFaceError("x", "Nobody."), [], 4, "videoswap: Nobody."),
        (KeyboardInterrupt(), [], 130, "Interrupted. Run it again"),
        (KeyboardInterrupt(), ["--no_cache"], 130, "videoswap: Interrupted."),
        (ZeroDivisionError("by 0."), [], 1, "Defect in videoswap: ZeroDivisionError: by 0. Please"),
        (MemoryError(), [], 3, "videoswap: Memory ran out."),
        (no_memory(), [], 3, "videoswap: Memory ran out."),
        (ModuleNotFoundError("x", name="cv2"), [], 3, "package opencv-python is not installed."),
        (ModuleNotFoundError("x", name="torch"), [], 3, "pip install 'videoswap[neural]'"),
        (ModuleNotFoundError("x", name="videoswap.x"), [], 1, "Defect"),
        (
            ImportError("libGL.so.1: cannot open shared object file", name="cv2"),
            [],
            3,
            "libGL.so.1 is missing. On Debian or Ubuntu: apt-get install libgl1 libglib2.0-0",
        ),
    ],
)
def test_every_end_has_a_code_and_a_sentence(error, words, code, told, capsys):
    assert ends(error, *words) == code
    err = capsys.readouterr().err
    assert told in err and "Traceback" not in err
    assert err.count("\n") == bool(told)
    assert ("again" in err) == ("again" in told)


ENDLESS = """
import time
from videoswap.cli import console
from videoswap.cli.parser import Parser
def run(arguments):
    try:
        print("running", flush=True)
        time.sleep(60)
    finally:
        print("cleaning", flush=True)
        time.sleep(CLEANING)
        print("clean", flush=True)
parser = Parser(prog="test")
parser.set_defaults(run=run)
console.add_common(parser)
raise SystemExit(console.run_guarded(parser, []))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("cleaning", "pause", "ends"), [(60, 0.7, "at once"), (0.5, 0.0, "clean")])
def test_a_second_signal_ends_it_at_once_but_an_echo_of_the_first_does_not(
    number, cleaning, pause, ends
):
    code = ENDLESS.replace("CLEANING", str(cleaning))
    if ends == "clean":  # on a busy machine the echo may come late
        code = code.replace("def run", "console._DOUBLE_TAP = 20\ndef run")
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == "running\n"
    process.send_signal(number)
    assert process.stdout.readline() == "cleaning\n"
    time.sleep(pause)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert (out, "at once" in err) == (("", True) if ends == "at once" else ("clean\n", False))


def test_debug_shows_where_it_happened(capsys):
    assert ends(ZeroDivisionError("by 0"), "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"), [(["--what"], 2), (["--help"], 0), (["--version"], 0), (["stray"], 2)]
)
def test_leaving_before_anything_runs(words, code):
    assert ends(AssertionError("ran"), *words) == code


@pytest.mark.parametrize(
    ("words", "told"),
    [([], "Note: said\n"), (["-q"], ""), (["--verbose"], "Note: said\ndetail\n")],
)
def test_how_much_is_said(words, told, capsys):
    ends(None, *words)
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("words", "out"), [([], "Note: said\n"), (["--verbose"], "Note: said\ndetail\nslow\n")]
)
def test_what_the_library_logs_is_printed_while_a_command_runs(words, out, capsys):
    def run(arguments):
        arguments.console.say("Note: said")
        arguments.console.detail("detail")
        logging.getLogger("videoswap.weights").info("slow")
        logging.getLogger("videoswap.weights").warning("old %s", "file")
        return 0

    assert ends_with(run, *words) == 0
    logging.getLogger("videoswap.weights").warning("afterwards")
    assert capsys.readouterr() == (out, "videoswap: old file\n")


def test_the_log_holds_all_of_it_after_what_was_there(tmp_path, capsys):
    log = tmp_path / "run.log"
    ends(None, "-q", "--log_file", str(log))
    ends(ZeroDivisionError("by 0"), "--log-file", str(log))
    lines = log.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines[:3]] == [
        f"videoswap 0.1.0: -q --log_file {log}",
        "Note: said",
        "detail",
    ]
    assert any("Traceback" in line for line in lines) and "Defect" in lines[-1]
    assert "Traceback" not in capsys.readouterr().err


def test_no_other_file_is_taken_for_a_log(tmp_path, capsys):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"\0\0\0\x20ftyp")
    assert ends(None, "--log_file", str(film)) == 6
    assert film.read_bytes() == b"\0\0\0\x20ftyp"
    assert ends(None, "--log_file", str(tmp_path / "no" / "x.log")) == 6
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\nb", "a\rb", "a\u202eb", "a\x9bb"])
def test_names_that_act_on_a_terminal_are_escaped(name, capsys):
    ends(InputError("x", f"{name} is bad.", "See there."), says=name)
    told = capsys.readouterr()
    assert name not in told.out + told.err
    assert told.out.count("\n") == 1 and "a\\" in told.out and "a\\" in told.err


def test_a_reader_that_went_away_stops_nothing(monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(console.sys, "stdout", Closed())
    assert ends(None) == 5


@pytest.mark.parametrize(
    "line",
    [
        "{} | head -n 1",
        "{} >&-",
        "{} 2>&-",
        "{} >&- 2>&-",
        "mkdir gone && cd gone && rmdir ../gone && {}",
    ],
)
def test_streams_and_folders_that_are_not_there(line, tmp_path):
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {line.format(f'{sys.executable} -m videoswap models list')}",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_current_folder_that_cannot_be_looked_into_is_told(monkeypatch, capsys):
    monkeypatch.setattr(console, "_stands_somewhere", lambda: False)
    assert ends(PermissionError(13, "Permission denied", "/here")) == 3
    assert "The current folder is gone or closed to this user." in capsys.readouterr().err


def test_progress_has_a_line_a_second_and_the_ends_of_stages(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    lines = console._ProgressLines()
    for done in range(1, 41):  # a quarter of a second each
        lines(ProgressUpdate("analyze", done, 40))
        now += 0.25
    lines(ProgressUpdate("render", 0, 40))
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    steps = [one["done"] for one in said if one["stage"] == "analyze"]
    assert steps == [*range(1, 41, 4), 40]
    assert (said[-1]["stage"], said[-1]["done"]) == ("render", 0)
