"""A clock that jumps over a year, to and fro, at every look at it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.helpers.locations import ROOT

JUMPS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  static unsigned looks;
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, now);
  if (id == CLOCK_REALTIME) now->tv_sec += (looks++ % 2 ? -400 : 400) * 86400L;
  return result;
}
"""
COMPILER = shutil.which("cc")


@pytest.mark.skipif(sys.platform != "linux" or COMPILER is None, reason="needs a compiler of C")
def test_a_clock_that_jumps_changes_nothing(solo_clip, photos, tmp_path):
    (tmp_path / "jumps.c").write_text(JUMPS)
    shim = tmp_path / "jumps.so"
    command = [COMPILER, "-shared", "-fPIC", "-o", shim, tmp_path / "jumps.c", "-ldl"]
    subprocess.run(command, check=True)
    look = [sys.executable, "-c", "import time; print(abs(time.time() - time.time()) > 1e6)"]
    made = []
    for name, preload in (("usual", ""), ("jumping", str(shim))):
        environment = {**os.environ, "VIDEOSWAP_CACHE_DIR": str(tmp_path / name)}
        environment["LD_PRELOAD"] = preload
        seen = subprocess.run(look, env=environment, capture_output=True, text=True, check=True)
        assert seen.stdout.strip() == str(bool(preload))
        out, report = tmp_path / f"{name}.mp4", tmp_path / f"{name}.json"
        words = [sys.executable, ROOT / "inference.py", "--source_paths", photos["left"]]
        words += ["--target_video", solo_clip, "--out_video_name", out, "--mark", "plain"]
        words += ["--report", report]
        run = subprocess.run(
            list(map(str, words)), env=environment, capture_output=True, text=True, timeout=120
        )
        assert run.returncode == 0, run.stderr
        seconds = json.loads(report.read_text())["seconds"]
        assert all(0 <= value < 120 for value in seconds.values()), seconds
        made.append(out.read_bytes())
    assert made[0] == made[1]
