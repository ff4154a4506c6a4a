"""The report as one HTML page that needs nothing else. It holds pictures of faces."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from ..records import Array
from ..video.files import atomic_output
from .plots import CLASSES, curve_plot
from .report import Evaluation, Group, Value
from .worst import pictures, worst_frames

QUALITY = 85  # of the JPEG pictures
PRIVATE = "This page holds pictures of faces. Give it to nobody who may not see the video."
STYLE = """
:root{--ink:#1c1c1c;--pale:#6b6b6b;--line:#d9d9d9;--back:#fff;--one:#b3261e;--two:#4a6fa5;--three:#4b8b3b}
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--pale:#9a9a9a;--line:#3a3a3a;--back:#161616;
--one:#f2857d;--two:#8fb2e6;--three:#8cc97b}}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;
color:var(--ink);background:var(--back)}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2.2rem}h3{font-size:.9rem;margin:.2rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.15rem .8rem .15rem 0;text-align:right;border-bottom:1px solid var(--line);
font-weight:normal}
.ok{color:var(--three)}td:first-child,th:first-child{text-align:left}.pale,td:last-child{color:var(--pale)}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr));gap:1rem}
svg{width:100%;height:auto}svg text{font:10px sans-serif;fill:var(--pale)}
.grid{stroke:var(--line);fill:none}
.one,.two,.three{fill:none;stroke-width:1.3}.one{stroke:var(--one)}.two{stroke:var(--two)}
.three{stroke:var(--three)}
.worst img{max-width:100%;height:auto;vertical-align:top}
b.one{color:var(--one)}b.two{color:var(--two)}b.three{color:var(--three)}b{font-weight:600}
.note{border-left:3px solid var(--one);padding-left:.7rem}
"""


def write_page(evaluation: Evaluation, path: Path) -> None:
    """Write the page; it appears only when it is complete."""
    with atomic_output(path) as part, part.open("w", encoding="utf-8") as file:
        file.write(_head(evaluation))
        groups = evaluation.groups
        swapped = [groups.overall, *groups.people] if len(groups.people) != 1 else groups.people
        for title, some in (
            ("Swapped faces", swapped),
            ("Faces left alone", [groups.bystanders, *groups.others]),
            ("Whole frames", [groups.whole]),
        ):
            if some and some[0].values:
                file.write(f"<h2>{title}</h2>{_table(some)}")
        for group in (*groups.people, groups.whole):
            file.write(_plots(group))
        file.write("<h2>Worst frames: original, result, mask</h2>")
        for worst, shown in pictures(evaluation, worst_frames(evaluation)):
            reasons = "<br>".join(escape(reason) for reason in worst.reasons)
            file.write(f'<div class="worst"><h3>{worst.seconds:.2f} s</h3><p>{reasons}</p>')
            file.write(f'<img alt="original, result, mask" src="{_embedded(shown)}"></div>')
        file.write("</body></html>\n")


def _head(evaluation: Evaluation) -> str:
    name = escape(Path(evaluation.result).name)
    notes = "".join(f"<p>{escape(note)}</p>" for note in evaluation.notes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}</title><style>{STYLE}</style></head><body><h1>{name}</h1>"
        f'<p class="pale">against {escape(evaluation.original)}, {evaluation.frames} frames, '
        f"identities by {escape(evaluation.encoder)}</p>"
        f"<p>{escape(str(evaluation.verdict))}</p>"
        f'<p class="note">{PRIVATE}</p>{notes}'
    )


def _table(groups: Sequence[Group]) -> str:
    head = "".join(f"<th>{escape(_title(group))}</th>" for group in groups)
    rows = []
    for place, value in enumerate(groups[0].values):
        metric = value.metric
        unit = f' <span class="pale">{escape(metric.unit)}</span>' if metric.unit else ""
        cells = "".join(_cell(group.values[place]) for group in groups)
        good = escape(metric.good_words)
        rows.append(f"<tr><td>{escape(metric.label)}{unit}</td>{cells}<td>{good}</td></tr>")
    return (
        f'<div class="wide"><table><tr><th></th>{head}<th>good</th></tr>{"".join(rows)}'
        "</table></div>"
    )


def _cell(value: Value) -> str:
    mark = {True: ' <span class="ok">ok</span>', False: ' <b class="one">bad</b>', None: ""}
    return f"<td>{escape(str(value))}{mark[value.good]}</td>"


def _title(group: Group) -> str:
    source = "" if group.source is None else f" as {Path(group.source).stem}"
    return f"{group.name}{source} ({group.rows})"


def _plots(group: Group) -> str:
    shown = []
    for value in group.values:
        names = value.metric.plot
        plot = curve_plot(group.columns["seconds"], [(one, group.columns[one]) for one in names])
        if plot:
            legend = ", ".join(
                f'<b class="{kind}">{escape(name.replace("_", " "))}</b>'
                for kind, name in zip(CLASSES, names, strict=False)
            )
            shown.append(f"<div><h3>{escape(value.metric.label)}</h3>{legend}{plot}</div>")
    if not shown:
        return ""
    return f'<h2>{escape(_title(group))} over time</h2><div class="plots">{"".join(shown)}</div>'


def _embedded(shown: Sequence[Array]) -> str:
    """Return pictures side by side as a data URL."""
    row = np.hstack(shown)[:, :, ::-1]
    _, data = cv2.imencode(".jpg", row, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
