"""Train the networks that read how far eyes and mouth are open, and write their ONNX files.

    python scripts/judges/openings.py --faces ../shared/faces \
        --dense weights/mediapipe/face_landmark_with_attention.tflite

Labels are the means of three readings that know nothing of each other: dlib's 68 landmarks,
MediaPipe's dense ones and the parser's labels; where they disagree the crop is left out. Photos
hardly ever show shut eyes, so lids are closed by known amounts: the upper lid is drawn down over
the eye, column by column. Minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from faces import crops, degraded
from torch import nn

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts" / "occlusion")]

from loop import save_graph  # noqa: E402

from videoswap.detection.dense_landmarks import DenseLandmarker  # noqa: E402
from videoswap.evaluation.metrics import openings  # noqa: E402
from videoswap.geometry.affine import Square, five_points, transform  # noqa: E402
from videoswap.geometry.face_mesh import EYES  # noqa: E402
from videoswap.geometry.resample import warp  # noqa: E402

SEED = 14
WIDER = 1.5  # squares that are kept, so that they can be moved
KEPT_SIZE = 72  # their pixels
DISAGREEMENT = 2.5  # standard deviations of the differences of readings
CLOSED_SHARE = 0.5  # of the samples of eyes
BATCH = 64
IRIS_BAND = 2  # rows of lashes that move with the lid
UPPER = 8  # points of a lid's outline after the first corner, up to the second


class Reader(nn.Module):
    """Pixels to one opening."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in (16, 32, 48):
            layers += [
                nn.Conv2d(before, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, stride=2, padding=1, groups=width, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            before = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(before * 16, 24), nn.ReLU(), nn.Linear(24, 1)
        )

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Map (N, 32, 32, 3), 0 to 255, to (N, 1); every patch is brought to one light first."""
        pixels = patches.permute(0, 3, 1, 2)
        mean = pixels.mean((1, 2, 3), keepdim=True)
        spread = ((pixels - mean) ** 2).mean((1, 2, 3), keepdim=True).sqrt()
        return self.head(self.body((pixels - mean) / (spread + 4.0)))


def widened(square: Square) -> Square:
    """Return the square of a kept patch around the network's own."""
    return Square(square.x, square.y, square.side * WIDER, square.angle)


def lid_curves(lids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (KEPT_SIZE,) of upper and lower lid of an outline (16, 2); NaN beside it."""
    columns = np.arange(KEPT_SIZE)
    upper, lower = lids[: UPPER + 1], np.vstack([lids[UPPER:], lids[:1]])[::-1]
    return tuple(
        np.interp(columns, one[:, 0], one[:, 1], left=np.nan, right=np.nan)
        for one in (upper, lower)
    )


def closed(picture: np.ndarray, lids: np.ndarray, share: float) -> np.ndarray:
    """Return an eye whose upper lid is drawn down.

    Args:
        picture: (KEPT_SIZE, KEPT_SIZE, 3) uint8.
        lids: (16, 2) outline, from the left corner over the upper lid.
        share: Of the opening that goes.
    """
    upper, lower = lid_curves(lids)
    known = np.isfinite(upper)
    width = np.ptp(lids[:, 0])
    drop = np.where(known, share * np.maximum(lower - upper, 0), 0)
    drop = cv2.GaussianBlur(drop[None].astype(np.float32), (0, 0), 1.0)[0]
    upper = np.where(known, upper, lids[0, 1]) + IRIS_BAND
    rows, columns = np.mgrid[:KEPT_SIZE, :KEPT_SIZE].astype(np.float32)
    height = np.maximum(0.45 * width, 6.0)  # of the skin above that is stretched
    start, reach = upper - height, height + drop
    inside = (rows > start) & (rows <= upper + drop)
    source = np.where(inside, start + (rows - start) * height / reach, rows)
    return cv2.remap(picture, columns, source.astype(np.float32), cv2.INTER_LINEAR)


def readings(crop, dense: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what dlib, MediaPipe and the labels say: eyes (2, 3) and mouth (3,)."""
    points, labels = crop.landmarks, crop.labels
    unit = np.hypot(*(points[45] - points[36]))
    eyes = []
    for number, first in enumerate((36, 42)):
        eye = points[first : first + 6]
        own = np.hypot(*(eye[1] - eye[5])) + np.hypot(*(eye[2] - eye[4]))
        own /= 2 * np.hypot(*(eye[3] - eye[0]))
        lids = dense[EYES[number], :2]
        gap = np.mean([np.hypot(*(lids[n] - lids[16 - n])) for n in (3, 4, 5)])
        width = np.hypot(*(lids[8] - lids[0]))
        square = widened(openings.eye_square(points, number))
        patch = warp((labels == 3).astype(np.float32), square.to_region(KEPT_SIZE, -0.5), KEPT_SIZE)
        seen = patch > 0.5
        heights, columns = seen.sum(axis=0), np.nonzero(seen.any(axis=0))[0]
        parsed = heights.max() / max(np.ptp(columns) + 1, 8) if columns.size else 0.0
        eyes.append((own, gap / width, parsed))
    own = np.hypot(*(points[61:64] - points[[67, 66, 65]]).T).mean() / unit
    gap = np.mean(
        [np.hypot(*(dense[a, :2] - dense[b, :2])) for a, b in ((82, 87), (13, 14), (312, 317))]
    )
    mouth = warp(
        (labels == 5).astype(np.float32),
        openings.mouth_square(points).to_region(KEPT_SIZE, -0.5),
        KEPT_SIZE,
    )
    parsed = (
        np.sort((mouth > 0.5).sum(axis=0))[-KEPT_SIZE // 6 :].mean()
        / KEPT_SIZE
        * openings.MOUTH_REACH
    )
    return np.array(eyes), np.array((own, gap / unit, parsed))


def consensus(read: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (N,) of three readings (N, 3) in the unit of the second, and who agrees."""
    fitted = []
    for one in read.T:
        slope, shift = np.polyfit(one, read[:, 1], 1)
        fitted.append(slope * one + shift)
    values = np.array(fitted)
    spread = values.std(axis=0)
    print("correlations of the readings:", np.corrcoef(read.T).round(2)[np.triu_indices(3, 1)])
    return values.mean(axis=0), spread < DISAGREEMENT * np.median(spread)


def gathered(folder: Path, dense: Path) -> dict[str, np.ndarray]:
    """Return patches, lids, readings and which are held out."""
    landmarker = DenseLandmarker(dense)
    found: dict[str, list] = {name: [] for name in ("eye", "lids", "eyes", "mouth", "lips", "held")}
    for crop in crops(folder, ("real_", "syn_sg")):
        mesh = landmarker.landmarks(crop.picture, five_points(crop.landmarks))
        if mesh is None:
            continue
        eyes, lips = readings(crop, mesh.points)
        for number in (0, 1):
            matrix = widened(openings.eye_square(crop.landmarks, number)).to_region(KEPT_SIZE, -0.5)
            patch, lids = (
                warp(crop.picture, matrix, KEPT_SIZE),
                transform(matrix, mesh.points[EYES[number], :2]),
            )
            if number:
                patch = patch[:, ::-1]
                lids = np.stack([KEPT_SIZE - 1 - lids[:, 0], lids[:, 1]], axis=1)
                # From the left corner over the upper lid again.
                lids = np.vstack([lids[UPPER::-1], lids[:UPPER:-1]])
            found["eye"].append(patch)
            found["lids"].append(lids.astype(np.float32))
            found["eyes"].append(eyes[number])
        matrix = widened(openings.mouth_square(crop.landmarks)).to_region(KEPT_SIZE, -0.5)
        found["mouth"].append(warp(crop.picture, matrix, KEPT_SIZE))
        found["lips"].append(lips)
        found["held"].append(crop.held)
    return {name: np.array(values) for name, values in found.items()}


def moved(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the middle of a kept patch, moved and turned a little, at the network's size."""
    scale = openings.PATCH_SIZE / KEPT_SIZE * WIDER * random.uniform(0.88, 1.14)
    middle = (KEPT_SIZE - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), random.normal(0, 5), scale)
    target = (openings.PATCH_SIZE - 1) / 2
    matrix[:, 2] += target - middle + random.normal(0, 0.05 * openings.PATCH_SIZE, 2)
    soft = cv2.GaussianBlur(picture, (0, 0), 0.8)
    return cv2.warpAffine(soft, matrix, (openings.PATCH_SIZE,) * 2, borderMode=cv2.BORDER_REPLICATE)


def sample(data, kind: str, number: int, label: float, random: np.random.Generator, hard=True):
    """Return a patch and its opening."""
    picture = np.ascontiguousarray(data[kind][number])
    if kind == "eye" and random.random() < CLOSED_SHARE:
        share = 1.0 if random.random() < 0.5 else random.uniform(0, 1)
        picture, label = closed(picture, data["lids"][number], share), label * (1 - share)
    if hard:
        if random.random() < 0.5 and kind == "mouth":
            picture = np.ascontiguousarray(picture[:, ::-1])
        picture = degraded(picture, random)
    return moved(picture, random), label


def train(data, kind: str, steps: int, out: Path) -> None:
    """Train one network and write it."""
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    read, held = (
        (data["eyes"], np.repeat(data["held"], 2))
        if kind == "eye"
        else (data["lips"], data["held"])
    )
    labels, agreed = consensus(read)
    labels = np.maximum(labels, 0)
    learned, kept = np.nonzero(~held & agreed)[0], np.nonzero(held & agreed)[0]
    print(
        kind,
        len(learned),
        "to learn,",
        len(kept),
        "held out; mean",
        labels.mean().round(3),
        "spread",
        labels.std().round(3),
    )
    # Openings that are rare are drawn as often as others.
    bins = np.digitize(labels[learned], np.quantile(labels[learned], [0.02, 0.1, 0.5, 0.9, 0.98]))
    weight = 1 / np.bincount(bins)[bins] ** 0.5
    network = Reader()
    print(sum(one.numel() for one in network.parameters()), "parameters")
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps)
    for step in range(steps):
        numbers = random.choice(learned, BATCH, p=weight / weight.sum())
        batch = [sample(data, kind, one, labels[one], random) for one in numbers]
        patches = torch.tensor(np.stack([one for one, _ in batch])).float()
        truth = torch.tensor([label for _, label in batch]).float()
        loss = nn.functional.smooth_l1_loss(network(patches)[:, 0], truth, beta=0.03)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 499:
            print(step + 1, round(float(loss.detach()) * 1000, 2), flush=True)
    network.eval()
    check = np.random.default_rng(SEED)
    batch = [sample(data, kind, one, labels[one], check) for one in kept]
    with torch.no_grad():
        said = network(torch.tensor(np.stack([one for one, _ in batch])).float())[:, 0].numpy()
    truth = np.array([label for _, label in batch])
    print(
        f"held out: correlation {np.corrcoef(said, truth)[0, 1]:.3f}, "
        f"mean error {np.abs(said - truth).mean():.3f}"
    )
    save_graph(
        network, {"patches": (1, openings.PATCH_SIZE, openings.PATCH_SIZE, 3)}, ("opening",), out
    )


def main() -> None:
    """Gather, train, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faces", type=Path, default=ROOT.parent / "shared" / "faces")
    parser.add_argument("--dense", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=openings.EYE_MODEL.parent)
    parser.add_argument("--kept", type=Path, help="keep the gathered patches in this file")
    parser.add_argument("--steps", type=int, default=1350, help="of each network")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    if arguments.kept and arguments.kept.is_file():
        data = dict(np.load(arguments.kept))
    else:
        data = gathered(arguments.faces, arguments.dense)
        if arguments.kept:
            np.savez(arguments.kept, **data)
    for kind in ("eye", "mouth"):
        train(data, kind, arguments.steps, arguments.out / f"{kind}_opening")


if __name__ == "__main__":
    main()
