"""The page stands alone, its curves are well-formed, and the worst frames are the worst."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from videoswap import SwapSettings, evaluate
from videoswap.evaluation.html import (
    MAX_CURVE_POINTS,
    PRIVACY_NOTE,
    curve_plot,
    pictures,
    worst_frames,
    write_page,
)
from videoswap.evaluation.report import comparison, table


@pytest.fixture(scope="module")
def evaluation(swapped, cache):
    settings = SwapSettings(cache_dir=cache, device="cpu")
    return evaluate(
        swapped.original, swapped.result, [swapped.source], masks=swapped.masks, step=4,
        settings=settings,
    )  # fmt: skip


def test_the_page_needs_nothing_else_and_says_that_it_is_private(evaluation, tmp_path):
    write_page(evaluation, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert PRIVACY_NOTE in page
    assert "<script" not in page and "@import" not in page and "url(" not in page
    links = re.findall(r'(?:src|href)="([^"]{0,20})', page)
    assert links and all(link == "data:image/jpeg;base" for link in links)
    drawings = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(drawings) > 8
    for drawing in drawings:
        ElementTree.fromstring(drawing)
    for key in ("warped frame-to-frame error", "retrieval rate", "changed places"):
        assert key in page


def test_names_are_escaped(evaluation, tmp_path):
    noted = replace(evaluation, notes=("<script>alert(1)</script>",))
    write_page(noted, tmp_path / "page.html")
    assert "<script" not in (tmp_path / "page.html").read_text()


def test_the_worst_frame_is_the_one_with_the_largest_value(evaluation):
    person = evaluation.groups.people[0]
    columns = person.columns
    row = int(np.nanargmax(columns["warp_result"]))
    reason = f"person 1: warped frame-to-frame error ({columns['warp_result'][row]:.3g})"
    found = {one.pts: one for one in worst_frames(evaluation) if reason in one.reasons}
    assert list(found) == [columns["pts"][row]]
    assert [one.pts for one in worst_frames(evaluation)] == sorted(
        one.pts for one in worst_frames(evaluation)
    )


def test_every_worst_frame_has_its_pictures(evaluation):
    wanted = worst_frames(evaluation)
    shown = list(pictures(evaluation, wanted))
    assert [one for one, _ in shown] == list(wanted)
    for _, parts in shown:
        assert len(parts) == 3  # original, result, mask
        assert len({part.shape for part in parts}) == 1
        assert not np.array_equal(parts[0], parts[1])


def test_a_curve_has_gaps_where_values_are_missing():
    values = np.array([1, 2, np.nan, 4, 5.0])
    drawing = ElementTree.fromstring(curve_plot(np.arange(5.0), [("a", values)]))
    path = next(one for one in drawing.iter() if one.get("class") == "one").get("d")
    assert path.count("M") == 2 and path.count("L") == 2
    assert curve_plot(np.arange(5.0), [("a", np.full(5, np.nan))]) == ""


def test_long_curves_are_thinned_and_keep_their_peaks():
    values = np.zeros(10 * MAX_CURVE_POINTS)
    values[1234] = 7
    drawing = ElementTree.fromstring(curve_plot(np.arange(len(values)) / 25, [("a", values)]))
    path = next(one for one in drawing.iter() if one.get("class") == "one").get("d")
    assert path.count("L") == MAX_CURVE_POINTS - 1
    assert " 8.0L" in path  # the top of the drawing


def test_tables_name_people_units_and_what_is_good(evaluation):
    lines = table(evaluation)
    assert "person 1 (16) as other" in "\n".join(lines)
    jitter = next(line for line in lines if line.startswith("the same, landmarks read often"))
    assert jitter.endswith("<= 1.1")
    both = comparison({"one": evaluation, "two": evaluation})
    assert both[0].split() == ["one", "two", "good"]
    warped = next(line for line in both if line.startswith("warped")).split()
    assert warped[-6:-4] == warped[-4:-2]  # number and mark
