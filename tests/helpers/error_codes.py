"""Which error codes of the package a run of the tests provoked; the summary names the others.

A plug-in of pytest. Errors of child processes are not seen, only those that arise in the tests'
own. Where the whole suite ran (no paths, no ``-k``) and nothing else failed, a code that nothing
provoked fails it, unless a test that was skipped here provokes it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import videoswap
from videoswap.errors import VideoswapError

PACKAGE = Path(videoswap.__file__).parent
PROVOKED: set[str] = set()
_KEY = "error_codes"


def written_codes(package: Path = PACKAGE) -> dict[str, str]:
    """Return every code that the package gives an error, with a place where it does."""
    found: dict[str, str] = {}
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            code = getattr(node.args[0], "value", None)
            if name.endswith("Error") and isinstance(code, str) and re.fullmatch(r"\w+", code):
                place = f"{path.relative_to(package.parent)}:{node.lineno}"
                found.setdefault(code, place)
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Remember the code of every error that is made from now on."""
    made = VideoswapError.__init__

    def remembering(self: VideoswapError, code: str, *rest: Any, **named: Any) -> None:
        PROVOKED.add(code)
        made(self, code, *rest, **named)

    VideoswapError.__init__ = remembering  # type: ignore[method-assign]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker of pytest-xdist send what it saw; let the whole suite fail for what is left."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = sorted(PROVOKED)
        return
    passed = whole_suite(session.config) and session.exitstatus == pytest.ExitCode.OK
    if passed and unprovoked(skipped_files(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def whole_suite(config: pytest.Config) -> bool:
    """Tell whether all tests were asked for."""
    chosen = (config.getoption(one) for one in ("keyword", "markexpr", "collectonly"))
    return config.args_source is not pytest.Config.ArgsSource.ARGS and not any(chosen)


def skipped_files(config: pytest.Config) -> set[Path]:
    """Return the files of tests of which some were skipped."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = [] if reporter is None else reporter.stats.get("skipped", [])
    return {config.rootpath / str(one.nodeid).partition("::")[0] for one in skipped}


def unprovoked(skipped: Iterable[Path]) -> dict[str, str]:
    """Return the codes that nothing provoked, with their places, but those of skipped tests.

    Args:
        skipped: Files of tests; a code that one of them names is not expected.
    """
    named = " ".join(path.read_text(encoding="utf-8") for path in skipped if path.is_file())
    excused = set(re.findall(r"\w+", named))
    return {
        code: place
        for code, place in written_codes().items()
        if code not in PROVOKED and code not in excused
    }


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add what a worker saw."""
    PROVOKED.update(getattr(node, "workeroutput", {}).get(_KEY, ()))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name the codes that nothing provoked, after the whole suite."""
    if not whole_suite(config):
        return
    written = written_codes()
    missing = sorted(set(written) - PROVOKED)
    failing = unprovoked(skipped_files(config))
    terminalreporter.section("error codes")
    terminalreporter.write_line(f"{len(written) - len(missing)} of {len(written)} were provoked.")
    for code in missing:
        why = "" if code in failing else ": a test that was skipped names it"
        terminalreporter.write_line(f"not provoked: {code} ({written[code]}){why}")
