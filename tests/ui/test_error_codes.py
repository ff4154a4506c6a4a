"""What the page refuses: a code, a status and a sentence."""

from __future__ import annotations

import socket

import numpy as np
import pytest

pytest.importorskip("fastapi")
from starlette.testclient import TestClient

from videoswap import SwapSettings
from videoswap.errors import InputError, UsageError
from videoswap.people.plan import Plan, PlannedPerson
from videoswap.timerange import TimeRange
from videoswap.ui import server
from videoswap.ui.films import Edits, Film
from videoswap.ui.looks import jpeg
from videoswap.ui.runs import Run
from videoswap.ui.serving import serve
from videoswap.ui.sessions import Session, Sessions
from videoswap.ui.settings import UiSettings


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Return a browser with three films and a run that waits: not analyzed, nobody, somebody."""
    session = Session(tmp_path)
    monkeypatch.setattr(Sessions, "get", lambda sessions, number: session)
    usual = SwapSettings(device="cpu")
    for number, sources in (("new", None), ("nobody", ()), ("somebody", (("a", TimeRange()),))):
        film = Film("a.mp4", tmp_path / "a.mp4", tmp_path, usual, number)
        if sources is not None:
            person = PlannedPerson("Ann", sources, ())
            film.edits = Edits([Plan(film.path, "", "mesh", (), (person,), usual)])
        session.films[number] = film
    run = Run("a.mp4", tmp_path, ".mp4")
    session.runs[run.number] = session.runs["waits"] = run
    made = server.create_app(UiSettings(folder=tmp_path / "ui", min_free=0))
    return TestClient(made, base_url="http://127.0.0.1:7860")


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "films/new/runs", {}, "not_ready"),
        ("POST", "films/nobody/runs", {}, "nobody_gets_anything"),
        ("POST", "films/somebody/runs", {"suffix": ".exe"}, "bad_suffix"),
        ("GET", "films/somebody/look?t=0&layer=bones", None, "bad_layer"),
        ("GET", "films/somebody/photo?source=nobody", None, "no_such_photo"),
        ("POST", "runs/waits/measure", None, "nothing_to_measure"),
        ("POST", "runs/waits/explode", None, "bad_action"),
        ("GET", "runs/waits/told", None, "not_done"),
        ("GET", "runs/other/told", None, "no_such_run"),
    ],
)
def test_a_refusal_is_a_code_and_a_sentence(page, method, path, body, code):
    answer = page.request(method, f"/api/{path}", json=body)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (400, code) and told["message"].endswith(".")


def test_a_port_that_somebody_listens_on_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = UiSettings(folder=tmp_path, port=taken.getsockname()[1])
        with pytest.raises(UsageError) as caught:
            serve(settings, "cpu", print)
    assert caught.value.code == "address_in_use"


def test_a_frame_that_cannot_be_encoded_is_told(monkeypatch):
    monkeypatch.setattr("cv2.imencode", lambda *given: (False, None))
    with pytest.raises(InputError) as caught:
        jpeg(np.zeros((4, 4, 3), np.uint8))
    assert caught.value.code == "bad_picture"
