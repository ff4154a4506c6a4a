"""Presence of the swap: fall-back frames, missed faces, changed bystanders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from ...detection.face_models import FaceModels
from ...detection.search import FaceSearch
from ...records import Array, Face
from ...settings import AnalysisSettings
from ..face_motion import FaceHistory
from ..face_pair import FacePair
from ..frame_pairs import FramePair
from .columns import mean, runs, total
from .metric import ZERO, Metric, at_least

BLUR_SIGMA = 0.03  # of the window, standard deviation of the blur: encoder noise averages out
MIN_DIFFERENCE = 1.5  # levels by which a smooth picture must differ to count as changed
NOISE_FACTOR = 3.0  # times what changed around the face
MIN_CHANGED_FRACTION = 0.2  # of the face: less than this is no swap, more is one
# Of a face that no swapped face may cover, so that something can be said of it.
MIN_VISIBLE_FRACTION = 0.3


def changed_share(face_pair: FacePair, others: Sequence[FacePair] = ()) -> float:
    """Return the share of the face, 0 to 1, where the result shows something else.

    Both pictures are blurred, so that the noise of another encoding averages out, and compared
    in luma and chroma. A pixel counts as changed where it differs by more than ``MIN_DIFFERENCE``
    levels and by ``NOISE_FACTOR`` times the 90th percentile of the surroundings, which no swap
    touches.

    Args:
        face_pair: The face.
        others: Swapped faces, whose pixels are left out.

    Returns:
        NaN if the others cover nearly all of the face.
    """
    sigma = max(1.0, BLUR_SIGMA * (face_pair.window[2] - face_pair.window[0]))
    smooth = [
        cv2.GaussianBlur(cv2.cvtColor(one, cv2.COLOR_RGB2YCrCb).astype(np.float32), (0, 0), sigma)
        for one in (face_pair.original, face_pair.result)
    ]
    apart: Array = np.abs(smooth[0] - smooth[1]).max(axis=2)
    alone = np.ones(apart.shape[:2], np.uint8)
    for other in others:
        alone[other.drawn_in(face_pair.window)] = 0
    reach = 2 * round(2 * sigma) + 1
    free: Array = cv2.erode(alone, np.ones((reach, reach), np.uint8), borderValue=1) > 0
    face = face_pair.inside & free
    if np.count_nonzero(face) < max(1.0, MIN_VISIBLE_FRACTION * np.count_nonzero(face_pair.inside)):
        return float("nan")
    around = ~face_pair.inside & free
    if face_pair.mask is not None:
        around &= face_pair.mask == 0
    noise = float(np.percentile(apart[around], 90)) if around.any() else 0.0
    return float((apart[face] > max(MIN_DIFFERENCE, NOISE_FACTOR * noise)).mean())


class FallbackFamily:
    """Frames in which a swapped face falls back to the original one.

    Definition: a matched track has its face in a frame, found or filled, and there the result
    shows the original: fewer than ``MIN_CHANGED_FRACTION`` of the face's pixels changed by more
    than encoding explains, or the mask is empty over the face. Unit: frames; and times, each a run
    of such frames in a row. Good: 0; such frames flicker.
    """

    over_time = True
    columns = ("changed", "fallback")
    metrics = (
        Metric("fallback_frames", "fall-back frames", "frames", total("fallback"),
               plot=("changed",), worst="fallback", good=ZERO),
        Metric("fallback_runs", "times it falls back", "times", runs("fallback"), good=ZERO),
        # A fringe, glasses or a hand may cover a fifth of a face.
        Metric("changed_share", "share of the face changed", "", mean("changed"),
               good=at_least(0.8)),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        now = history.now
        share = changed_share(now)
        empty = now.mask is not None and not (now.mask[now.inside] >= 128).any()
        return {"changed": share, "fallback": float(share < MIN_CHANGED_FRACTION or empty)}


class BystanderFamily:
    """Frames in which somebody who should be left alone was changed.

    Definition: the face of a track without a source in which more than ``MIN_CHANGED_FRACTION`` of
    the pixels, those in front of which a swapped face is left out, changed by more than encoding
    explains. Unit: frames. Good: 0.
    """

    over_time = True
    columns = ("changed", "disturbed")
    metrics = (
        Metric("changed_bystander_frames", "changed though not asked for", "frames",
               total("disturbed"), worst="disturbed", good=ZERO),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        share = changed_share(history.now, history.swapped)
        return (
            {}
            if np.isnan(share)
            else {"changed": share, "disturbed": float(share > MIN_CHANGED_FRACTION)}
        )


class MissedFamily:
    """People to be swapped who show the original where no track says so.

    Definition: the original is searched as a whole by the detector, frame by frame and without
    tracking. A face that lies on none of the tracked ones, that is by its embedding one of the
    people to be swapped (within the encoder's limit for one person), and where the result shows
    the original, was missed. Unit: faces. Good: 0. The fall-back frames cannot show these, since
    they are looked for where the analysis of the original sees a face.
    """

    columns = ("missed",)
    metrics = (
        Metric(
            "missed_faces", "faces overlooked", "faces", total("missed"), worst="missed", good=ZERO
        ),
    )

    def __init__(
        self, wanted: Sequence[Array], tools: FaceModels, settings: AnalysisSettings
    ) -> None:
        """Prepare.

        Args:
            wanted: Embeddings of the people to be swapped.
            tools: The face tools.
            settings: How faces are looked for.
        """
        self._wanted = wanted
        self._tools = tools
        self._settings = settings
        self._search = FaceSearch(tools.detector, settings)

    def measure(self, pair: FramePair, face_pairs: Sequence[FacePair]) -> Mapping[str, float]:
        """See FrameFamily."""
        known = [face_pair.face.box for face_pair in face_pairs]
        least = float(self._settings.min_face) * pair.original.shape[0]
        found = [
            one
            for one in self._search.whole(pair.original)
            if one.size >= least and not any(_inside(one, box) for box in known)
        ]
        return {"missed": float(sum(self._missed(pair, one) for one in found))}

    def _missed(self, pair: FramePair, one: Face) -> bool:
        landmarks = self._tools.landmarker.landmarks(pair.original, one.points5)
        recognizer = self._tools.recognizer
        embedding = recognizer.embed(pair.original, landmarks)
        apart = min(recognizer.distance(embedding, other) for other in self._wanted)
        if apart > recognizer.cluster_threshold:
            return False
        face = replace(one, score=min(one.score, 1.0), landmarks=landmarks, pts=pair.pts)
        return (
            changed_share(FacePair(pair, -1, None, face, self._tools.landmarker))
            < MIN_CHANGED_FRACTION
        )


def _inside(one: Face, box: Array) -> bool:
    """Say whether the middle of a face lies in a box."""
    middle = (one.box[:2] + one.box[2:]) / 2
    return bool(np.all((middle > box[:2]) & (middle < box[2:])))
