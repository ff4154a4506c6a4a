"""Every array of the contract around the networks is compared by some test."""

import numpy as np
import pytest

from tests.conftest import ROOT, SHARED

TESTS = ("swappers/test_pipeline_goldens.py", "training")
#: Arrays that nothing here can be compared with, and why.
WITHOUT_COUNTERPART = {
    "resize_present": "GHOST's list of empty frames; here a frame without a face has no crop",
}


class Watched:
    """Arrays of a file, noting which of them are read."""

    def __init__(self, arrays, read: set[str]) -> None:
        self.arrays, self.read = arrays, read

    def __getitem__(self, name: str) -> np.ndarray:
        self.read.add(name)
        return self.arrays[name]


@pytest.mark.needs_shared
def test_every_array_is_read_by_a_test_that_passes(monkeypatch):
    load, read = np.load, set()

    def watched(file, *args, **kwargs):
        arrays = load(file, *args, **kwargs)
        return Watched(arrays, read) if str(file).endswith("pipeline.npz") else arrays

    monkeypatch.setattr(np, "load", watched)
    tests = [str(ROOT / "tests" / name) for name in TESTS]
    assert pytest.main(["-q", "-m", "needs_shared", "-p", "no:cacheprovider", *tests]) == 0

    stored = set(load(SHARED / "contracts" / "public" / "pipeline.npz").files)
    assert stored - read == set(WITHOUT_COUNTERPART)
