"""Who may ask the page for what."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from starlette.testclient import TestClient

from videoswap.errors import UsageError
from videoswap.ui import films, looks, server
from videoswap.ui.security import COOKIE, signed
from videoswap.ui.sessions import chosen_path, plain_name
from videoswap.ui.settings import UiSettings

HOST = "http://127.0.0.1:7860"


@pytest.fixture
def allowed(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"film")
    (folder / ".hidden.mp4").write_bytes(b"film")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (folder / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    return folder


@pytest.fixture
def settings(tmp_path, allowed):
    return UiSettings(folder=tmp_path / "ui", allow=(allowed,), max_upload=1000, min_free=0)


@pytest.fixture
def page(settings, monkeypatch):
    """Return a browser, whose films are never analyzed."""
    monkeypatch.setattr(films.Film, "analyze", lambda film, tools: None)
    monkeypatch.setattr(looks.Looks, "warm_up", lambda one, settings: None)
    return TestClient(server.create_app(settings), base_url=HOST)


def test_a_stranger_gets_a_session_and_headers_that_forbid_all_else(page):
    answer = page.get("/")
    assert answer.status_code == 200 and "<script" in answer.text
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"host": "localhost:7860"}, 200),
        ("GET", {"host": "evil.example:7860"}, 421),
        ("GET", {"host": "127.0.0.1.evil.example"}, 421),
        ("GET", {"host": "192.168.1.2:7860"}, 421),
        ("GET", {"origin": "http://evil.example"}, 200),
        ("POST", {"origin": "http://evil.example"}, 403),
        ("POST", {"sec-fetch-site": "cross-site"}, 403),
        ("POST", {"sec-fetch-site": "same-site"}, 403),
        ("POST", {"sec-fetch-site": "same-origin"}, 400),  # it gives no film
        ("POST", {"origin": HOST}, 400),
    ],
)
def test_hosts_and_origins(page, method, headers, status):
    path = "/api/state" if method == "GET" else "/api/films"
    assert page.request(method, path, headers=headers).status_code == status


def open_film(page, **form):
    return page.post("/api/films", **form)


def test_browsers_do_not_see_each_other(settings, page):
    film = open_film(page, files={"file": ("a.mp4", b"film")}).json()
    assert page.get(f"/api/films/{film['id']}").status_code == 200
    other = TestClient(page.app, base_url=HOST)
    assert other.get(f"/api/films/{film['id']}").json()["code"] == "no_such_film"
    assert other.get("/api/state").json()["films"] == []
    forged = signed("0" * 32, "a guess")
    other.cookies.set(COOKIE, forged)
    assert other.get("/api/state").json()["films"] == []
    assert not (settings.folder / ("0" * 32)).exists()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("a.mp4", 200),
        ("../secret.mp4", 400),
        ("link.mp4", 400),
        ("/etc/passwd", 400),
        ("../films/../secret.mp4", 400),
    ],
)
def test_only_files_of_allowed_folders(page, allowed, path, status):
    answer = open_film(page, data={"path": str(allowed / path)})
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["code"] == "not_allowed"


def test_what_may_be_chosen_is_listed(page, allowed):
    names = [Path(one).name for one in page.get("/api/state").json()["files"]]
    assert names == ["a.mp4", "link.mp4"] or names == ["a.mp4"]
    assert ".hidden.mp4" not in names


@pytest.mark.parametrize(("size", "code"), [(1000, None), (1001, "too_large"), (0, "empty_file")])
def test_uploads_are_bounded_and_leave_nothing(page, settings, size, code):
    answer = open_film(page, files={"file": ("a.mp4", b"x" * size)})
    assert answer.json().get("code") == code
    left = [path for path in settings.folder.rglob("*") if path.is_file()]
    assert bool(left) == (code is None)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("film.mp4", "film.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\a.mp4", "a.mp4"),
        ("<img src=x onerror=alert(1)>.mp4", "_img src_x onerror_alert(1)_.mp4"),
        ("a\n\x1b[31mb.mp4", "a___31mb.mp4"),
        ("..", "file"),
        ("", "file"),
        ("ä ö.mp4", "ä ö.mp4"),
        ("x" * 300 + ".mp4", "x" * 116 + ".mp4"),
    ],
)
def test_names_of_uploads_are_made_harmless(name, kept):
    assert plain_name(name) == kept


def test_a_password_is_asked_for(tmp_path):
    settings = UiSettings(folder=tmp_path, host="0.0.0.0", user="me", password="long enough")
    page = TestClient(server.create_app(settings), base_url="http://machine:7860")
    refused = page.get("/api/state")
    assert refused.status_code == 401 and "Basic" in refused.headers["www-authenticate"]
    assert page.get("/", auth=("me", "wrong one")).status_code == 401
    assert page.get("/", headers={"authorization": "Basic !!!"}).status_code == 401
    assert page.get("/api/state", auth=("me", "long enough")).status_code == 200
    right = base64.b64encode(b"me:long enough").decode()
    assert page.get("/", headers={"authorization": f"Bearer {right}"}).status_code == 401


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"host": "0.0.0.0"}, "auth_needed"),
        ({"host": "192.168.1.5"}, "auth_needed"),
        ({"host": "example.org"}, "auth_needed"),
        ({"user": "me"}, "bad_auth"),
        ({"user": "me", "password": "short"}, "bad_auth"),
        ({"port": 70000}, "bad_port"),
        ({"allow": (Path("/no/such/folder"),)}, "bad_allow"),
        ({"host": "::1"}, None),
        ({"host": "localhost"}, None),
        ({"host": "0.0.0.0", "user": "me", "password": "long enough"}, None),
    ],
)
def test_who_may_listen(tmp_path, values, code):
    if code is None:
        UiSettings(folder=tmp_path, **values)
        return
    with pytest.raises(UsageError) as caught:
        UiSettings(folder=tmp_path, **values)
    assert caught.value.code == code


def test_no_password_in_what_is_printed(tmp_path):
    settings = UiSettings(folder=tmp_path, user="me", password="long enough")
    assert "long enough" not in repr(settings) and settings.secret not in repr(settings)


def test_a_link_out_of_a_folder_is_not_followed(settings, allowed):
    with pytest.raises(UsageError):
        chosen_path(str(allowed / "link.mp4"), settings)


def test_errors_are_sentences(page):
    answer = page.post("/api/films/abc/edit", content=json.dumps({"kind": "merge"}))
    assert set(answer.json()) >= {"code", "message", "hint"} or answer.status_code == 422
