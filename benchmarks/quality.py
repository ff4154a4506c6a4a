"""Everything docs/quality.md says: five targets, before and after, on the clips of ../shared/media.

    python benchmarks/quality.py [--before 774e8cf] [--quick] [--end 3] [--only nggyup cost ...]

The tree of an older commit is unpacked into a temporary folder. Both trees swap the same clips
in processes of their own, in turn, with --no_cache, and are timed; this tree's evaluator judges
both. Occlusion (target 4) is measured by benchmarks/occluders.py, as this script's last part.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OCCLUDERS = Path(__file__).resolve().parent / "occluders.py"
sys.path.insert(0, str(ROOT))

from benchmarks.swaps import (  # noqa: E402
    LOOKS,
    MEDIA,
    Job,
    Made,
    judge,
    markdown,
    shown,
    swap,
    unpacked,
)
from videoswap.evaluation.report import Evaluation  # noqa: E402

QUICK_END, QUICK_STEP = Fraction(3, 2), 5


def _job(video: str, sources: Sequence[str], targets: Sequence[str] = ()) -> Job:
    """Return a swap of files of ../shared/media."""
    return Job(
        MEDIA / video,
        tuple(MEDIA / one for one in sources),
        tuple(MEDIA / one for one in targets),
    )


JOBS = (
    _job("nggyup.mp4", ["beckham.jpg"]),
    _job("nggyup.mp4", ["mark.jpg"]),
    _job("dirtydancing.mp4", ["elon_musk.jpg", "mark.jpg"], ["tgt1.png", "tgt2.png"]),
    _job("dance.mp4", ["mark.jpg"]),
    _job("random_gif.gif", ["mark.jpg"]),
)


def make_both(
    trees: Sequence[Path], job: Job, folder: Path, rounds: int
) -> list[tuple[Made, tuple[float, ...]]]:
    """Swap with every tree in turn, so that whatever else the machine does hits both.

    Returns:
        What every tree made, and the CPU seconds of its rounds.
    """
    times: list[list[float]] = [[] for _ in trees]
    made: list[Made] = []
    for _ in range(rounds):
        made = [swap(tree, job, folder / str(n), ["--no_cache"]) for n, tree in enumerate(trees)]
        for seconds, one in zip(times, made, strict=True):
            seconds.append(one.seconds)
    return [(one, tuple(seconds)) for one, seconds in zip(made, times, strict=True)]


# Title, and per column: heading, key of the metric, digits.
TARGETS: tuple[tuple[str, tuple[tuple[str, str, int], ...]], ...] = (
    (
        "1. The right person, and always: all 0",
        (
            ("wrong person", "wrong_source_frames", 0),
            ("fall-back", "fallback_frames", 0),
            ("overlooked", "missed_faces", 0),
            ("bystander changed", "changed_bystander_frames", 0),
            ("retrieval", "retrieval", 3),
        ),
    ),
    (
        "2. Steady: jitter at most 1.1, warped error at most 1.1 times the original's own",
        (
            ("jitter", "jitter_ratio", 2),
            ("reread", "jitter_reread_ratio", 2),
            ("still frames", "still_frames", 0),
            ("warped error", "warp_ratio", 2),
            ("mask overlap", "mask_overlap", 3),
        ),
    ),
    (
        "3. No seam: step at the border not above the original's gradient there, in at least 0.95 "
        "of the frames (strictly: not above its step)",
        (
            ("luma", "seam_luma_gradient_share", 2),
            ("color", "seam_color_gradient_share", 2),
            ("strictly, luma", "seam_luma_share", 2),
            ("strictly, color", "seam_color_share", 2),
            ("step of luma", "seam_luma", 2),
            ("original's step", "seam_luma_original", 2),
            ("original's gradient", "seam_luma_gradient", 2),
        ),
    ),
    (
        "What a viewer sees: see [the 24 pairs](#24-pairs-half-of-them-held-out) for the columns",
        LOOKS,
    ),
    (
        "Further: noise against the surroundings, pose in degrees, expression in eye distances, "
        "changed places outside",
        (
            ("noise", "grain", 2),
            ("pose", "pose", 1),
            ("expression", "expression", 3),
            ("outside", "outside_places", 4),
        ),
    ),
)


def targets_text(found: Sequence[tuple[str, Sequence[Evaluation]]]) -> Iterator[str]:
    """Yield the tables of the targets that are measured on results; cells are before, after."""
    for title, columns in TARGETS:
        rows = [["clip", "frames", *(heading for heading, _, _ in columns)]]
        for name, both in found:
            cells = [
                " → ".join(shown(one.number(key), digits) for one in both)
                for _, key, digits in columns
            ]
            rows.append([name, str(both[-1].frames), *cells])
        yield f"### {title}\n\n{markdown(rows)}\n"


def cost_text(found: Sequence[tuple[str, Sequence[tuple[float, ...]]]]) -> str:
    """Return the table of target 5: the best of each tree's rounds, and their ratio."""
    rows = [["clip", "before", "after", "ratio"]]
    totals = [0.0, 0.0]
    for name, both in found:
        best = [min(one) for one in both]
        totals = [total + one for total, one in zip(totals, best, strict=True)]
        rows.append([name, *(f"{one:.1f}" for one in best), f"{best[1] / best[0]:.2f}"])
    rows.append(["all", *(f"{one:.1f}" for one in totals), f"{totals[1] / totals[0]:.2f}"])
    return f"### 5. Cost in CPU seconds: no more than before\n\n{markdown(rows)}\n"


def occlusion_text(quick: bool) -> str:
    """Return what benchmarks/occluders.py prints about target 4."""
    title = "### 4. Occlusion: at least 0.9 intersection over union\n\n"
    if quick or not OCCLUDERS.is_file():
        return f"{title}Not measured here.\n"
    done = subprocess.run(
        [sys.executable, str(OCCLUDERS)], check=True, capture_output=True, text=True
    )
    return title + done.stdout


def chosen(only: Sequence[str]) -> list[Job]:
    """Return the jobs whose name begins with any of the words; all without words."""
    clips = [word for word in only if word != "occlusion"]
    if only and not clips:
        return []
    return [job for job in JOBS if not clips or any(job.name.startswith(word) for word in clips)]


def main() -> None:
    """Print the tables as markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", default="774e8cf", metavar="COMMIT")
    parser.add_argument("--only", nargs="+", default=[], help="names of clips, or occlusion")
    parser.add_argument("--end", type=Fraction, help="look at so many seconds of each clip")
    parser.add_argument("--step", type=int, default=2, help="see videoswap evaluate")
    parser.add_argument("--rounds", type=int, default=2, help="swaps of each clip by each tree")
    parser.add_argument("--quick", action="store_true", help="short parts, one round, no occlusion")
    parser.add_argument("--keep", type=Path, help="keep results and pages in this folder")
    arguments = parser.parse_args()
    if not MEDIA.is_dir():
        sys.exit("This benchmark needs ../shared/media.")
    end, step, rounds = arguments.end, arguments.step, arguments.rounds
    if arguments.quick:
        end, step, rounds = end or QUICK_END, QUICK_STEP, 1
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = (arguments.keep or scratch).resolve()
        trees = (unpacked(arguments.before, scratch), ROOT)
        made = []
        found = []
        for whole in chosen(arguments.only):
            job = replace(whole, end=end)
            both = make_both(trees, job, folder, rounds)
            made.append((job.name, [seconds for _, seconds in both]))
            found.append((job.name, [judge(one, job, step, pages=True) for one, _ in both]))
            print(f"{job.name}: done", file=sys.stderr)
        part = "whole clips" if end is None else f"the first {float(end):g} s"
        print(f"Cells are {arguments.before} → this tree. Engine mesh, {part}; metrics of single")
        print(f"frames at step {step}; {rounds} swaps by each tree; {os.cpu_count()} cores.\n")
        if found:
            print("\n".join(targets_text(found)))
            print(cost_text(made))
        if not arguments.only or "occlusion" in arguments.only:
            print(occlusion_text(arguments.quick))


if __name__ == "__main__":
    main()
