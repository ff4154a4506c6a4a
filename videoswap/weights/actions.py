"""What ``videoswap models`` does with files: list, download, verify."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..errors import (
    InputError,
    PartialError,
    UsageError,
    VideoswapError,
)
from ..jsonfile import write_json
from ..video.files import output_errors
from . import (
    digests as known,
)
from . import slim
from .digests import Say
from .download import Net, fetch
from .manifest import (
    Licence,
    Manifest,
    Model,
    load_manifest,
    weights_dir,
)
from .models import vouch
from .store import by_hand, folder_of, require


def listing(manifest: Manifest, folder: Path) -> list[str]:
    """Return a line for every file, and how to read them."""
    rows = [("NAME", "STATE", "MB", "USED BY", "LICENCE", "WHAT")]
    for model in manifest.models:
        path = folder_of(model) / model.file
        here = path.is_file()
        ways = {True: "to fetch", False: "by hand"}
        rows.append(
            (
                model.name,
                "here" if here else "not yet" if model.shipped else ways[model.downloadable],
                f"{path.stat().st_size / 1e6:.0f}" if here else model.megabytes,
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
    names: Sequence[str],
    everything: bool,
    accept: Sequence[str],
    net: Net | None = None,
    *,
    show: Callable[[str], None],
    complain: Callable[[str], None],
) -> None:
    """Fetch files; one that fails does not stop the others.

    Args:
        names: Names, file names or engines.
        everything: All that a program can fetch, in place of names.
        accept: Families of licences accepted beforehand.
        net: How the network is used.
        show: Prints what happens.
        complain: Prints what failed.

    Raises:
        UsageError: ``unknown_model``, ``unknown_licence`` or ``licence_not_accepted``.
        InputError: As :func:`videoswap.weights.download.fetch`, if nothing could be had.
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
    absent_now = [model for model in wanted if not (folder / model.file).is_file()]
    if absent_now:
        show(to_fetch(absent_now))
    needed = [model.licence for model in absent_now]
    ask = _ask if sys.stdin.isatty() else None
    require_licences([manifest.licences[family] for family in needed], folder, show, accept, ask)
    failures = _fetch_all(wanted, folder, net, show)
    manual = [m for m in chosen if not m.downloadable and not (folder / m.file).is_file()]
    for model in manual:
        show(f"{model.name} cannot be fetched by a program. {by_hand(model, folder)}")
    if len(failures) == 1 and len(chosen) == 1:
        raise failures[0]
    for failure in failures:
        complain(str(failure))
    absent = len(failures) + (0 if everything else len(manual))
    if absent:
        kind = InputError if absent == len(chosen) else PartialError
        raise kind("some_missing", f"{absent} of {len(chosen)} files are not there, as said above.")


def _fetch_all(
    models: Sequence[Model], folder: Path, net: Net | None, show: Callable[[str], None]
) -> list[VideoswapError]:
    """Fetch files one after the other; without a network, only say how to get the rest."""
    failures: list[VideoswapError] = []
    for model in models:
        if any(failure.code == "no_network" for failure in failures):
            failures.append(
                InputError("no_network", f"{model.file} was not tried.", by_hand(model, folder))
            )
            continue
        try:
            show(str(fetch(model, folder, show, net)))
            if model.network in slim.SLIM_NETWORKS:
                _make_slim(model, show)
        except InputError as error:
            failures.append(error)
    return failures


def _make_slim(model: Model, show: Callable[[str], None]) -> None:
    try:
        show(str(slim.prefer(model)))
    except ImportError as error:
        show(f"Its slim copy is made at first use ({error}).")


def to_fetch(models: Sequence[Model]) -> str:
    """Return what will come over the network: files and, as far as known, their sizes."""
    files = ", ".join(f"{model.file} ({model.megabytes} MB)" for model in models)
    return f"To fetch: {files}"


def paths(name: str, show: Callable[[str], None]) -> None:
    """Show where a file, or every file of an engine, is.

    Raises:
        InputError: ``missing_weights``, ``changed_weights``.
        UsageError: ``unknown_model``.
    """
    failures = []
    for model in load_manifest().select([name]):
        try:
            show(str(require(model.name)))
        except InputError as error:
            failures.append(error)
    if not failures:
        return
    first, *others = failures
    raise (
        InputError(
            first.code,
            "\n".join(error.message for error in failures),
            "\n".join(dict.fromkeys(error.hint for error in failures)),
        )
        if others
        else first
    )


def verify(names: Sequence[str], forget: bool = False, *, show: Callable[[str], None]) -> None:
    """Read files whole and check them; those of which nothing is known are loaded.

    Args:
        names: Names, file names or engines; none for all that are here.
        forget: Take what is recorded of the named files out first.
        show: Prints what is found.

    Raises:
        InputError: ``changed_weights`` or ``missing_weights`` if any is wrong or not there.
        UsageError: ``unknown_model``; ``no_names`` if nothing is named to be forgotten.
    """
    manifest, folder = load_manifest(), weights_dir()
    chosen = manifest.select(names) if names else manifest.models
    if forget:
        if not names:
            raise UsageError("no_names", "--forget needs the names of the files to be forgotten.")
        for file in known.forget([model.file for model in chosen], folder):
            show(f"{file}: forgotten")
    wrong, seen = [], 0
    for model in chosen:
        place = folder_of(model)
        if not (place / model.file).is_file():
            if names:
                wrong.append(f"{model.file} is not there")
            continue
        seen += 1
        try:
            known.check(model, place, thorough=True)
            doubt = vouch(model, place)
            show(f"{model.file}: {doubt or 'fine'}")
        except InputError as error:
            show(f"{model.file}: WRONG. {error}")
            wrong.append(f"{model.file} is wrong")
    if not seen and not wrong:
        show(f"No file is here to be checked: {folder} has none of the manifest's.")
    if wrong:
        raise InputError("changed_weights", f"Not all is well: {'; '.join(wrong)}.")


def _ask(question: str) -> bool:
    try:
        return input(f"{question} (yes/no) ").strip().lower() in ("yes", "y")
    except EOFError:
        return False


FILE_NAME = "accepted_licences.json"


def accepted(folder: Path) -> dict[str, dict[str, str]]:
    """Return what was accepted, by family: ``text_sha256`` and ``date``."""
    try:
        raw = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # then it is asked again
    return raw if isinstance(raw, dict) else {}


def require_licences(
    licences: Iterable[Licence],
    folder: Path,
    say: Say,
    accept: Collection[str] = (),
    ask: Callable[[str], bool] | None = None,
) -> None:
    """Show each licence that was not accepted yet, have it accepted, and record that.

    A licence whose text changed since is asked for again.

    Args:
        licences: Those that are needed.
        folder: The folder of weights, where the answer is kept.
        say: Shows text.
        accept: Families accepted beforehand (``--accept_licence``).
        ask: Asks a yes-or-no question; None if there is nobody to ask.

    Raises:
        UsageError: ``licence_not_accepted``.
        OutputError: If the answer cannot be kept.
    """
    known = accepted(folder)
    refused = []
    for licence in dict.fromkeys(licences):
        if licence.permissive:
            continue
        digest = hashlib.sha256(licence.text.encode()).hexdigest()
        if known.get(licence.family, {}).get("text_sha256") == digest:
            continue
        say(f"--- {licence.title} ---\n{licence.text}\n")
        question = f"Do you accept this for the files of {licence.family}?"
        if licence.family in accept or (ask is not None and ask(question)):
            date = datetime.now(UTC).isoformat("T", "seconds")
            known[licence.family] = {"text_sha256": digest, "date": date}
            _keep(folder, known)
        else:
            refused.append(licence.family)
    if refused:
        flags = " ".join(f"--accept_licence {family}" for family in refused)
        raise UsageError(
            "licence_not_accepted",
            f"The licence of {' and '.join(refused)} was not accepted, so nothing was fetched.",
            f"If you accept it: {flags}",
        )


def _keep(folder: Path, known: dict[str, dict[str, str]]) -> None:
    path = folder / FILE_NAME
    with output_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
    write_json(path, known)
