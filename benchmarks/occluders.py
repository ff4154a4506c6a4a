"""Does what is before a face stay before it? Objects of known alpha, composited over real clips.

    python benchmarks/occluders.py [--rounds 1] [--held_out] [--unrefined] [--sheet sheet.png]

Each object moves over a face (it stays, crosses, enters, leaves or waves), with motion blur and
the film's grain, and the clip is compressed again. A frame's figure is the intersection over
union, within the face's outline, of what the swap keeps (mask under one half) and of the object
(alpha over one half). The outline is taken in two ways: ``IoU`` has that of the untouched clip's
swap (mask over one half), so it also counts landmarks that an object leads astray; ``here`` has
that of the same frame with ``--mask outline``. Frames whose object covers less than 3 % of the
face are left out. ``glow`` is how far the swap close beside an object is from the untouched clip's
swap there, in levels of 255. ``off`` is how far the landmarks lie from those of the untouched clip,
in the mean of the 68, and ``jump`` how much of that changes from one frame to the next, both in
heights of a face (bridge of nose to chin). ``--unrefined`` leaves the landmarks of occluded faces
as they were found, which shows what refining them is worth. With ``--untouched``, the share of the
face is measured that is kept on clips before which nothing was put (hair over the forehead is, and
counts).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
MEDIA = ROOT.parent / "shared" / "media"
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from occluding_objects import HELD_OUT, TUNED, Maker, Thing  # noqa: E402

from videoswap import SwapSettings, analyze, swap_video  # noqa: E402
from videoswap.crops import FrameSurface, covered_pixels, crop_face  # noqa: E402
from videoswap.detection.face_models import FaceModels  # noqa: E402
from videoswap.engines.mesh.engine import MeshEngine  # noqa: E402
from videoswap.errors import NoFaceError  # noqa: E402
from videoswap.geometry import face_masks as masks  # noqa: E402
from videoswap.occlusion.builtin import BuiltinSegmenter  # noqa: E402
from videoswap.occlusion.temporal import stabilize_occlusion_mask  # noqa: E402
from videoswap.people.clustering import cluster_tracks  # noqa: E402
from videoswap.records import Face  # noqa: E402
from videoswap.settings import LANDMARKS, AnalysisSettings, BlendSettings  # noqa: E402
from videoswap.tracking import analysis  # noqa: E402
from videoswap.tracking.store import Store  # noqa: E402
from videoswap.video.probe import probe  # noqa: E402
from videoswap.video.reader import VideoReader  # noqa: E402

Array = NDArray[Any]

#: Clip, first frame, frames: one person in view, in one shot.
CLIPS = {
    "nggyup near": ("nggyup.mp4", 160, 24),
    "nggyup far": ("nggyup.mp4", 0, 18),
    "dirtydancing he": ("dirtydancing.mp4", 14, 24),
    "dirtydancing she": ("dirtydancing.mp4", 205, 24),
    "dance": ("dance.mp4", 16, 24),
    "photo": ("mark.jpg", 0, 24),
}
MOTIONS = ("stays", "crosses", "enters", "leaves", "waves")
SOURCE = MEDIA / "beckham.jpg"
BESIDE = 0.05  # of the root of a face's area, how far from an object its glow is looked for
LEAST = 0.03  # share of the face below which an object is not there


@dataclass(frozen=True)
class Row:
    """How well one object on one clip is kept in front.

    Attributes:
        clip: Name of the clip.
        thing: Name of the object.
        motion: How it moves.
        held_out: Whether objects of this kind were left out of the tuning.
        frames: Frames in which it is there.
        lost: Of these, frames in which no face was swapped at all.
        iou: Mean intersection over union over the frames that were not lost.
        iou_here: The same within the outline of the very frame.
        good: Share of these frames with at least 0.9.
        iou_without: The mean without the feature (``--mask outline``).
        glow: Mean difference of the swap close beside the object from the untouched clip's swap
            there, in levels of 255.
        off: Mean distance of the landmarks from the untouched clip's, in heights of a face.
        jump: Mean change of that difference since the frame before, in heights of a face.
    """

    clip: str
    thing: str
    motion: str
    held_out: bool
    frames: int
    lost: int
    iou: float
    iou_here: float
    good: float
    iou_without: float
    glow: float
    off: float
    jump: float


def read_clip(name: str) -> tuple[list[Array], Fraction]:
    """Return the frames (H, W, 3) uint8 RGB of a clip, and its rate."""
    file, first, count = CLIPS[name]
    if file.endswith(".jpg"):
        return list(_moving_photo(MEDIA / file, count)), Fraction(25)
    with av.open(str(MEDIA / file)) as container:
        rate = container.streams.video[0].average_rate
        frames = [
            frame.to_ndarray(format="rgb24")
            for number, frame in enumerate(container.decode(video=0))
            if first <= number < first + count
        ]
    return frames, Fraction(rate)


def _moving_photo(path: Path, count: int) -> Iterator[Array]:
    """Yield a photo under a moving, turning camera with grain."""
    photo = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    height, width = photo.shape[:2]
    rng = np.random.default_rng(1)
    for index in range(count):
        t = index / count
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 6 * np.sin(5 * t), 1.0 + 0.1 * t)
        matrix[:, 2] += [12 * np.sin(4 * t), 8 * np.cos(3 * t)]
        size = (width // 2 * 2, height // 2 * 2)
        moved = cv2.warpAffine(photo, matrix, size, borderMode=cv2.BORDER_REFLECT)
        yield np.clip(moved + rng.normal(0, 3, moved.shape), 0, 255).astype(np.uint8)


def write_clip(path: Path, frames: Sequence[Array], rate: Fraction) -> None:
    """Compress frames as H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def faces_of(path: Path, settings: SwapSettings) -> dict[int, Face]:
    """Return the faces of the person who is seen longest, by number of the frame."""
    with analyze(path, settings=settings) as found:
        track = max(found.tracks, key=lambda one: one.count)
        numbers = {int(pts): number for number, pts in enumerate(found.frames.pts)}
        return {numbers[face.pts]: face for face in found.faces(track.id)}


def astray(path: Path, faces: dict[int, Face], settings: SwapSettings) -> dict[int, Array]:
    """Return how landmarks are moved by an object, by number of the frame.

    Args:
        path: The clip with the object.
        faces: The faces of the untouched clip.
        settings: As for its swap.

    Returns:
        (68, 2) each in heights of a face, of frames in which a face is found at that place.
    """
    moved = {}
    with analyze(path, settings=settings) as found:
        numbers = {int(pts): number for number, pts in enumerate(found.frames.pts)}
        seen = found.faces_between(int(found.frames.pts[0]), int(found.frames.pts[-1]))
    for pts, here in seen.items():
        if (clean := faces.get(numbers[pts])) is None:
            continue
        right = np.asarray(clean.landmarks, float)
        unit = np.linalg.norm(right[8] - right[27])
        off = min(
            ((np.asarray(face.landmarks, float) - right) / unit for _, face in here),
            key=lambda one: float(np.linalg.norm(one, axis=1).mean()),
        )
        if np.linalg.norm(off, axis=1).mean() < 1.0:
            moved[numbers[pts]] = off
    return moved


def leave_landmarks_as_found() -> None:
    """Let nothing of this process refine the landmarks of occluded faces, or read refined ones."""
    analysis.refine_occluded_landmarks = lambda *args, **kwargs: None
    Store.refined = lambda *args: []


def covered(
    frames: Sequence[Array], faces: dict[int, Face], thing: Thing, motion: str, rng: Any
) -> tuple[list[Array], list[Array]]:
    """Put an object over the face in every frame.

    Returns:
        The pictures (H, W, 3) uint8 and the alphas (H, W) float32.
    """
    marks = {number: np.asarray(face.landmarks, float) for number, face in faces.items()}
    unit = float(np.median([np.linalg.norm(m[8] - m[27]) for m in marks.values()]))
    middle = np.array([marks[min(marks, key=lambda k: abs(k - n))][30] for n in range(len(frames))])
    follows = rng.random() < 0.5
    if not follows:
        middle[:] = middle.mean(axis=0)
    rest = rng.normal(0, 0.25, 2) + np.array([0.0, 0.3 if thing.size < 3 else 0.0])
    angle = rng.uniform(-0.4, 0.4)
    way = np.array([np.cos(angle), np.sin(angle)]) * rng.choice([-1.0, 1.0])
    grain = _grain_of(frames[0], marks[min(marks)])
    pictures, alphas = [], []
    for number, frame in enumerate(frames):
        t = number / (len(frames) - 1)
        steps = [_place(motion, t + d / (len(frames) - 1), rest, way) for d in (-0.15, 0.0, 0.15)]
        layers = [_layer(thing, frame.shape, middle[number] + unit * p, unit, r) for p, r in steps]
        alpha = np.mean([one[1] for one in layers], axis=0)
        color = sum(one[0] * one[1][..., None] for one in layers) / len(layers)
        noise = rng.normal(0, grain, frame.shape)
        picture = frame * (1 - alpha[..., None]) + color + noise * alpha[..., None]
        pictures.append(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
        alphas.append(alpha.astype(np.float32))
    return pictures, alphas


def _place(motion: str, t: float, rest: Array, way: Array) -> tuple[Array, float]:
    """Return the offset from the nose in face heights and the turn in radians, at 0 <= t <= 1."""
    if motion == "crosses":
        return rest + way * (3.0 * t - 1.5), 0.0
    if motion in ("enters", "leaves"):
        gone = 1 - t if motion == "enters" else t
        return rest + way * 2.2 * max(0.0, gone - 0.4) / 0.6, 0.0
    if motion == "waves":
        return rest + way * 0.25 * np.sin(9 * t), 0.25 * np.sin(9 * t + 1)
    return rest, 0.0


def _layer(
    thing: Thing, shape: tuple[int, ...], centre: Array, unit: float, turn: float
) -> tuple[Array, Array]:
    side = thing.alpha.shape[0]
    scale = thing.size * unit / side
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    matrix = np.hstack([linear, (centre - linear @ np.full(2, (side - 1) / 2))[:, None]])
    pixels, alpha = thing.pixels, thing.alpha
    if scale < 0.7:
        sigma = 0.4 / scale
        pixels, alpha = (
            cv2.GaussianBlur(pixels, (0, 0), sigma),
            cv2.GaussianBlur(alpha, (0, 0), sigma),
        )
    size = shape[1::-1]
    return (
        cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE),
        cv2.warpAffine(alpha, matrix, size),
    )


def _skin(frame: Array, marks: Array) -> Array:
    """Return the color of the cheeks, (3,) RGB."""
    colors = []
    for points in (marks[[2, 31, 48]], marks[[14, 35, 54]]):
        x, y = points.mean(axis=0).astype(int)
        colors.append(frame[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3))
    return np.median(np.concatenate(colors), axis=0)


def _grain_of(frame: Array, marks: Array) -> float:
    x, y = marks[[2, 31, 48]].mean(axis=0).astype(int)
    part = frame[y - 6 : y + 7, x - 6 : x + 7].astype(np.float32)
    return 1.4826 * float(np.median(np.abs(part - cv2.GaussianBlur(part, (0, 0), 1.2))))


def masks_of(video: Path, mask: str, folder: Path, settings: SwapSettings) -> list[Array]:
    """Swap a clip and return its masks, (H, W) uint8 each; black where no face was found."""
    settings = replace(settings, blend=BlendSettings(mask=mask))
    out = folder / f"{video.stem} {mask}.mp4"
    kept = folder / f"{video.stem} {mask} masks.mkv"
    try:
        swap_video([SOURCE], video, out, settings=settings, save_masks=kept)
    except NoFaceError:
        shutil.copy(video, out)
        return [np.zeros(picture.shape[:2], np.uint8) for picture in read_video(video)]
    with av.open(str(kept)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def read_video(path: Path) -> list[Array]:
    """Return all frames as RGB."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def overlap(truth: Array, kept: Array) -> float:
    """Return the intersection over union of two (H, W) bool masks."""
    union = int((truth | kept).sum())
    return 1.0 if union == 0 else int((truth & kept).sum()) / union


def differences_beside(alpha: Array, seen: Array, swap: Array, free: Array) -> list[float]:
    """Return the mean difference of two swaps close beside an object; none if it has no edge there.

    Args:
        alpha: (H, W) float32, the object.
        seen: (H, W) bool, where both swaps are seen.
        swap: (H, W, 3) uint8 with the object.
        free: (H, W, 3) uint8 without it.
    """
    reach = max(2, round(BESIDE * float(np.sqrt(seen.sum()))))
    near, far = (
        cv2.dilate((alpha > 0.02).astype(np.uint8), np.ones((2 * r + 1,) * 2)) for r in (1, reach)
    )
    beside = (far > near) & seen
    if beside.sum() < 20:
        return []
    tones = [cv2.GaussianBlur(one.astype(np.float32), (0, 0), 1.5) for one in (swap, free)]
    return [float(np.abs(np.subtract(*tones))[beside].mean())]


def configurations(held_out: bool, rounds: int) -> Iterator[tuple[str, str, str, Maker, int]]:
    """Yield clip, object, motion, its maker and a seed; every object once a round."""
    things = HELD_OUT if held_out else TUNED
    clips = list(CLIPS)
    for turn in range(rounds):
        for number, (name, maker) in enumerate(things.items()):
            clip = clips[(number * 5 + turn + held_out) % len(clips)]
            motion = MOTIONS[(number + 2 * turn) % len(MOTIONS)]
            yield clip, name, motion, maker, 100 * turn + number + 50 * held_out


def measure(
    folder: Path,
    held_out: bool = False,
    rounds: int = 1,
    sheet: Path | None = None,
    *,
    landmarks: str = "auto",
) -> list[Row]:
    """Composite, swap and measure.

    Args:
        folder: For clips and results.
        held_out: Whether to use the objects that nothing was tuned on.
        rounds: How often every object is used, on other clips and with other motions.
        sheet: A picture to write: object, mask and swap of some frames.
        landmarks: Which landmarks are used.
    """
    settings = SwapSettings(
        swapper="mesh",
        cache_dir=folder / "cache",
        overwrite=True,
        analysis=AnalysisSettings(landmarks=landmarks),
    )
    rows, strips = [], []
    clean: dict[str, tuple[list[Array], dict[int, Face], list[Array], Fraction]] = {}
    for clip, name, motion, maker, seed in configurations(held_out, rounds):
        if clip not in clean:
            frames, rate = read_clip(clip)
            path = folder / f"{clip}.mp4"
            write_clip(path, frames, rate)
            clean[clip] = (
                frames,
                faces_of(path, settings),
                masks_of(path, "auto", folder, settings),
                rate,
            )
        frames, faces, outlines, rate = clean[clip]
        rng = np.random.default_rng(seed)
        first = min(faces)
        thing = maker(rng, _skin(frames[first], np.asarray(faces[first].landmarks)), MEDIA)
        pictures, alphas = covered(frames, faces, thing, motion, rng)
        path = folder / f"{clip} {name} {motion}.mp4"
        write_clip(path, pictures, rate)
        row, strip = _row(
            clip, name, motion, held_out, path, faces, outlines, alphas, folder, settings
        )
        rows.append(row)
        strips.append(strip)
        print(as_text(row), flush=True)
    if sheet is not None:
        cv2.imwrite(str(sheet), cv2.cvtColor(np.vstack(strips), cv2.COLOR_RGB2BGR))
    return rows


def _row(
    clip: str,
    name: str,
    motion: str,
    held_out: bool,
    path: Path,
    faces: dict[int, Face],
    outlines: Sequence[Array],
    alphas: Sequence[Array],
    folder: Path,
    settings: SwapSettings,
) -> tuple[Row, Array]:
    with_, without = (
        masks_of(path, "auto", folder, settings),
        masks_of(path, "outline", folder, settings),
    )
    moved = astray(path, faces, settings)
    swap, free = (read_video(folder / f"{name} auto.mp4") for name in (path.stem, clip))
    values, here, base, glow, there, lost = [], [], [], [], [], 0
    for number, (outline, alpha) in enumerate(zip(outlines, alphas, strict=True)):
        face = outline > 127
        truth = face & (alpha > 0.5)
        if truth.sum() < max(LEAST * face.sum(), 1):
            continue
        if not without[number].any():
            lost += 1
            continue
        there.append(number)
        values.append(overlap(truth, face & (with_[number] < 128)))
        own = without[number] > 127
        here.append(overlap(own & (alpha > 0.5), own & (with_[number] < 128)))
        base.append(overlap(truth, face & (without[number] < 128)))
        seen = (outline > 250) & (with_[number] > 250)
        glow += differences_beside(alpha, seen, swap[number], free[number])
    off = [np.linalg.norm(moved[n], axis=1).mean() for n in there if n in moved]
    jump = [
        np.linalg.norm(moved[n] - moved[n - 1], axis=1).mean()
        for n in there
        if n in moved and n - 1 in moved
    ]
    values, here, base, glow, off, jump = (
        one or [float("nan")] for one in (values, here, base, glow, off, jump)
    )
    row = Row(
        clip=clip,
        thing=name,
        motion=motion,
        held_out=held_out,
        frames=len(there) + lost,
        lost=lost,
        iou=float(np.mean(values)),
        iou_here=float(np.mean(here)),
        good=float(np.mean(np.array(values) >= 0.9)),
        iou_without=float(np.mean(base)),
        glow=float(np.mean(glow)),
        off=float(np.mean(off)),
        jump=float(np.mean(jump)),
    )
    return row, _strip(path, folder, outlines, alphas, with_, there)


def _strip(
    path: Path,
    folder: Path,
    outlines: Sequence[Array],
    alphas: Sequence[Array],
    found: Sequence[Array],
    there: Sequence[int],
) -> Array:
    """Return two frames side by side: original, object (green) and mask (red), swap."""
    before, after = read_video(path), read_video(folder / f"{path.stem} auto.mp4")
    parts = []
    chosen = [there[len(there) // 3], there[-len(there) // 5]] if there else [0, 0]
    ys, xs = np.nonzero(np.max(outlines, axis=0) > 127)
    y0, y1, x0, x1 = ys.min(), ys.max() + 1, xs.min(), xs.max() + 1
    for number in chosen:
        face = outlines[number] > 127
        truth, kept = face & (alphas[number] > 0.5), face & (found[number] < 128)
        marked = before[number] // 2
        marked[truth & kept] += np.array([100, 100, 0], np.uint8)
        marked[truth & ~kept] += np.array([0, 120, 0], np.uint8)
        marked[kept & ~truth] += np.array([120, 0, 0], np.uint8)
        for picture in (before[number], marked, after[number]):
            parts.append(cv2.resize(picture[y0:y1, x0:x1], (200, 230)))
    return np.hstack(parts)


@dataclass(frozen=True)
class Quiet:
    """What is kept of a face with nothing put before it.

    Attributes:
        clip: Name of the file.
        person: Number of the person, 0 being seen longest.
        faces: Faces measured.
        median: Median share of the outline that is kept.
        worst: 99th percentile of it.
        milliseconds: Mean time of a look.
    """

    clip: str
    person: int
    faces: int
    median: float
    worst: float
    milliseconds: float


def untouched(video: Path, step: int = 3) -> list[Quiet]:
    """Measure what is kept on a clip as it is, of everybody in it, in every third frame."""
    info, spec = probe(video), MeshEngine.spec
    shares: dict[int, list[float]] = {}
    spent = 0.0
    with analyze(video) as found, VideoReader(info) as reader:
        finder = BuiltinSegmenter(found.appearances)
        scale = FaceModels.load(("CPUExecutionProvider",)).recognizer
        people = cluster_tracks(found.tracks, scale.cluster_threshold, scale.distances)
        owner = {track: person.id for person in people for track in person.track_ids}
        faces = found.faces_between(int(found.frames.pts[0]), int(found.frames.pts[-1]))
        for number, frame in enumerate(reader.frames()):
            for track, face in faces.get(frame.pts, []) if number % step == 0 else []:
                size = spec.size_for(covered_pixels(face, spec))
                crop = crop_face(
                    FrameSurface(frame.image, info), face, spec, size=size, track=track
                )
                if crop is None or track not in owner:
                    continue
                started = time.perf_counter()
                front = stabilize_occlusion_mask([finder.segment(crop)], [0], 0)
                spent += time.perf_counter() - started
                points = np.vstack(
                    [crop.landmarks[:17], masks.forehead_points(crop.landmarks, 0.26)]
                )
                outline = masks.fill_hull(points, size) > 0.5
                share = 0.0 if front is None else float((front[outline] > 0.5).mean())
                shares.setdefault(owner[track], []).append(share)
    count = sum(map(len, shares.values()))
    return [
        Quiet(
            video.name,
            person,
            len(values),
            float(np.median(values)),
            float(np.percentile(values, 99)),
            1e3 * spent / count,
        )
        for person, values in sorted(shares.items())
        if len(values) >= 3
    ]


def as_text(row: Row) -> str:
    """Return one line of the table."""
    return (
        f"| {row.clip} | {row.thing} | {row.motion} | {row.frames} | {row.lost} | {row.iou:.3f} "
        f"| {row.good:.0%} | {row.iou_here:.3f} | {row.iou_without:.3f} | {row.glow:.1f} "
        f"| {row.off:.3f} | {row.jump:.4f} |"
    )


def means(rows: Sequence[Row]) -> str:
    """Return the means over rows in which a face was found."""
    lost = sum(row.lost for row in rows)
    rows = [row for row in rows if row.lost < row.frames]
    good = np.average([row.good for row in rows], weights=[row.frames - row.lost for row in rows])
    iou, here = (np.mean([getattr(row, name) for row in rows]) for name in ("iou", "iou_here"))
    glow, off, jump = (
        np.nanmean([getattr(row, name) for row in rows]) for name in ("glow", "off", "jump")
    )
    return (
        f"mean IoU {iou:.3f}, here {here:.3f}, frames >= 0.9: {good:.0%}, glow {glow:.1f}, "
        f"off {off:.4f}, jump {jump:.4f}, lost {lost}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--held_out", action="store_true", help="objects nothing was tuned on")
    parser.add_argument("--untouched", action="store_true", help="only what is wrongly kept")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--landmarks", choices=LANDMARKS, default="auto")
    parser.add_argument("--unrefined", action="store_true", help="landmarks as they were found")
    options = parser.parse_args()
    started = time.monotonic()
    if options.unrefined:
        leave_landmarks_as_found()
    if options.untouched:
        print("| clip | person | faces | median | 99 % | ms a face |\n" + "|---" * 6 + "|")
        for name in ("nggyup.mp4", "dirtydancing.mp4", "dance.mp4", "random_gif.gif"):
            for quiet in untouched(MEDIA / name):
                print(
                    f"| {quiet.clip} | {quiet.person} | {quiet.faces} | {quiet.median:.2%} "
                    f"| {quiet.worst:.2%} | {quiet.milliseconds:.1f} |",
                    flush=True,
                )
        return
    print("| clip | object | motion | frames | lost | IoU | >= 0.9 ", end="")
    print("| here | without | glow | off | jump |\n" + "|---" * 12 + "|")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        rows = measure(
            folder,
            options.held_out,
            options.rounds,
            options.sheet,
            landmarks=options.landmarks,
        )
    each = len(rows) // options.rounds
    for turn in range(options.rounds):
        print(f"round {turn + 1}: {means(rows[turn * each : (turn + 1) * each])}")
    print(f"all: {means(rows)}")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
