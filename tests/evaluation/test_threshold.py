"""Thresholds in the unit of the recognizer that judges."""

import json

import pytest

from videoswap.detection.recognition import DlibRecognizer
from videoswap.errors import InputError
from videoswap.evaluation.threshold import person_threshold
from videoswap.settings import AnalysisSettings, SwapSettings


class Judge:
    """The encoder of an evaluation."""

    name, default_threshold = DlibRecognizer.name, DlibRecognizer.default_threshold


def settings(threshold=None, face_models="packaged"):
    return SwapSettings(
        similarity_th=threshold, analysis=AnalysisSettings(face_models=face_models), cache_dir=None
    )


@pytest.mark.parametrize(
    ("given", "kept", "used", "told"),
    [
        (settings(), None, 0.6, None),
        (settings(0.45), None, 0.45, None),
        (settings(0.3, "insightface"), None, 0.6, "arcface"),
        (settings(), ("dlib", 0.5), 0.5, None),
        (settings(), ("arcface", 0.3), 0.6, "arcface"),
        (settings(0.4), ("arcface", 0.3), 0.4, None),
    ],
)
def test_a_threshold_counts_in_the_unit_of_the_judge(tmp_path, given, kept, used, told):
    path = None
    if kept is not None:
        path = tmp_path / "report.json"
        path.write_text(json.dumps({"recognizer": kept[0], "threshold": kept[1]}))
    found, notes = person_threshold(given, path, Judge())
    assert found == used
    assert [told in str(note) for note in notes] == ([] if told is None else [True])


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"recognizer": 1, "threshold": "x"}'])
def test_what_is_no_report_is_refused(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(InputError):
        person_threshold(settings(), path, Judge())
