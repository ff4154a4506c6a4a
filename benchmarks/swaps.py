"""Swaps by the tree of any commit and their evaluation by this tree, kept between runs.

A swap is kept by what made it: the contents of the tree's package, the names and sizes of its
weights, and the job. An evaluation is kept by the contents of the parts of this tree that judge.
``VIDEOSWAP_BENCHMARKS`` names the folder; otherwise it is ``~/.cache/videoswap-benchmarks``.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEDIA = ROOT.parent / "shared" / "media"
LANDMARKS = ROOT / "weights" / "mediapipe"
sys.path.insert(0, str(ROOT))

from videoswap import SwapSettings, TimeRange, evaluate  # noqa: E402
from videoswap.evaluation.report import Evaluation  # noqa: E402

NOT_EVERYBODY = 5  # exit code of a swap in which a target face does not appear
JUDGING_ROOMS = ("detection", "evaluation", "geometry", "occlusion", "people", "tracking", "video")
ROW_COLUMNS = ("seconds", "left", "top", "side")  # where faces are, of what is kept
# Heading, key of the metric, digits: what a face looks like. Both benchmarks print them.
LOOKS: tuple[tuple[str, str, int], ...] = (
    ("to source", "distance_to_source", 3),
    ("to original", "distance_to_original", 3),
    ("blind", "light_blind_to_source", 3),
    ("blind original", "light_blind_to_original", 3),
    ("eyes", "eyes_to_source", 3),
    ("proportions", "proportions", 2),
    ("tone across", "tone_across_luma", 1),
    ("tone along", "tone_luma", 1),
    ("contrast", "coarse_contrast", 2),
    ("clipped", "clipped_highlights", 4),
    ("shading film", "shading_original", 2),
    ("shading photo", "shading_source", 2),
    ("sharpness", "sharpness", 2),
    ("realism", "realism", 2),
    ("eyes follow", "lids_follow", 2),
    ("mouth follows", "lips_follow", 2),
)


@dataclass(frozen=True)
class Job:
    """One swap.

    Attributes:
        video: The clip.
        sources: The photos put in.
        targets: Pictures of the people replaced; empty for whoever is seen most.
        start: Where the swapped part begins, seconds; None for the clip's beginning.
        end: Where it ends; None for the clip's end.
    """

    video: Path
    sources: tuple[Path, ...]
    targets: tuple[Path, ...] = ()
    start: Fraction | None = None
    end: Fraction | None = None

    @property
    def name(self) -> str:
        """Clip, second and photos, for tables and files."""
        start = [] if self.start is None else [f"{float(self.start):g}"]
        return " ".join([self.video.stem, *start, *(one.stem for one in self.sources)])


@dataclass(frozen=True)
class Made:
    """What a tree made of a job.

    Attributes:
        result: The swapped clip.
        masks: Its masks.
        seconds: CPU seconds of the swap, user and system; NaN for one that was kept.
    """

    result: Path
    masks: Path
    seconds: float


@dataclass(frozen=True)
class Judged:
    """What is kept of an evaluation.

    Attributes:
        frames: Frames compared.
        numbers: Numbers over all swapped people and whole frames by key; NaN where not measured.
        rows: Columns that say when and where the swapped faces are.
    """

    frames: int
    numbers: dict[str, float]
    rows: dict[str, list[float]]


def unpacked(commit: str, folder: Path) -> Path:
    """Return a folder with the tree of a commit; nothing of the repository changes.

    It gets this tree's dense landmarks, which are downloaded and in no commit.
    """
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", commit], check=True, capture_output=True
    ).stdout
    tree = folder / "before"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tree, filter="data")
    if LANDMARKS.is_dir():
        shutil.copytree(LANDMARKS, tree / LANDMARKS.relative_to(ROOT), dirs_exist_ok=True)
    return tree


def kept_folder() -> Path:
    """Return the folder of what is kept between runs."""
    default = Path.home() / ".cache" / "videoswap-benchmarks"
    return Path(os.environ.get("VIDEOSWAP_BENCHMARKS") or default)


def swap(tree: Path, job: Job, folder: Path, flags: Sequence[str] = ()) -> Made:
    """Swap in a process of its own.

    Args:
        tree: The tree whose program swaps.
        job: What is swapped.
        folder: Gets result and masks; its subfolder ``cache`` is the program's cache.
        flags: Further flags of the program.
    """
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / f"{job.name}{job.video.suffix}"
    masks = folder / f"{job.name}.masks.mkv"
    command = [sys.executable, str(tree / "inference.py"), "--overwrite", *flags]
    command += ["--swapper", "mesh", "--device", "cpu", "--target_video", str(job.video)]
    command += ["--out_video_name", str(result), "--save_masks", str(masks)]
    command += ["--source_paths", *map(str, job.sources)]
    if job.targets:
        command += ["--target_faces_paths", *map(str, job.targets)]
    for flag, seconds in (("--start", job.start), ("--end", job.end)):
        if seconds is not None:
            command += [flag, str(float(seconds))]
    environment = {**os.environ, "VIDEOSWAP_CACHE_DIR": str(folder / "cache")}
    before = os.times()
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, NOT_EVERYBODY):
        sys.exit(f"{tree} could not swap {job.name}.\n{done.stderr}")
    after = os.times()
    seconds = after.children_user + after.children_system
    return Made(result, masks, seconds - before.children_user - before.children_system)


def kept_swap(tree: Path, job: Job, folder: Path, flags: Sequence[str] = ()) -> Made:
    """Return the swap of a job that was kept, or make and keep it; see `swap`."""
    parts = _digest([tree / "videoswap"], but=tree / "videoswap" / "evaluation")
    photos = [hashlib.sha256(one.read_bytes()).hexdigest() for one in (*job.sources, *job.targets)]
    key = _text_digest([parts, *_weights(tree), *photos, str(job.start), str(job.end), *flags])
    place = kept_folder() / f"{job.name} {key}"
    kept = Made(place / f"result{job.video.suffix}", place / "masks.mkv", math.nan)
    if kept.result.is_file() and kept.masks.is_file():
        return kept
    made = swap(tree, job, folder, flags)
    place.mkdir(parents=True, exist_ok=True)
    _copy(made.masks, kept.masks)
    _copy(made.result, kept.result)  # last: it says that all is there
    return replace(kept, seconds=made.seconds)


def judge(made: Made, job: Job, step: int, pages: bool = False) -> Evaluation:
    """Evaluate a result by this tree.

    Args:
        made: The result.
        job: What was swapped.
        step: See ``videoswap evaluate``.
        pages: Whether a page and a JSON file are written beside the result.
    """
    settings = SwapSettings(cache_dir=kept_folder() / "analyses", device="cpu", overwrite=True)
    if job.start is not None or job.end is not None:
        settings = replace(settings, time_range=TimeRange(job.start, job.end))
    return evaluate(
        job.video,
        made.result,
        list(job.sources),
        target_faces=list(job.targets),
        masks=made.masks,
        step=step,
        settings=settings,
        html_file=made.result.with_suffix(".html") if pages else None,
        json_file=made.result.with_suffix(".json") if pages else None,
    )


def kept_judgement(made: Made, job: Job, step: int) -> Judged:
    """Return the evaluation of a kept result that was kept too, or make and keep it."""
    rooms = _digest([ROOT / "videoswap" / room for room in JUDGING_ROOMS])
    key = _text_digest([rooms, *_weights(ROOT)])
    place = made.result.with_name(f"judged {step} {key}.json")
    if not place.is_file():
        found = judge(made, job, step)
        groups = found.groups.overall, found.groups.bystanders, found.groups.whole
        numbers = {
            value.metric.key: value.number
            for group in groups
            for value in group.values
            if value.number is not None
        }
        columns = {name: found.groups.overall.columns[name].tolist() for name in ROW_COLUMNS}
        data = {"frames": found.frames, "numbers": numbers, "rows": columns}
        place.write_text(json.dumps(data), encoding="utf-8")
    data = json.loads(place.read_text(encoding="utf-8"))
    return Judged(data["frames"], data["numbers"], data["rows"])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as a table, numbers to the right."""
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def shown(number: float | None, digits: int) -> str:
    """Return a number as a table shows it."""
    return "-" if number is None or math.isnan(number) else f"{number:.{digits}f}"


def _weights(tree: Path) -> list[str]:
    """Return names and sizes of the weight files of a tree."""
    folder = tree / "weights"
    files = (
        one for one in folder.rglob("*") if one.is_file() and one.suffix not in (".toml", ".lock")
    )
    return sorted(f"{one.relative_to(folder)} {one.stat().st_size}" for one in files)


def _digest(folders: Iterable[Path], but: Path | None = None) -> str:
    """Return the digest of the files of folders, compiled ones and those of ``but`` left out."""
    found = hashlib.sha256()
    for folder in folders:
        for one in sorted(folder.rglob("*")):
            if not one.is_file() or one.suffix == ".pyc" or (but and but in one.parents):
                continue
            found.update(f"{one.relative_to(folder)}\n".encode())
            found.update(hashlib.sha256(one.read_bytes()).digest())
    return found.hexdigest()[:16]


def _text_digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _copy(source: Path, target: Path) -> None:
    """Copy a file so that it appears whole under its name."""
    partial = target.with_name(f"{os.getpid()} {target.name}")
    partial.write_bytes(source.read_bytes())
    partial.replace(target)
