"""A page about packed faces: counts, people, and pictures of what was kept and thrown out."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ...errors import OutputError, reason_of
from ...records import Array
from ..shards import decode_jpeg, encode_jpeg
from .scan import REFUSALS
from .selection import Selection
from .settings import FacesSettings

NAME = "index.html"
MOST_PICTURES = 24  # of each kind
MOST_PEOPLE, MOST_OF_PERSON = 12, 8
PICTURE_SIZE = 96  # pixels
_QUALITY = 80
_STYLE = (
    "body{font:15px sans-serif;margin:2em}td,th{padding:.2em 1em .2em 0;text-align:left}"
    "figure{display:inline-block;margin:2px;width:96px;vertical-align:top}"
    "figcaption{font-size:9px;overflow-wrap:anywhere}img{width:96px;height:96px}"
)

#: Gives the bytes of the JPEG of a row.
Pictures = Callable[[int], bytes]


def write_page(
    folder: Path,
    columns: Mapping[str, Array],
    selection: Selection,
    settings: FacesSettings,
    jpeg: Pictures,
) -> Path:
    """Write the page into the folder of the shards; it needs no other file.

    Args:
        folder: Of the shards.
        columns: Of all scanned faces.
        selection: What became of them.
        settings: What was packed.
        jpeg: The scanned crops.

    Returns:
        Its path.

    Raises:
        OutputError: ``cannot_write_report``.
    """
    names = columns["name"]
    figure = _Figure(names, columns, jpeg)
    kept = np.sort(selection.order)
    text = [
        "<!doctype html><meta charset='utf-8'><title>Packed faces</title>",
        f"<style>{_STYLE}</style><h1>{len(kept)} packed faces of {len(names)} found</h1>",
        _table(("", "faces", "share", "why"), _counts(selection)),
        f"<p>{html.escape(_facts(settings, selection, kept))}</p>",
        "<h2>Sources</h2>",
        _table(("source", "pictures and videos", "kept", "thrown out"), _sources(columns, kept)),
        "<h2>Kept</h2>",
        figure.row(_some(kept, MOST_PICTURES)),
        "<h2>People</h2>",
        *_people(selection, kept, figure),
    ]
    for reason in REFUSALS:
        rows = np.flatnonzero(selection.reasons == reason)
        if len(rows):
            text.append(f"<h2>{reason} ({len(rows)}): {html.escape(REFUSALS[reason])}</h2>")
            some = _some(rows, MOST_PICTURES)
            pairs = [(row, int(selection.originals[row])) for row in some]
            text.append(figure.row([one for pair in pairs for one in pair if one >= 0]))
    path = folder / NAME
    try:
        path.write_text("".join(text), encoding="utf-8")
    except OSError as error:
        problem = f"{path} cannot be written: {reason_of(error)}."
        raise OutputError("cannot_write_report", problem) from None
    return path


def counts_of(selection: Selection) -> dict[str, int]:
    """Return how many faces were kept, and how many thrown out for each reason."""
    found = {reason: int((selection.reasons == reason).sum()) for reason in REFUSALS}
    return {"kept": len(selection.order), **{name: count for name, count in found.items() if count}}


def _counts(selection: Selection) -> list[tuple[str, str, str, str]]:
    whole = max(len(selection.reasons), 1)
    return [
        (name, str(count), f"{count / whole:.1%}", REFUSALS.get(name, "packed"))
        for name, count in counts_of(selection).items()
    ]


def _facts(settings: FacesSettings, selection: Selection, kept: Array) -> str:
    who = selection.identities[kept]
    people = len(set(who.tolist()) - {""})
    held = int(selection.held[kept].sum())
    return (
        f"Framing {settings.framing}, {settings.crop_size} pixels; {people} people, "
        f"{int((who == '').sum())} faces of nobody known; {held} faces held out of training."
    )


def _sources(columns: Mapping[str, Array], kept: Array) -> list[tuple[str, str, str, str]]:
    source = np.array([item.partition("/")[0] for item in columns["item"].tolist()])
    is_kept = np.zeros(len(source), bool)
    is_kept[kept] = True
    rows = []
    for name in np.unique(source).tolist():
        of = source == name
        items = len(np.unique(columns["item"][of]))
        good = int(is_kept[of].sum())
        rows.append((name, str(items), str(good), str(int(of.sum()) - good)))
    return rows


def _people(selection: Selection, kept: Array, figure: _Figure) -> list[str]:
    who = selection.identities[kept]
    names, counts = np.unique(who[who != ""], return_counts=True)
    if not len(names):
        return ["<p>Nobody is known.</p>"]
    spread = ", ".join(
        f"{int((counts >= least).sum())} with {least} or more" for least in (1, 2, 5, 20, 100)
    )
    text = [f"<p>{spread} pictures; {int(counts.max())} at most.</p>"]
    for place in np.argsort(-counts, kind="stable")[:MOST_PEOPLE]:
        rows = kept[who == names[place]]
        text.append(f"<h3>{html.escape(str(names[place]))} ({len(rows)})</h3>")
        text.append(figure.row(_some(rows, MOST_OF_PERSON)))
    return text


class _Figure:
    """Draws rows of pictures with their names and numbers."""

    def __init__(self, names: Array, columns: Mapping[str, Array], jpeg: Pictures) -> None:
        self._names, self._columns, self._jpeg = names, columns, jpeg

    def row(self, rows: Sequence[int]) -> str:
        return "".join(map(self._one, rows))

    def _one(self, row: int) -> str:
        columns = self._columns
        picture = decode_jpeg(self._jpeg(row), str(self._names[row]))
        size = (PICTURE_SIZE, PICTURE_SIZE)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        data = base64.b64encode(encode_jpeg(small, _QUALITY)).decode()
        yaw, pitch, _ = columns["angles"][row]
        numbers = (
            f"{columns['face_size'][row]:.0f} px, score {columns['score'][row]:.2f}, "
            f"sharp {columns['sharpness'][row]:.3f}, {yaw:.0f}/{pitch:.0f} degrees"
        )
        name = html.escape(str(self._names[row]), quote=True)
        return (
            f"<figure title='{name}'><img src='data:image/jpeg;base64,{data}'>"
            f"<figcaption>{name}<br>{numbers}</figcaption></figure>"
        )


def _some(rows: Array, most: int) -> list[int]:
    """Return evenly spaced rows, so many at most."""
    if len(rows) <= most:
        return [int(row) for row in rows]
    return [int(rows[place]) for place in np.linspace(0, len(rows) - 1, most).astype(int)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(
        "<tr>" + "".join(f"<td>{html.escape(one)}</td>" for one in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{''.join(f'<th>{one}</th>' for one in heads)}</tr>{cells}</table>"
