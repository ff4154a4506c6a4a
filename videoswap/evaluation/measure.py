"""One pass over original, result and masks in which everything is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..detection.landmarks import Landmarker
from ..records import Array, Face
from ..tracking.analysis import Analysis
from .face_pair import Look, Moment
from .metrics.metric import Collector, Family, FrameFamily
from .pairs import Pair

LOOK_AHEAD = 100  # frames whose faces are read at once
HISTORY = 2  # looks kept of every track


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """What is measured.

    Attributes:
        swapped: Of faces that should be swapped.
        others: Of faces that should be left alone.
        frames: Of whole frames.
    """

    swapped: Sequence[Family]
    others: Sequence[Family]
    frames: Sequence[FrameFamily]


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
    pairs: Iterable[Pair],
    analysis: Analysis,
    persons: Mapping[int, int],
    sources: Mapping[int, int],
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
        sources: Index of the source by track, for the tracks that should be swapped.
        families: What is measured.
        landmarker: Finds fresh landmarks.
        step: Families that look at single frames look at every one of so many.
        on_frame: Called after each frame with its number of faces.
    """
    kept: dict[tuple[bool, int], Collector] = {}
    frames = Collector(name for family in families.frames for name in family.columns)
    history: dict[int, tuple[Look, ...]] = {}
    count = 0
    for pair, faces in with_faces(pairs, analysis):
        count += 1
        looks = [Look(pair, track, sources.get(track), face, landmarker) for track, face in faces]
        chosen = pair.index % step == 0
        to_swap = [look for look in looks if look.source is not None]
        for look in looks:
            matched = look.source is not None
            group = families.swapped if matched else families.others
            moment = Moment(
                look,
                _adjoining(history.get(look.track, ()), pair.index),
                [other for other in to_swap if other is not look],
            )
            values = _values(group, moment, chosen)
            key = matched, persons.get(look.track, -1)
            if key not in kept:
                kept[key] = Collector(name for family in group for name in family.columns)
            kept[key].add(pair, look, values)
            history[look.track] = (look, *moment.before)[:HISTORY]
        history = {look.track: history[look.track] for look in looks}
        values = {}
        for frame_family in families.frames:
            values.update(frame_family.measure(pair, looks) if chosen else {})
        frames.add(pair, None, values)
        if on_frame is not None:
            on_frame(len(looks))
    return Measured(
        swapped={person: one.columns for (matched, person), one in kept.items() if matched},
        others={person: one.columns for (matched, person), one in kept.items() if not matched},
        frames=frames.columns,
        count=count,
    )


def with_faces(
    pairs: Iterable[Pair], analysis: Analysis
) -> Iterator[tuple[Pair, Sequence[tuple[int, Face]]]]:
    """Yield every frame with the (track, face) pairs seen in it."""
    pts = analysis.frames.pts
    faces: Mapping[int, Sequence[tuple[int, Face]]] = {}
    known_to: int | None = None
    for pair in pairs:
        if known_to is None or pair.pts > known_to:
            later = pts[pts >= pair.pts][:LOOK_AHEAD]
            known_to = int(later[-1]) if later.size else pair.pts
            faces = analysis.faces_between(pair.pts, known_to)
        yield pair, faces.get(pair.pts, ())


def _values(families: Iterable[Family], moment: Moment, chosen: bool) -> dict[str, float]:
    values: dict[str, float] = {}
    for family in families:
        if family.over_time or chosen:
            values.update(family.measure(moment))
    return values


def _adjoining(looks: tuple[Look, ...], index: int) -> tuple[Look, ...]:
    """Return the looks of the frames just before this one, without a gap."""
    found: list[Look] = []
    for look in looks:
        if look.pair.index != index - 1 - len(found):
            break
        found.append(look)
    return tuple(found)
