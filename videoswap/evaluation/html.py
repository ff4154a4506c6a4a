"""The HTML page of an evaluation: table, plots over time, worst frames. It shows faces."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np

from ..geometry.resample import crop_box
from ..records import Array, counted
from ..video.files import atomic_output
from ..video.planes import Box
from ..video.probe import probe
from .frame_pairs import FramePair, read_pairs
from .report import Evaluation, Group, Value

JPEG_QUALITY = 85  # of the JPEG pictures
PRIVACY_NOTE = "This page holds pictures of faces. Give it to nobody who may not see the video."
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
    notes = "".join(f"<p>{escape(str(note))}.</p>" for note in evaluation.notes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}</title><style>{STYLE}</style></head><body><h1>{name}</h1>"
        f'<p class="pale">against {escape(evaluation.original)}, '
        f"{counted(evaluation.frames, 'frame')}, identities by {escape(evaluation.encoder)}</p>"
        f"<p>{escape(str(evaluation.verdict))}</p>"
        f'<p class="note">{PRIVACY_NOTE}</p>{notes}'
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
                for kind, name in zip(CURVE_CLASSES, names, strict=False)
            )
            shown.append(f"<div><h3>{escape(value.metric.label)}</h3>{legend}{plot}</div>")
    if not shown:
        return ""
    return f'<h2>{escape(_title(group))} over time</h2><div class="plots">{"".join(shown)}</div>'


def _embedded(shown: Sequence[Array]) -> str:
    """Return pictures side by side as a data URL."""
    row = np.hstack(shown)[:, :, ::-1]
    _, data = cv2.imencode(".jpg", row, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


WIDTH, HEIGHT = 420, 130
LEFT, RIGHT, TOP, BOTTOM = 44, 6, 8, 20
MAX_CURVE_POINTS = 400  # of a curve; of more, the largest in each stretch is drawn
CURVE_CLASSES = ("one", "two", "three")  # of the style sheet: colors


def curve_plot(seconds: Array, curves: Sequence[tuple[str, Array]]) -> str:
    """Return an SVG element with one or more curves.

    Args:
        seconds: (n,) times, ascending.
        curves: Names and (n,) values; NaN leaves a gap.
    """
    finite = [values[np.isfinite(values)] for _, values in curves]
    known = np.concatenate(finite) if finite else np.zeros(0)
    if not known.size:
        return ""
    low, high = min(0.0, float(known.min())), float(known.max())
    high = high if high > low else low + 1
    start, end = float(seconds[0]), max(float(seconds[-1]), float(seconds[0]) + 1e-3)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(_names(curves))}">'
    ]
    for share in (0.0, 0.5, 1.0):
        y = HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 4}" y="{y + 3:.1f}" text-anchor="end">')
        parts.append(f"{low + share * (high - low):.3g}</text>")
    for share, anchor in ((0.0, "start"), (1.0, "end")):
        x = LEFT + share * (WIDTH - LEFT - RIGHT)
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - 6}" text-anchor="{anchor}">')
        parts.append(f"{start + share * (end - start):.1f} s</text>")
    across = LEFT + (seconds - start) / (end - start) * (WIDTH - LEFT - RIGHT)
    for kind, (_, values) in zip(CURVE_CLASSES, curves, strict=False):
        down = HEIGHT - BOTTOM - (values - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        parts.append(f'<path class="{kind}" d="{_path(*_thinned(across, down))}"/>')
    return "".join([*parts, "</svg>"])


def _names(curves: Sequence[tuple[str, Array]]) -> str:
    return ", ".join(name for name, _ in curves)


def _thinned(x: Array, y: Array) -> tuple[Array, Array]:
    """Keep of every stretch the largest value, which is the smallest y."""
    if len(x) <= MAX_CURVE_POINTS:
        return x, y
    rows = []
    for stretch in np.array_split(np.arange(len(x)), MAX_CURVE_POINTS):
        known = stretch[np.isfinite(y[stretch])]
        rows.append(int(known[np.argmin(y[known])]) if known.size else int(stretch[0]))
    return x[rows], y[rows]


def _path(x: Array, y: Array) -> str:
    """Return the SVG path of points; it is lifted where a value is missing."""
    words, drawing = [], False
    for across, down in zip(x, y, strict=True):
        known = bool(np.isfinite(down))
        if known:
            words.append(f"{'L' if drawing else 'M'}{across:.1f} {down:.1f}")
            if not drawing:
                words.append("h.1")  # a single point is seen too
        drawing = known
    return "".join(words)


FRAMES_PER_METRIC = 2  # frames shown of every metric
MIN_SECONDS_APART = 0.4  # seconds between two of them
WORST_FRAME_SIZE = 256  # pixels of a picture


@dataclass(frozen=True, slots=True)
class Worst:
    """A frame that shows why a number is bad.

    Attributes:
        reasons: What is bad.
        pts: The frame.
        seconds: Its time from the first frame of the original.
        box: Where to look, upright pixels; None for the whole frame.
    """

    reasons: tuple[str, ...]
    pts: int
    seconds: float
    box: Box | None


def worst_frames(evaluation: Evaluation) -> tuple[Worst, ...]:
    """Return the worst frames of every metric that names them, by time."""
    groups = evaluation.groups
    found: dict[tuple[int, Box | None], list[str]] = {}
    seconds: dict[int, float] = {}
    for group in (*groups.people, *groups.others, groups.whole):
        for value in group.values:
            column = value.metric.worst
            for row in _largest(group, column) if column else ():
                pts = int(group.columns["pts"][row])
                seconds[pts] = float(group.columns["seconds"][row])
                reason = f"{group.name}: {value.metric.label} ({group.columns[column][row]:.3g})"
                found.setdefault((pts, _box(group, row)), []).append(reason)
    ordered = sorted(found, key=lambda place: place[0])
    return tuple(Worst(tuple(found[one]), one[0], seconds[one[0]], one[1]) for one in ordered)


def _largest(group: Group, column: str) -> list[int]:
    """Return the rows with the largest values above 0, some way apart in time."""
    values, times = group.columns[column], group.columns["seconds"]
    chosen: list[int] = []
    for row in np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable"):
        if len(chosen) == FRAMES_PER_METRIC or not values[row] > 0:
            break
        if all(abs(times[row] - times[other]) >= MIN_SECONDS_APART for other in chosen):
            chosen.append(int(row))
    return chosen


def _box(group: Group, row: int) -> Box | None:
    left, top, side = (group.columns[name][row] for name in ("left", "top", "side"))
    if not np.isfinite(side):
        return None
    return int(left), int(top), int(left + side), int(top + side)


def pictures(
    evaluation: Evaluation, wanted: Sequence[Worst]
) -> Iterator[tuple[Worst, tuple[Array, ...]]]:
    """Yield frames with the pictures of original, result and, where there are masks, mask.

    Pictures are (h, w, 3) uint8 RGB, at most ``WORST_FRAME_SIZE`` rows. The videos are read a
    second time.

    Args:
        evaluation: Names the videos.
        wanted: The frames, by time.
    """
    masks = None if evaluation.masks is None else probe(Path(evaluation.masks))
    infos = probe(Path(evaluation.original)), probe(Path(evaluation.result))
    last = max((one.pts for one in wanted), default=-1)
    by_pts = {one.pts: [other for other in wanted if other.pts == one.pts] for one in wanted}
    if not wanted:
        return
    for pair in read_pairs(*infos, masks, evaluation.part):
        for one in by_pts.get(pair.pts, ()):
            yield one, _shown(pair, one.box)
        if pair.pts >= last:
            return


def _shown(pair: FramePair, box: Box | None) -> tuple[Array, ...]:
    whole = [pair.original, pair.result]
    if pair.mask is not None:
        whole.append(cv2.cvtColor(pair.mask, cv2.COLOR_GRAY2RGB))
    shown = []
    for picture in whole:
        part = picture if box is None else crop_box(picture, box)
        scale = WORST_FRAME_SIZE / part.shape[0]
        size = max(1, round(part.shape[1] * scale)), WORST_FRAME_SIZE
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        shown.append(np.asarray(cv2.resize(part, size, interpolation=shrink)))
    return tuple(shown)
