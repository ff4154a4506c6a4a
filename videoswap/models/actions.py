"""What ``videoswap models`` does with files: list, download, verify."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError, PartialError, UsageError, VideoswapError
from . import known, licences, slim
from .download import Net, fetch
from .manifest import Manifest, Model, load_manifest, weights_dir
from .store import by_hand


def listing(manifest: Manifest, folder: Path) -> list[str]:
    """Return a line for every file, and how to read them."""
    rows = [("NAME", "STATE", "MB", "USED BY", "LICENCE", "WHAT")]
    for model in manifest.models:
        path = folder / model.file
        here = path.is_file()
        size = path.stat().st_size if here else model.size
        ways = {True: "to fetch", False: "by hand"}
        rows.append(
            (
                model.name,
                "here" if here else "not yet" if model.shipped else ways[model.downloadable],
                f"{size / 1e6:.0f}" if size else "?",
                ",".join(model.engines),
                model.licence,
                f"{model.what} ({model.file})",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        "  ".join([*(word.ljust(width) for word, width in zip(row, widths, strict=False)), row[5]])
        for row in rows
    ]
    return [*lines, f"in {folder}"]


def download(
    names: Sequence[str], everything: bool, accept: Sequence[str], net: Net | None = None
) -> None:
    """Fetch files; one that fails does not stop the others.

    Args:
        names: Names, file names or engines.
        everything: All that a program can fetch, in place of names.
        accept: Families of licences accepted beforehand.
        net: How the network is used.

    Raises:
        UsageError: ``unknown_model``, ``unknown_licence`` or ``licence_not_accepted``.
        InputError: As :func:`videoswap.models.download.fetch`, if nothing could be had.
        PartialError: ``some_missing`` if only a part of the files is there now.
    """
    manifest, folder = load_manifest(), weights_dir()
    chosen = manifest.models if everything else manifest.select(names)
    unknown = [family for family in accept if family not in manifest.licences]
    if unknown:
        raise UsageError(
            "unknown_licence",
            f"There is no family of files {unknown[0]!r}.",
            f"Known are {', '.join(manifest.licences)}.",
        )
    wanted = [model for model in chosen if model.downloadable]
    needed = [m.licence for m in wanted if not (folder / m.file).is_file()]
    ask = _ask if sys.stdin.isatty() else None
    licences.require([manifest.licences[family] for family in needed], folder, print, accept, ask)
    failures = _fetch_all(wanted, folder, net)
    manual = [m for m in chosen if not m.downloadable and not (folder / m.file).is_file()]
    for model in manual:
        print(f"{model.name} cannot be fetched by a program. {by_hand(model, folder)}")
    if len(failures) == 1 and len(chosen) == 1:
        raise failures[0]
    for failure in failures:
        print(failure, file=sys.stderr)
    absent = len(failures) + (0 if everything else len(manual))
    if absent:
        kind = InputError if absent == len(chosen) else PartialError
        raise kind("some_missing", f"{absent} of {len(chosen)} files are not there, as said above.")


def _fetch_all(models: Sequence[Model], folder: Path, net: Net | None) -> list[VideoswapError]:
    """Fetch files one after the other; without a network, only say how to get the rest."""
    failures: list[VideoswapError] = []
    for model in models:
        if any(failure.code == "no_network" for failure in failures):
            failures.append(
                InputError("no_network", f"{model.file} was not tried.", by_hand(model, folder))
            )
            continue
        try:
            print(fetch(model, folder, print, net))
            if model.network in slim.PARTS:
                _make_slim(model)
        except InputError as error:
            failures.append(error)
    return failures


def _make_slim(model: Model) -> None:
    try:
        print(slim.prefer(model))
    except ImportError as error:
        print(f"Its slim copy is made at first use ({error}).")


def verify(names: Sequence[str]) -> None:
    """Read files whole and check them; those never seen before are recorded, which is said.

    Raises:
        InputError: ``changed_weights`` or ``missing_weights`` if any is wrong or not there.
        UsageError: ``unknown_model``.
    """
    manifest, folder = load_manifest(), weights_dir()
    chosen = manifest.select(names) if names else manifest.models
    wrong = []
    for model in chosen:
        if not (folder / model.file).is_file():
            if names:
                wrong.append(f"{model.file} is not there")
            continue
        try:
            known.check(model, folder, print, thorough=True)
            print(f"{model.file}: fine")
        except InputError as error:
            print(f"{model.file}: WRONG. {error}")
            wrong.append(f"{model.file} is wrong")
    if wrong:
        raise InputError("changed_weights", f"Not all is well: {'; '.join(wrong)}.")


def _ask(question: str) -> bool:
    try:
        return input(f"{question} (yes/no) ").strip().lower() in ("yes", "y")
    except EOFError:
        return False
