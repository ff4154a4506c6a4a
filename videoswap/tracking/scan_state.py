"""What a scan found in a group of frames, and the state it can be continued from."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from ..detection.appearance import Appearance
from ..detection.search import FollowedFace
from ..records import Array, Face
from .samples import Sample
from .shots import FrameFeatures, ShotState
from .tracker import ActiveTrack, Split


@dataclass(frozen=True, slots=True, eq=False)
class FoundFaces:
    """The faces of a frame, without its picture.

    Attributes:
        pts: The frame.
        ids: Tracks of the faces.
        faces: The faces, in pixels of the analysis picture.
    """

    pts: int
    ids: tuple[int, ...]
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ScanState:
    """Everything that is known after a group of frames; plain data.

    Attributes:
        shot: The shot so far.
        followed: Faces to follow.
        active: Tracks that may go on.
        recent: The latest frames of the shot, in which a gap may have begun.
        next_id: Number of the next track.
        scene: Number of the shot, -1 before the first frame.
    """

    shot: ShotState = field(default_factory=ShotState)
    followed: tuple[FollowedFace, ...] = ()
    active: tuple[ActiveTrack, ...] = ()
    recent: tuple[FoundFaces, ...] = ()
    next_id: int = 0
    scene: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class ScannedGroup:
    """What was found in a group of frames.

    Attributes:
        scene: The shot it lies in.
        pts: Its frames.
        faces: (track, face) pairs with landmarks; those that fill a gap may lie in frames before.
        samples: (track, sample) pairs.
        motions: (track, pts, motion) of faces that were seen in the frame before too.
        appearances: (track, appearance) pairs, one or two a track.
        splits: Tracks to be split, after the faces and samples have been added.
        state: What is known after it.
    """

    scene: int
    pts: tuple[int, ...]
    faces: tuple[tuple[int, Face], ...]
    samples: tuple[tuple[int, Sample], ...]
    motions: tuple[tuple[int, int, Array], ...]
    appearances: tuple[tuple[int, Appearance], ...]
    splits: tuple[Split, ...]
    state: ScanState


_STATE_CLASSES = {
    kind.__name__: kind
    for kind in (
        ShotState,
        Face,
        FollowedFace,
        ActiveTrack,
        Sample,
        ScanState,
        FoundFaces,
        FrameFeatures,
    )
}


_NUMBERS = re.compile(r"[<>|][biuf][1248]")  # dtypes of arrays in a state


def to_json(state: ScanState) -> str:
    """Return a state as text."""
    return json.dumps(_plain(state))


def from_json(text: str) -> ScanState:
    """Return the state that was written.

    Raises:
        ValueError: If the text is not a state.
    """
    try:
        state = _rich(json.loads(text))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a state of an analysis") from error
    if not isinstance(state, ScanState):
        raise ValueError("not a state of an analysis")
    return state


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        parts = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        return {"class": type(value).__name__, **parts}
    if isinstance(value, np.ndarray):
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {"class": "array", "dtype": value.dtype.str, "shape": value.shape, "data": data}
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_rich(one) for one in value)
    if not isinstance(value, dict):
        return value
    if value["class"] == "array":
        if not _NUMBERS.fullmatch(value["dtype"]):  # numpy would evaluate other words
            raise ValueError("not an array of numbers")
        data = base64.b64decode(value["data"])
        return np.frombuffer(data, np.dtype(value["dtype"])).reshape(value["shape"]).copy()
    parts = {name: _rich(part) for name, part in value.items() if name != "class"}
    return _STATE_CLASSES[value["class"]](**parts)
