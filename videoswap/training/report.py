"""A page that shows what was packed: counts and pictures of each kind."""

from __future__ import annotations

import base64
import html
from pathlib import Path

import numpy as np

from ..errors import OutputError, reason_of
from .shards import PackedPictures, encode_jpeg
from .sheets import grid

NAME = "index.html"
_ROWS, _COLUMNS = 3, 12  # of the pictures of a kind
_QUALITY = 85
_STYLE = "body{font:15px sans-serif;margin:2em}td,th{padding:.2em 1em .2em 0;text-align:left}"


def write_report(folder: Path) -> Path:
    """Write the page into the folder of the shards.

    Returns:
        Its path.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``.
        OutputError: ``cannot_write_report``.
    """
    packed = PackedPictures(folder)
    kinds = packed.columns["kind"]
    held = packed.columns["held"]
    rows, sheets = [], []
    for kind in np.unique(kinds).tolist():
        found = np.flatnonzero(kinds == kind)
        people = np.unique(packed.columns["identity"][found])
        known = len(people) - ("" in people)
        rows.append((kind, len(found), int(held[found].sum()), known))
        some = found[:: max(1, len(found) // (_ROWS * _COLUMNS))][: _ROWS * _COLUMNS]
        pictures = [packed.picture(int(row)) for row in some]
        lines = [pictures[at : at + _COLUMNS] for at in range(0, len(pictures), _COLUMNS)]
        data = base64.b64encode(encode_jpeg(grid(lines), _QUALITY)).decode()
        sheets.append(f"<h2>{html.escape(kind)}</h2><img src='data:image/jpeg;base64,{data}'>")
    cells = "".join(
        f"<tr><td>{html.escape(kind)}</td><td>{count}</td><td>{out}</td><td>{known}</td></tr>"
        for kind, count, out, known in rows
    )
    heads = "<tr><th>kind</th><th>pictures</th><th>held out</th><th>known people</th></tr>"
    text = (
        f"<!doctype html><meta charset='utf-8'><title>Packed pictures</title>"
        f"<style>{_STYLE}</style><h1>{len(packed)} packed pictures</h1>"
        f"<table>{heads}{cells}</table>{''.join(sheets)}"
    )
    path = folder / NAME
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = f"{path} cannot be written: {reason_of(error)}."
        raise OutputError("cannot_write_report", problem) from None
    return path
