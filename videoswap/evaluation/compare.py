"""Several results of one original: a grid to look at and a table to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..jobs.context import Say
from ..rendering.progress import Progress
from ..report import counted
from ..settings import SwapSettings
from ..video.probe import probe
from .evaluate import evaluate_result
from .report import Evaluation
from .video_grid import write_grid


def compare_results(
    original: Path,
    results: Sequence[Path],
    out: Path,
    sources: Sequence[Path],
    targets: Sequence[Path],
    masks: Sequence[Path],
    labels: Sequence[str],
    gallery: Path | None,
    step: int,
    settings: SwapSettings,
    say: Say,
) -> dict[str, Evaluation]:
    """Show several results side by side and measure them.

    Args:
        original: The video that was swapped.
        results: What came out, one or more.
        out: The grid video.
        sources: The photos that were put in; without any, nothing is measured.
        targets: The people that were replaced.
        masks: The masks of each result; may be empty.
        labels: A name for each result; its file name if there are none.
        gallery: A folder of further faces for the retrieval rate.
        step: Metrics of single frames look at every one of so many frames.
        settings: As for ``evaluate_result``; ``overwrite`` is honoured.
        say: Called with sentences for the user.

    Returns:
        The evaluations by label.

    Raises:
        UsageError: ``which_results`` if numbers do not fit or labels are not different.
        VideoswapError: As ``evaluate_result`` and ``write_grid``.
    """
    names = list(labels) or _names(results)
    if len(names) != len(results) or len(set(names)) != len(names) or not results:
        raise UsageError("which_results", "There must be one label for each result, all different.")
    if masks and len(masks) != len(results):
        raise UsageError("which_results", "Give one file of masks for each result, or none.")
    info = probe(original)
    with Progress("grid", info.frames_hint) as bar:
        panes = [(name, probe(path)) for name, path in zip(names, results, strict=True)]
        frames = write_grid(info, panes, out, settings.time_range, settings.overwrite, bar.advance)
    say(f"Grid: {out} ({counted(frames, 'frame')})")
    if not sources:
        say("Note: nothing was measured; that needs --source.")
        return {}
    return {
        name: evaluate_result(
            original,
            path,
            sources,
            targets,
            masks[place] if masks else None,
            gallery,
            step,
            settings,
            lambda line, name=name: say(f"{name}: {line}"),  # type: ignore[misc]
        )
        for place, (name, path) in enumerate(zip(names, results, strict=True))
    }


def _names(results: Sequence[Path]) -> list[str]:
    """Return file names, or whole paths where those are not different."""
    names = [path.name for path in results]
    return names if len(set(names)) == len(names) else [str(path) for path in results]
