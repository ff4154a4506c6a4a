"""The house can be walked: no room (folder or top-level file) imports others in a circle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "videoswap"


def imports(text, package):
    """Yield the parts after ``videoswap`` of every module that a file of a package imports.

    Imports inside of functions count, and so do those by the package's name.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = tuple(node.module.split(".")) if node.module else ()
            if not node.level:
                if module[:1] != (PACKAGE.name,):
                    continue
                module = module[1:]
            named = [module] if module else [(one.name,) for one in node.names]
            yield from ((*above, *part) for part in named)
        elif isinstance(node, ast.Import):
            parts = [tuple(one.name.split(".")) for one in node.names]
            yield from (part[1:] for part in parts if part[0] == PACKAGE.name and part[1:])


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
    assert graph.keys() >= {
        path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()
    }
    assert {"occlusion", "engines", "compositing"} <= graph["rendering"]
    list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from ..b import y", {("b",)}),
        ("from ..b.y import z", {("b", "y")}),
        ("from .. import b, c", {("b",), ("c",)}),
        ("from .y import z", {("a", "y")}),
        ("from videoswap.b.y import z", {("b", "y")}),
        ("from videoswap import b", {("b",)}),
        ("import videoswap.b.y", {("b", "y")}),
        ("def f():\n    from ..b import y", {("b",)}),
        ("import b.y\nfrom c import d\nimport videoswapped.b", set()),
    ],
)
def test_what_a_file_imports(text, found):
    assert set(imports(text, ("a",))) == found


CIRCLES = {
    "of two": {("a", "x"): "from ..b import y", ("b", "y"): "from .. import a"},
    "by the package's name": {("a",): "import videoswap.b", ("b",): "from videoswap import a"},
    "of three": {
        ("a", "x"): "from ..b.y import z",
        ("b", "y"): "from ..c import z",
        ("c",): "def late():\n    from .a import x",
    },
}


@pytest.mark.parametrize("kind", CIRCLES)
def test_a_circle_is_found(kind):
    with pytest.raises(CycleError):
        list(TopologicalSorter(rooms(CIRCLES[kind])).static_order())


def test_a_house_without_one_is_let_be():
    files = {("a", "x"): "from ..b import y\nfrom .z import w", ("a", "z"): "", ("b",): ""}
    assert list(TopologicalSorter(rooms(files)).static_order()) == ["b", "a"]
