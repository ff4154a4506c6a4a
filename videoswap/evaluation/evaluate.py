"""Evaluation of one result: analyze, match people, read in step, measure, sum up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..detection.face_models import FaceModels
from ..devices import choose_device
from ..errors import UsageError
from ..jobs.context import Notes, Say
from ..jobs.video import analyze_with_progress, refine_landmarks_with_progress
from ..people.choosing import check_numbers
from ..people.places import VideoPlaces
from ..people.plan import FilmTime, Plan
from ..records import Fallback, Person, counted, observation, person_name
from ..rendering.progress import ProgressBar
from ..settings import AnalysisSettings, SwapSettings
from ..threads import stages_share_the_cores
from ..video.probe import VideoInfo, probe
from .expected import People, find_people, planned_people
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
    plan: Plan | None = None,
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
        plan: The plan of the swap, which then says who got what; ``sources`` and ``targets`` are
            not looked at.

    Raises:
        UsageError: ``bad_step``, ``no_source``, ``sources_and_targets`` or ``other_face_models``.
        InputError: If a file cannot be used, or the result is not one of this original.
        NoFaceError: If there is nobody to measure.
    """
    if plan is None:
        check_numbers(len(sources), len(targets), settings.people)
    elif plan.settings.analysis.face_models != AnalysisSettings().face_models:
        raise UsageError(
            "other_face_models",
            "The tracks of this plan are those of other face models than the ones that judge.",
            "Measure without the plan: give the photos, and who got them.",
        )
    if step < 1:
        raise UsageError("bad_step", "--step must be at least 1.")
    infos = probe(original), probe(result)
    covers = None if masks is None else probe(masks)
    tools = FaceModels.load(choose_device(settings.device).providers)
    with analyze_with_progress(infos[0], settings, tools) as analysis:
        refined = refine_landmarks_with_progress(analysis)
        threshold, doubts = person_threshold(settings, swap_report, tools.recognizer)
        if plan is not None:
            frames = analysis.frames.pts
            time = FilmTime(frames, infos[0].start_pts, infos[0].time_base)
            people = planned_people(plan, analysis.tracks, time, tools)
        else:
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
                people.matching.source_at,
                families,
                tools.landmarker,
                step,
                bar.advance,
            )
    notes = Notes(say)
    notes.add((*doubts, *people.matching.notes, *_divided(people.persons)))
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


def _divided(persons: Sequence[Person]) -> list[Fallback]:
    """Say which tracks a plan gives to several people: they count as the last one's."""
    seen = Counter(track for one in persons for track in one.track_ids)
    both = sorted(track for track, count in seen.items() if count > 1)
    if not both:
        return []
    shown = f"tracks that several people share count as the last one's: {', '.join(map(str, both))}"
    return [observation(shown)]


def _coverage(
    measured: Measured, infos: tuple[VideoInfo, VideoInfo], wanted: int
) -> list[Fallback]:
    if measured.count == wanted:
        return []
    shown = f"{infos[1].path} shows {measured.count} of {counted(wanted, 'frame')}"
    return [observation(f"{shown} of {infos[0].path}")]


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
            group(person_name(person), swapped, columns, people.known[sources[person]].label)
            for person, columns in sorted(measured.swapped.items())
        ),
        bystanders=group("all left alone", others, everybody(families.others, measured.others)),
        others=tuple(
            group("nobody known" if person < 0 else person_name(person), others, columns)
            for person, columns in sorted(measured.others.items())
        ),
        whole=group("frames", _metrics(families.frames), measured.frames),
    )


def _metrics(families: Sequence[Family] | Sequence[FrameFamily]) -> list[Metric]:
    return [metric for family in families for metric in family.metrics]
