"""Rules that every public signature keeps: arguments, types, paths and documented errors."""

from __future__ import annotations

import ast
import inspect
import os
import typing
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest

import videoswap

PACKAGE = Path(videoswap.__file__).parent
PUBLIC = {name: getattr(videoswap, name) for name in videoswap.__all__}
EXPORTED = {id(thing) for thing in PUBLIC.values()}


#: Classes that functions return and users never make.
RETURNED = {"Analysis", "Appearance", "RefinedAnalysis"}


def callables() -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Yield name, function and docstring of all that a user can call.

    Dataclasses are made by their fields, which is what their docstrings describe.
    """
    for name, thing in PUBLIC.items():
        if inspect.isfunction(thing):
            yield name, thing, thing.__doc__ or ""
        elif inspect.isclass(thing):
            for member, value in vars(thing).items():
                function = getattr(value, "__func__", value)  # of class methods and static ones
                makes = member == "__init__" or isinstance(value, classmethod)
                unmade = name in RETURNED or getattr(thing, "_is_protocol", False)
                if not inspect.isfunction(function) or (makes and unmade):
                    continue
                if member == "__init__" and not is_dataclass(thing):
                    yield f"{name}.{member}", function, f"{thing.__doc__}{function.__doc__}"
                elif not member.startswith("_"):
                    yield f"{name}.{member}", function, function.__doc__ or ""


def types_of(hint: Any) -> Iterator[type]:
    """Yield all classes that an annotation names."""
    if inspect.isclass(hint):
        yield hint
    for part in typing.get_args(hint):
        yield from (
            [one for inner in part for one in types_of(inner)]
            if isinstance(part, list)
            else types_of(part)
        )


def not_exported(hints: dict[str, Any]) -> set[str]:
    ours = {
        kind
        for hint in hints.values()
        for kind in types_of(hint)
        if kind.__module__.startswith("videoswap")
    }
    return {kind.__qualname__ for kind in ours if id(kind) not in EXPORTED}


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(function, vars(inspect.getmodule(function)) | LATE)


#: Names that modules import for their annotations alone.
LATE = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}

ALL = [pytest.param(function, text, id=name) for name, function, text in callables()]


@pytest.mark.parametrize(("function", "text"), ALL)
def test_arguments_after_the_third_are_keyword_only(function, text):
    plain = [
        one.name
        for one in inspect.signature(function).parameters.values()
        if one.kind is one.POSITIONAL_OR_KEYWORD and one.name not in ("self", "cls")
    ]
    assert len(plain) <= 3


@pytest.mark.parametrize(("function", "text"), ALL)
def test_every_type_of_a_signature_can_be_imported_from_videoswap(function, text):
    assert not_exported(hints_of(function)) == set()


@pytest.mark.parametrize("name", [name for name, thing in PUBLIC.items() if is_dataclass(thing)])
def test_so_can_every_type_of_a_field(name):
    hints = typing.get_type_hints(PUBLIC[name], vars(inspect.getmodule(PUBLIC[name])) | LATE)
    assert not_exported(hints) == set()


@pytest.mark.parametrize(("function", "text"), ALL)
def test_a_path_may_be_a_text_or_any_path(function, text):
    for name, hint in hints_of(function).items():
        kinds = set(types_of(hint))
        if name != "return" and Path in kinds:
            assert {str, os.PathLike} <= {typing.get_origin(one) or one for one in kinds}, name


@pytest.mark.parametrize(("function", "text"), ALL)
def test_errors_are_documented(function, text):
    if "raise " in inspect.getsource(function) or vars(videoswap.api).get(function.__name__):
        assert "Raises:" in text


def test_the_rules_see_all_there_is():
    names = {parameter.id for parameter in ALL}
    assert {"swap_video", "VideoReader.frames", "VideoReader.__init__"} <= names
    assert set(types_of(Callable[[int, list[Path]], dict[str, bool | None]])) >= {Path, bool, int}


def test_only_the_command_line_prints():
    printing = [
        (path.relative_to(PACKAGE).as_posix(), node.lineno)
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "cli"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and node.id == "print"
    ]
    assert printing == []
