"""Puts a package on a path as an installation would: its modules and what it declares."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

TINT = Path(__file__).parent / "videoswap_tint"


def install(project: Path, site: Path) -> None:
    """Install a project without dependencies into a folder of packages.

    Args:
        project: Folder with ``pyproject.toml`` and the package beside it.
        site: The folder of packages, made if need be.
    """
    facts = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    package = facts["name"].replace("-", "_")
    shutil.copytree(project / package, site / package)
    declared(site, package, facts["version"], facts["entry-points"])


def declared(
    site: Path, package: str, version: str, entry_points: dict[str, dict[str, str]]
) -> None:
    """Write the metadata of a distribution into a folder of packages."""
    info = site / f"{package}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = []
    for group, points in entry_points.items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
