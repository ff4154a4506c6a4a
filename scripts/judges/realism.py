"""Train the network that tells real faces from warped ones, and write its ONNX file.

    python scripts/judges/realism.py --faces ../shared/faces \
        --dense weights/mediapipe/face_landmark_with_attention.tflite

Every real photo comes with copies of itself that carry another face, put in by the ways of
``ways.py``. A photo and its copy get the same light, blur, noise and compression, so that none of
these tells them apart. Held out are every tenth person, gradient-domain cloning, and both ways of
this project's engine `mesh`. Prints the area under the curve for every way. About 20 minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
import ways
from faces import crops, degraded
from torch import nn

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts" / "occlusion")]

from loop import save_graph  # noqa: E402

from videoswap import FrameSwap, composite, crop_face  # noqa: E402
from videoswap.compositing.finisher import Finisher  # noqa: E402
from videoswap.detection.dense_landmarks import DenseLandmarker  # noqa: E402
from videoswap.engines.mesh.engine import MeshEngine  # noqa: E402
from videoswap.evaluation.metrics import realism  # noqa: E402
from videoswap.evaluation.verification import area_under_curve  # noqa: E402
from videoswap.geometry.affine import five_points  # noqa: E402
from videoswap.records import Face, Photo  # noqa: E402

SEED = 14
COPIES = 2  # of every photo to learn from
KEPT_SIZE = 144  # pixels of a kept crop
CHECKED = 200  # photos of held-out people
PAIRS = 16  # of a photo and its copy in a batch
ENGINE = "engine"
DEGRADED = 0.6  # of the samples


class Judge(nn.Module):
    """Pixels to how real a face is: a logit."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(6, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
        ]
        before = 16
        for width, stride in ((24, 1), (32, 2), (32, 1), (48, 2), (48, 1), (64, 2), (64, 1)):
            layers += [
                nn.Conv2d(before, before, 3, stride=stride, padding=1, groups=before, bias=False),
                nn.BatchNorm2d(before),
                nn.Conv2d(before, width, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            before = width
        self.body = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(2 * before, 1)

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """Map (N, 96, 96, 3), 0 to 255, to (N, 1); every face is brought to one light first."""
        pixels = faces.permute(0, 3, 1, 2)
        mean = pixels.mean((1, 2, 3), keepdim=True)
        spread = ((pixels - mean) ** 2).mean((1, 2, 3), keepdim=True).sqrt()
        coarse = nn.functional.avg_pool2d(pixels, 5, 1, 2, count_include_pad=False)
        fine = (pixels - coarse) / (0.2 * spread + 2.0)
        found = self.body(torch.cat([(pixels - mean) / (spread + 4.0), fine], dim=1))
        # The mean says what is everywhere, the greatest what is in one place, such as a seam.
        return self.head(self.drop(torch.cat([found.mean((2, 3)), found.amax((2, 3))], dim=1)))


def small(picture: np.ndarray) -> np.ndarray:
    """Return a crop at the size at which it is kept."""
    return cv2.resize(picture, (KEPT_SIZE, KEPT_SIZE), interpolation=cv2.INTER_AREA)


def by_engine(donor: np.ndarray, source: Face, film: np.ndarray, face: Face) -> np.ndarray:
    """Return a film's face swapped by this project's engine."""
    engine = MeshEngine()
    identity = engine.identity([Photo("donor", donor, source)])
    crop = crop_face(film, face, engine.spec)
    if crop is None:
        return film
    swapped = engine.paint([crop], [identity.data])[0]
    finished = Finisher().finish([FrameSwap(crop, swapped)])
    made = film.copy()
    composite(made, crop, finished.pixels, mask=finished.mask)
    return made


def face_of(points: np.ndarray, dense: np.ndarray | None = None) -> Face:
    """Return the record of a face with these landmarks."""
    box = np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)
    return Face(box, five_points(points), 0.9, landmarks=points, dense_landmarks=dense)


def gathered(folder: Path, dense: Path) -> dict[str, np.ndarray]:
    """Return real photos and their copies: pictures, the number of the photo, the way, held out."""
    random = np.random.default_rng(SEED)
    faces = list(crops(folder, ("real_",)))
    shapes = np.array([one.landmarks.ravel() for one in faces])
    # People of the one part never appear in the other, as photo or as donor.
    parts = [np.nonzero([one.held is held for one in faces])[0] for held in (False, True)]
    landmarker = DenseLandmarker(dense)
    found: dict[str, list] = {name: [] for name in ("picture", "photo", "way", "held")}

    def keep(picture: np.ndarray, photo: int, way: str, held: bool) -> None:
        values = small(picture), photo, way, held
        for kept, value in zip(found.values(), values, strict=True):
            kept.append(value)

    for held, part in zip((False, True), parts, strict=True):
        for place, number in enumerate(part[: CHECKED if held else None]):
            film = faces[number]
            keep(film.picture, number, "real", held)
            names = (
                [*ways.LEARNED, *ways.HELD_OUT]
                if held
                else random.choice([*ways.LEARNED], COPIES, replace=False)
            )
            for name in names:
                donor = faces[part[ways.donor_of(random, shapes[part], place)]]
                way = {**ways.LEARNED, **ways.HELD_OUT}[str(name)]
                made = way(random, donor.picture, donor.landmarks, film.picture, film.landmarks)
                keep(made, number, str(name), held)
            if held:
                donor = faces[part[ways.donor_of(random, shapes[part], place)]]
                meshes = [
                    landmarker.landmarks(one.picture, five_points(one.landmarks))
                    for one in (donor, film)
                ]
                for name, points in (("thin-plate", (None, None)), ("chart", meshes)):
                    if name == "chart" and None in points:
                        continue
                    records = [
                        face_of(one.landmarks, None if mesh is None else mesh.points)
                        for one, mesh in zip((donor, film), points, strict=True)
                    ]
                    keep(
                        by_engine(donor.picture, records[0], film.picture, records[1]),
                        number,
                        f"{ENGINE} {name}",
                        True,
                    )
            if place % 200 == 0:
                print(held, place, flush=True)
    return {name: np.array(values) for name, values in found.items()}


def seen(picture: np.ndarray, seed: int) -> np.ndarray:
    """Return a kept crop as a film might show it; the same seed does the same to another one."""
    random = np.random.default_rng(seed)
    if random.random() < 0.5:
        picture = picture[:, ::-1]
    made = np.ascontiguousarray(picture)
    if random.random() < DEGRADED:
        made = degraded(made, random, 0.5)
    size = realism.FACE_SIZE
    scale = size / KEPT_SIZE * random.uniform(0.95, 1.12)
    middle = (KEPT_SIZE - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), random.normal(0, 4), scale)
    matrix[:, 2] += (size - 1) / 2 - middle + random.normal(0, 0.02 * size, 2)
    return cv2.warpAffine(made, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)


def scores(network: nn.Module, pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return how real pictures are said to be."""
    network.eval()
    with torch.no_grad():
        batch = np.stack([seen(one, seed) for one, seed in zip(pictures, seeds, strict=True)])
        return network(torch.tensor(batch).float())[:, 0].numpy()


def check(network: nn.Module, data: dict[str, np.ndarray]) -> str:
    """Return what is reached with every way on held-out people.

    The area under the curve, and the share of copies that are less real than their own photo.
    """
    held = data["held"]
    photos = held & (data["way"] == "real")
    real = scores(network, data["picture"][photos], data["photo"][photos])
    of_photo = dict(zip(data["photo"][photos].tolist(), real.tolist(), strict=True))
    lines = []
    for way in dict.fromkeys(data["way"][held]):
        if way == "real":
            continue
        chosen = held & (data["way"] == way)
        said = scores(network, data["picture"][chosen], data["photo"][chosen])
        same = np.concatenate([np.ones(len(real), bool), np.zeros(len(said), bool)])
        found = area_under_curve(np.concatenate([real, said]), same)
        own = np.array([of_photo[one] for one in data["photo"][chosen].tolist()])
        lines.append(f"{way} {found:.3f} ({(said < own).mean():.2f})")
    return ", ".join(lines)


def train(data: dict[str, np.ndarray], steps: int, out: Path) -> None:
    """Train and write the network."""
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    copies = np.nonzero(~data["held"] & (data["way"] != "real"))[0]
    real = {
        photo: number for number, photo in enumerate(data["photo"]) if data["way"][number] == "real"
    }
    network = Judge()
    print(sum(one.numel() for one in network.parameters()), "parameters;", len(copies), "copies")
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, steps, pct_start=0.15)
    for step in range(steps):
        network.train()
        chosen = random.choice(copies, PAIRS, replace=False)
        seeds = random.integers(1 << 30, size=PAIRS)
        pictures = [
            seen(data["picture"][one], seed) for one, seed in zip(chosen, seeds, strict=True)
        ]
        pictures += [
            seen(data["picture"][real[data["photo"][one]]], seed)
            for one, seed in zip(chosen, seeds, strict=True)
        ]
        logits = network(torch.tensor(np.stack(pictures)).float())[:, 0]
        truth = torch.cat([torch.zeros(PAIRS), torch.ones(PAIRS)])
        apart = logits[PAIRS:] - logits[:PAIRS]
        loss = nn.functional.binary_cross_entropy_with_logits(logits, truth)
        loss = loss + nn.functional.softplus(-apart).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 300 == 299:
            print(step + 1, round(float(loss.detach()), 3), check(network, data), flush=True)
            save_graph(
                network, {"faces": (1, realism.FACE_SIZE, realism.FACE_SIZE, 3)}, ("real",), out
            )
    print("held out:", check(network, data))
    save_graph(network, {"faces": (1, realism.FACE_SIZE, realism.FACE_SIZE, 3)}, ("real",), out)


def main() -> None:
    """Gather, train, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faces", type=Path, default=ROOT.parent / "shared" / "faces")
    parser.add_argument("--dense", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=realism.MODEL.with_suffix(""))
    parser.add_argument("--kept", type=Path, help="keep photos and copies in this file")
    parser.add_argument("--steps", type=int, default=1800)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    if arguments.kept and arguments.kept.is_file():
        data = dict(np.load(arguments.kept))
    else:
        data = gathered(arguments.faces, arguments.dense)
        if arguments.kept:
            np.savez(arguments.kept, **data)
    train(data, arguments.steps, arguments.out)


if __name__ == "__main__":
    main()
