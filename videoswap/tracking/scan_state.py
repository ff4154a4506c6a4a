"""Writes the state of an unfinished pass as JSON and reads it back, exactly."""

from __future__ import annotations

import base64
import json
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ..detection.face_detector import Detection
from ..detection.search import Followed
from .samples import Sample
from .scan import ScanState, Seen
from .shots import CutState, Thumb
from .tracker import Live

CLASSES = {
    kind.__name__: kind
    for kind in (CutState, Detection, Followed, Live, Sample, ScanState, Seen, Thumb)
}


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
    except (KeyError, TypeError, AttributeError) as error:
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
        data = base64.b64decode(value["data"])
        return np.frombuffer(data, np.dtype(value["dtype"])).reshape(value["shape"]).copy()
    parts = {name: _rich(part) for name, part in value.items() if name != "class"}
    return CLASSES[value["class"]](**parts)
