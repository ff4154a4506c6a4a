import av
import numpy as np
import pytest

from videoswap import compare
from videoswap.cli import entry
from videoswap.errors import InputError, OutputError, UsageError
from videoswap.evaluation.compare import LABEL_ROWS, tiled


@pytest.mark.parametrize(
    ("count", "shape", "grid"),
    [(1, (48, 64), (1, 1)), (2, (48, 64), (1, 2)), (4, (48, 64), (2, 2)), (3, (90, 160), (2, 2)),
     (3, (64, 36), (1, 3))],
)  # fmt: skip
def test_panes_fill_a_grid_in_order(count, shape, grid):
    panes = [np.full((*shape, 3), 10 * (number + 1), np.uint8) for number in range(count)]
    picture = tiled(panes)
    assert picture.shape == (grid[0] * shape[0], grid[1] * shape[1], 3)
    corners = picture[:: shape[0], :: shape[1], 0].ravel().tolist()
    assert corners == [10 * (n + 1) for n in range(count)] + [0] * (len(corners) - count)


def frames(path):
    with av.open(str(path)) as container:
        return [
            (round(float(frame.pts * frame.time_base), 3), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]


def test_the_grid_has_the_times_of_the_original_and_everybody_in_it(swapped, settings, tmp_path):
    out = tmp_path / "grid.mp4"
    found = compare(
        swapped.original, [swapped.result, swapped.original], out, settings=settings,
        labels=["mesh", "none"],
    )  # fmt: skip
    assert found == {}  # nothing is measured without a source
    originals, grid = frames(swapped.original), frames(out)
    assert [time for time, _ in grid] == [time for time, _ in originals]
    picture, plain = grid[3][1].astype(int), originals[3][1]
    height, width = plain.shape[0] + LABEL_ROWS, plain.shape[1]
    panes = [picture[y : y + height, x : x + width][LABEL_ROWS:] for y in (0, height)
             for x in (0, width)]  # fmt: skip
    apart = [np.abs(pane - plain).max(axis=2) for pane in panes]
    assert apart[0].mean() < 3 and apart[2].mean() < 3  # the original, and as its own result
    assert (apart[1] > 40).sum() > 100  # the face
    assert panes[3].max() < 8  # empty


def test_results_are_measured_by_label(swapped, settings, tmp_path):
    found = compare(
        swapped.original, [swapped.result, swapped.original], tmp_path / "grid.mp4",
        sources=[swapped.source], masks=[swapped.masks] * 2, settings=settings, step=8,
        labels=["mesh", "none"],
    )  # fmt: skip
    assert list(found) == ["mesh", "none"]
    assert found["mesh"].number("fallback_frames") == 0
    assert found["none"].number("fallback_frames") == 16


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"labels": ["one"]}, UsageError, "which_results"),
        ({"labels": ["one", "one"]}, UsageError, "which_results"),
        ({"masks": 1}, UsageError, "which_results"),
        ({"out": "grid.webm"}, UsageError, "container_codec"),
        ({"out": "grid.txt"}, UsageError, "unknown_container"),
        ({"other": True}, InputError, "other_video"),
        ({"taken": True}, OutputError, "output_exists"),
    ],
)
def test_what_cannot_be_compared_is_refused(swapped, clip, settings, tmp_path, change, kind, code):
    out = tmp_path / change.get("out", "grid.mp4")
    if "taken" in change:
        out.write_bytes(b"x")
    second = clip if "other" in change else swapped.original
    with pytest.raises(kind) as error:
        compare(
            swapped.original, [swapped.result, second], out, settings=settings,
            labels=change.get("labels", []), masks=[swapped.masks] * change.get("masks", 0),
        )  # fmt: skip
    assert error.value.code == code
    assert list(tmp_path.iterdir()) == ([out] if "taken" in change else [])


def test_the_commands_print_the_tables(swapped, cache, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(cache))
    words = [str(swapped.original), str(swapped.result), "--source", str(swapped.source)]
    words += ["--step", "8", "--device", "cpu"]
    assert entry.main(["evaluate", *words, "--masks", str(swapped.masks)]) == 0
    told = capsys.readouterr().out
    assert "fall-back frames [frames]" in told and "not measurable: needs" not in told
    (line,) = [one for one in told.splitlines() if one.startswith("fall-back frames")]
    assert line.split()[-3:] == ["0", "ok", "0"]
    assert told.splitlines()[-1].startswith("Verdict: ")
    assert entry.main(["compare", *words, "--out", str(tmp_path / "grid.mp4")]) == 0
    told = capsys.readouterr().out
    assert "Grid: " in told and "not measurable: needs --masks" in told
    assert "Verdict: " in told.splitlines()[-1]
    assert entry.main(["evaluate", *words, "--end", "0"]) == 2
    assert entry.main(["evaluate", str(swapped.original), str(tmp_path), "--source", "x"]) == 3
