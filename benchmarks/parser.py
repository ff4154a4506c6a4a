"""How well the face parser knows the parts of a face, on crops that it never learned from.

    python benchmarks/parser.py [--weights FILE.onnx] [--packed DIR]

Three figures, all on held-out crops of ../shared/faces:

- the intersection over union of every class against the corrected labels, where the packed
  training data is given (`videoswap train prepare parser`): labels of the kind it learned from;
- whether a person wears glasses and has a beard, judged by eye for 167 and 155 crops;
- how far the hairline is off, at 78 places of 16 crops read by eye, in pixels of the crop (256).
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from videoswap.detection.face_parser import (  # noqa: E402
    FRAME_SHARE,
    MODEL,
    PARSED_SIZE,
    FaceParser,
    FacePart,
)
from videoswap.geometry.face_masks import fill_hull  # noqa: E402
from videoswap.training.parser.recipe import class_ious  # noqa: E402
from videoswap.training.shards import (  # noqa: E402
    PackedPictures,
    decode_jpeg,
    is_held,
)

FACES = ROOT.parent / "shared" / "faces"
HELD = 25  # one crop of so many is held out, as in training
HINT, HINT_SHARE = 0.1, 0.03  # of a beard; chosen on these very photos
GLASSES_SHARE, BEARD_SHARE = 0.006, 0.04  # of the face, from which on it wears or has one
#: Judged by eye; the others are without.
WITH_GLASSES = (
    *("real_aaf/06611", "real_aaf/06691", "real_ffhq/00601", "real_ffhq/00767"),
    *("real_ffhq/00997", "real_hq/00071", "real_hq/00184", "real_hq/00217"),
    *("real_hq/00298", "real_hq/00366", "real_hq/00380", "real_hq/00576"),
    *("real_hq/00587", "real_mebeauty/00090", "real_mebeauty/01381", "real_mebeauty/01438"),
    *("real_mebeauty/01595", "real_mebeauty/01694", "real_mebeauty/02096", "real_mebeauty/02326"),
)
DOUBTFUL_GLASSES = (*("real_aaf/06771", "real_ffhq/00905", "real_mebeauty/00382"),)
WITH_BEARD = (
    *("real_ciplab/00408", "real_ciplab/00552", "real_ciplab/00561", "real_ciplab/00629"),
    *("real_ciplab/00711", "real_ciplab/00898", "real_hq/00184", "real_hq/00200"),
    *("real_hq/00298", "real_mebeauty/01412", "real_mebeauty/01485", "real_mebeauty/01541"),
    *("real_mebeauty/01595", "real_mebeauty/01639", "real_mebeauty/01696", "real_mebeauty/01892"),
    *("real_mebeauty/01900", "real_mebeauty/02081", "real_mebeauty/02083", "real_mebeauty/02096"),
    *("real_mebeauty/02326", "real_mebeauty/02462", "real_mebeauty/02472"),
)
DOUBTFUL_BEARD = (
    *("real_hq/00366", "real_hq/00576", "real_ciplab/00765", "real_ffhq/00767"),
    *("real_ciplab/00722", "real_hq/00358", "real_hq/00390", "real_ciplab/01016"),
    *("real_mebeauty/01385", "real_mebeauty/01632", "real_mebeauty/01551", "real_mebeauty/01911"),
    *("real_mebeauty/01590", "real_aaf/10594", "real_hq/00099"),
)
#: Rows at which the hair ends over the forehead, read by eye in these columns.
COLUMNS = (78, 103, 128, 153, 178)
HAIRLINES = {
    "real_aaf/00250": (85, 76, 78, 74, 70),
    "real_aaf/08629": (24, 18, 16, 15, 20),
    "real_ciplab/00310": (49, 39, 35, 35, 40),
    "real_ciplab/00561": (47, 38, 32, 27, 26),
    "real_ciplab/00819": (None, 84, 90, 88, 82),
    "real_ffhq/00997": (90, 90, 86, 68, 75),
    "real_hq/00163": (87, 90, 89, 86, 84),
    "real_mebeauty/00266": (25, 11, 5, 7, 20),
    "real_mebeauty/00484": (28, 15, 10, 10, 24),
    "real_mebeauty/00681": (27, 17, 14, 16, 24),
    "real_mebeauty/00899": (58, 72, 78, 77, 79),
    "real_mebeauty/01080": (27, 17, 14, 15, 25),
    "real_mebeauty/01178": (None, 27, 18, 14, 16),
    "real_mebeauty/01632": (26, 14, 14, 28, 50),
    "real_mebeauty/01900": (25, 20, 17, 17, 40),
    "real_mebeauty/02081": (45, 41, 35, 38, 42),
}


def main() -> None:
    """Print the figures."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--weights", type=Path, default=MODEL)
    words.add_argument("--packed", type=Path)
    arguments = words.parse_args()
    parser = FaceParser(arguments.weights)
    if arguments.packed:
        labels(parser, arguments.packed)
    pictures, marks = crops()
    presence(parser, pictures, marks)
    hairlines(parser, pictures, marks)


def crops() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the pictures that were judged and dlib's landmarks of them, by name."""
    with tarfile.open(FACES / "parsing.tar") as archive:
        names = [name.removesuffix(".png") for name in archive.getnames()]
    wanted = {name for name in names if name.startswith("real_") and is_held(f"{name}.jpg", HELD)}
    pictures = {}
    for path in sorted(FACES.glob("faces-*.tar")):
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.removesuffix(".jpg")
                if name in wanted:
                    pictures[name] = decode_jpeg(archive.extractfile(member).read(), name)
    with np.load(FACES / "landmarks_embeddings.npz") as held:
        names = [name.removesuffix(".jpg") for name in held["name"].tolist()]
        found = dict(zip(names, held["landmarks68"].astype(np.float64), strict=True))
    return pictures, {name: found[name] for name in wanted}


def labels(parser: FaceParser, folder: Path) -> None:
    """Print the intersection over union of held-out labels."""
    packed = PackedPictures(folder)
    answers, wanted, times = [], [], []
    for row in np.flatnonzero(packed.columns["held"]):
        picture, label = packed.picture(int(row)), packed.columns["label"][row]
        scale = FRAME_SHARE * PARSED_SIZE / len(picture)
        shift = (PARSED_SIZE - 1) / 2 - scale * (len(picture) - 1) / 2
        matrix = np.array([[scale, 0, shift], [0, scale, shift]])
        size = (PARSED_SIZE, PARSED_SIZE)
        framed = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        started = time.process_time()
        answers.append(parser.parse_framed(framed[None])[0].argmax(axis=0))
        times.append(time.process_time() - started)
        wanted.append(cv2.warpAffine(label, matrix, size, flags=cv2.INTER_NEAREST, borderValue=255))
    found = class_ious(np.stack(answers), np.stack(wanted))
    print(f"{len(answers)} held-out labels, {1e3 * np.median(times):.1f} ms of a core a face")
    for name, value in found.items():
        print(f"  {name:10} {value:.3f}")


def presence(
    parser: FaceParser, pictures: dict[str, np.ndarray], marks: dict[str, np.ndarray]
) -> None:
    """Print how often glasses and beards are found where they are, and where they are not."""
    for part, sure, least, having, doubtful in (
        (FacePart.GLASSES, 0.5, GLASSES_SHARE, WITH_GLASSES, DOUBTFUL_GLASSES),
        (FacePart.BEARD, 0.5, BEARD_SHARE, WITH_BEARD, DOUBTFUL_BEARD),
        (FacePart.BEARD, HINT, HINT_SHARE, WITH_BEARD, DOUBTFUL_BEARD),
    ):
        lacking = sorted(set(pictures) - set(having) - set(doubtful))
        shares = {}
        for name in (*having, *lacking):
            parts = parser.parse(pictures[name], marks[name])
            mask = parts.mask(part, width=256, height=256) > sure
            face = fill_hull(marks[name], 256) > 0.5
            shares[name] = (mask & face).sum() / face.sum()
        hits = [name for name in having if shares[name] >= least]
        false = [name for name in lacking if shares[name] >= least]
        print(
            f"{part.name.lower()} from {sure} on: found in {len(hits)} of {len(having)} with, "
            f"in {len(false)} of {len(lacking)} without"
        )


def hairlines(
    parser: FaceParser, pictures: dict[str, np.ndarray], marks: dict[str, np.ndarray]
) -> None:
    """Print how far the hairline is off."""
    errors = []
    for name, heights in HAIRLINES.items():
        parts = parser.parse(pictures[name], marks[name])
        hair = parts.mask(FacePart.HAIR, width=256, height=256)
        for column, height in zip(COLUMNS, heights, strict=True):
            if height is not None:
                low = int(marks[name][36:48, 1].max())
                rows = np.flatnonzero(hair[:low, column] > 0.5)
                errors.append(abs((rows[-1] + 1 if len(rows) else 0) - height))
    print(
        f"hairline: {len(errors)} places, median {np.median(errors):.1f} pixels off, "
        f"mean {np.mean(errors):.1f}, {100 * np.mean(np.array(errors) > 10):.0f} % by more than 10"
    )


if __name__ == "__main__":
    main()
