"""The page in a real browser: from a film to the downloaded result, by mouse and by keyboard."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import av
import pytest

from tests.helpers.browser import browser
from tests.helpers.locations import ROOT
from videoswap.cli import entry

pytestmark = [pytest.mark.needs_browser, pytest.mark.slow]

LONG = 180_000  # milliseconds that a step may take
SERIOUS = ("serious", "critical")
WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("ui cache")


@pytest.fixture(scope="module")
def address(cache):
    """Serve the page on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "videoswap", "ui", "--port", "0", "--device", "cpu"],
        env={**os.environ, "VIDEOSWAP_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    yield line.split()[1]
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(chromium, address):
    """Return a page of a browser of its own, in which no script may fail."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    one = context.new_page()
    one.set_default_timeout(LONG)
    problems = []
    one.on("pageerror", lambda error: problems.append(str(error)))
    one.goto(address)
    yield one
    context.close()
    assert problems == []


def faults(page):
    """Return what axe finds to be serious."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS]


def until(page, script):
    """Wait until a script gives true; the page's own policy forbids Playwright's way."""
    for _ in range(LONG // 50):
        if page.evaluate(script):
            return
        page.wait_for_timeout(50)
    raise AssertionError(script)


def open_film(page, film):
    page.set_input_files("#film-file", str(film))
    page.wait_for_selector("#people:not([hidden])")


def give(page, person, photo):
    page.set_input_files(f"#photo-{person}", str(photo))
    until(page, f"(document.getElementById('source-{person}')?.value ?? '') !== ''")


def packets(path):
    """Return stream, time and content of every packet."""
    with av.open(str(path)) as film:
        return [(one.stream_index, one.pts, bytes(one)) for one in film.demux() if one.size]


def rendered(page):
    """Wait until the frame of the result is on screen."""
    page.wait_for_selector("#after:not([hidden])", state="attached")
    until(page, "document.getElementById('view-wait').hidden")


def test_from_a_film_to_the_result_of_the_command_line(
    page, clip, photos, cache, tmp_path, monkeypatch
):
    assert faults(page) == []
    open_film(page, clip)
    assert page.locator("#cards > li").count() == 2
    assert faults(page) == []
    give(page, 0, photos["source"])
    give(page, 1, photos["other"])
    rendered(page)
    page.click("#settings summary")
    assert faults(page) == []
    page.click("#as-command summary")
    with page.expect_download() as plan:
        page.click("#plan-save")
    plan.value.save_as(tmp_path / "film.plan.json")
    people = json.loads((tmp_path / "film.plan.json").read_text())["people"]
    assert [one["source"] for one in people] == ["source.png", "other.png"]
    page.select_option("#suffix", ".mkv")
    page.click("#start")
    # Whether a browser plays Matroska is its own affair.
    page.wait_for_selector("#runs a:has-text('Download')")
    assert faults(page) == []
    with page.expect_download() as result:
        page.click("#runs a:has-text('Download')")
    result.value.save_as(tmp_path / "page.mkv")
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(cache))
    monkeypatch.chdir(tmp_path)
    assert entry.main(["swap", "--plan", "film.plan.json", "-o", "line.mkv"]) == 0
    # Files of Matroska have a random number in their head.
    assert packets(tmp_path / "page.mkv") == packets(tmp_path / "line.mkv")


def test_people_are_merged_and_it_is_undone(page, clip):
    open_film(page, clip)
    page.fill("#name-0", "Ross")
    page.keyboard.press("Tab")
    until(page, "document.querySelector('#cards li img').alt === 'Face of Ross'")
    page.click("text=More about Ross")
    assert faults(page) == []
    page.click("#cards li:first-child >> text=Merge")
    until(page, "document.querySelectorAll('#cards > li').length === 1")
    page.click("#undo")
    until(page, "document.querySelectorAll('#cards > li').length === 2")
    page.click("#more-1 summary")
    page.click("#hide-1")
    page.wait_for_selector("#cards-hidden:not([hidden])")
    assert page.locator("#cards > li").count() == 1
    page.click("#cards-hidden")
    assert faults(page) == []
    page.click("#again-1")
    until(page, "document.querySelectorAll('#name-1').length === 1")
    for _ in range(2):  # shown again, hidden
        page.click("#undo")
        page.wait_for_timeout(300)
    page.click("#join-0")
    until(page, "document.querySelectorAll('#cards > li').length === 1")
    page.reload()
    page.wait_for_selector("#people:not([hidden])")
    assert page.locator("#cards > li").count() == 1 and page.input_value("#name-0") == "Ross"


def test_a_file_that_is_no_film_is_told_in_a_sentence(page, tmp_path):
    bad = tmp_path / "<b>bad.mp4"
    bad.write_bytes(b"no film at all" * 100)
    page.set_input_files("#film-file", str(bad))
    page.wait_for_selector("#stopped:not([hidden])")
    told = page.inner_text("#stopped-why")
    assert "Traceback" not in told and len(told) > 20 and str(tmp_path.parent) not in told
    assert faults(page) == []
    page.click("#film-other")
    page.wait_for_selector("#open:not([hidden])")


def tab_to(page, name):
    """Press the tabulator until something has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({json.dumps(name)})"):
            return
    raise AssertionError(f"The tabulator does not reach {name}.")


def choose_by_keyboard(page, name, path, key):
    with page.expect_file_chooser() as chooser:  # for which the browser takes a moment
        tab_to(page, name)
        page.wait_for_timeout(300)
        page.keyboard.press(key)
    chooser.value.set_files(str(path))


def test_nothing_is_drawn_anew_under_the_hands_of_somebody(page, solo_clip, photos):
    open_film(page, solo_clip)
    give(page, 0, photos["left"])
    page.click("#name-0")
    page.keyboard.press("Control+A")
    page.keyboard.type("Eil")
    film = page.evaluate("fetch('/api/state').then((one) => one.json())")["films"][-1]["id"]
    page.evaluate(  # somebody takes the face away in another window
        """(film) => fetch(`/api/films/${film}/edit`, {
            method: "POST",
            headers: {"Content-Type": "application/json"},
            body: JSON.stringify({kind: "give", person: 0, source: null}),
        })""",
        film,
    )
    until(page, "document.getElementById('start').disabled")
    page.keyboard.type("een")
    assert page.input_value("#name-0") == "Eileen"
    page.locator("#more-0 summary").hover()
    page.mouse.down()  # the name is sent; its answer comes while the button is down
    page.wait_for_timeout(1000)
    assert page.evaluate("document.querySelector('#cards li img').alt") != "Face of Eileen"
    page.mouse.up()
    until(page, "document.getElementById('more-0').open")
    until(page, "document.querySelector('#cards li img').alt === 'Face of Eileen'")
    assert page.evaluate("document.getElementById('source-0').value") == ""


def test_the_whole_way_by_keyboard_alone_on_a_narrow_screen(page, solo_clip, photos, tmp_path):
    page.set_viewport_size({"width": 390, "height": 800})
    choose_by_keyboard(page, "#film-file", solo_clip, "Space")
    page.wait_for_selector("#people:not([hidden])")
    assert page.evaluate(WIDTH) <= 390
    assert faults(page) == []
    choose_by_keyboard(page, "#photo-0", photos["left"], "Enter")
    rendered(page)
    tab_to(page, "#name-0")
    page.keyboard.press("Control+A")
    page.keyboard.type("Eileen")
    tab_to(page, "#time")
    until(page, "document.querySelector('#cards li img').alt === 'Face of Eileen'")
    page.keyboard.press("End")
    rendered(page)
    tab_to(page, "#start")
    page.keyboard.press("Enter")
    until(page, "document.activeElement.id === 'results-title'")
    page.wait_for_selector("#runs video")
    assert page.evaluate(WIDTH) <= 390
    tab_to(page, "#runs a")
    with page.expect_download() as result:
        page.keyboard.press("Enter")
    result.value.save_as(tmp_path / "result.mp4")
    with av.open(str(tmp_path / "result.mp4")) as film:
        assert film.streams.video[0].frames == 16


def test_a_run_outlives_a_reload_and_a_cancelled_one_goes_on(page, clip, photos):
    open_film(page, clip)
    give(page, 0, photos["source"])
    page.click("#start")
    page.click("#runs >> text=Pause")
    page.wait_for_selector("#runs >> text=/paused/")
    page.reload()
    page.wait_for_selector("#runs >> text=/paused/")
    page.wait_for_selector("#people:not([hidden])")
    assert faults(page) == []
    page.click("#runs button:has-text('Go on')")
    page.wait_for_selector("#runs >> text=/being made/")
    page.reload()
    page.click("#runs >> text=Cancel")
    page.wait_for_selector("#runs >> text=/cancelled/")
    page.reload()
    page.click("#runs button:has-text('Go on')")
    page.wait_for_selector("#runs video")
