"""Curves over time as SVG, without any library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from ..records import Array

WIDTH, HEIGHT = 420, 130
LEFT, RIGHT, TOP, BOTTOM = 44, 6, 8, 20
POINTS = 400  # of a curve; of more, the largest in each stretch is drawn
CLASSES = ("one", "two", "three")  # of the style sheet: colours


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
    for kind, (_, values) in zip(CLASSES, curves, strict=False):
        down = HEIGHT - BOTTOM - (values - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        parts.append(f'<path class="{kind}" d="{_path(*_thinned(across, down))}"/>')
    return "".join([*parts, "</svg>"])


def _names(curves: Sequence[tuple[str, Array]]) -> str:
    return ", ".join(name for name, _ in curves)


def _thinned(x: Array, y: Array) -> tuple[Array, Array]:
    """Keep of every stretch the largest value, which is the smallest y."""
    if len(x) <= POINTS:
        return x, y
    rows = []
    for stretch in np.array_split(np.arange(len(x)), POINTS):
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
