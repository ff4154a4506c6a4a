"""Run the table and print it as Markdown: ``python -m tests.hostile --all --out table.md``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

from tests.hostile.case import Case, Outcome
from tests.hostile.judge import run_case
from tests.hostile.stock import make_stock
from tests.hostile.table import CHAPTERS, SHORT, escaped

HEAD = "| row | codes | got | seconds | MB | says | wrong |\n|---|---|---|---|---|---|---|"
WIDTH = 100  # characters of what a run says that are shown


def main() -> int:
    """Run the rows that were asked for; returns 1 if one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--all", action="store_true", help="the whole table, not the short one")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="rows named like this")
    parser.add_argument("--chapter", choices=CHAPTERS, help="one chapter of the table")
    parser.add_argument("--failed", action="store_true", help="print only rows that fail")
    parser.add_argument("--jobs", type=int, default=1, help="rows run at once")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the table goes")
    arguments = parser.parse_args()
    lines: list[str] = []
    failed = 0
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        base = Path(folder)
        base.chmod(0o755)  # rows may run as another user
        material = make_stock(base / "stock")
        for chapter, rows in CHAPTERS.items():
            chosen = [case for case in rows if _wanted(case, chapter, arguments)]
            if not chosen:
                continue
            lines += ["", f"## {chapter}", "", HEAD]
            print("\n".join(lines[-4:]), flush=True)
            for case, outcome, wrong in _run(chosen, base, material, arguments.jobs):
                failed += bool(wrong)
                if wrong or not arguments.failed:
                    lines.append(_line(case, outcome, wrong))
                    print(lines[-1], flush=True)
    if arguments.out is not None:
        arguments.out.write_text("\n".join(lines).lstrip() + "\n", encoding="utf-8")
    return min(failed, 1)


def _wanted(case: Case, chapter: str, arguments: argparse.Namespace) -> bool:
    return (
        (arguments.all or case in SHORT or arguments.only != "*")
        and fnmatch(case.id, arguments.only)
        and arguments.chapter in (None, chapter)
    )


def _run(
    rows: list[Case], base: Path, material: Path, jobs: int
) -> Iterator[tuple[Case, Outcome | None, list[str]]]:
    def one(case: Case) -> tuple[Case, Outcome | None, list[str]]:
        if case.needs is not None and case.needs():
            return case, None, []
        try:
            return case, *run_case(case, base, material)
        except Exception as error:  # a row that cannot be made does not end the table
            return case, None, [f"the row itself failed: {type(error).__name__}: {error}"]

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, rows)


def _line(case: Case, outcome: Outcome | None, wrong: list[str]) -> str:
    codes = " or ".join(map(str, case.codes))
    if outcome is None:
        lacking = f"not run: {case.needs()}" if case.needs is not None else ""
        return _row(case.id, codes, "-", "-", "-", lacking, "; ".join(wrong))
    told = (outcome.err.strip() or outcome.out.strip()).splitlines()
    said = told[-1] if told else ""
    return _row(
        case.id,
        codes,
        outcome.code,
        f"{outcome.seconds:.1f}",
        outcome.peak >> 20,
        said if len(said) <= WIDTH else f"{said[:WIDTH]}...",
        "; ".join(wrong),
    )


def _row(*cells: object) -> str:
    """Return a row of the table, whatever is in its cells."""
    return "| " + " | ".join(escaped(str(cell)) for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
