"""Identity: distances and retrieval by a face recognition that no engine swaps with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...detection.base import Recognizer
from ..expected import Known
from ..face_motion import FaceHistory
from .columns import mean, total
from .metric import ZERO, GoodRange, Metric, at_least, at_most


class IdentityFamily:
    """Distances of the swapped face to everybody it might be.

    Definition: the face of the result is embedded at its own fresh landmarks; ``d`` is the
    distance of two embeddings in the encoder's unit (dlib: Euclidean, 0 to about 1.5, one person
    below 0.6; King 2017, http://blog.dlib.net). Reported are

    - the mean distance to the own source (good: small, below 0.6),
    - the mean distance to the person that was replaced (good: larger than the former),
    - retrieval: the share of frames whose nearest face in the gallery is the own source
      (0 to 1, good: 1). The gallery holds all sources, all people of the original and the faces
      of ``--gallery``. ID retrieval as in FaceForensics++ comparisons since FaceShifter (Li et
      al., CVPR 2020), there with another encoder,
    - wrong-person frames: frames whose nearest source is another one than their own
      (good: 0; always 0 with a single source).

    What it cannot say: in strong profile, blur or small faces the encoder itself is unsure.
    """

    over_time = False
    columns = ("to_source", "to_original", "retrieved", "wrong_source")
    metrics = (
        # dlib's own limit for one person (King 2017).
        Metric("distance_to_source", "distance to source", "dlib", mean("to_source"),
               plot=("to_source", "to_original"), worst="to_source", good=at_most(0.6)),
        # Nearer to whom it replaced, the swap is not seen.
        Metric("distance_to_original", "distance to original", "dlib",
               mean("to_original"), good=GoodRange("> to source", above="distance_to_source")),
        # What published swaps reach (FaceShifter 0.97, HifiFace 0.98): dlib errs in profile and
        # blur.
        Metric("retrieval", "retrieval rate", "", mean("retrieved"), good=at_least(0.95)),
        # A single frame with somebody else's face is seen.
        Metric("wrong_source_frames", "wrong-person frames", "frames", total("wrong_source"),
               worst="wrong_source", good=ZERO),
    )  # fmt: skip

    def __init__(
        self, known: Sequence[Known], persons: Mapping[int, int], recognizer: Recognizer
    ) -> None:
        """Prepare.

        Args:
            known: The gallery.
            persons: Number of the person by track.
            recognizer: The encoder.
        """
        self._known = known
        self._persons = persons
        self._recognizer = recognizer

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        now = history.now
        found = self._recognizer.embed(now.pair.result, now.landmarks[1])
        far = [self._recognizer.distance(found, one.embedding) for one in self._known]
        own, person = self._place("source", now.source), self._persons.get(now.track)
        was = self._place("original", person)
        sources = [index for index, one in enumerate(self._known) if one.kind == "source"]
        return {
            "to_source": far[own],
            "to_original": far[was],
            "retrieved": float(min(range(len(far)), key=far.__getitem__) == own),
            "wrong_source": float(min(sources, key=far.__getitem__) != own),
        }

    def _place(self, kind: str, number: int | None) -> int:
        """Return where a face is in the gallery."""
        return next(
            index
            for index, one in enumerate(self._known)
            if one.kind == kind and one.number == number
        )
