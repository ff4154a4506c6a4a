"""Was somebody overlooked who should have been swapped?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...detection.face_detector import Detection
from ...detection.face_models import FaceTools
from ...detection.search import FaceSearch
from ...records import Array, Face
from ...settings import AnalysisSettings
from ..face_pair import Look
from ..pairs import Pair
from .metric import Metric, total
from .presence import CHANGED, changed_share


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
        Metric("missed_faces", "faces overlooked", "faces", total("missed"), worst="missed"),
    )

    def __init__(
        self, wanted: Sequence[Array], tools: FaceTools, settings: AnalysisSettings
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

    def measure(self, pair: Pair, looks: Sequence[Look]) -> Mapping[str, float]:
        """See FrameFamily."""
        known = [look.face.box for look in looks]
        least = float(self._settings.min_face) * pair.original.shape[0]
        found = [
            one
            for one in self._search.whole(pair.original)
            if one.size >= least and not any(_inside(one, box) for box in known)
        ]
        return {"missed": float(sum(self._missed(pair, one) for one in found))}

    def _missed(self, pair: Pair, one: Detection) -> bool:
        landmarks = self._tools.landmarker.landmarks(pair.original, one.points5)
        recognizer = self._tools.recognizer
        embedding = recognizer.embed(pair.original, landmarks)
        apart = min(recognizer.distance(embedding, other) for other in self._wanted)
        if apart > recognizer.cluster_threshold:
            return False
        face = Face(pair.pts, one.box, one.points5, landmarks, min(one.score, 1.0))
        return changed_share(Look(pair, -1, None, face, self._tools.landmarker)) < CHANGED


def _inside(one: Detection, box: Array) -> bool:
    """Say whether the middle of a face lies in a box."""
    middle = (one.box[:2] + one.box[2:]) / 2
    return bool(np.all((middle > box[:2]) & (middle < box[2:])))
