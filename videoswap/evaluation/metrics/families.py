"""All families of metrics.

To add a metric, write a file with a family (see ``metric.Family``) and name it in
``all_families``. Table, JSON, page and verdict then show its metrics by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...detection.face_models import FaceModels
from ...settings import AnalysisSettings
from ..expected import People
from .expression import ExpressionFamily, GazeFamily
from .identity import IdentityFamily
from .light import LightFamily
from .likeness import LikenessFamily
from .metric import Family, FrameFamily
from .openings import OpeningFamily
from .outside import OutsideFamily
from .pose import PoseFamily
from .presence import BystanderFamily, FallbackFamily, MissedFamily
from .proportions import ProportionsFamily
from .realism import RealismFamily
from .seam import SeamFamily
from .steadiness import JitterFamily, MaskFlickerFamily, WarpingFamily
from .texture import TextureFamily


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """What is measured, in the order of the table.

    Attributes:
        swapped: Of faces that should be swapped.
        others: Of faces that should be left alone.
        frames: Of whole frames.
    """

    swapped: Sequence[Family]
    others: Sequence[Family]
    frames: Sequence[FrameFamily]


def all_families(
    people: People, persons: Mapping[int, int], tools: FaceModels, settings: AnalysisSettings
) -> Families:
    """Return the families of metrics for one evaluation.

    Args:
        people: Who is in the original, and who should have got which face.
        persons: Number of the person by track.
        tools: The face models that judge.
        settings: How faces are looked for.
    """
    swapped = {match.person for match in people.matching.matches}
    wanted = [person.embedding for person in people.persons if person.id in swapped]
    return Families(
        swapped=(
            FallbackFamily(),
            IdentityFamily(people.known, persons, tools.recognizer),
            JitterFamily(),
            WarpingFamily(),
            MaskFlickerFamily(),
            SeamFamily(),
            TextureFamily(),
            LightFamily(people.source_photos),
            LikenessFamily(people.source_photos, tools.recognizer),
            RealismFamily(),
            ProportionsFamily(people.source_photos, tools.dense_landmarker),
            PoseFamily(),
            ExpressionFamily(),
            OpeningFamily(),
            GazeFamily(),
        ),
        others=(BystanderFamily(),),
        frames=(MissedFamily(wanted, tools, settings), OutsideFamily()),
    )
