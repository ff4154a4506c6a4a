"""The house can be walked: no circles of imports, no file too long, and what is public is there."""

import ast

import pytest

import videoswap
from scripts.house import circle, file_graph, floors, imports, package_files, room_graph

MOST_LINES = 450


def test_no_circle_of_files_or_rooms():
    files = package_files()
    graph = room_graph(files)
    assert {"occlusion", "engines", "compositing"} <= graph["rendering"]
    assert circle(graph) == []
    assert circle(file_graph(files)) == []


def test_no_file_is_too_long():
    long = {one: len(text.splitlines()) for one, text in package_files().items()}
    assert {one: lines for one, lines in long.items() if lines > MOST_LINES} == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from ..b import y", {(("b",), "y")}),
        ("from ..b.y import z", {(("b", "y"), "z")}),
        ("from .. import b, c", {((), "b"), ((), "c")}),
        ("from .y import z", {(("a", "y"), "z")}),
        ("from videoswap.b.y import z", {(("b", "y"), "z")}),
        ("from videoswap import b", {((), "b")}),
        ("import videoswap.b.y", {(("b", "y"), "")}),
        ("def f():\n    from ..b import y", {(("b",), "y")}),
        ("import b.y\nfrom c import d\nimport videoswapped.b", set()),
    ],
)
def test_what_a_file_imports(text, found):
    assert set(imports(text, ("a",))) == found


CIRCLES = {
    "of two": {("a",): "", ("a", "x"): "from ..b.y import z", ("b", "y"): "from ..a import x"},
    "by the package's name": {("a",): "import videoswap.b", ("b",): "from videoswap import a"},
    "of three": {
        ("a", "x"): "from ..b.y import z",
        ("b", "y"): "from ..c import z",
        ("c",): "def late():\n    from .a.x import x",
    },
    "with the package": {(): "from .a import x", ("a",): "from . import y"},
}


@pytest.mark.parametrize("kind", CIRCLES)
def test_a_circle_is_found(kind):
    assert circle(file_graph(CIRCLES[kind]))


def test_files_of_two_rooms_may_not_lean_on_each_other():
    files = {
        ("a", "x"): "from ..b.y import z",
        ("b", "y"): "",
        ("b", "w"): "from ..a.v import z",
        ("a", "v"): "",
    }
    assert circle(file_graph(files)) == []
    assert set(circle(room_graph(files))) == {"a", "b"}


def test_a_house_without_one_is_let_be():
    files = {("a", "x"): "from ..b import y\nfrom .z import w", ("a", "z"): "", ("b",): ""}
    assert circle(file_graph(files)) == circle(room_graph(files)) == []
    assert file_graph(files)["a", "x"] == {("b",), ("a", "z")}
    assert floors(file_graph(files)) == 2


def test_what_is_public_is_told_to_readers_and_type_checkers_alike():
    tree = ast.parse(package_files()[()])
    seen = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert seen - {"__version__"} == set(videoswap.__all__)
    assert len(videoswap.__all__) == len(set(videoswap.__all__))
    assert set(videoswap.__all__) <= set(dir(videoswap))
    for name in videoswap.__all__:
        assert getattr(videoswap, name).__module__.startswith("videoswap.")
