"""Numbers of the house: how many files, how long, how they import each other, what is public.

python scripts/house.py
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeVar

PACKAGE = Path(__file__).resolve().parent.parent / "videoswap"
Module = tuple[str, ...]  # parts of a module's name after ``videoswap``; () for the package itself
Node = TypeVar("Node")


def package_files(package: Path = PACKAGE) -> dict[Module, str]:
    """Return the texts of a package by module; a room's own module is its ``__init__.py``."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[parts[:-1] if parts[-1] == "__init__" else parts] = path.read_text()
    return found


def imports(text: str, room: Module) -> Iterator[tuple[Module, str]]:
    """Yield what a file of a room imports of the package: a module, and a name out of it or "".

    Imports inside of functions count, and those under ``TYPE_CHECKING``, and those by the
    package's name.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            above = room[: len(room) - node.level + 1] if node.level else ()
            module = tuple(node.module.split(".")) if node.module else ()
            if not node.level:
                if module[:1] != (PACKAGE.name,):
                    continue
                module = module[1:]
            yield from (((*above, *module), one.name) for one in node.names)
        elif isinstance(node, ast.Import):
            parts = [tuple(one.name.split(".")) for one in node.names]
            yield from ((part[1:], "") for part in parts if part[0] == PACKAGE.name)


def file_graph(files: Mapping[Module, str]) -> dict[Module, set[Module]]:
    """Return the files that each file imports.

    What is imported of a room by name, and is no file of it, counts as the room's own module.
    That the package imports what it shows lazily, by name alone, is not seen and does not count.
    """
    rooms = {one[:-1] for one in files} | {()}
    graph: dict[Module, set[Module]] = {}
    for module, text in files.items():
        room = module if module in rooms else module[:-1]
        used = graph.setdefault(module, set())
        for base, name in imports(text, room):
            found = next((one for one in ((*base, name), base) if one in files), None)
            if found is not None and found != module:
                used.add(found)
    return graph


def room_graph(files: Mapping[Module, str]) -> dict[str, set[str]]:
    """Return the rooms (folders, and files beside them) that each room imports."""
    graph: dict[str, set[str]] = {}
    for module, used in file_graph(files).items():
        if module:
            others = {one[0] for one in used if one}
            graph.setdefault(module[0], set()).update(others - {module[0]})
    return graph


def circle(graph: Mapping[Node, set[Node]]) -> list[Node]:
    """Return a circle of imports, or nothing where there is none."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def floors(graph: Mapping[Module, set[Module]]) -> int:
    """Return how many files stand above each other in the longest chain of imports."""
    height: dict[Module, int] = {}
    for module in TopologicalSorter(graph).static_order():
        height[module] = 1 + max((height[one] for one in graph.get(module, ())), default=0)
    return max(height.values(), default=0)


def public_names(text: str) -> list[str]:
    """Return ``__all__`` of a package's own module."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return sorted(ast.literal_eval(node.value))
    return []


def main() -> None:
    """Print the numbers."""
    package = Path(sys.argv[1]) / PACKAGE.name if sys.argv[1:] else PACKAGE
    files = package_files(package)
    graph = file_graph(files)
    lengths = {module: len(text.splitlines()) for module, text in files.items()}
    longest = sorted(lengths, key=lambda module: -lengths[module])[:3]
    names = Counter(module[-1] for module in files if module)
    public = public_names(files[()])
    loop = circle(graph)
    print(f"files              {len(files)}")
    print(f"lines              {sum(lengths.values())}")
    print(f"median lines       {statistics.median(lengths.values()):g}")
    print(f"under 60 lines     {sum(length < 60 for length in lengths.values())}")
    shown = ", ".join(f"{'/'.join(one)} {lengths[one]}" for one in longest)
    print(f"longest            {shown}")
    print(f"circle of files    {' '.join('/'.join(one) or 'videoswap' for one in loop) or 'none'}")
    print(f"circle of rooms    {' '.join(circle(room_graph(files))) or 'none'}")
    print(f"floors of imports  {'-' if loop else floors(graph)}")
    print(f"names used twice   {', '.join(sorted(n for n in names if names[n] > 1)) or 'none'}")
    print(f"public names       {len(public)}: {', '.join(public)}")


if __name__ == "__main__":
    main()
