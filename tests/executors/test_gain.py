"""How many processes pay."""

import pytest

from videoswap.executors.gain import CoreMeter, Measured, jobs_that_pay


@pytest.mark.parametrize(
    ("used", "free", "left", "jobs"),
    [
        (1.7, 0.3, 600, 1),  # two cores that one process keeps busy
        (1.0, 1.0, 600, 2),
        (3.0, 13.0, 600, 5),
        (4.0, 12.0, 600, 4),
        (4.0, 12.0, 5, 1),  # over before the others have begun
        (4.0, 12.0, 12, 4),
        (4.0, 0.0, 600, 1),  # others use the machine
        (0.9, 0.9, 600, 2),
        (0.0, 2.0, 600, 21),  # it waited for a disk, say
    ],
)
def test_more_processes_are_started_where_they_pay(used, free, left, jobs):
    assert jobs_that_pay(Measured(3.0, used, free), left) == jobs


def test_a_meter_sees_this_process(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_THREADS", "1")
    stat = tmp_path / "stat"
    stat.write_text("cpu  10 0 10 500 0 0 0\n")
    meter = CoreMeter(stat)
    total = sum(number * number for number in range(300_000))
    found = meter.read()
    assert total and 0.0 < found.used <= 1.5 and found.seconds > 0
    assert found.free == 0.0  # the machine was never idle
    assert CoreMeter(tmp_path / "none").read().free <= 1.0
