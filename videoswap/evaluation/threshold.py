"""The match threshold of an evaluation, in the unit of the recognizer that judges.

An evaluation always judges with one encoder, whoever made the result, and the unit of a threshold
is that of an encoder: 0.6 of dlib is something else than 0.6 of ArcFace.
"""

from __future__ import annotations

from pathlib import Path

from ..detection.base import Recognizer
from ..errors import InputError
from ..jsonfile import parsed_json
from ..records import Fallback
from ..settings import SwapSettings
from ..video.files import check_readable


def person_threshold(
    settings: SwapSettings, swap_report: Path | None, recognizer: Recognizer
) -> tuple[float, tuple[Fallback, ...]]:
    """Return the threshold in the unit of the encoder that judges.

    Args:
        settings: Its ``similarity_th`` is taken if it is in that unit.
        swap_report: The report of the swap, or None.
        recognizer: The encoder that judges.

    Returns:
        The threshold, and why it is not the one that was given.

    Raises:
        InputError: ``bad_report``, or if the report cannot be read.
    """
    given, unit = settings.similarity_th, _UNITS[settings.analysis.face_models]
    if given is None and swap_report is not None:
        unit, given = _of_report(swap_report)
    if given is None:
        return recognizer.default_threshold, ()
    if unit == recognizer.name:
        return given, ()
    usual = recognizer.default_threshold
    why = f"people are told apart by {recognizer.name} here and that number is in {unit}'s unit"
    used = f"the threshold {usual:g} of {recognizer.name}"
    return usual, (Fallback(f"the threshold {given:g} of {unit}", used, why),)


#: Recognizers by the word of ``--face_models``.
_UNITS = {"packaged": "dlib", "insightface": "arcface"}


def _of_report(path: Path) -> tuple[str, float]:
    """Return recognizer and threshold of a swap's report."""
    check_readable(path)
    try:
        data = parsed_json(path.read_text(encoding="utf-8"))
        return str(data["recognizer"]), float(data["threshold"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            "bad_report", f"{path} is not the report of a swap.", "It is what --report wrote."
        ) from None
