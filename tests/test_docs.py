"""What the documents show works: commands are read, Python runs, files and links are there."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import videoswap
from tests.helpers.locations import ROOT
from videoswap.cli.entry import program
from videoswap.cli.parser import spelled_out

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE_PATH = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|md|toml|sh))`")


def blocks(path, language):
    return [text for name, text in BLOCK.findall(path.read_text()) if name == language]


def command_lines():
    """Yield what documents run: the file, the program, and its words."""
    for path in DOCUMENTS:
        for text in blocks(path, "bash"):
            for line in text.replace("\\\n", " ").splitlines():
                for part in re.split(r"\s[|>]\s|&&", line):
                    words = shlex.split(part, comments=True)
                    yield from ((path, *one) for one in _called(words))


def _called(words):
    for number, word in enumerate(words):
        name = Path(word).name
        if name in ("videoswap", "inference.py") and (
            number == 0 or Path(words[number - 1]).name in ("python", "python3")
        ):
            yield name, words[number + 1 :]
            return


COMMANDS = list(command_lines())


def test_documents_have_commands():
    assert len(COMMANDS) > 40
    assert {name for _, name, _ in COMMANDS} == {"videoswap", "inference.py"}


@pytest.mark.parametrize(
    ("path", "name", "words"),
    COMMANDS,
    ids=[f"{path.name} {name} {' '.join(words)}" for path, name, words in COMMANDS],
)
def test_the_parser_takes_every_command(path, name, words):
    words = words if name == "videoswap" else ["swap", *words]
    parser = program()
    assert parser.parse_args(spelled_out(parser, words).words).run


PYTHON = [
    (path, number)
    for path in DOCUMENTS
    for number, text in enumerate(blocks(path, "python"))
    if "import" in text
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, photos, solo_clip):
    """A folder with what the documents' Python reads."""
    folder = tmp_path_factory.mktemp("documents")
    shutil.copy(photos["source"], folder / "me.png")
    (folder / "me.png").rename(folder / "me.jpg")
    shutil.copy(solo_clip, folder / "film.mp4")
    videoswap.list_faces(folder / "film.mp4", folder / "people")
    return folder


@pytest.mark.parametrize(
    ("path", "number"), PYTHON, ids=[f"{path.name} {number}" for path, number in PYTHON]
)
def test_python_of_the_documents_runs(path, number, workplace, monkeypatch):
    (workplace / "result.mp4").unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", blocks(path, "python")[number]],
        cwd=workplace,
        env={"PYTHONPATH": str(ROOT), "VIDEOSWAP_CACHE_DIR": str(workplace / "cache"),
             "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (
        "result.mp4" not in blocks(path, "python")[number] or (workplace / "result.mp4").is_file()
    )


FILES = {
    str(path.relative_to(ROOT))
    for folder in ("videoswap", "tests", "benchmarks", "scripts", "examples", "docs", "weights")
    for path in (ROOT / folder).rglob("*")
    if path.is_file()
} | {path.name for path in ROOT.iterdir()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_documents_name_are_there(path):
    if path.name in ("CHANGELOG.md", "changelog.md", "upgrading.md"):
        return  # they name what is gone
    named = set(CODE_PATH.findall(path.read_text()))
    lost = {one for one in named if not any(f"/{file}".endswith(f"/{one}") for file in FILES)}
    assert lost == set()


def test_every_public_name_is_on_a_page_of_the_library():
    shown = {
        name.removeprefix("videoswap.")
        for path in sorted((ROOT / "docs" / "api").glob("*.md"))
        for name in re.findall(r"^::: (\S+)$", path.read_text(), re.MULTILINE)
    }
    assert shown == set(videoswap.__all__)


def test_documents_run_no_script_that_is_not_there():
    for path in DOCUMENTS:
        for text in blocks(path, "bash"):
            for word in shlex.split(text.replace("\\\n", " "), comments=True):
                if word.endswith(".py") and word.split("/")[0] in (
                    "benchmarks", "scripts", "examples", "inference.py",
                ):  # fmt: skip
                    assert (ROOT / word).is_file(), f"{path.name}: {word}"


def test_python_blocks_are_python():
    for path in DOCUMENTS:
        for text in blocks(path, "python"):
            ast.parse(text)
