"""Code that several processes run together, as ``accelerate launch`` starts them."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.helpers.locations import ROOT


def in_two_processes(code, *arguments):
    """Run code in two processes on the CPU; it finds the arguments in ``sys.argv``."""
    with TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(code)
        launch = ["-m", "torch.distributed.run", "--nproc_per_node", "2", str(script)]
        done = subprocess.run(
            [sys.executable, *launch, *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1",
                              "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            capture_output=True,
            text=True,
            timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
