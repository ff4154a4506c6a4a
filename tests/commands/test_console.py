"""Every end of a command: an exit code and a sentence, a traceback only on request."""

import argparse
import signal

import pytest

from videoswap.commands import console
from videoswap.errors import InputError, NoFaceError


@pytest.fixture(autouse=True)
def same_signals():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def ends(error, *words):
    """Run a command that raises ``error``, if there is any."""

    def run(arguments):
        if error is not None:
            raise error
        return 5

    parser = argparse.ArgumentParser(prog="test")
    parser.add_argument("--no_cache", action="store_true")
    parser.add_argument("--debug", action="store_true")
    parser.set_defaults(run=run)
    return console.run_guarded(parser, words)


@pytest.mark.parametrize(
    ("error", "words", "code", "told"),
    [
        (None, [], 5, ""),
        (InputError("x", "It is broken.", "Mend it."), [], 3, "videoswap: It is broken. Mend it."),
        (NoFaceError("x", "Nobody."), [], 4, "videoswap: Nobody."),
        (KeyboardInterrupt(), [], 130, "Interrupted. Run it again"),
        (KeyboardInterrupt(), ["--no_cache"], 130, "videoswap: Interrupted."),
        (ZeroDivisionError("by 0."), [], 1, "Defect in videoswap: ZeroDivisionError: by 0. Please"),
    ],
)
def test_every_end_has_a_code_and_a_sentence(error, words, code, told, capsys):
    assert ends(error, *words) == code
    err = capsys.readouterr().err
    assert told in err and "Traceback" not in err
    assert ("again" in err) == ("again" in told)


def test_debug_shows_where_it_happened(capsys):
    assert ends(ZeroDivisionError("by 0"), "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "code"), [(["--what"], 2), (["--help"], 0)])
def test_leaving_before_anything_runs(words, code):
    assert ends(AssertionError("ran"), *words) == code


def test_a_reader_that_went_away_stops_nothing(monkeypatch):
    class Closed:
        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(console.sys, "stdout", Closed())
    console.say("one")
    console.say("two")
    console.sys.stdout.close()
