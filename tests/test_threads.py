"""How many cores may be used, and how threads share them."""

import os
import subprocess
import sys
from types import SimpleNamespace

import cv2
import pytest

from tests.helpers.locations import ROOT
from videoswap.errors import UsageError
from videoswap.threads import (
    ENCODER_THREADS,
    VARIABLE,
    plan_threads,
    stages_share_the_cores,
    usable_cores,
)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Give a machine of 16 cores with the control groups of a table: folder to files."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)

    def made(groups="", **files):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(groups)
        for name, text in files.items():
            file = tmp_path / "sys/fs/cgroup" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return made


V1 = "4:memory:/a\n1:cpu,cpuacct:/docker/abc\n"


@pytest.mark.parametrize(
    ("groups", "files", "usable"),
    [
        ("", {}, 16),
        ("0::/\n", {"cpu.max": "max 100000"}, 16),
        ("0::/\n", {"cpu.max": "250000 100000"}, 3),  # part of a core is one more thread
        ("0::/\n", {"cpu.max": "50000 100000"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "400000 100000"}, 4),
        ("0::/a/b\n", {"cpu.max": "200000 100000"}, 2),  # what a container sees of its own
        ("0::/a\n", {"unified/a/cpu.max": "300000 100000"}, 3),  # beside version 1
        (V1, {"cpu/docker/abc/cpu.cfs_quota_us": "-1"}, 16),
        (
            V1,
            {"cpu,cpuacct/cpu.cfs_quota_us": "600000", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
            6,
        ),
        ("0::/\n", {"cpu.max": "3200000 100000"}, 16),
        ("0::/\n", {"cpu.max": "what is this"}, 16),
    ],
)
def test_quotas_of_control_groups_count(machine, groups, files, usable):
    found = usable_cores(machine(groups, **files))
    assert (found.usable, found.there) == (usable, 16)
    assert bool(found.limit) == (usable < 16) == bool(found.notes)


def test_the_least_of_all_limits_counts_and_is_named(machine, monkeypatch):
    root = machine("0::/\n", **{"cpu.max": "800000 100000"})
    assert "quota of 8" in str(usable_cores(root))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 5}, raising=False)
    assert str(usable_cores(root)) == "3 of 16 may be used (it is bound to them)"
    monkeypatch.setenv(VARIABLE, "2")
    assert str(usable_cores(root)) == f"2 of 16 may be used ({VARIABLE} says so)"


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²"])
def test_a_variable_that_is_no_number_is_refused(machine, monkeypatch, text):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(UsageError, match=VARIABLE):
        usable_cores(machine())


@pytest.mark.parametrize("cores", [1, 2, 4, 6, 8, 16, 64])
def test_a_plan_fits_its_cores_and_encoders_are_alike_everywhere(cores):
    plan = plan_threads(cores)
    assert plan.encoder == ENCODER_THREADS
    assert plan.encoders >= 1 and (cores < 8 or plan.encoders > 1)
    assert max(plan.decoder, plan.occlusion, plan.finish, plan.networks) <= cores
    assert plan.opencv == 1
    if cores <= 2:
        assert (plan.occlusion, plan.finish, plan.composite) == (1, 1, 1)


def test_threads_of_libraries_are_as_before_afterwards(monkeypatch):
    asked = [5]
    torch = SimpleNamespace(get_num_threads=lambda: asked[-1], set_num_threads=asked.append)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setenv(VARIABLE, "1")
    before = cv2.getNumThreads()
    with stages_share_the_cores():
        assert cv2.getNumThreads() == 1
        assert asked == [5, 1]
    assert cv2.getNumThreads() == before
    assert asked == [5, 1, 5]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="real-time priority of Linux")
def test_an_encoder_leaves_the_priority_of_the_process_as_it_was():
    """As root, SVT-AV1 would make all of it a real-time process."""
    code = """if True:
        import os
        from fractions import Fraction
        import av
        from videoswap.threads import usual_priority
        context = av.CodecContext.create("libsvtav1", "w")
        context.width = context.height = 128
        context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
        with usual_priority():
            context.open()
        policies = {os.sched_getscheduler(int(one)) for one in os.listdir("/proc/self/task")}
        print(policies == {os.SCHED_OTHER}, len(os.listdir("/proc/self/task")) > 3)
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["True", "True"]
