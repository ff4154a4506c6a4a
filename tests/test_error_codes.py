"""Errors that no other test provokes: each has its code, its kind and a whole sentence."""

from __future__ import annotations

import os
import pty
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from tests.helpers.locations import ROOT
from videoswap import EncodeSettings, SwapSettings, devices, threads
from videoswap.cli import entry
from videoswap.cli.console import Console, _parsed
from videoswap.crops import CropSpec
from videoswap.detection import insightface
from videoswap.engines.neural import photo_crop
from videoswap.errors import InputError, OutputError, UsageError, VideoswapError
from videoswap.evaluation import threshold
from videoswap.evaluation.encoders import squared
from videoswap.evaluation.evaluate import evaluate_result
from videoswap.evaluation.verification import judge
from videoswap.executors import ray_cluster
from videoswap.fieldtypes import by_own_names
from videoswap.jobs import folder, segment_work
from videoswap.jobs.outputs import check_output_folder
from videoswap.occlusion.load import load_occlusion_segmenter
from videoswap.packages import explain
from videoswap.people.plan import Plan
from videoswap.people.sources import load_sources
from videoswap.planned import evaluate_by_plan
from videoswap.records import Face, Photo
from videoswap.settings import (
    AnalysisSettings,
    BlendSettings,
    DetailSettings,
    default_cache_limit,
)
from videoswap.tracking import store_opening
from videoswap.tracking.key import video_digest
from videoswap.tracking.store_opening import open_store
from videoswap.video.color import color_of
from videoswap.video.encoder import SegmentEncoder
from videoswap.video.files import output_errors
from videoswap.video.probe import checked_planar
from videoswap.video.sequences.exr import read_exr
from videoswap.video.spool import STDIN, spooled

Way = Callable[[Path, pytest.MonkeyPatch], object]


def command(*words: str) -> Way:
    """Run a command; ``@`` stands for the test's folder."""

    def run(there: Path, patch: pytest.MonkeyPatch) -> None:
        made = [word.replace("@", str(there)) for word in words]
        arguments = _parsed(entry.program(), made, None)
        arguments.console = Console(quiet=True)
        arguments.run(arguments)

    return run


def call(function: Callable[..., object], *given: object, **named: object) -> Way:
    """Call a function."""
    return lambda there, patch: function(*given, **named)


def raising(error: Exception) -> Callable[..., object]:
    """Return a function that fails."""

    def fail(*given: object, **named: object) -> object:
        raise error

    return fail


def with_variable(name: str, value: str, function: Callable[[], object]) -> Way:
    """Call a function under an environment variable."""

    def run(there: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setenv(name, value)
        function()

    return run


def closed_cache(there, patch):
    patch.setattr("videoswap.cache.entries", raising(PermissionError(13, "Permission denied")))
    command("cache", "list")(there, patch)


def on_a_terminal(there, patch):
    patch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    (there / "film.mp4").touch()
    command("swap", "-s", "a.png", "-i", "@/film.mp4", "-o", "-")(there, patch)


def without_insightface(there, patch):
    error = ImportError("no module named insightface")
    patch.setattr(insightface, "open_insightface", raising(error))
    insightface._open("scrfd", "SCRFD", there / "a.onnx", ())


def without_cuda(there, patch):
    patch.setattr(devices, "torch_trouble", lambda: "torch sees no GPU")
    devices.choose_device("cuda")


def face_of_no_size(there, patch):
    points = np.zeros((68, 2), np.float32)
    face = Face(np.zeros(4, np.float32), points[:5], 1.0, landmarks=points)
    photo = Photo("a.png", np.zeros((8, 8, 3), np.uint8), face)
    photo_crop(photo, CropSpec(sizes=(64,), points="detector"))


def plan_of_other_models(there, patch):
    analysis = AnalysisSettings(face_models="insightface")
    plan = SimpleNamespace(settings=SimpleNamespace(analysis=analysis))
    nothing = (None, None, 1, SwapSettings(), print)
    evaluate_result(there / "a.mp4", there / "b.mp4", (), (), *nothing, plan=plan)


def report_of_nothing(there, patch):
    (there / "r.json").write_text('{"recognizer": "dlib"}')
    threshold._of_report(there / "r.json")


def ray_that_is_not_there(there, patch):
    patch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: None)
    ray_cluster.RayExecutor(2)


def ray_that_finds_no_cluster(there, patch):
    patch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: object())
    init = raising(ConnectionError("nobody answers"))
    ray = SimpleNamespace(is_initialized=lambda: False, init=init)
    patch.setitem(sys.modules, "ray", ray)
    patch.setenv(ray_cluster.ADDRESS, "127.0.0.1:1")
    _ = ray_cluster.RayExecutor(2).workers


def numbered_pictures_for_ray(there, patch):
    patch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: object())
    ray_cluster.RayExecutor(2, ship=True).film(SimpleNamespace(sequence=object()))


def setting_twice(there, patch):
    kind = SimpleNamespace(ALIASES={"lr_G": "rates.generator"})
    by_own_names(kind, {"lr_G": 1.0, "rates": {"generator": 2.0}})


def folder_of_nothing(there, patch):
    context = SimpleNamespace(say=lambda line: None)
    request = SimpleNamespace(folder=there, out=there / "out", choice=folder.FileFilter())
    folder._Run(context, request)


def folder_that_is_a_file(there, patch):
    (there / "file").touch()
    check_output_folder(there / "file")


def worker_of_another_version(there, patch):
    patch.setattr(segment_work, "load_swapper", lambda *given: (None, None))
    patch.setattr(segment_work, "worker_keys", lambda *given: ("mesh 2",))
    work = SimpleNamespace(settings=SwapSettings(device="cpu"), keys=("mesh 1",))
    segment_work.SegmentWork.open(work)


def folder_without_photos(there, patch):
    load_sources([there], SimpleNamespace(detector=None))


def plan_of_a_picture(there, patch):
    path = there / "a.png"
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    plan = Plan(path, video_digest(path), "mesh", (), (), SwapSettings())
    evaluate_by_plan(plan, there / "out.mp4")


def disk_without_room(there, patch):
    patch.setattr(
        store_opening, "Store", raising(sqlite3.OperationalError("database or disk is full"))
    )
    open_store(None, "key")


def color_that_is_rare(there, patch):
    frame = av.VideoFrame(16, 16, "yuv420p")
    frame.colorspace = 8  # YCgCo
    color_of(frame)


def encoder_that_fails(there, patch):
    failing = SimpleNamespace(encode=raising(av.error.ExternalError(1, "it broke")))
    plan = SimpleNamespace(encoder="libx264")
    SegmentEncoder._drain(SimpleNamespace(_context=failing, _plan=plan), None)


def library_that_cannot_write(there, patch):
    with output_errors(there / "a.mp4"):
        raise av.error.InvalidDataError(1, "Invalid data")


def gray_exr(there, patch):
    library = pytest.importorskip("OpenEXR")
    pixels = np.zeros((4, 4), np.float16)
    with library.File({"type": library.scanlineimage}, {"Y": pixels}) as file:
        file.write(str(there / "a.exr"))
    read_exr(there / "a.exr")


def stdin_of_a_terminal(there, patch):
    leader, follower = pty.openpty()
    kept = os.dup(0)
    os.dup2(follower, 0)
    try:
        with spooled(STDIN, print):
            pass
    finally:
        os.dup2(kept, 0)
        for handle in (kept, leader, follower):
            os.close(handle)


ROWS: dict[str, tuple[type[VideoswapError], Way]] = {
    "benchmark_pair": (UsageError, command("benchmark", "--video", "a.mp4")),
    "benchmark_size": (UsageError, command("benchmark", "--size", "10x10")),
    "bad_arguments": (UsageError, command("cache", "list", "--older_than", "3d")),
    "unreadable_cache": (InputError, closed_cache),
    "plan_and_flags": (
        UsageError,
        command("evaluate", "a.mp4", "b.mp4", "--plan", "p.json", "--start", "1"),
    ),
    "masks_of_folder": (
        UsageError,
        command("swap", "-s", "a.png", "-i", "@", "-o", "@/out", "--save_masks", "m.mkv"),
    ),
    "preview_of_folder": (
        UsageError,
        command("swap", "-s", "a.png", "-i", "@", "-o", "@/out", "--preview", "look.png"),
    ),
    "stdout_is_terminal": (UsageError, on_a_terminal),
    "no_insightface": (InputError, without_insightface),
    "no_cuda": (UsageError, without_cuda),
    "face_too_small": (InputError, face_of_no_size),
    "bad_pictures": (InputError, call(squared, np.zeros((2, 3, 3), np.uint8), "a.png")),
    "other_face_models": (UsageError, plan_of_other_models),
    "bad_report": (InputError, report_of_nothing),
    "one_fold": (UsageError, call(judge, *np.zeros((3, 4)))),
    "no_ray": (InputError, ray_that_is_not_there),
    "no_cluster": (InputError, ray_that_finds_no_cluster),
    "not_one_file": (UsageError, numbered_pictures_for_ray),
    "setting_given_twice": (UsageError, setting_twice),
    "empty_folder": (InputError, folder_of_nothing),
    "output_not_a_folder": (OutputError, folder_that_is_a_file),
    "worker_differs": (VideoswapError, worker_of_another_version),
    "bad_mask": (UsageError, call(load_occlusion_segmenter, "sieve")),
    "no_photos": (InputError, folder_without_photos),
    "evaluation_of_picture": (UsageError, plan_of_a_picture),
    "bad_score": (UsageError, call(AnalysisSettings, score_th=1.0)),
    "bad_face_models": (UsageError, call(AnalysisSettings, face_models="other")),
    "bad_landmarks": (UsageError, call(AnalysisSettings, landmarks="other")),
    "bad_audio": (UsageError, call(EncodeSettings, audio="mp3")),
    "bad_feather": (UsageError, call(BlendSettings, feather=0.6)),
    "bad_strength": (UsageError, call(BlendSettings, strength=0.0)),
    "bad_restorer": (UsageError, call(DetailSettings, restorer="other")),
    "bad_restorer_blend": (UsageError, call(DetailSettings, restorer_blend=2.0)),
    "bad_device": (UsageError, call(SwapSettings, device="tpu")),
    "bad_batch_size": (UsageError, call(SwapSettings, batch_size=0)),
    "bad_fps": (UsageError, call(SwapSettings, fps=Fraction(0))),
    "bad_jobs": (UsageError, call(SwapSettings, jobs=0)),
    "bad_decoder": (UsageError, call(SwapSettings, decoder="gpu")),
    "bad_executor": (UsageError, call(SwapSettings, executor="slurm")),
    "bad_segment": (UsageError, call(SwapSettings, segment_frames=0)),
    "bad_cache_limit": (
        UsageError,
        with_variable("VIDEOSWAP_CACHE_LIMIT", "much", default_cache_limit),
    ),
    "bad_threads": (UsageError, with_variable(threads.VARIABLE, "many", threads.usable_cores)),
    "cache_not_writable": (OutputError, disk_without_room),
    "unsupported_color": (InputError, color_that_is_rare),
    "encode_failed": (OutputError, encoder_that_fails),
    "write_failed": (OutputError, library_that_cannot_write),
    "unsupported_pixels": (InputError, call(checked_planar, "bayer_bggr8", Path("a.mkv"))),
    "unsupported_picture": (InputError, gray_exr),
    "stdin_is_terminal": (InputError, stdin_of_a_terminal),
}


@pytest.mark.parametrize("code", ROWS)
def test_it_is_raised_and_says_what_is_wrong(code, tmp_path, monkeypatch):
    kind, way = ROWS[code]
    with pytest.raises(kind) as caught:
        way(tmp_path, monkeypatch)
    error = caught.value
    assert (error.code, error.exit_code) == (code, kind.exit_code)
    assert error.message.endswith(".")


SUITE = {
    "conftest.py": """
        from tests.helpers import error_codes
        error_codes.written_codes = lambda: {"one": "a.py:1", "two": "a.py:2"}
    """,
    "test_one.py": """
        from videoswap.errors import InputError
        def test_one():
            InputError("one", "It is one.")
    """,
    "test_two.py": """
        import pytest
        from videoswap.errors import InputError
        @pytest.mark.skipif(SKIPPED, reason="not here")
        def test_two():
            InputError("two", "It is two.")
    """,
}


@pytest.mark.parametrize(
    ("second", "words", "status"),
    [
        (None, (), 1),
        ("False", (), 0),
        ("False", ("-n", "1"), 0),
        ("True", (), 0),  # it cannot run here
        (None, ("-k", "one"), 0),  # not the whole suite
    ],
)
def test_a_whole_suite_fails_for_a_code_that_nothing_provokes(second, words, status, tmp_path):
    for name, text in SUITE.items():
        if name != "test_two.py" or second is not None:
            written = textwrap.dedent(text).replace("SKIPPED", str(second))
            (tmp_path / name).write_text(written)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.helpers.error_codes", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == status, ran.stdout
    assert ("not provoked: two" in ran.stdout) == (second != "False" and not words)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImportError("libGL.so.1: cannot open shared object file"), "missing_library"),
        (ModuleNotFoundError("no module", name="dlib"), "missing_package"),
        (ImportError("undefined symbol", name="cv2"), "broken_package"),
    ],
)
def test_failed_imports_are_explained(error, code):
    told = explain(error)
    assert (told.code, type(told)) == (code, InputError) and told.message.endswith(".")
