"""Everything docs/quality.md says: five targets, before and after, on the clips of ../shared/media.

    python benchmarks/quality.py [--before a7b3ac0] [--quick] [--end 3] [--only nggyup cost ...]

The tree of an older commit is unpacked into a temporary folder. Both trees swap the same clips
in processes of their own, in turn, with --no_cache, and are timed; this tree's evaluator judges
both. Occlusion (target 4) is measured by benchmarks/occluders.py, as this script's last part.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEDIA = ROOT.parent / "shared" / "media"
OCCLUDERS = Path(__file__).resolve().parent / "occluders.py"
sys.path.insert(0, str(ROOT))

from videoswap import SwapSettings, evaluate  # noqa: E402
from videoswap.evaluation.report import Evaluation  # noqa: E402
from videoswap.timerange import TimeRange  # noqa: E402

QUICK_END, QUICK_STEP = Fraction(3, 2), 5
NOT_EVERYBODY = 5  # exit code of a swap in which a target face does not appear


@dataclass(frozen=True)
class Job:
    """One swap.

    Attributes:
        video: The clip.
        sources: The photos put in.
        targets: The people replaced; empty for the only one.
    """

    video: str
    sources: tuple[str, ...]
    targets: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Clip and sources, for tables and files."""
        return " ".join([Path(self.video).stem, *(Path(one).stem for one in self.sources)])


JOBS = (
    Job("nggyup.mp4", ("beckham.jpg",)),
    Job("nggyup.mp4", ("mark.jpg",)),
    Job("dirtydancing.mp4", ("elon_musk.jpg", "mark.jpg"), ("tgt1.png", "tgt2.png")),
    Job("dance.mp4", ("mark.jpg",)),
    Job("random_gif.gif", ("mark.jpg",)),
)


@dataclass(frozen=True)
class Made:
    """What a tree made of a job.

    Attributes:
        result: The swapped clip.
        masks: Its masks.
        seconds: Wall times of the rounds.
    """

    result: Path
    masks: Path
    seconds: tuple[float, ...]


def unpacked(commit: str, folder: Path) -> Path:
    """Return a folder with the tree of a commit; nothing of the repository changes."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", commit], check=True, capture_output=True
    ).stdout
    tree = folder / "before"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tree, filter="data")
    return tree


def swap(tree: Path, job: Job, folder: Path, end: Fraction | None) -> tuple[Path, Path, float]:
    """Run one swap in a process of its own; returns result, masks and wall seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / f"{job.name}{Path(job.video).suffix}"
    masks = folder / f"{job.name}.masks.mkv"
    command = [sys.executable, str(tree / "inference.py"), "--overwrite", "--no_cache"]
    command += ["--swapper", "mesh", "--device", "cpu", "--target_video", str(MEDIA / job.video)]
    command += ["--out_video_name", str(result), "--save_masks", str(masks)]
    command += ["--source_paths", *(str(MEDIA / one) for one in job.sources)]
    if job.targets:
        command += ["--target_faces_paths", *(str(MEDIA / one) for one in job.targets)]
    if end is not None:
        command += ["--end", str(float(end))]
    environment = {**os.environ, "VIDEOSWAP_CACHE_DIR": str(folder / "cache")}
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    if done.returncode not in (0, NOT_EVERYBODY):
        sys.exit(f"{tree} could not swap {job.name}.")
    return result, masks, time.perf_counter() - started


def make_both(
    trees: Sequence[Path], job: Job, folder: Path, end: Fraction | None, rounds: int
) -> list[Made]:
    """Swap with every tree in turn, so that whatever else the machine does hits both."""
    times: list[list[float]] = [[] for _ in trees]
    made = []
    for _ in range(rounds):
        made = [swap(tree, job, folder / str(n), end) for n, tree in enumerate(trees)]
        for seconds, one in zip(times, made, strict=True):
            seconds.append(one[2])
    return [Made(one[0], one[1], tuple(seconds)) for one, seconds in zip(made, times, strict=True)]


def judged(made: Made, job: Job, folder: Path, end: Fraction | None, step: int) -> Evaluation:
    """Evaluate a result by this tree; the pages go beside the results."""
    settings = SwapSettings(cache_dir=folder / "cache", device="cpu", overwrite=True)
    if end is not None:
        settings = replace(settings, time_range=TimeRange(end=end))
    return evaluate(
        MEDIA / job.video,
        made.result,
        [MEDIA / one for one in job.sources],
        target_faces=[MEDIA / one for one in job.targets],
        masks=made.masks,
        step=step,
        settings=settings,
        html_file=made.result.with_suffix(".html"),
        json_file=made.result.with_suffix(".json"),
    )


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
        "2. Steady: jitter at most 1.1, warped error at most 1.15 times the original's own",
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
            ("colour", "seam_colour_gradient_share", 2),
            ("strictly, luma", "seam_luma_share", 2),
            ("strictly, colour", "seam_colour_share", 2),
            ("step of luma", "seam_luma", 2),
            ("original's step", "seam_luma_original", 2),
            ("original's gradient", "seam_luma_gradient", 2),
        ),
    ),
    (
        "Further: distance to the source (dlib), sharpness and noise against the surroundings, "
        "pose in degrees, expression in eye distances, changed places outside",
        (
            ("to source", "distance_to_source", 3),
            ("sharpness", "sharpness", 2),
            ("noise", "grain", 2),
            ("pose", "pose", 1),
            ("expression", "expression", 3),
            ("outside", "outside_places", 4),
        ),
    ),
)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as a table, numbers to the right."""
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


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


def shown(number: float | None, digits: int) -> str:
    return "-" if number is None else f"{number:.{digits}f}"


def cost_text(found: Sequence[tuple[str, Sequence[Made]]]) -> str:
    """Return the table of target 5: the best of each tree's rounds, and their ratio."""
    rows = [["clip", "before, s", "after, s", "ratio"]]
    totals = [0.0, 0.0]
    for name, both in found:
        best = [min(one.seconds) for one in both]
        totals = [total + one for total, one in zip(totals, best, strict=True)]
        rows.append([name, *(f"{one:.1f}" for one in best), f"{best[1] / best[0]:.2f}"])
    rows.append(["all", *(f"{one:.1f}" for one in totals), f"{totals[1] / totals[0]:.2f}"])
    return f"### 5. Cost: at most 1.30 times the time before\n\n{markdown(rows)}\n"


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
    parser.add_argument("--before", default="a7b3ac0", metavar="COMMIT")
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
        for job in chosen(arguments.only):
            both = make_both(trees, job, folder, end, rounds)
            made.append((job.name, both))
            found.append((job.name, [judged(one, job, scratch, end, step) for one in both]))
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
