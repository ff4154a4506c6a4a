"""The one pass over original, result and masks in which all metrics are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..detection.base import Landmarker
from ..records import Array, Face
from ..tracking.analysis import RefinedAnalysis
from .face_motion import FaceHistory
from .face_pair import FacePair
from .frame_pairs import FramePair
from .metrics.columns import Collector
from .metrics.families import Families
from .metrics.metric import Family

FRAMES_READ_AHEAD = 100  # frames whose faces are read at once
KEPT_FACE_PAIRS = 2  # face pairs kept of every track


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The columns of a pass.

    Attributes:
        swapped: By the number of the person.
        others: By the number of the person; -1 for faces nobody could be told by.
        frames: Of whole frames.
        count: Frames compared.
    """

    swapped: Mapping[int, Mapping[str, Array]]
    others: Mapping[int, Mapping[str, Array]]
    frames: Mapping[str, Array]
    count: int


def measure(
    pairs: Iterable[FramePair],
    analysis: RefinedAnalysis,
    persons: Mapping[int, int],
    source_at: Callable[[int, int], int | None],
    families: Families,
    landmarker: Landmarker,
    step: int = 1,
    on_frame: Callable[[int], None] | None = None,
) -> Measured:
    """Measure every face and frame.

    Args:
        pairs: The frames.
        analysis: Where the original's faces are.
        persons: Number of the person by track.
        source_at: Gives the index of the source that a track should have in a frame, by number and
            pts; None for one that should be left alone.
        families: What is measured.
        landmarker: Finds fresh landmarks.
        step: Families that look at single frames look at every one of so many.
        on_frame: Called after each frame with its number of faces.
    """
    kept: dict[tuple[bool, int], Collector] = {}
    frames = Collector(name for family in families.frames for name in family.columns)
    earlier: dict[int, tuple[FacePair, ...]] = {}
    count = 0
    for pair, faces in with_faces(pairs, analysis):
        count += 1
        face_pairs = [
            FacePair(pair, track, source_at(track, pair.pts), face, landmarker)
            for track, face in faces
        ]
        chosen = pair.index % step == 0
        to_swap = [face_pair for face_pair in face_pairs if face_pair.source is not None]
        for face_pair in face_pairs:
            matched = face_pair.source is not None
            group = families.swapped if matched else families.others
            history = FaceHistory(
                face_pair,
                _adjoining(earlier.get(face_pair.track, ()), pair.index),
                [other for other in to_swap if other is not face_pair],
            )
            values = _values(group, history, chosen)
            key = matched, persons.get(face_pair.track, -1)
            if key not in kept:
                kept[key] = Collector(name for family in group for name in family.columns)
            kept[key].add(pair, face_pair, values)
            earlier[face_pair.track] = (face_pair, *history.before)[:KEPT_FACE_PAIRS]
        earlier = {face_pair.track: earlier[face_pair.track] for face_pair in face_pairs}
        values = {}
        for frame_family in families.frames:
            values.update(frame_family.measure(pair, face_pairs) if chosen else {})
        frames.add(pair, None, values)
        if on_frame is not None:
            on_frame(len(face_pairs))
    return Measured(
        swapped={person: one.columns for (matched, person), one in kept.items() if matched},
        others={person: one.columns for (matched, person), one in kept.items() if not matched},
        frames=frames.columns,
        count=count,
    )


def with_faces(
    pairs: Iterable[FramePair], analysis: RefinedAnalysis
) -> Iterator[tuple[FramePair, Sequence[tuple[int, Face]]]]:
    """Yield every frame with the (track, face) pairs seen in it."""
    pts = analysis.frames.pts
    faces: Mapping[int, Sequence[tuple[int, Face]]] = {}
    known_to: int | None = None
    for pair in pairs:
        if known_to is None or pair.pts > known_to:
            later = pts[pts >= pair.pts][:FRAMES_READ_AHEAD]
            known_to = int(later[-1]) if later.size else pair.pts
            faces = analysis.faces_between(pair.pts, known_to)
        yield pair, faces.get(pair.pts, ())


def _values(families: Iterable[Family], history: FaceHistory, chosen: bool) -> dict[str, float]:
    values: dict[str, float] = {}
    for family in families:
        if family.over_time or chosen:
            values.update(family.measure(history))
    return values


def _adjoining(face_pairs: tuple[FacePair, ...], index: int) -> tuple[FacePair, ...]:
    """Return the face pairs of the frames just before this one, without a gap."""
    found: list[FacePair] = []
    for face_pair in face_pairs:
        if face_pair.pair.index != index - 1 - len(found):
            break
        found.append(face_pair)
    return tuple(found)
