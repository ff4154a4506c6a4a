"""Count and list the functions between `swap_video` and the places where its work is done.

python scripts/walk.py [--write]

The rule: a short generated clip is swapped with the engine mesh and without a cache, and every
entry of a function is watched in every thread. `ENDS` are the places where a step of the
architecture is done (read the header, detect, embed, swap, composite, encode, ...). A stay is a
function of videoswap that is on the call stack when an end is entered, the end included. It counts
once, however often it is entered again, and is listed in the order of its first appearance.
Nested functions and lambdas count; comprehensions belong to the function around them. What a
function calls aside, and what an end calls in turn, is not on the way. The stack of a thread goes
on from the stack that started it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any

import av
import cv2
import numpy as np
import skimage.data

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "videoswap"
DOCUMENT = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- walk -->", "<!-- end of walk -->"  # around the list in the document

#: Where the steps of the architecture are done, as file and name.
ENDS = frozenset(
    {
        ("video/probe.py", "probe"),
        ("people/sources.py", "photo_of"),
        ("engines/mesh/engine.py", "MeshEngine.identity"),
        ("video/reader.py", "VideoReader.frames"),
        ("tracking/shots.py", "next_state"),
        ("detection/centerface.py", "CenterFace.detect"),
        ("detection/landmarks.py", "DlibLandmarker.landmarks"),
        ("detection/recognition.py", "DlibRecognizer.embed"),
        ("tracking/tracker.py", "TrackAssigner.step"),
        ("tracking/store.py", "Store.add"),
        ("tracking/smoothing.py", "smooth_track"),
        ("people/clustering.py", "cluster_tracks"),
        ("people/choosing.py", "match_people"),
        ("rendering/render.py", "plan_track"),
        ("rendering/segments.py", "plan_segments"),
        ("crops.py", "crop_face"),
        ("occlusion/builtin.py", "BuiltinSegmenter.segment"),
        ("engines/mesh/engine.py", "MeshEngine.paint"),
        ("compositing/finisher.py", "Finisher.finish"),
        ("compositing/composite.py", "composite"),
        ("video/encoder.py", "SegmentEncoder.encode"),
        ("video/mux.py", "mux"),
        ("video/verify.py", "verify"),
    }
)
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")

Stay = tuple[str, str]  # file and name


class Walk:
    """The stays of a run, in order of their first appearance."""

    def __init__(self) -> None:
        self.stays: dict[Stay, None] = {}
        self.reached: set[Stay] = set()
        self._lock = threading.Lock()
        self._started: dict[threading.Thread, list[Stay]] = {}

    def watch(self, frame: FrameType, event: str, argument: Any) -> None:
        """Take the stack wherever an end is entered or a thread is started."""
        if event != "call":
            return
        if frame.f_code is threading.Thread.start.__code__:
            self._started[frame.f_locals["self"]] = self._stack(frame)
            return
        end = _stay(frame)
        if end is not None and end in ENDS:
            with self._lock:
                self.reached.add(end)
                self.stays.update(dict.fromkeys(self._stack(frame)))

    def _stack(self, frame: FrameType | None) -> list[Stay]:
        """Return the stays of a stack, the outermost first."""
        stack: list[Stay] = []
        while frame is not None:
            stay = _stay(frame)
            if stay is not None and frame.f_code.co_name not in COMPREHENSIONS:
                stack.append(stay)
            frame = frame.f_back
        return self._started.get(threading.current_thread(), []) + stack[::-1]


def _stay(frame: FrameType) -> Stay | None:
    path = frame.f_code.co_filename
    if not path.startswith(str(PACKAGE)):
        return None
    return str(Path(path).relative_to(PACKAGE)), frame.f_code.co_qualname


def make_clip(folder: Path) -> tuple[Path, Path]:
    """Write a photo and a clip of one person, both of scikit-image's astronaut (NASA)."""
    face = np.ascontiguousarray(skimage.data.astronaut()[:, :, ::-1])
    cv2.imwrite(str(folder / "photo.png"), face)
    with av.open(str(folder / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(16):
            picture = np.ascontiguousarray(face[:360, number : number + 496])
            wide = cv2.copyMakeBorder(picture, 0, 0, 72, 72, cv2.BORDER_REPLICATE)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(wide, format="bgr24")))
        container.mux(stream.encode(None))
    return folder / "photo.png", folder / "clip.mp4"


def walk() -> Walk:
    """Swap a short clip and return the walk.

    Raises:
        RuntimeError: If an end was never entered: it has another name now, or nobody calls it.
    """
    sys.path.insert(0, str(ROOT))
    from videoswap import AnalysisSettings, SwapSettings, swap_video

    found = Walk()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo, clip = make_clip(folder)
        # Whether the file of the dense landmarks is here must not change the list.
        analysis = AnalysisSettings(landmarks="dlib")
        settings = SwapSettings(swapper="mesh", device="cpu", cache_dir=None, analysis=analysis)
        threading.setprofile(found.watch)
        sys.setprofile(found.watch)
        try:
            swap_video(photo, clip, folder / "out.mp4", settings=settings)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    missing = ENDS - found.reached
    if missing:
        raise RuntimeError(f"never entered: {sorted(missing)}")
    return found


def main() -> None:
    """Print the list and the count, or write them into docs/architecture.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"put the list into {DOCUMENT.name}")
    write = parser.parse_args().write
    stays = list(walk().stays)
    lines = [f"{number:3} {path:30} {name}" for number, (path, name) in enumerate(stays, 1)]
    text = "\n".join([*lines, f"{len(stays)} stays"])
    print(text)
    if write:
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        whole = f"{before}{BEGIN}\n```text\n{text}\n```\n{END}{after}"
        DOCUMENT.write_text(whole, encoding="utf-8")


if __name__ == "__main__":
    main()
