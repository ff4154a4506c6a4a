"""Which error codes of the package a run of the tests provoked; the summary names the others.

A plug-in of pytest. Errors of child processes are not seen, only those that arise in the tests'
own. The summary counts where the whole suite ran (no paths and no ``-k``).
"""

from __future__ import annotations

import ast
import re
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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker of pytest-xdist send what it saw."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = sorted(PROVOKED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add what a worker saw."""
    PROVOKED.update(getattr(node, "workeroutput", {}).get(_KEY, ()))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name the codes that nothing provoked, after the whole suite."""
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS
    chosen = (config.getoption(one) for one in ("keyword", "markexpr", "collectonly"))
    if not whole or any(chosen):
        return
    written = written_codes()
    missing = sorted(set(written) - PROVOKED)
    terminalreporter.section("error codes")
    terminalreporter.write_line(f"{len(written) - len(missing)} of {len(written)} were provoked.")
    for code in missing:
        terminalreporter.write_line(f"not provoked: {code} ({written[code]})")
