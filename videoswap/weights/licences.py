"""Licences of weights: shown and accepted once per family, before anything is fetched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

from ..errors import UsageError
from ..video.files import atomic_output, output_errors
from .digests import Say
from .manifest import Licence

FILE_NAME = "accepted_licences.json"


def accepted(folder: Path) -> dict[str, dict[str, str]]:
    """Return what was accepted, by family: ``text_sha256`` and ``date``."""
    try:
        raw = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # then it is asked again
    return raw if isinstance(raw, dict) else {}


def require(
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
    with atomic_output(path) as part:
        part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
