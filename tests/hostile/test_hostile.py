"""The bad-input table: one sentence, a documented code, nothing left over, in every row."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.hostile.case import Case
from tests.hostile.judge import run_case
from tests.hostile.stock import group_photo, make_stock
from tests.hostile.table import ROWS, SHORT

WHOLE = (pytest.mark.slow, pytest.mark.whole_table)


@pytest.fixture(scope="session")
def base() -> Iterator[Path]:
    """A folder that another user may enter, which none of pytest's own is."""
    with TemporaryDirectory(prefix="videoswap-hostile-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def material(base: Path) -> Path:
    try:
        group_photo()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    return make_stock(base / "stock")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=repr(case.id), marks=() if case in SHORT else WHOLE) for case in ROWS],
)
def test_row(case: Case, base: Path, material: Path) -> None:
    lacking = case.needs() if case.needs is not None else ""
    if lacking:
        pytest.skip(lacking)
    outcome, wrong = run_case(case, base, material)
    assert not wrong, f"{wrong}\n{outcome.out}\n{outcome.err}"
