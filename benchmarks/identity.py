"""Is every swapped face the right person? Distances by the dlib embedding, frame by frame.

    python benchmarks/identity.py [--step 1]

Uses ../shared/media: one person with two sources, and two people across cuts. A frame counts
where the matched person was found in the original; the swapped face is embedded with the
original's landmarks moved to the result (a detector run on the result would choose its own).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
MEDIA = ROOT.parent / "shared" / "media"
sys.path.insert(0, str(ROOT))

from videoswap import SwapSettings, analyze, swap_video  # noqa: E402
from videoswap.crops import FrameSurface  # noqa: E402
from videoswap.detection.face_models import FaceModels  # noqa: E402
from videoswap.people.choosing import match_people  # noqa: E402
from videoswap.people.places import VideoPlaces  # noqa: E402
from videoswap.people.sources import load_target_faces  # noqa: E402
from videoswap.video.probe import probe  # noqa: E402
from videoswap.video.reader import VideoReader  # noqa: E402


@dataclass(frozen=True)
class Row:
    """Distances of one person over a video.

    Attributes:
        label: Source and video.
        frames: Frames measured.
        to_source: Mean distance of the swapped face to its source.
        to_original: Mean distance of the swapped face to the person it replaced.
        nearer: Share of frames in which the source is nearer than the original person.
        right: Share of frames in which its own source is the nearest of all sources.
    """

    label: str
    frames: int
    to_source: float
    to_original: float
    nearer: float
    right: float


def measure(
    video: Path, sources: list[Path], targets: list[Path], step: int, folder: Path
) -> list[Row]:
    """Swap and measure; one row per source."""
    settings = SwapSettings(cache_dir=folder / "cache", overwrite=True)
    out = folder / "out.mp4"
    swap_video(sources, video, out, target_faces=targets, settings=settings)
    tools = FaceModels.load(("CPUExecutionProvider",))
    recognizer = tools.recognizer
    wanted, _ = load_target_faces(sources, tools)
    references, _ = load_target_faces(targets, tools)
    rows = []
    with analyze(video, settings=settings) as analysis:
        places = VideoPlaces(probe(video), analysis)
        _, matching = match_people(places, references, 0.6, recognizer, "Give its target faces.")
        for source, reference in enumerate(wanted):
            tracks = [one.track for one in matching.tracks if one.source == source]
            faces = {
                face.pts: face
                for track in tracks
                for face in analysis.faces(track)
                if face.score > 0
            }
            chosen = {pts: faces[pts] for pts in sorted(faces)[::step]}
            before = embeddings(video, chosen, recognizer)
            after = embeddings(out, chosen, recognizer)
            person = np.mean([before[pts] for pts in chosen], axis=0)
            to_source = np.array(
                [recognizer.distance(after[p], reference.embedding) for p in chosen]
            )
            to_original = np.array(
                [
                    min(
                        recognizer.distance(after[p], person),
                        recognizer.distance(after[p], before[p]),
                    )
                    for p in chosen
                ]
            )
            others = np.array(
                [[recognizer.distance(after[p], one.embedding) for one in wanted] for p in chosen]
            )
            rows.append(
                Row(
                    f"{video.name} {Path(reference.label).stem}",
                    len(chosen),
                    float(to_source.mean()),
                    float(to_original.mean()),
                    float((to_source < to_original).mean()),
                    float((others.argmin(axis=1) == source).mean()),
                )
            )
    return rows


def embeddings(video: Path, faces: dict, recognizer) -> dict:
    """Embed the given faces (pts to face, upright pixels) in the frames of a video."""
    info = probe(video)
    found = {}
    with VideoReader(info) as reader:
        for frame in reader.frames():
            face = faces.get(frame.pts)
            if face is not None:
                surface = FrameSurface(frame.image, info)
                pixels = surface.read((0, 0, info.width, info.height))
                picture = info.orientation.apply(np.rint(pixels).astype(np.uint8))
                found[frame.pts] = recognizer.embed(np.ascontiguousarray(picture), face.landmarks)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", type=int, default=3, help="measure every so many frames")
    step = parser.parse_args().step
    if not MEDIA.is_dir():
        sys.exit("This benchmark needs ../shared/media.")
    jobs = [
        ("nggyup.mp4", ["beckham.jpg"], []),
        ("nggyup.mp4", ["mark.jpg"], []),
        ("dirtydancing.mp4", ["elon_musk.jpg", "mark.jpg"], ["tgt1.png", "tgt2.png"]),
    ]
    print(f"{'':28}{'frames':>7}{'to source':>11}{'to original':>13}{'nearer':>8}{'right':>7}")
    with tempfile.TemporaryDirectory() as name:
        for video, sources, targets in jobs:
            for row in measure(
                MEDIA / video,
                [MEDIA / s for s in sources],
                [MEDIA / t for t in targets],
                step,
                Path(name),
            ):
                print(
                    f"{row.label:28}{row.frames:7}{row.to_source:11.3f}{row.to_original:13.3f}"
                    f"{row.nearer:8.1%}{row.right:7.1%}"
                )


if __name__ == "__main__":
    main()
