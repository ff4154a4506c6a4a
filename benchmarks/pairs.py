"""24 swaps of one photo into a span of a clip, measured, with sheets to look at.

    python benchmarks/pairs.py [--before 774e8cf] [--step 8] [--only held]
    python benchmarks/pairs.py --before 774e8cf --sheets DIR           # before below film
    python benchmarks/pairs.py --before 774e8cf --blind DIR            # shuffled, 30 sheets
    python benchmarks/pairs.py --correct --only held --first 6         # mesh, corrected mesh
    python benchmarks/pairs.py --answers answers.txt --blind DIR       # who was preferred

Half of the pairs are *known*: engines may be tuned on them. The other half are *held out*, with
photos that the known ones do not have; they only judge. Photos are those of ../shared/media and
crops of ../shared/faces (set real_hq, drawn once with a seed), clips all of ../shared/media. Every
pair is swapped by this tree, and by an older commit where one is given, and judged by this tree's
evaluator. Swaps and evaluations are kept (see `swaps.py`), so a second run is quick.

A sheet shows the photo, the film and the results at five moments, enlarged. A blind sheet shows
the film and both results in shuffled order; which is which stands in DIR-key.json. Answers are
lines like ``07 A``, or ``07 =`` for no preference.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import sheets  # noqa: E402
from benchmarks.swaps import (  # noqa: E402
    LOOKS,
    MEDIA,
    Job,
    Judged,
    Made,
    kept_judgement,
    kept_swap,
    markdown,
    shown,
    unpacked,
)

FACES = ROOT.parent / "shared" / "faces"
SEED = 14  # of the draw of crops
DRAWN = 11  # crops
DRAWN_KNOWN = 5  # of them for known pairs
MOST_OUTSIDE = 0.02  # share of a crop beyond its photo
SPANS = (  # clips and seconds in which the one to be swapped is the most to be seen
    ("nggyup.mp4", "0", "2.5"),
    ("nggyup.mp4", "6", "8.5"),
    ("dirtydancing.mp4", "0", "2.5"),
    ("dirtydancing.mp4", "6.5", "9"),
    ("dance.mp4", "0", "2.5"),
    ("random_gif.gif", "0", "1.6"),
)
PAIRS = 12  # of each kind
KNOWN_PHOTOS = ("beckham.jpg", "mark.jpg", "elon_musk.jpg")
HELD_OUT_PHOTOS = ("murakami.jpg",)  # tgt1 and tgt2 are people of the clips
SHOWN = (
    *LOOKS,
    ("jitter", "jitter_reread_ratio", 2),
    ("warped", "warp_ratio", 2),
    ("wrong", "fallback_frames", 0),
)


@dataclass(frozen=True)
class Pair:
    """One photo and a span of a clip, in which whoever is seen most is swapped.

    Attributes:
        job: The swap.
        held: Whether the pair only judges.
    """

    job: Job
    held: bool


@dataclass(frozen=True)
class Found:
    """A pair with its results and their evaluations, in the order in which they are compared.

    Attributes:
        pair: The pair.
        made: The results.
        judged: Their evaluations.
    """

    pair: Pair
    made: Sequence[Made]
    judged: Sequence[Judged]


def drawn_names() -> list[str]:
    """Return the crops that the seed draws out of real_hq, as the table names them."""
    with (FACES / "faces.csv").open(newline="") as file:
        rows = [
            row["file"]
            for row in csv.DictReader(file)
            if row["set"] == "real_hq" and float(row["outside"]) <= MOST_OUTSIDE
        ]
    order = np.random.default_rng(SEED).permutation(len(rows))[:DRAWN]
    return [rows[number] for number in order]


def drawn_crops(folder: Path) -> list[Path]:
    """Unpack the drawn crops, and return them."""
    wanted = {name: folder / Path(name).name for name in drawn_names()}
    for archive in sorted(FACES.glob("faces-*.tar")):
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.name.removeprefix("./") in wanted:
                    found = tar.extractfile(member)
                    assert found is not None
                    wanted[member.name.removeprefix("./")].write_bytes(found.read())
    return list(wanted.values())


def pairs(folder: Path) -> list[Pair]:
    """Return the 24 pairs, the known ones first; drawn crops are unpacked into a folder."""
    crops = drawn_crops(folder)
    found = []
    for held, photos in (
        (False, [*(MEDIA / one for one in KNOWN_PHOTOS), *crops[:DRAWN_KNOWN]]),
        (True, [*(MEDIA / one for one in HELD_OUT_PHOTOS), *crops[DRAWN_KNOWN:]]),
    ):
        for number in range(PAIRS):
            clip, start, end = SPANS[number % len(SPANS)]
            photo = photos[number % len(photos)]
            job = Job(MEDIA / clip, (photo,), (), Fraction(start), Fraction(end))
            found.append(Pair(job, held))
    return found


def tables(found: Sequence[Found]) -> Iterator[str]:
    """Yield a table of the known and of the held-out pairs; cells are in the order of results."""
    for held in (False, True):
        chosen = [one for one in found if one.pair.held is held]
        if not chosen:
            continue
        rows = [["pair", *(heading for heading, _, _ in SHOWN)]]
        numbers = np.array(
            [
                [[judged.numbers.get(key, np.nan) for judged in one.judged] for _, key, _ in SHOWN]
                for one in chosen
            ],
            dtype=float,
        )
        for one, line in zip(chosen, numbers, strict=True):
            rows.append([one.pair.job.name, *_cells(line)])
        rows.append(["**mean**", *_cells(_mean(numbers))])
        yield f"### {'Held-out' if held else 'Known'} pairs\n\n{markdown(rows)}\n"


def _mean(numbers: np.ndarray) -> np.ndarray:
    known = np.isfinite(numbers)
    count = known.sum(axis=0)
    total = np.where(known, numbers, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _cells(line: np.ndarray) -> list[str]:
    return [
        " → ".join(shown(float(one), digits) for one in values)
        for values, (_, _, digits) in zip(line, SHOWN, strict=True)
    ]


def main() -> None:
    """Swap, judge, print, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--before", metavar="COMMIT", help="swap with this commit too")
    parser.add_argument("--step", type=int, default=8, help="see videoswap evaluate")
    parser.add_argument("--sheets", type=Path, help="folder for the sheets; they show faces")
    parser.add_argument("--blind", type=Path, help="folder for blind sheets; needs --before")
    parser.add_argument("--count", type=int, default=30, help="of blind sheets")
    parser.add_argument("--answers", type=Path, help="count these answers to the blind sheets")
    parser.add_argument("--only", choices=("known", "held"))
    parser.add_argument("--first", type=int, default=PAIRS, help="so many pairs of each kind")
    parser.add_argument("--correct", action="store_true", help="compare --correct off with on")
    arguments = parser.parse_args()
    if arguments.blind and not (arguments.before or arguments.correct or arguments.answers):
        parser.error("--blind needs --before or --correct.")
    if arguments.answers:
        key = arguments.blind.with_name(f"{arguments.blind.name}-key.json")
        for name, count in sorted(sheets.preferences(arguments.answers, key).items()):
            print(f"{name}: {count}")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trees: dict[str, tuple[Path, tuple[str, ...]]] = {"after": (ROOT, ())}
        if arguments.before:
            trees = {"before": (unpacked(arguments.before, folder), ()), **trees}
        if arguments.correct:
            trees = {"mesh": (ROOT, ("--correct", "off")), "corrected": (ROOT, ("--correct", "on"))}
        found = []
        chosen = pairs(folder)
        for pair in (*chosen[:PAIRS][: arguments.first], *chosen[PAIRS:][: arguments.first]):
            if arguments.only and pair.held is not (arguments.only == "held"):
                continue
            made = [
                kept_swap(tree, pair.job, folder / label, flags)
                for label, (tree, flags) in trees.items()
            ]
            judged = [kept_judgement(one, pair.job, arguments.step) for one in made]
            found.append(Found(pair, made, judged))
            print(f"{pair.job.name} done", file=sys.stderr)
            if arguments.sheets:
                arguments.sheets.mkdir(parents=True, exist_ok=True)
                picture = sheets.sheet(pair.job, [one.result for one in made], judged[-1])
                cv2.imwrite(str(arguments.sheets / f"{pair.job.name}.png"), picture)
        for text in tables(found):
            print(text)
        if arguments.blind:
            shuffled = [
                (
                    one.pair.job,
                    {name: made.result for name, made in zip(trees, one.made, strict=True)},
                    one.judged[-1],
                )
                for one in found
            ]
            key = sheets.draw_blind(shuffled, arguments.blind, arguments.count)
            print(f"Sheets are in {arguments.blind}, and which is which in {key}.")


if __name__ == "__main__":
    main()
