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

pytestmark = [pytest.mark.needs_browser, pytest.mark.slow]

LONG = 180_000  # milliseconds that a step may take
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("ui cache")


@pytest.fixture(scope="module")
def environment(cache):
    return {**os.environ, "VIDEOSWAP_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def address(environment):
    """Serve the page on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "videoswap", "ui", "--port", "0", "--device", "cpu"],
        env=environment,
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


def packets(path):
    """Return stream, time and content of every packet."""
    with av.open(str(path)) as film:
        return [(one.stream_index, one.pts, bytes(one)) for one in film.demux() if one.size]


def rendered(page):
    """Wait until the frame of the result is on screen."""
    page.wait_for_selector("#after:not([hidden])", state="attached")
    until(page, "document.getElementById('view-wait').hidden")


def test_from_a_film_to_the_result_of_the_command_line(page, clip, photos, environment, tmp_path):
    assert faults(page) == []
    open_film(page, clip)
    assert page.locator("#cards > li").count() == 2
    assert faults(page) == []
    page.set_input_files("#photo-0", str(photos["source"]))
    until(page, "(document.getElementById('source-0')?.value ?? '') !== ''")
    page.set_input_files("#photo-1", str(photos["other"]))
    until(page, "(document.getElementById('source-1')?.value ?? '') !== ''")
    rendered(page)
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
    command = ["swap", "--plan", "film.plan.json", "-o", "line.mkv"]
    subprocess.run([sys.executable, "-m", "videoswap", *command], env=environment, cwd=tmp_path)
    # Files of Matroska have a random number in their head.
    assert packets(tmp_path / "page.mkv") == packets(tmp_path / "line.mkv")


def test_people_are_merged_and_it_is_undone(page, clip):
    open_film(page, clip)
    page.fill("#name-0", "Ross")
    page.keyboard.press("Tab")
    until(page, "document.querySelector('#cards li img').alt === 'Face of Ross'")
    page.click("text=More about Ross")
    page.click("#cards li:first-child >> text=Merge")
    until(page, "document.querySelectorAll('#cards > li').length === 1")
    page.click("#undo")
    until(page, "document.querySelectorAll('#cards > li').length === 2")
    page.click("#more-1 summary")
    page.click("#hide-1")
    page.wait_for_selector("#cards-hidden:not([hidden])")
    assert page.locator("#cards > li").count() == 1
    page.click("#cards-hidden")
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
    assert "Traceback" not in told and len(told) > 20
    assert faults(page) == []
    page.click("#film-close")
    page.wait_for_selector("#open:not([hidden])")


def test_narrow_and_by_keyboard_alone(page, solo_clip, photos):
    page.set_viewport_size({"width": 390, "height": 800})
    open_film(page, solo_clip)
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= 390
    assert faults(page) == []
    page.set_input_files("#photo-0", str(photos["left"]))
    rendered(page)
    reached = set()
    page.keyboard.press("Tab")
    for _ in range(60):
        reached.add(page.evaluate("document.activeElement.id"))
        page.keyboard.press("Tab")
    assert {"film-close", "photo-0", "source-0", "name-0", "time", "split", "start"} <= reached
    page.focus("#time")
    page.keyboard.press("End")
    page.focus("#start")
    page.keyboard.press("Enter")
    page.wait_for_selector("#runs button")
    page.wait_for_selector("#runs video")
    assert page.evaluate(wide) <= 390


def test_a_run_is_cancelled_and_goes_on_after_a_reload(page, clip, photos):
    open_film(page, clip)
    page.set_input_files("#photo-0", str(photos["source"]))
    until(page, "(document.getElementById('source-0')?.value ?? '') !== ''")
    page.click("#start")
    page.click("#runs >> text=Cancel")
    page.wait_for_selector("#runs >> text=/cancelled/")
    page.reload()
    page.click("#runs button:has-text('Go on')")
    page.wait_for_selector("#runs video")
