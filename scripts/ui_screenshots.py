"""Write a screenshot of every state of the page, from inputs that it makes itself.

    python scripts/ui_screenshots.py [--out_dir docs/ui] [--every]

The people are Eileen Collins (NASA, in scikit-image) and Grace Hopper (US Navy, in matplotlib, of
which nothing else is needed: pip install --no-deps matplotlib). Both photos are public domain.
Playwright, Chromium and about two minutes are needed. `--every` shows all states at 1280 and 390
pixels, light and dark, for whoever changes the page; those files are not meant for the repository.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data
from PIL import Image
from playwright.sync_api import Page, sync_playwright

WIDTH, HEIGHT, RATE = 960, 540, Fraction(24)
SHOTS = (("both", 1.5), ("collins", 1.0), ("hopper", 1.0), ("both", 1.0))  # who, seconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LONG = 300_000  # milliseconds that a step may take
SHOWN_WIDTH = 760  # pixels of a picture for the repository
COLORS = 128  # of a picture for the repository
MOST_BYTES = 60_000  # of one of them
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 800}


def hopper() -> np.ndarray:
    """Return the portrait of Grace Hopper, (H, W, 3) uint8 RGB."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        sys.exit("matplotlib is not installed: pip install --no-deps matplotlib")
    path = Path(spec.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    return cv2.imread(str(path))[:, :, ::-1]


def view(who: str, moment: float) -> np.ndarray:
    """Return what the camera sees of somebody at a moment from 0 to 1, (HEIGHT, WIDTH, 3) uint8."""
    portraits = {"collins": skimage.data.astronaut()[:300, 60:420], "hopper": hopper()[:430]}
    names = [who] if who in portraits else ["hopper", "collins"]
    canvas = np.full((HEIGHT, WIDTH, 3), (58, 66, 78), np.uint8)
    wide = WIDTH // len(names)
    for place, name in enumerate(names):
        photo = portraits[name]
        scale = max(HEIGHT / photo.shape[0], wide / photo.shape[1]) * (1.02 + 0.06 * moment)
        shift = np.array([wide, HEIGHT]) / 2 - scale * np.array(photo.shape[1::-1]) / 2
        shift += (14 * np.sin(2 * np.pi * moment), 4 * np.cos(2 * np.pi * moment))
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        part = cv2.warpAffine(photo, matrix, (wide, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        canvas[:, place * wide : (place + 1) * wide] = part
    return canvas


def make_inputs(folder: Path) -> None:
    """Write a film and a picture of two people, a photo of each, and files that cannot be used."""
    with av.open(str(folder / "two pioneers.mp4"), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "20"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for who, seconds in SHOTS:
            count = round(seconds * RATE)
            for index in range(count):
                picture = view(who, index / count)
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
    pictures = {
        "collins.png": skimage.data.astronaut(),
        "hopper.png": hopper(),
        "pair.png": view("both", 0.0),
        "wall.png": np.full((240, 240, 3), 90, np.uint8),
    }
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / name), picture[:, :, ::-1])
    (folder / "broken.mp4").write_bytes(b"This is no film. " * 500)


@contextmanager
def served(cache: Path) -> Iterator[str]:
    """Serve the page on a free port; gives its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "videoswap", "ui", "--port", "0", "--device", "cpu"],
        env={**os.environ, "VIDEOSWAP_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
    finally:
        process.terminate()
        process.wait(60)


def until(page: Page, script: str) -> None:
    """Wait until a script gives true; the page's own policy forbids Playwright's way."""
    for _ in range(LONG // 50):
        if page.evaluate(script):
            return
        page.wait_for_timeout(50)
    raise SystemExit(f"This never became true: {script}")


def rendered(page: Page) -> None:
    """Wait until the frame of the result is on screen."""
    page.wait_for_timeout(200)
    until(page, "document.getElementById('view-wait').hidden")


def states(page: Page, inputs: Path) -> Iterator[tuple[str, str]]:
    """Bring the page into one state after the other; yields name and the part that matters."""
    page.wait_for_selector("#open:not([hidden])")
    yield "empty", ""
    page.set_input_files("#film-file", str(inputs / "broken.mp4"))
    page.wait_for_selector("#stopped:not([hidden])")
    yield "failed", ""
    page.click("#film-other")
    page.wait_for_selector("#open:not([hidden])")
    page.set_input_files("#film-file", str(inputs / "two pioneers.mp4"))
    page.wait_for_selector("#film-cancel:not([hidden])")
    until(page, "document.getElementById('film-left').textContent !== ''")
    yield "analyzing", ""
    page.click("#film-cancel")
    page.wait_for_selector("#stopped:not([hidden])")
    yield "cancelled", ""
    page.click("#film-again")
    page.wait_for_selector("#people:not([hidden])")
    rendered(page)
    yield "people", ""
    page.set_input_files("#photo-0", str(inputs / "wall.png"))
    page.wait_for_selector("#message:not([hidden])")
    yield "refused-photo", ""
    page.click("#message-close")
    for number, name in enumerate(("collins.png", "hopper.png")):
        page.set_input_files(f"#photo-{number}", str(inputs / name))
        until(page, f"document.querySelectorAll('.drop.given').length === {number + 1}")
    rendered(page)
    yield "look", ""
    page.check("input[value=mask]")
    rendered(page)
    page.click("#settings summary")
    yield "settings", "#look"
    page.click("#settings summary")
    page.check("input[value=result]")
    page.click("#more-0 summary")
    yield "more", "#people"
    page.click("#hide-0")
    page.wait_for_selector("#cards-hidden:not([hidden])")
    page.click("#cards-hidden")
    page.wait_for_selector("#again-0")
    yield "hidden", "#people"
    page.click("#undo")
    until(page, "document.querySelectorAll('.drop.given').length === 2")
    page.click("#start")
    page.wait_for_selector("#runs progress:not([hidden])")
    until(page, "document.querySelector('#runs .quiet').textContent.includes('frames')")
    yield "running", "#results"
    page.wait_for_selector("#runs video")
    page.click("#runs summary")
    page.wait_for_timeout(1500)
    yield "done", "#results"
    page.click("#film-close")
    page.wait_for_selector("#open:not([hidden])")
    page.set_input_files("#film-file", str(inputs / "pair.png"))
    page.wait_for_selector("#people:not([hidden])")
    page.set_input_files("#photo-0", str(inputs / "collins.png"))
    until(page, "document.querySelectorAll('.drop.given').length === 1")
    rendered(page)
    yield "picture", ""
    page.click("text=Measure the quality")
    page.wait_for_selector("#runs .verdict")
    yield "quality", "#runs > li:first-child"


def small(png: bytes, colors: int = COLORS) -> bytes:
    """Return a PNG with a palette, made smaller, of at most ``MOST_BYTES``."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    if picture.width > SHOWN_WIDTH:
        height = round(picture.height * SHOWN_WIDTH / picture.width)
        picture = picture.resize((SHOWN_WIDTH, height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    plots = picture.height > 2 * picture.width  # whose lines have rare colors
    kind = Image.Quantize.MAXCOVERAGE if plots else Image.Quantize.MEDIANCUT
    picture.quantize(colors, kind, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    if out.tell() <= MOST_BYTES or colors <= 16:
        return out.getvalue()
    return small(png, colors // 2)


def main() -> None:
    """Write the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out_dir", type=Path, default=Path("docs/ui"))
    parser.add_argument("--every", action="store_true", help="both widths, light and dark")
    arguments = parser.parse_args()
    out: Path = arguments.out_dir
    out.mkdir(parents=True, exist_ok=True)
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder) / "cache") as address,
        sync_playwright() as playwright,
    ):
        make_inputs(Path(folder))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport=WIDE)
        page.set_default_timeout(LONG)
        page.goto(address)
        for name, part in states(page, Path(folder)):
            if arguments.every:
                for scheme in ("light", "dark"):
                    for size in (WIDE, NARROW):
                        page.set_viewport_size(size)
                        page.emulate_media(color_scheme=scheme)
                        page.wait_for_timeout(200)
                        file = out / f"{name}-{size['width']}-{scheme}.png"
                        page.screenshot(path=file, full_page=True)
                page.set_viewport_size(WIDE)
                page.emulate_media(color_scheme="light")
                continue
            if part:  # where the pointer to the next step would lie over something
                page.evaluate("document.getElementById('next').style.display = 'none'")
            shot = page.locator(part).screenshot() if part else page.screenshot()
            page.evaluate("document.getElementById('next').style.display = ''")
            (out / f"{name}.png").write_bytes(small(shot))
            print(f"{name}: {(out / f'{name}.png').stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
