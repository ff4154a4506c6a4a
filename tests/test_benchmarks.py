"""The commands behind figures in documents still start, and that of exactness still measures."""

import runpy
from fractions import Fraction

import pytest

pytest.importorskip("torch")

from tests.helpers import clips
from tests.helpers.locations import ROOT

SCRIPTS = sorted(
    path
    for folder in ("benchmarks", "scripts")
    for path in (ROOT / folder).glob("*.py")
    if path.name != "__init__.py"
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_finds_all_that_it_imports(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)  # as python does for a script
    runpy.run_path(str(path), run_name="imported")


def test_exactness_is_measured(tmp_path):
    found = runpy.run_path(str(ROOT / "benchmarks" / "exactness.py"), run_name="imported")
    clip = clips.make(tmp_path / "film.mp4", clips.Clip(frames=6))
    frames, outside, changed, inside = found["exact_samples"](clip, tmp_path)
    assert (frames, changed) == (6, 0)
    assert outside > 0 and inside > 0
    count, same, packets, verdict, turned, problems = found["exact_times"](clip, tmp_path)
    assert (count, same, verdict, turned, problems) == (6, True, "equal", True, [])
    assert packets > 0
    sound = [[(Fraction(0), b"12")]]
    assert found["audio_verdict"](sound, [[(Fraction(0), b"13")]]) == "CHANGED"
    assert found["audio_verdict"](sound, [[]]) == "LOST"
