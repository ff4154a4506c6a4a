"""The engine mesh against its corrected swaps, on stills and on a few frames in a row.

    python benchmarks/correction.py [--known] [--weights FILE.onnx] [--sheet FILE.png]
    python benchmarks/correction.py --plain generator.safetensors     # and a plain AEI-Net

A quick look where benchmarks/pairs.py --correct takes long: the photos are those of its held-out
(or known) pairs, the films its clips. All kinds of swap are made of the same faces and finished
alike. The plain AEI-Net is one that ``videoswap train reliableswap`` wrote for a small size and
width, with one step a block, ArcFace's framing and the small encoder of weights/lite.

Stills: dlib's distances to photo and film, once as they are and once light-blind (the mean of grey
copies in several lights), and realism against the film's face, as ``videoswap evaluate`` defines
them. Flicker: how much the light on the face, in 8 x 8 fields of its crop, departs from a steady
course (second differences), as a multiple of the film's own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.pairs import DRAWN_KNOWN, HELD_OUT_PHOTOS, KNOWN_PHOTOS, SPANS, drawn_crops  # noqa: E402
from benchmarks.swaps import MEDIA, markdown  # noqa: E402
from videoswap.compositing.composite import composite  # noqa: E402
from videoswap.compositing.finisher import TEMPORAL_RADIUS, Finisher  # noqa: E402
from videoswap.crops import CropSpec, crop_face  # noqa: E402
from videoswap.detection.face_detector import FaceDetector, largest_face  # noqa: E402
from videoswap.engines.base import Engine, Identity, engine_key  # noqa: E402
from videoswap.engines.lite.engine import NUMBERS, SOURCE_SIZE  # noqa: E402
from videoswap.engines.mesh.correction import Corrector  # noqa: E402
from videoswap.engines.mesh.engine import MeshEngine  # noqa: E402
from videoswap.engines.neural import AEIEngine, Framing  # noqa: E402
from videoswap.engines.torch_runtime import start  # noqa: E402
from videoswap.evaluation.metrics.likeness import relit_copies  # noqa: E402
from videoswap.evaluation.metrics.realism import MODEL, face_crop  # noqa: E402
from videoswap.geometry.affine import TEMPLATES  # noqa: E402
from videoswap.geometry.resample import resize  # noqa: E402
from videoswap.networks.aei_net import GHOST_WIDTHS, AEINet  # noqa: E402
from videoswap.networks.fast_aei_net import FastAEINet  # noqa: E402
from videoswap.records import Array, Crop, FrameSwap, Photo, SwappedCrop  # noqa: E402
from videoswap.settings import AnalysisSettings  # noqa: E402
from videoswap.training.triplets.synthesis import MeshSwapper  # noqa: E402
from videoswap.video.stills.picture import read_picture  # noqa: E402
from videoswap.weights.loading import load_into  # noqa: E402
from videoswap.weights.onnx_models import open_onnx  # noqa: E402
from videoswap.weights.store import require  # noqa: E402

MOMENTS = (0.3, 0.7)  # of a span, at which a still is taken
PHOTOS_A_STILL = 2
TIMED = 10
TRACK_SIZE = 224  # of the crops of frames in a row
IN_A_ROW, ROWS = 9, 3  # frames, and spans of which they are taken
FIELDS = 8
CELL = 224  # pixels of a face on the sheet
MESH, CORRECTED, PLAIN = "mesh", "corrected", "plain AEI-Net"
COLUMNS = (
    "to source", "to original", "blind", "blind original", "realism", "flicker",
)  # fmt: skip


@dataclass(frozen=True)
class Swaps:
    """A face of a film with all swaps.

    Attributes:
        film: The frame with its landmarks.
        crop: The mesh engine's crop of it.
        person: Whose photo is put in.
        made: By kind, the crop that its engine got, and what that made.
    """

    film: Photo
    crop: Crop
    person: Photo
    made: dict[str, tuple[Crop, SwappedCrop]]


class Bench:
    """Makes and measures swaps.

    Args:
        weights: Of the correction; None for the packaged ones.
        plain: Of the plain AEI-Net; None leaves it out.
    """

    def __init__(self, weights: Path | None, plain: Path | None) -> None:
        self._mesh = MeshSwapper()
        corrected = MeshEngine(corrector=Corrector(weights))
        self._engines: dict[str, Engine] = {MESH: self._mesh.engine, CORRECTED: corrected}
        if plain is not None:
            self._engines[PLAIN] = plain_engine(plain)
        self.kinds = tuple(self._engines)
        self._detector = FaceDetector(self._mesh.models, AnalysisSettings())
        self._finishers = {
            kind: Finisher(keeps=engine.keeps) for kind, engine in self._engines.items()
        }
        self._judge = open_onnx(MODEL, threads=1)
        self._identities: dict[tuple[str, str], Identity] = {}

    def read(self, label: str, pixels: Array) -> Photo | None:
        """Return a picture (H, W, 3) uint8 RGB with its largest face's landmarks."""
        face = largest_face(self._detector.detect(pixels))
        return None if face is None else self._mesh.read(label, pixels, face.points5)

    def swap(self, film: Photo, person: Photo, size: int | None = None) -> Swaps | None:
        """Swap in all ways, mesh's crop of a size; None where the face lies outside."""
        made = {}
        for kind, engine in self._engines.items():
            given = None if kind == PLAIN else size
            crop = crop_face(film.pixels, film.face, engine.spec, size=given)
            if crop is None:
                return None
            made[kind] = crop, engine.swap([crop], self._identity(kind, person))[0]
        return Swaps(film, made[MESH][0], person, made)

    def _identity(self, kind: str, person: Photo) -> Identity:
        key = kind, person.label
        if key not in self._identities:
            self._identities[key] = self._engines[kind].identity([person])
        return self._identities[key]

    def cost(self, kind: str, one: Swaps) -> float:
        """Return the seconds of CPU that an engine takes for a face."""
        crop, engine = one.made[kind][0], self._engines[kind]
        identity = self._identity(kind, one.person)
        engine.swap([crop], identity)
        started = time.process_time()
        for _ in range(TIMED):
            engine.swap([crop], identity)
        return (time.process_time() - started) / TIMED

    def shown(self, kind: str, row: Sequence[Swaps], index: int) -> Array:
        """Return a frame of a row with a swap, (H, W, 3) uint8 RGB."""
        finisher = self._finishers[kind]
        swaps = [FrameSwap(*one.made[kind], n) for n, one in enumerate(row)]
        done, pixels = finisher.finish(swaps, index), row[index].film.pixels.copy()
        composite(pixels, swaps[index].crop, done.pixels, mask=done.mask, grain=finisher.grain)
        return pixels

    def measured(self, one: Swaps, picture: Array) -> list[float]:
        """Return the numbers of a still, as `COLUMNS` without the flicker."""
        made = self._mesh.read("", picture, one.film.face.points5)
        photos = (made, one.person, one.film)
        plain = [self._mesh.embed(photo) for photo in photos]
        blind = [self._blind(photo) for photo in photos]
        distance = self._mesh.distance
        numbers = [distance(own[0], other) for own in (plain, blind) for other in own[1:]]
        real = [self._real(photo.pixels, one.film.face.points5) for photo in (made, one.film)]
        return [*numbers, real[0] - real[1]]

    def _blind(self, photo: Photo) -> Array:
        points = photo.face.landmarks
        assert points is not None  # a photo has them
        embed = self._mesh.models.recognizer.embed
        return np.mean([embed(one, points) for one in relit_copies(photo.pixels)], axis=0)

    def _real(self, picture: Array, points5: Array) -> float:
        face = face_crop(picture, points5)[None].astype(np.float32)
        return float(self._judge.run(None, {"faces": face})[0][0, 0])


def plain_engine(weights: Path) -> AEIEngine:
    """Open a small AEI-Net of ``videoswap train reliableswap``, told by the small encoder."""
    state = load_file(weights)
    width = len(state["encoder.conv1.0.weight"]) / GHOST_WIDTHS[0]
    levels = sum(key.startswith("encoder.conv") and key.endswith(".0.weight") for key in state)
    network = AEINet("unet", 1, NUMBERS, GHOST_WIDTHS[:levels], width)
    network.load_state_dict(state)
    path = require("lite_encoder")
    encoder = load_into("lite_encoder", path, "cpu")
    make = partial(FastAEINet, network.eval(), device="cpu")
    generator = start(make, torch.full((NUMBERS,), NUMBERS**-0.5), "cpu", -1.0, 1.0).generator
    template = TEMPLATES["arcface_112_v2"]
    framing = Framing(
        name="plain",
        key=engine_key("plain", 1, files=[weights, path]),
        target=CropSpec(template, (network.size,)),
        source=CropSpec(template, (SOURCE_SIZE,)),
        batch_size=1,
    )
    return AEIEngine(
        framing, generator, lambda photos: F.normalize(encoder(photos).mean(dim=0, keepdim=True))
    )


def frames(clip: str, first: float, count: int) -> Iterator[Array]:
    """Yield frames (H, W, 3) uint8 RGB from a second on."""
    with av.open(str(MEDIA / clip)) as container:
        for frame in container.decode(video=0):
            if count and frame.time is not None and frame.time >= first - 0.005:
                count -= 1
                yield frame.to_ndarray(format="rgb24")
            if not count:
                return


def fields(picture: Array, crop: Crop) -> Array:
    """Return the light of a face, (8, 8) float64, the mean levels of the middle of its crop."""
    size = len(crop.pixels)
    flags = cv2.INTER_LINEAR
    face = cv2.warpAffine(picture, crop.matrix, (size, size), flags=flags).astype(np.float32)
    part = slice(size // 4, size - size // 4)
    small = resize(np.ascontiguousarray(face[part, part]), FIELDS, FIELDS)
    return small.mean(axis=2).astype(np.float64)


def restless(course: Sequence[Array]) -> float:
    """Return the root mean square of second differences over time."""
    return float(np.sqrt(np.square(np.diff(np.stack(course), 2, axis=0)).mean()))


def flicker(bench: Bench, clip: str, first: float, person: Photo) -> dict[str, float] | None:
    """Return how much more than the film each kind of swap flickers; None without a face."""
    films = [bench.read("", one) for one in frames(clip, first, IN_A_ROW)]
    made = [None if film is None else bench.swap(film, person, TRACK_SIZE) for film in films]
    swaps = [one for one in made if one is not None]
    if len(swaps) < IN_A_ROW:
        return None
    still = restless([fields(one.film.pixels, one.crop) for one in swaps])
    found = {}
    for kind in bench.kinds:
        course = []
        for n, one in enumerate(swaps):
            low = max(0, n - TEMPORAL_RADIUS)
            near = swaps[low : n + TEMPORAL_RADIUS + 1]
            course.append(fields(bench.shown(kind, near, n - low), one.crop))
        found[kind] = restless(course) / still
    return found


def cell(picture: Array, photo: Photo) -> Array:
    """Return the face of a picture, (224, 224, 3) uint8 RGB."""
    low, high = photo.face.box[:2], photo.face.box[2:]
    middle, half = (low + high) / 2, 0.85 * float((high - low).max())
    scale = CELL / (2 * half)
    matrix = np.column_stack([np.eye(2) * scale, CELL / 2 - middle * scale])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    side = (CELL, CELL)
    return np.asarray(
        cv2.warpAffine(picture, matrix, side, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    )


def people(bench: Bench, known: bool) -> list[Photo]:
    """Return the photos of the known or of the held-out pairs."""
    with tempfile.TemporaryDirectory() as name:
        crops = drawn_crops(Path(name))
        chosen = crops[:DRAWN_KNOWN] if known else crops[DRAWN_KNOWN:]
        media = KNOWN_PHOTOS if known else HELD_OUT_PHOTOS
        paths = [*(MEDIA / one for one in media), *chosen]
        read = [bench.read(path.stem, read_picture(path).rgb) for path in paths]
    return [photo for photo in read if photo is not None]


def main() -> None:
    """Swap, measure, print, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--known", action="store_true", help="pairs that may be tuned on")
    parser.add_argument("--weights", type=Path, metavar="FILE")
    parser.add_argument("--plain", type=Path, metavar="FILE", help="a plain AEI-Net as well")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="photo, film, swaps")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    bench = Bench(arguments.weights, arguments.plain)
    photos = people(bench, arguments.known)
    numbers: dict[str, list[list[float]]] = {kind: [] for kind in bench.kinds}
    cells, turn = [], 0
    for clip, first, last in SPANS:
        for share in MOMENTS:
            moment = float(first) + share * (float(last) - float(first))
            film = next((bench.read("", one) for one in frames(clip, moment, 1)), None)
            for _ in range(PHOTOS_A_STILL if film is not None else 0):
                person, turn = photos[turn % len(photos)], turn + 1
                one = bench.swap(film, person)
                if one is None:
                    continue
                pictures = {kind: bench.shown(kind, [one], 0) for kind in bench.kinds}
                for kind, picture in pictures.items():
                    numbers[kind].append(bench.measured(one, picture))
                line = [
                    (person.pixels, person),
                    *((one, film) for one in (film.pixels, *pictures.values())),
                ]
                cells.append(np.hstack([cell(*pair) for pair in line]))
    rows = [
        flicker(bench, clip, float(begin) + 0.5, photos[n % len(photos)])
        for n, (clip, begin, _) in enumerate(SPANS[::2][:ROWS])
    ]
    table = [["swaps", *COLUMNS, "CPU ms a face"]]
    for kind in bench.kinds:
        mean = [f"{one:.3f}" for one in np.mean(numbers[kind], axis=0)]
        own = [one[kind] for one in rows if one is not None]
        cost = f"{1000 * bench.cost(kind, one):.0f}"
        table.append([kind, *mean, f"{np.mean(own):.2f}" if own else "-", cost])
    print(
        f"{len(cells)} stills, {sum(one is not None for one in rows)} rows of {IN_A_ROW} frames\n"
    )
    print(markdown(table))
    if arguments.sheet:
        half = (len(cells) + 1) // 2
        cells += [np.zeros_like(cells[0])] * (2 * half - len(cells))
        picture = np.hstack([np.vstack(cells[:half]), np.vstack(cells[half:])])
        cv2.imwrite(str(arguments.sheet), picture[..., ::-1])


if __name__ == "__main__":
    main()
