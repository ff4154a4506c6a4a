"""Every array of the contract around the networks is read by a test."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.locations import ROOT
from tests.helpers.pipeline_goldens import ARRAYS, READ

READERS = (
    "tests/engines/test_pipeline_goldens.py",
    "tests/training/test_losses.py",
    "tests/training/test_margins.py",
    "tests/training/test_pasting.py",
)
#: Arrays that nothing here can be compared with, and why.
WITHOUT_COUNTERPART = {
    "resize_present": "GHOST's list of empty frames; here a frame without a face has no crop",
}


@pytest.mark.needs_shared
def test_every_array_is_read_by_a_test(tmp_path):
    names = tmp_path / "names"
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *READERS]
    words += ["--basetemp", str(tmp_path / "pytest")]
    ran = subprocess.run(
        words, cwd=ROOT, env=os.environ | {READ: str(names)}, check=False, capture_output=True
    )
    assert ran.returncode == 0, ran.stdout.decode()
    read = set(names.read_text(encoding="ascii").split())
    assert set(np.load(ARRAYS).files) - read == set(WITHOUT_COUNTERPART)
