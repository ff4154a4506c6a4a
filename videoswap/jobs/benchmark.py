"""How fast the second pass is here: a drawn film whose faces are known, or a film of the user's.

The drawn film needs no photo, no network that finds faces, and no film: heads of the mean face
shape drift over a noisy background. What an engine paints costs the same on them as on people.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np

from ..compositing.finisher import Finisher
from ..detection.dense_landmarks import IBUG_68
from ..devices import Device, choose_device
from ..engines.base import Engine
from ..engines.pixel_boost import boosted
from ..engines.registry import load_engine
from ..geometry import face_mesh as mesh
from ..geometry.affine import five_points, transform_dense
from ..occlusion.load import load_occlusion_segmenter
from ..records import Array, Face, Fallback, Photo, TrackSource, counted
from ..rendering.pipeline import StageTime
from ..rendering.render import CONTEXT, FacesBetween, plan_track
from ..rendering.segments import SegmentOutputs, plan_segments
from ..rendering.step_choice import renderer_kind, tensors_chosen
from ..report import Report
from ..settings import DetailSettings, EncodeSettings
from ..threads import stages_share_the_cores
from ..video.encoder_plan import plan_encoder
from ..video.nvdec import check_nvdec, choose_decoder
from ..video.probe import probe

RATE = 25
FACE_SHARE = 0.36  # of the height of the picture: a head from brow to chin
PATCH = 512  # pixels, side of the drawn head
SKINS = ((206, 164, 140), (120, 84, 66))  # of the photo and of the film, RGB
SEGMENT_FRAMES = 100


@dataclass(frozen=True, slots=True)
class BenchmarkSettings:
    """What is measured.

    Attributes:
        engine: Name of the engine.
        device: auto, cpu or cuda.
        size: Width and height of the drawn film.
        frames: Its length.
        faces: Faces in each frame of it.
        encode: Encoder, preset and quality.
        batch_size: Crops given to the engine at once; None leaves it to the engine.
        engine_options: Options of the engine.
        steps: What the render's steps work on, see ``SwapSettings``.
        decoder: What decodes the frames, likewise.
    """

    engine: str = "auto"
    device: str = "auto"
    size: tuple[int, int] = (1920, 1080)
    frames: int = 100
    faces: int = 1
    encode: EncodeSettings = field(
        default_factory=lambda: EncodeSettings(encoder="libx264", preset="veryfast")
    )
    batch_size: int | None = None
    engine_options: Any = None
    steps: str = "auto"
    decoder: str = "auto"


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """How fast a film was rendered.

    Attributes:
        film: Its name, or ``drawn``.
        width: Of its pictures, in pixels.
        height: Likewise.
        frames: Frames rendered.
        faces: Swapped faces in a frame, on average.
        crop_sizes: Sides of the crops in pixels.
        encoder: Encoder and preset.
        engine: Name of the engine.
        device: Where torch computed.
        gpu: Name of the GPU; empty for none.
        cores: Processors that this process may use.
        seconds: Of the second pass.
        stages: Where they went.
        unit: Processor seconds of the fixed work that costs are compared with, see
            :func:`unit_of_work`.
        notes: What was done otherwise than asked.
        decoder: What decoded the frames, cpu or nvdec.
    """

    film: str
    width: int
    height: int
    frames: int
    faces: float
    crop_sizes: tuple[int, ...]
    encoder: str
    engine: str
    device: str
    gpu: str
    cores: int
    seconds: float
    stages: tuple[StageTime, ...]
    unit: float
    notes: tuple[str, ...] = ()
    decoder: str = "cpu"

    @property
    def frames_per_second(self) -> float:
        """Frames of the second pass in a second."""
        return self.frames / self.seconds if self.seconds else 0.0

    def cost(self, stage: str) -> float:
        """Return what a stage costs a frame, in units of work.

        The number hardly depends on how fast the machine is, or what else it does.
        """
        spent = sum(one.cpu for one in self.stages if one.name == stage)
        return spent / max(1, self.frames) / self.unit

    def as_data(self) -> dict[str, Any]:
        """Return plain data, one JSON object."""
        data = asdict(self)
        data["frames_per_second"] = round(self.frames_per_second, 2)
        data["costs"] = {one.name: round(self.cost(one.name), 2) for one in self.stages}
        return data

    def lines(self) -> list[str]:
        """Return a table for people."""
        where = self.gpu or self.device
        made = [
            f"{self.width}x{self.height}, {counted(self.frames, 'frame')}, "
            f"{self.faces:.2f} faces a frame, "
            f"crops of {', '.join(map(str, self.crop_sizes)) or 'no'} pixels",
            f"engine {self.engine} on {where}, decoder {self.decoder}, {self.encoder}, "
            f"{self.cores} cores",
            f"{self.frames_per_second:.1f} frames/s",
            f"{'stage':<20}{'ms busy':>10}{'ms CPU':>10}{'cost':>8}   a frame",
        ]
        for one in self.stages:
            busy, cpu = (1e3 * value / max(1, self.frames) for value in (one.busy, one.cpu))
            made.append(f"{one.name:<20}{busy:>10.2f}{cpu:>10.2f}{self.cost(one.name):>8.2f}")
        return made


def unit_of_work(rounds: int = 5) -> float:
    """Return the processor seconds of a fixed piece of work on pictures, the median of some.

    Costs are given in it. It is what the stages do: warps, blurs and sums over a crop of 512
    pixels, then many calls with little to do each, which machines differ in by another factor. It
    takes 5 to 20 ms.
    """
    random = np.random.default_rng(1)
    picture = random.random((512, 512, 3), np.float32)
    turn = cv2.getRotationMatrix2D((256.0, 256.0), 7.0, 0.9)
    small = np.ascontiguousarray(picture[:96, :96])
    points = random.random((478, 3), np.float32)
    corners = random.integers(0, 478, (850, 3))
    spent = []
    for _ in range(rounds):
        started = time.thread_time()
        warped = cv2.warpAffine(picture, turn, (512, 512), flags=cv2.INTER_LINEAR)
        soft = cv2.GaussianBlur(warped, (0, 0), 2.0)
        float((picture * soft + warped).sum())
        for _ in range(12):
            soft = cv2.GaussianBlur(small, (0, 0), 2.0)
            float(np.where(soft > 0.5, small, soft).mean())
            triangles = points[corners]
            sides = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
            np.bincount(corners.ravel(), np.repeat(sides[:, 2], 3), minlength=478)
            for _ in range(10):
                np.clip(points, 0.1, 0.9)
        spent.append(time.thread_time() - started)
    return max(float(np.median(spent)), 1e-6)


def drawn_head(skin: Sequence[int]) -> tuple[Array, Array]:
    """Draw a head; returns (PATCH, PATCH, 4) uint8 RGBA and its (478, 3) dense landmarks."""
    shape = np.vstack([mesh.MEAN_SHAPE, mesh.MEAN_SHAPE[np.repeat([468 // 2], 10)]])
    for eye, iris in zip(mesh.EYES, (slice(468, 473), slice(473, 478)), strict=True):
        middle = mesh.MEAN_SHAPE[eye].mean(axis=0)
        shape[iris] = middle + 0.05 * np.array(
            [[0, 0, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]]
        )
    scale = 0.4 * PATCH
    points = np.asarray(shape * scale + np.array([PATCH / 2, PATCH / 2, 0.0]), np.float32)
    flat = np.round(points[:, :2]).astype(np.int32)
    picture = np.zeros((PATCH, PATCH, 4), np.uint8)
    head = np.round(mesh.with_ring(points[:468])[468:, :2]).astype(np.int32)
    cv2.fillConvexPoly(picture, cv2.convexHull(head), (*skin, 255), cv2.LINE_AA)
    for outline, color in (
        *((brow, (70, 48, 38)) for brow in mesh.BROWS),
        *((eye, (235, 232, 226)) for eye in mesh.EYES),
        (mesh.OUTER_LIPS, (166, 84, 80)),
    ):
        cv2.fillPoly(picture, [flat[outline]], (*color, 255), cv2.LINE_AA)
    for iris in (flat[468], flat[473]):
        cv2.circle(picture, tuple(map(int, iris)), PATCH // 50, (60, 44, 34, 255), -1, cv2.LINE_AA)
    light = np.linspace(1.12, 0.8, PATCH, dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(2).normal(0.0, 3.0, (PATCH, PATCH, 1))
    picture[..., :3] = np.clip(picture[..., :3] * light + noise, 0, 255)
    return picture, points


def face_of(points: Array, pts: int = 0) -> Face:
    """Return the face of (478, 3) dense landmarks."""
    landmarks = np.ascontiguousarray(points[IBUG_68, :2])
    box = np.concatenate([landmarks.min(axis=0), landmarks.max(axis=0)])
    return Face(
        box, five_points(landmarks), 1.0, landmarks=landmarks, pts=pts, dense_landmarks=points
    )


def drawn_photo() -> Photo:
    """Return the drawn photo of a source."""
    head, points = drawn_head(SKINS[0])
    gray = np.full((PATCH, PATCH, 3), 128, np.uint8)
    share = head[..., 3:] / np.float32(255)
    pixels = np.asarray(head[..., :3] * share + gray * (1 - share), np.uint8)
    return Photo("drawn", pixels, face_of(points))


def draw_film(path: Path, settings: BenchmarkSettings) -> dict[int, list[tuple[int, Face]]]:
    """Write the drawn film; returns the faces by frame number, each with its track."""
    width, height = settings.size
    head, points = drawn_head(SKINS[1])
    random = np.random.default_rng(3)
    coarse = random.integers(60, 180, (9, 16, 3)).astype(np.float32)
    background = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    background = np.clip(background + random.normal(0, 3, background.shape), 0, 255)
    faces: dict[int, list[tuple[int, Face]]] = {}
    scale = FACE_SHARE * height / float(np.ptp(points[mesh.OUTLINE, 1]))
    options = {"crf": "18", "preset": "ultrafast"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(settings.frames):
            frame = np.asarray(background, np.uint8)
            faces[number] = []
            for track in range(settings.faces):
                angle, middle = 6 * np.sin(number / 9), (PATCH / 2, PATCH / 2)
                turn: Array = cv2.getRotationMatrix2D(middle, angle, scale)
                across = width * (track + 0.5) / settings.faces + 0.02 * width * np.sin(number / 11)
                turn[:, 2] += np.array([across - PATCH / 2, height / 2 - PATCH / 2])
                moved = cv2.warpAffine(head, turn, (width, height), flags=cv2.INTER_AREA)
                share = moved[..., 3:] / np.float32(255)
                frame = np.asarray(moved[..., :3] * share + frame * (1 - share), np.uint8)
                faces[number].append((track, face_of(transform_dense(turn, points), number)))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return faces


def benchmark_drawn(
    settings: BenchmarkSettings, say: Callable[[str], None] = lambda text: None
) -> BenchmarkResult:
    """Render the drawn film once and throw the result away.

    Raises:
        VideoswapError: What keeps the engine, the device or the encoder from being used.
    """
    device = choose_device(settings.device)
    check_nvdec(settings.decoder)
    engine = load_engine(settings.engine, device=device, options=settings.engine_options)
    engine = boosted(engine, DetailSettings(), engine.device or device.name)
    return benchmark_engine(settings, engine, device, say)


def benchmark_engine(
    settings: BenchmarkSettings,
    engine: Engine,
    device: Device,
    say: Callable[[str], None] = lambda text: None,
) -> BenchmarkResult:
    """Do the same with an engine that is loaded already; ``settings.engine`` is not looked at."""
    segmenter = load_occlusion_segmenter("outline" if engine.as_is else "auto", device)
    with TemporaryDirectory(prefix="videoswap-benchmark-") as folder:
        film = Path(folder, "drawn.mp4")
        say(f"drawing {counted(settings.frames, 'frame')}")
        numbered = draw_film(film, settings)
        info = probe(film)
        pts = _times(film)
        by_pts = {
            int(one): [(track, face) for track, face in numbered[number]]
            for number, one in enumerate(pts)
        }
        plans = {
            track: plan_track(
                [found[track][1] for found in numbered.values()], (TrackSource(track, 0),), engine
            )
            for track in range(settings.faces)
        }
        plans = {track: replace(plan, pts=pts) for track, plan in plans.items()}
        finisher = Finisher(None, engine.keeps, bool(engine.as_is))
        tensors, told = tensors_chosen(settings.steps, engine, finisher, info)
        decoder, more = choose_decoder(settings.decoder, info)
        late: list[Fallback] = []
        renderer = renderer_kind(tensors)(
            info,
            _between(by_pts),
            plans,
            engine,
            [engine.identity([drawn_photo()])],
            finisher,
            segmenter,
            settings.batch_size or engine.batch_size,
            decoder=decoder,
            noted=late.append,
        )
        encoder = plan_encoder(info, settings.encode, Path(folder, "out.mp4"))
        segments = plan_segments(pts, np.zeros(len(pts), int), SEGMENT_FRAMES, CONTEXT)
        say("rendering")
        before = unit_of_work()
        with stages_share_the_cores():
            started = time.perf_counter()
            outputs = SegmentOutputs(Path(folder), encoder, None)
            stages = renderer.run(segments, outputs, lambda job: None)
            seconds = time.perf_counter() - started
        after = unit_of_work()
    notes = (*device.notes, *engine.notes, *engine.late_notes(), *told, *more, *late)
    notes += encoder.notes
    return BenchmarkResult(
        film="drawn",
        width=info.width,
        height=info.height,
        frames=len(pts),
        faces=float(settings.faces),
        crop_sizes=tuple(sorted({plan.size for plan in plans.values()})),
        encoder=" ".join(filter(None, (encoder.encoder, settings.encode.preset))),
        engine=engine.name,
        device=engine.device or device.name,
        gpu=device.gpu,
        cores=cores(),
        seconds=seconds,
        stages=stages,
        unit=(before + after) / 2,
        notes=tuple(map(str, notes)),
        decoder=decoder,
    )


def benchmark_of(report: Report, info_size: tuple[int, int], preset: str | None) -> BenchmarkResult:
    """Return the benchmark of a whole run's second pass, from its report.

    Args:
        report: The report of a run that was not resumed.
        info_size: Width and height of the film.
        preset: Preset of the encoder; None for its default.
    """
    faces = sum(one.frames for one in report.people if one.source is not None)
    return BenchmarkResult(
        film=Path(report.input).name,
        width=info_size[0],
        height=info_size[1],
        frames=report.frames,
        faces=faces / max(1, report.frames),
        crop_sizes=report.crop_sizes,
        encoder=" ".join(filter(None, (report.encoder, preset))),
        engine=report.engine,
        device=report.device,
        gpu=choose_device(report.device).gpu if report.device == "cuda" else "",
        cores=cores(),
        seconds=report.seconds.get("render", 0.0),
        stages=report.stages,
        unit=unit_of_work(),
        notes=tuple(map(str, report.notes)),
        decoder=report.decoder or "cpu",
    )


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _times(film: Path) -> Array:
    with av.open(str(film)) as container:
        return np.sort([frame.pts for frame in container.decode(video=0)]).astype(np.int64)


def _between(by_pts: Mapping[int, Sequence[tuple[int, Face]]]) -> FacesBetween:
    def found(
        first: int, last: int, tracks: Collection[int]
    ) -> Mapping[int, Sequence[tuple[int, Face]]]:
        return {pts: faces for pts, faces in by_pts.items() if first <= pts <= last}

    return found
