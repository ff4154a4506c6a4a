"""24 swaps of one photo into a span of a clip, measured, with a sheet of each to look at.

    python benchmarks/pairs.py [--before 774e8cf] [--step 6] [--sheets DIR] [--only held]

Half of the pairs are *known*: engines may be tuned on them. The other half are *held out*, with
photos that the known ones do not have; they only judge. Photos are those of ../shared/media and
crops of ../shared/faces (set real_hq, drawn once with a seed), clips all of ../shared/media. Every
pair is swapped by this tree, and by an older commit where one is given, and judged by this tree's
evaluator. A sheet shows the photo, the film and the results at five moments, enlarged.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
MEDIA, FACES = SHARED / "media", SHARED / "faces"
sys.path.insert(0, str(ROOT))

from benchmarks.quality import NOT_EVERYBODY, markdown, shown, unpacked  # noqa: E402
from videoswap import SwapSettings, TimeRange, evaluate  # noqa: E402
from videoswap.evaluation.report import Evaluation  # noqa: E402

SEED = 14  # of the draw of crops
DRAWN = 10  # crops, the first half for known pairs
MOST_OUTSIDE = 0.02  # share of a crop beyond its photo
MOMENTS = 5  # on a sheet
FACE_SIZE = 256  # pixels of a face on a sheet
SPANS = (  # clips and seconds in which the one to be swapped is the most to be seen
    ("nggyup.mp4", "0", "2.5"),
    ("nggyup.mp4", "6", "8.5"),
    ("dirtydancing.mp4", "0", "2.5"),
    ("dirtydancing.mp4", "6.5", "9"),
    ("dance.mp4", "0", "2.5"),
    ("random_gif.gif", "0", "1.6"),
)
KNOWN_PHOTOS = ("beckham.jpg", "mark.jpg", "elon_musk.jpg")
HELD_OUT_PHOTOS = ("murakami.jpg", "tgt1.png")
SHOWN = (
    ("to source", "distance_to_source", 3),
    ("to original", "distance_to_original", 3),
    ("blind", "light_blind_to_source", 3),
    ("blind original", "light_blind_to_original", 3),
    ("eyes", "eyes_to_source", 3),
    ("tone", "tone_luma", 1),
    ("contrast", "coarse_contrast", 2),
    ("clipped", "clipped_highlights", 4),
    ("shading film", "shading_original", 2),
    ("shading photo", "shading_source", 2),
    ("sharpness", "sharpness", 2),
    ("jitter", "jitter_reread_ratio", 2),
    ("warped", "warp_ratio", 2),
    ("eyes follow", "eye_correlation", 2),
    ("mouth follows", "mouth_correlation", 2),
    ("wrong", "fallback_frames", 0),
)


@dataclass(frozen=True)
class Pair:
    """One photo and a span of a clip, in which whoever is seen most is swapped.

    Attributes:
        photo: The photo.
        clip: The clip.
        start: Where the span begins, seconds.
        end: Where it ends.
        held: Whether the pair only judges.
    """

    photo: Path
    clip: str
    start: str
    end: str
    held: bool

    @property
    def name(self) -> str:
        """Clip, second and photo, for tables and files."""
        return f"{Path(self.clip).stem} {self.start} {self.photo.stem}"


def drawn_crops(folder: Path) -> list[Path]:
    """Unpack the crops that the seed draws out of real_hq, and return them."""
    with (FACES / "faces.csv").open(newline="") as file:
        rows = [
            row["file"]
            for row in csv.DictReader(file)
            if row["set"] == "real_hq" and float(row["outside"]) <= MOST_OUTSIDE
        ]
    order = np.random.default_rng(SEED).permutation(len(rows))[:DRAWN]
    wanted = {rows[number]: folder / Path(rows[number]).name for number in order}
    for archive in sorted(FACES.glob("faces-*.tar")):
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.name.removeprefix("./") in wanted:
                    found = tar.extractfile(member)
                    assert found is not None
                    wanted[member.name.removeprefix("./")].write_bytes(found.read())
    return list(wanted.values())


def pairs(folder: Path) -> list[Pair]:
    """Return the 24 pairs, the known ones first."""
    crops = drawn_crops(folder)
    half = len(crops) // 2
    found = []
    for held, photos in (
        (False, [*(MEDIA / one for one in KNOWN_PHOTOS), *crops[:half]]),
        (True, [*(MEDIA / one for one in HELD_OUT_PHOTOS), *crops[half:]]),
    ):
        for number in range(12):
            photo = photos[number % len(photos)]
            found.append(Pair(photo, *SPANS[number % len(SPANS)], held))
    return found


def swapped(tree: Path, pair: Pair, folder: Path) -> tuple[Path, Path]:
    """Swap a pair with a tree in a process of its own; returns result and masks."""
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / f"{pair.name}{Path(pair.clip).suffix}"
    masks = folder / f"{pair.name}.masks.mkv"
    command = [sys.executable, str(tree / "inference.py"), "--overwrite"]
    command += ["--swapper", "mesh", "--device", "cpu", "--target_video", str(MEDIA / pair.clip)]
    command += ["--out_video_name", str(result), "--save_masks", str(masks)]
    command += ["--source_paths", str(pair.photo), "--start", pair.start, "--end", pair.end]
    environment = {**os.environ, "VIDEOSWAP_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, NOT_EVERYBODY):
        sys.exit(f"{tree} could not swap {pair.name}.\n{done.stderr}")
    return result, masks


def judged(pair: Pair, made: tuple[Path, Path], step: int) -> Evaluation:
    """Evaluate a result by this tree."""
    settings = SwapSettings(
        cache_dir=made[0].parent / "judge",
        device="cpu",
        overwrite=True,
        time_range=TimeRange(Fraction(pair.start), Fraction(pair.end)),
    )
    return evaluate(
        MEDIA / pair.clip, made[0], [pair.photo], masks=made[1], step=step, settings=settings
    )


def sheet(pair: Pair, results: Sequence[Path], found: Evaluation) -> np.ndarray:
    """Return the photo, the film and the results at five moments, (H, W, 3) uint8 BGR."""
    columns = found.groups.overall.columns
    rows = np.unique(np.linspace(0, len(columns["pts"]) - 1, MOMENTS + 2)[1:-1].astype(int))
    boxes = {
        int(columns["pts"][row]): [int(columns[name][row]) for name in ("left", "top", "side")]
        for row in rows
    }
    times = {pts: columns["seconds"][row] for pts, row in zip(boxes, rows, strict=True)}
    lines = [
        np.hstack([face(path, times[pts] - begin, box) for pts, box in boxes.items()])
        for path, begin in (
            (MEDIA / pair.clip, 0.0),
            *((one, float(pair.start)) for one in results),
        )
    ]
    body = np.vstack(lines)
    photo = cv2.imread(str(pair.photo))
    scale = FACE_SIZE / max(photo.shape[:2])
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    column = np.full((len(body), FACE_SIZE, 3), 255, np.uint8)
    column[: small.shape[0], : small.shape[1]] = small
    return np.hstack([column, body])


def face(path: Path, seconds: float, box: Sequence[int]) -> np.ndarray:
    """Return the window of a face at a moment, (FACE_SIZE, FACE_SIZE, 3) uint8 BGR."""
    left, top, side = box
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= seconds - 0.005:
                picture = frame.to_ndarray(format="bgr24")
                padded = cv2.copyMakeBorder(picture, *[side] * 4, cv2.BORDER_REPLICATE)
                window = padded[top + side : top + 2 * side, left + side : left + 2 * side]
                return np.asarray(cv2.resize(window, (FACE_SIZE, FACE_SIZE)))
    return np.zeros((FACE_SIZE, FACE_SIZE, 3), np.uint8)


def tables(found: Sequence[tuple[Pair, Sequence[Evaluation]]]) -> Iterator[str]:
    """Yield a table of the known and of the held-out pairs; cells are before, after."""
    for held in (False, True):
        chosen = [(pair, both) for pair, both in found if pair.held is held]
        if not chosen:
            continue
        rows = [["pair", *(heading for heading, _, _ in SHOWN)]]
        numbers = np.array(
            [[[one.number(key) for one in both] for _, key, _ in SHOWN] for _, both in chosen],
            dtype=float,
        )
        for (pair, _), line in zip(chosen, numbers, strict=True):
            rows.append([pair.name, *_cells(line)])
        rows.append(["**mean**", *_cells(np.nanmean(numbers, axis=0))])
        yield f"### {'Held-out' if held else 'Known'} pairs\n\n{markdown(rows)}\n"


def _cells(line: np.ndarray) -> list[str]:
    return [
        " → ".join(shown(None if np.isnan(one) else float(one), digits) for one in values)
        for values, (_, _, digits) in zip(line, SHOWN, strict=True)
    ]


def main() -> None:
    """Swap, judge, print, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--before", metavar="COMMIT", help="swap with this commit too")
    parser.add_argument("--step", type=int, default=6)
    parser.add_argument("--sheets", type=Path, help="folder for the sheets; they show faces")
    parser.add_argument("--only", choices=("known", "held"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trees = [ROOT]
        if arguments.before:
            trees.insert(0, unpacked(arguments.before, folder))
        found = []
        for pair in pairs(folder):
            if arguments.only and pair.held is not (arguments.only == "held"):
                continue
            made = [swapped(tree, pair, folder / str(n)) for n, tree in enumerate(trees)]
            both = [judged(pair, one, arguments.step) for one in made]
            found.append((pair, both))
            print(f"{pair.name} done", file=sys.stderr)
            if arguments.sheets:
                arguments.sheets.mkdir(parents=True, exist_ok=True)
                picture = sheet(pair, [one[0] for one in made], both[-1])
                cv2.imwrite(str(arguments.sheets / f"{pair.name}.png"), picture)
        for text in tables(found):
            print(text)


if __name__ == "__main__":
    main()
