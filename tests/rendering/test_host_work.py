"""The benchmark of the host's work runs without a GPU, and says that there is none."""

import json
import subprocess
import sys

from tests.helpers.locations import ROOT


def test_the_hosts_work_is_measured_without_a_gpu():
    words = ["benchmarks/gpu.py", "--sections", "host", "facts", "--frames", "3"]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *lines, last = done.stdout.strip().splitlines()
    found = json.loads(last)
    assert [row["side"] for row in found["host"]] == [256, 512]
    assert all(row["host ms a face"] > 0 for row in found["host"])
    assert all(100 < row["calls a batch of 32"] < 2000 for row in found["host"])
    if found["facts"][0]["torch on CUDA"] != "computed":
        assert "No CUDA here" in lines[0]
