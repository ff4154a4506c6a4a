"""The house can be walked: no room (folder or top-level file) imports others in a circle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "videoswap"


def imports(text, package):
    """Yield the parts after ``videoswap`` of every module that a file of a package imports."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            named = [node.module.split(".")] if node.module else [[one.name] for one in node.names]
            yield from ((*above, *part) for part in named)


def rooms(files):
    """Return the rooms that each room imports.

    Args:
        files: Texts by path (parts, without the suffix) inside the package.
    """
    graph = {}
    for (*folders, name), text in files.items():
        room = folders[0] if folders else name
        others = {path[0] for path in imports(text, tuple(folders)) if path}
        graph.setdefault(room, set()).update(others - {room})
    return graph


def package_files():
    return {
        path.relative_to(PACKAGE).with_suffix("").parts: path.read_text()
        for path in PACKAGE.rglob("*.py")
    }


def test_no_circle():
    graph = rooms(package_files())
    assert len(graph) > 20
    assert {"occlusion", "swappers", "blending"} <= graph["runtime"]
    list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize(
    "files",
    [
        {("a", "x"): "from ..b import y", ("b", "y"): "from .. import a"},
        {
            ("a", "x"): "from ..b.y import z",
            ("b", "y"): "from ..c import z",
            ("c",): "from .a import x",
        },
    ],
)
def test_a_circle_is_found(files):
    with pytest.raises(CycleError):
        list(TopologicalSorter(rooms(files)).static_order())
