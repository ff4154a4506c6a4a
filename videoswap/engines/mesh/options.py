"""Options of the engine mesh."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import UsageError
from ...fieldtypes import conform
from ...plugins import option

#: Whether swaps are corrected; ``auto`` does it where the network's file is there.
CORRECT = ("auto", "on", "off")


@dataclass(frozen=True, slots=True)
class MeshOptions:
    """Options of the engine mesh.

    Attributes:
        shape: How far the face gets the source's proportions inside its outline, 0 (the target's)
            to 1; it needs the dense landmarks of both.
        shape_outline: How far jaw and outline get them as well, 0 to 1. What lies around the face
            moves along, so pixels outside the face change too; masks show where.
        correct: Whether a small network corrects light, tone and shape of the swaps that are drawn
            by dense landmarks, one of `CORRECT`.

    Raises:
        UsageError: ``wrong_type``, ``bad_shape`` or ``bad_correct``.
    """

    shape: float = field(
        default=0.7,
        metadata=option(
            "how far the face gets the source's proportions, 0 (the target's) to 1",
            flag="--shape",
            metavar="SHARE",
        ),
    )
    shape_outline: float = field(
        default=0.0,
        metadata=option(
            "how far jaw and outline get them too, 0 to 1; changes pixels around the face",
            flag="--shape_outline",
            metavar="SHARE",
        ),
    )
    correct: str = field(
        default="auto",
        metadata=option(
            "let a small network correct light, tone and shape of the swaps; auto: where its file"
            " is there",
            flag="--correct",
            choices=CORRECT,
        ),
    )

    def __post_init__(self) -> None:
        """Check ranges."""
        conform(self)
        for flag, share in (("--shape", self.shape), ("--shape_outline", self.shape_outline)):
            if not 0.0 <= share <= 1.0:
                raise UsageError("bad_shape", f"{flag} must lie between 0 and 1.")
        if self.correct not in CORRECT:
            raise UsageError("bad_correct", f"--correct must be one of {', '.join(CORRECT)}.")
