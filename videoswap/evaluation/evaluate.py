"""Evaluation of one result: analyze, match people, read in step, measure, sum up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..detection.face_models import FaceModels
from ..devices import choose_device
from ..errors import UsageError
from ..jobs.context import Notes, Say
from ..jobs.video import analyze_with_progress, refine_landmarks_with_progress
from ..people.choosing import check_numbers
from ..people.places import VideoPlaces
from ..records import Fallback, observation
from ..rendering.progress import ProgressBar
from ..settings import PeopleSettings, SwapSettings
from ..threads import stages_share_the_cores
from ..video.probe import VideoInfo, probe
from .expected import People, find_people
from .frame_pairs import read_pairs
from .measure import Measured, measure
from .metrics.columns import Collector, Columns, joined
from .metrics.families import Families, all_families
from .metrics.metric import Family, FrameFamily, Metric
from .metrics.outside import LOSSLESS_CODECS
from .report import Evaluation, Group, Groups, values_of
from .threshold import person_threshold


def evaluate_result(
    original: Path,
    result: Path,
    sources: Sequence[Path],
    targets: Sequence[Path],
    masks: Path | None,
    gallery: Path | None,
    step: int,
    settings: SwapSettings,
    say: Say,
    swap_report: Path | None = None,
) -> Evaluation:
    """Measure one result.

    Args:
        original: The video that was swapped.
        result: What came out.
        sources: The photos that were put in.
        targets: The people that were replaced, as given to the swap.
        masks: The masks of ``--save_masks``; without them some metrics cannot be measured.
        gallery: A folder of further faces for the retrieval rate.
        step: Metrics of single frames look at every one of so many frames.
        settings: Its ``analysis``, ``time_range``, ``similarity_th``, ``device`` and
            ``cache_dir`` are used.
        say: Called with sentences for the user.
        swap_report: The report of the swap, whose threshold is used where its unit is the same.

    Raises:
        UsageError: ``bad_step``, ``no_source`` or ``sources_and_targets``.
        InputError: If a file cannot be used, or the result is not one of this original.
        NoFaceError: If there is nobody to measure.
    """
    _check(sources, targets, settings.people, step)
    infos = probe(original), probe(result)
    covers = None if masks is None else probe(masks)
    tools = FaceModels.load(choose_device(settings.device).providers)
    with analyze_with_progress(infos[0], settings, tools) as analysis:
        refined = refine_landmarks_with_progress(analysis)
        threshold, doubts = person_threshold(settings, swap_report, tools.recognizer)
        people = find_people(
            VideoPlaces(infos[0], analysis),
            sources,
            targets,
            gallery,
            threshold,
            tools,
            settings.people,
        )
        persons = {track: one.id for one in people.persons for track in one.track_ids}
        families = all_families(people, persons, tools, settings.analysis)
        pairs = read_pairs(*infos, covers, settings.time_range)
        with stages_share_the_cores(), ProgressBar("measure", len(analysis.frames.pts)) as bar:
            measured = measure(
                pairs,
                refined,
                persons,
                people.matching.sources,
                families,
                tools.landmarker,
                step,
                bar.advance,
            )
    notes = Notes(say)
    notes.add((*doubts, *people.matching.notes))
    notes.add(_coverage(measured, infos, len(analysis.frames.pts)))
    lossless = infos[1].codec in LOSSLESS_CODECS and infos[1].pix_fmt == infos[0].pix_fmt
    return Evaluation(
        original=str(original),
        result=str(result),
        masks=None if masks is None else str(masks),
        recognizer=tools.recognizer.name,
        lossless=lossless,
        frames=measured.count,
        step=step,
        part=settings.time_range,
        notes=tuple(notes.said),
        groups=_groups(people, families, measured, masks is not None, lossless),
    )


def _check(
    sources: Sequence[Path], targets: Sequence[Path], people: PeopleSettings, step: int
) -> None:
    if step < 1:
        raise UsageError("bad_step", "--step must be at least 1.")
    check_numbers(len(sources), len(targets), people)


def _coverage(
    measured: Measured, infos: tuple[VideoInfo, VideoInfo], wanted: int
) -> list[Fallback]:
    if measured.count == wanted:
        return []
    shown = f"{infos[1].path} shows {measured.count} of {wanted} frames of {infos[0].path}"
    return [observation(shown)]


def _groups(
    people: People, families: Families, measured: Measured, masked: bool, lossless: bool
) -> Groups:
    sources = {match.person: match.source for match in people.matching.matches}
    swapped, others = _metrics(families.swapped), _metrics(families.others)

    def group(
        name: str, metrics: Sequence[Metric], columns: Columns, source: str | None = None
    ) -> Group:
        values = values_of(metrics, columns, masked, lossless)
        return Group(name, source, len(columns["pts"]), values, columns)

    def everybody(some: Sequence[Family], parts: Mapping[int, Columns]) -> Columns:
        names = [name for family in some for name in family.columns]
        return joined([Collector(names).columns, *parts.values()])

    return Groups(
        overall=group("all swapped", swapped, everybody(families.swapped, measured.swapped)),
        people=tuple(
            group(f"person {person}", swapped, columns, people.known[sources[person]].label)
            for person, columns in sorted(measured.swapped.items())
        ),
        bystanders=group("all left alone", others, everybody(families.others, measured.others)),
        others=tuple(
            group("nobody known" if person < 0 else f"person {person}", others, columns)
            for person, columns in sorted(measured.others.items())
        ),
        whole=group("frames", _metrics(families.frames), measured.frames),
    )


def _metrics(families: Sequence[Family] | Sequence[FrameFamily]) -> list[Metric]:
    return [metric for family in families for metric in family.metrics]
