"""The packages that videoswap stands on are the same in every list of them."""

import re
import tomllib

from tests.helpers.locations import ROOT
from videoswap import __version__
from videoswap.packages import NEEDED, OPTIONAL

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def names(lines):
    return {re.split(r"[\s=<>;\[]", line)[0].lower() for line in lines}


def test_what_pip_installs_is_what_doctor_looks_for():
    assert names(PROJECT["dependencies"]) == {package.name for package in NEEDED}
    extras = PROJECT["optional-dependencies"]
    optional = (names(extras["neural"]) - {"kornia"}) | names(extras["ui"]) | names(extras["ray"])
    assert optional == {one.name for one in OPTIONAL} - {"insightface"}


def test_what_the_installer_installs_has_all_of_it():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = names(line for line in lines if line and not line.startswith("#"))
    assert {package.name for package in NEEDED} | {"torch", "safetensors", "kornia"} <= pinned


def test_the_version_is_written_once():
    assert "version" not in PROJECT and PROJECT["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
