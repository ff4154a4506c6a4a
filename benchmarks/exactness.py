"""Issue 2, point 1: only masked samples change, and every time and audio packet stays.

Run it from the repository: ``python benchmarks/exactness.py``. It makes its clips with PyAV and
also uses the real ones of ``../shared/media`` where they exist.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.helpers import clips  # noqa: E402
from videoswap.settings import EncodeSettings  # noqa: E402
from videoswap.video.pixel_formats import layout, samples  # noqa: E402
from videoswap.video.planes import align_box, read_rgb, write_rgb  # noqa: E402
from videoswap.video.probe import probe  # noqa: E402
from videoswap.video.reader import VideoReader  # noqa: E402
from videoswap.video.verify import verify  # noqa: E402

FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le")


def paint(frame: Any, info: Any, number: int) -> np.ndarray:
    """Blend the negative of a moving ellipse into a frame; return the whole frame's mask."""
    side = max(8, min(info.width, info.height) // 2)
    left, top = number * 5 % (info.width - side), number * 3 % (info.height - side)
    box = align_box((left, top, left + side, top + side), info)
    rgb = read_rgb(frame, box, info.color)
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.ellipse(mask, (side // 2, side // 2), (side // 3, side // 4), 15, 0, 360, 255, -1)
    mask = cv2.GaussianBlur(mask, (9, 9), 0)
    write_rgb(frame, box, 255 - rgb, mask, info.color)
    whole = np.zeros((info.height, info.width), np.uint8)
    whole[box[1] : box[3], box[0] : box[2]] = mask
    return whole


def outside(mask: np.ndarray, form: Any, index: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return where the samples of a plane must not change."""
    if index == 0 or form.model != "yuv":
        return mask == 0
    rows, columns = shape
    padded = np.zeros((rows * form.sub_y, columns * form.sub_x), np.uint8)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return padded.reshape(rows, form.sub_y, columns, form.sub_x).max((1, 3)) == 0


def planes(frame: Any, depth: int) -> list[np.ndarray]:
    return [samples(p, depth)[:, : p.width] for p in frame.planes]


def exact_samples(source: Path, folder: Path) -> tuple[int, int, int, int]:
    """Paint a whole clip into FFV1; return frames, samples outside, of them changed, inside."""
    masks: list[np.ndarray] = []
    out = folder / "ffv1.mkv"
    clips.swap_nothing(
        source,
        out,
        EncodeSettings(encoder="ffv1"),
        segment=50,
        change=lambda item, info: masks.append(paint(item.image, info, len(masks))),
    )
    info, made = probe(source), probe(out)
    form = layout(info.pix_fmt)
    assert form is not None and made.pix_fmt == info.pix_fmt
    kept = changed = inside = 0
    with VideoReader(info) as old, VideoReader(made) as new:
        pairs = zip(old.frames(), new.frames(), masks, strict=True)
        for was, now, mask in pairs:
            before, after = planes(was.image, form.depth), planes(now.image, form.depth)
            for index, (a, b) in enumerate(zip(before, after, strict=True)):
                free = outside(mask, form, index, a.shape)
                kept += int(free.sum())
                changed += int((a != b)[free].sum())
                inside += int((a != b)[~free].sum())
    return len(masks), kept, changed, inside


def exact_times(source: Path, folder: Path) -> tuple[int, bool, int, str, bool, list[str]]:
    """Join a clip to MP4; return frames, pts equal, audio packets, audio verdict, turn, decode."""
    out = folder / "joined.mp4"
    clips.swap_nothing(source, out, EncodeSettings(preset="ultrafast"), segment=50)
    before, after = clips.times(source), clips.times(out)
    sound, copied = clips.packets(source, "audio"), clips.packets(out, "audio")
    count = sum(map(len, sound))
    turned = probe(source).orientation.display_matrix == probe(out).orientation.display_matrix
    return len(before), before == after, count, audio_verdict(sound, copied), turned, verify(out)


def audio_verdict(sound: list[Any], copied: list[Any]) -> str:
    if sound == copied:
        return "equal"
    if [len(s) for s in sound] != [len(s) for s in copied]:
        return "LOST"
    worst = Fraction(0)
    for old, new in zip(sound, copied, strict=True):
        for (was, data), (now, payload) in zip(old, new, strict=True):
            if not data.endswith(payload):
                return "CHANGED"
            worst = max(worst, abs(was - now))
    return f"equal, {float(worst) * 1e6:.1f} us off"


def sources(folder: Path) -> Iterator[tuple[str, Path]]:
    for name, clip in clips.CLIPS.items():
        yield name, clips.make(folder / f"{name}{clip.suffix}", clip)
    for path in sorted((ROOT.parent / "shared" / "media").glob("*.mp4")):
        yield path.name, path


def main() -> int:
    """Print both tables; return 1 if anything is not exact."""
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("FFV1, samples outside the masks")
        head = (
            f"{'clip':<20}{'frames':>7}{'outside':>13}{'changed':>9}{'inside changed':>16}{'s':>7}"
        )
        print(head)
        cases = [
            (
                form,
                clips.make(
                    folder / f"{form}.mkv", clips.Clip(".mkv", form, (320, 180), frames=30, audio=0)
                ),
            )
            for form in FORMATS
        ]
        real = [case for case in sources(folder) if case[1].parent != folder]
        for label, path in cases + real:
            start = time.perf_counter()
            frames, kept, changed, inside = exact_samples(path, folder)
            failed |= changed > 0 or inside == 0
            spent = time.perf_counter() - start
            print(f"{label:<20}{frames:>7}{kept:>13}{changed:>9}{inside:>16}{spent:>7.1f}")
        print("\nMP4 joined from segments of 50 frames")
        head = f"{'clip':<20}{'frames':>7}{'pts':>8}{'packets':>9}  {'audio':<22}"
        print(f"{head}{'turn':<7}{'decodes'}")
        for label, path in sources(folder):
            count, same, packets, verdict, turned, problems = exact_times(path, folder)
            failed |= not same or not verdict.startswith("equal") or not turned or bool(problems)
            print(
                f"{label:<20}{count:>7}{'equal' if same else 'DIFFER':>8}{packets:>9}  "
                f"{verdict:<22}{'kept' if turned else 'LOST':<7}"
                f"{'clean' if not problems else problems[0]}"
            )
    print("\nFAILED" if failed else "\nall exact")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
