"""Sheets of results to look at: in the order of the trees, or blind in a shuffled one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.swaps import Job, Judged

SEED = 14  # of the order of blind sheets
MOMENTS = 5  # on a sheet
BLIND_MOMENTS = 3  # on a blind sheet
FACE_SIZE = 256  # pixels of a face on a sheet
BLIND_FACE_SIZE = 400  # on a blind one
SLACK = 0.005  # seconds by which a frame may come before its time
WHITE = 255


@dataclass(frozen=True)
class Moment:
    """When and where a face is shown.

    Attributes:
        seconds: From the beginning of the film.
        box: Left, top and side in pixels.
    """

    seconds: float
    box: tuple[int, int, int]


def moments(found: Judged, count: int, first: int = 0, every: int = 1) -> list[Moment]:
    """Return moments spread over the rows of an evaluation.

    Args:
        found: The evaluation.
        count: How many.
        first: Number of the first one.
        every: Every one of so many is taken, so that several sheets show different moments.
    """
    columns = found.rows
    places = np.linspace(0, len(columns["seconds"]) - 1, count * every + 2)[1:-1].astype(int)
    return [
        Moment(
            columns["seconds"][row],
            (int(columns["left"][row]), int(columns["top"][row]), int(columns["side"][row])),
        )
        for row in places[first::every]
    ]


def frames_at(path: Path, seconds: Sequence[float]) -> list[np.ndarray]:
    """Return the frames (H, W, 3) uint8 BGR at ascending times; the video is decoded once."""
    found: list[np.ndarray] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            while len(found) < len(seconds) and (
                frame.time is not None and frame.time >= seconds[len(found)] - SLACK
            ):
                found.append(frame.to_ndarray(format="bgr24"))
            if len(found) == len(seconds):
                break
    if not found:
        raise ValueError(f"{path} shows nothing at {seconds[0]:.2f} s")
    return found + [found[-1]] * (len(seconds) - len(found))


def face_window(picture: np.ndarray, box: tuple[int, int, int], size: int) -> np.ndarray:
    """Return the window of a face, (size, size, 3) uint8 BGR."""
    left, top, side = box
    padded = cv2.copyMakeBorder(picture, *[side] * 4, cv2.BORDER_REPLICATE)
    window = padded[top + side : top + 2 * side, left + side : left + 2 * side]
    kind = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(window, (size, size), interpolation=kind))


def videos_of(job: Job, results: Sequence[Path]) -> list[tuple[Path, float]]:
    """Return the film and the results, each with the second of the film at which it begins."""
    return [(job.video, 0.0), *((one, float(job.start or 0)) for one in results)]


def sheet(job: Job, results: Sequence[Path], found: Judged) -> np.ndarray:
    """Return the photos, the film and the results at five moments, (H, W, 3) uint8 BGR."""
    chosen = moments(found, MOMENTS)
    lines = []
    for path, begin in videos_of(job, results):
        pictures = frames_at(path, [one.seconds - begin for one in chosen])
        faces = (
            face_window(picture, one.box, FACE_SIZE)
            for picture, one in zip(pictures, chosen, strict=True)
        )
        lines.append(np.hstack(list(faces)))
    body = np.vstack(lines)
    return np.hstack([_photo_column(job, FACE_SIZE, len(body)), body])


def blind_sheet(job: Job, results: Sequence[Path], chosen: Sequence[Moment]) -> np.ndarray:
    """Return a sheet of film and results side by side, (H, W, 3) uint8 BGR.

    Args:
        job: The swap.
        results: The results in the order of their letters.
        chosen: The moments, one a row; the whole frame of the first one stands below.
    """
    size = BLIND_FACE_SIZE
    columns = []
    names = ["original", *(f"{chr(ord('A') + number)}" for number in range(len(results)))]
    for (path, begin), name in zip(videos_of(job, results), names, strict=True):
        pictures = frames_at(path, [one.seconds - begin for one in chosen])
        faces = [
            face_window(picture, one.box, size)
            for picture, one in zip(pictures, chosen, strict=True)
        ]
        height = round(size * pictures[0].shape[0] / pictures[0].shape[1])
        whole = cv2.resize(pictures[0], (size, height), interpolation=cv2.INTER_AREA)
        columns.append(np.vstack([_title(name, size), *faces, whole]))
    body = np.hstack(columns)
    return np.hstack([_photo_column(job, size, len(body)), body])


def draw_blind(
    found: Sequence[tuple[Job, Mapping[str, Path], Judged]], folder: Path, count: int
) -> Path:
    """Draw blind sheets, and write which letter is whose into a file beside the folder.

    Args:
        found: Job, results by the name of what made them, and an evaluation for the moments.
        folder: Gets the sheets.
        count: How many sheets; a job gets several with other moments where there are fewer jobs.

    Returns:
        The file with the key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    rounds = -(-count // len(found))
    order = [(job, turn) for turn in range(rounds) for job in range(len(found))][:count]
    key = {}
    for number, place in enumerate(random.permutation(len(order)), start=1):
        index, turn = order[place]
        job, results, judged = found[index]
        names = [list(results)[one] for one in random.permutation(len(results))]
        chosen = moments(judged, BLIND_MOMENTS, turn, rounds)
        picture = blind_sheet(job, [results[name] for name in names], chosen)
        name = f"{number:02d}"
        cv2.imwrite(str(folder / f"{name}.png"), picture)
        letters = {chr(ord("A") + place): name for place, name in enumerate(names)}
        key[name] = {"job": job.name, **letters}
    place = folder.with_name(f"{folder.name}-key.json")
    place.write_text(json.dumps(key, indent=1), encoding="utf-8")
    return place


def preferences(answers: Path, key: Path) -> dict[str, int]:
    """Count who was preferred.

    Args:
        answers: A text with a line a sheet: its number and a letter, or ``=`` for no preference.
        key: What `draw_blind` wrote.

    Returns:
        Sheets by the name of what made the preferred result.
    """
    known = json.loads(key.read_text(encoding="utf-8"))
    counted: dict[str, int] = {}
    for line in answers.read_text(encoding="utf-8").splitlines():
        if line.strip():
            number, letter = line.split()[:2]
            name = "no preference" if letter == "=" else known[number][letter]
            counted[name] = counted.get(name, 0) + 1
    return counted


def _photo_column(job: Job, size: int, height: int) -> np.ndarray:
    """Return the photos of a job one below the other, (height, size, 3) uint8 BGR."""
    column = np.full((height, size, 3), WHITE, np.uint8)
    top = 0
    for path in job.sources:
        photo = cv2.imread(str(path))
        scale = size / max(photo.shape[:2])
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=kind)[: height - top]
        column[top : top + small.shape[0], : small.shape[1]] = small[:, :size]
        top += small.shape[0]
    return column


def _title(name: str, size: int) -> np.ndarray:
    line = np.full((28, size, 3), WHITE, np.uint8)
    cv2.putText(line, name, (8, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 2, cv2.LINE_AA)
    return line
