"""The second pass in batches of torch tensors: pixels of faces stay on the device throughout.

The same stages in the same order as ``render``, which is the reference. Frames stay on the host;
boxes of theirs go up and come down. Networks that look for occluders get framed faces on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from ..compositing.finisher import TEMPORAL_RADIUS
from ..crops import FrameSurface, place_crops
from ..engines.base import Engine, Identity
from ..errors import VideoswapError
from ..geometry.affine import transform
from ..occlusion.carrying import CARRIED, is_always_looked_at, must_be_looked_at
from ..occlusion.segmenter import FramedSegmenter
from ..on_tensors import faces as on_device
from ..on_tensors.finishing import Neighbors
from ..on_tensors.records import Outline, TensorFace
from ..video.pixel_formats import layout
from .failed_swaps import BLACK, BRIGHTEST, BRIGHTNESS_APART, DARKEST, NOT_FINITE, STEP, WHITE
from .pipeline import Step, sliding_windows
from .render import QUEUE_DEPTH, FrameJob, Renderer, adjoining, looked_at

SHARE = 0.05  # of a face's pixels, that a failed swap may have otherwise


@dataclass(frozen=True, slots=True, eq=False)
class TensorRenderer(Renderer):
    """A renderer whose engine paints tensors, see `Renderer`."""

    on_tensors: ClassVar[bool] = True

    def steps_between(self, masked: bool) -> list[Step]:
        """See `Renderer`."""
        threads, batch = self.threads, max(QUEUE_DEPTH, self.batch_size)

        def composited(jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
            for group in self._grouped(jobs):
                yield from self._blend(group, masked)

        # Every stage takes a whole batch at once.
        return [
            Step("crop", self._cut, depth=batch),
            Step(
                "segment_occlusion",
                self._some_looked_at,
                each=self._outlined,
                workers=threads.occlusion,
                depth=batch,
            ),
            Step("swap", self._paint, depth=batch),
            Step("finish", self._finish_faces, depth=batch),
            Step("composite", composited, depth=batch),
        ]

    @property
    def _segmenter(self) -> FramedSegmenter:
        return cast("FramedSegmenter", self.segmenter)

    def _grouped(self, jobs: Iterator[FrameJob]) -> Iterator[list[FrameJob]]:
        return grouped(jobs, self.batch_size, lambda job: len(job.faces))

    def _cut(self, jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
        spec, info = self.engine.spec, self.info
        form = layout(info.pix_fmt)
        assert form is not None  # the reader gives planar frames
        device, framing = self.engine.tensor_device, self._segmenter.framing
        wanted = self.wanted(jobs)
        for group in grouped(wanted, self.batch_size, lambda pair: len(pair[1])):
            asked = [(number, one) for number, (_, faces) in enumerate(group) for one in faces]
            places = place_crops(
                FrameSurface(group[0][0].frame.image, info),  # all frames are alike
                [one.face for _, one in asked],
                spec,
                [one.size for _, one in asked],
            )
            found = [
                (number, one, place)
                for (number, one), place in zip(asked, places, strict=True)
                if place is not None
            ]
            cuts: dict[int, TensorFace] = {}
            for side in sorted({place.side for *_, place in found}):
                alike = [k for k, (*_, place) in enumerate(found) if place.side == side]
                frames = [group[found[k][0]][0].frame.image for k in alike]
                here = [found[k][2] for k in alike]
                targets = on_device.cut(frames, here, form, info.color, device)
                small = on_device.quarters(targets)
                marks = [one for k in alike if (one := found[k][1].face.landmarks) is not None]
                points = transform(np.stack([one.upright for one in here]), np.stack(marks))
                faces = [
                    TensorFace(place, at, one.track, one.source, target, quarter)
                    for (_, one, place), at, target, quarter in zip(
                        (found[k] for k in alike), points, targets, small, strict=True
                    )
                ]
                if framing:
                    numbers = [group[found[k][0]][0].number for k in alike]
                    near = [at for at, one in enumerate(numbers) if is_always_looked_at(one)]
                    seen, views = on_device.looked_at(targets, small, points, near, framing)
                    faces = [
                        replace(face, small=one, framed=views.get(at))
                        for at, (face, one) in enumerate(zip(faces, seen, strict=True))
                    ]
                cuts.update(zip(alike, faces, strict=True))
            made: list[list[TensorFace]] = [[] for _ in group]
            for k, (number, *_) in enumerate(found):
                made[number].append(cuts[k])
            for (job, _), faces_here in zip(group, made, strict=True):
                yield replace(job, faces=tuple(faces_here))

    def _some_looked_at(self, jobs: Iterator[FrameJob]) -> Iterator[tuple[Sequence[FrameJob], int]]:
        """See `Renderer`."""
        looked = (replace(job, faces=tuple(map(self._looked_at, job.faces))) for job in jobs)
        yield from sliding_windows(looked, CARRIED, adjoining)

    def _looked_at(self, face: TensorFace) -> TensorFace:
        """Find what is in front of a face, if it is framed."""
        view = face.framed
        if view is None:
            return face
        found, seen = self._segmenter.look(view, face.track), replace(face, framed=None)
        return seen if found is None else on_device.with_occluder(seen, view, found)

    def _outlined(self, found: tuple[Sequence[FrameJob], int]) -> FrameJob:
        """Draw outlines, and find what is in front of faces of which the frames beside do not tell.

        Which these are is decided as `Renderer` does it.
        """
        window, place = found
        job = window[place]
        faces, carried = [], set()
        for number, face in enumerate(job.faces):
            if face.small is not None and not is_always_looked_at(job.number):
                beside = looked_at(window, place, face)
                small = {apart: other.small for apart, other in beside.items()}
                if must_be_looked_at(face.small, small):
                    face = self._looked_at(self._framed(face))
                else:
                    carried.add(number)
            outline = Outline.of(face.landmarks, face.side, not self.engine.paints_masks)
            faces.append(replace(face, outline=outline))
        return replace(job, faces=tuple(faces), carried=frozenset(carried))

    def _framed(self, face: TensorFace) -> TensorFace:
        framing = self._segmenter.framing
        assert framing is not None  # else no face is small
        (view,), _ = on_device.framed(face.target[None], face.landmarks[None], framing)
        return replace(face, framed=view)

    def _paint(self, jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
        windows = sliding_windows(jobs, CARRIED, adjoining)
        for some in grouped(windows, self.batch_size, lambda one: len(one[0][one[1]].faces)):
            group = _completed(some)
            results = _by_size(group, self._swapped)
            for number, job in enumerate(group):
                yield self._with_swapped(job, [results[number, k] for k in range(len(job.faces))])

    def _swapped(self, faces: Sequence[TensorFace]) -> list[TensorFace | str]:
        made: list[TensorFace | str] = []
        for start in range(0, len(faces), self.batch_size):
            some = faces[start : start + self.batch_size]
            if not self.engine.paints_masks:
                some = on_device.with_masks(some)
            made += swap_checked(self.engine, some, self.identities)
        return made

    def _with_swapped(self, job: FrameJob, made: Sequence[TensorFace | str]) -> FrameJob:
        """Return a frame with its swaps; faces whose swap is wrong are left as they are."""
        failed = self.failed
        for face, one in zip(job.faces, made, strict=True):
            if isinstance(one, str) and failed is not None and not job.context:
                failed(job.segment.number, job.frame.pts, face.track, one)
        return replace(job, faces=tuple(one for one in made if not isinstance(one, str)))

    def _finish_faces(self, jobs: Iterator[FrameJob]) -> Iterator[FrameJob]:
        windows = self.windows(jobs)
        for group in grouped(windows, self.batch_size, lambda one: len(one[0][one[1]].faces)):
            yield from self._finished(group)

    def _finished(self, group: Sequence[tuple[Sequence[FrameJob], int]]) -> Iterator[FrameJob]:
        settings = self.finisher.settings
        made: dict[int, TensorFace] = {}
        for side in sorted({one.side for window, at in group for one in window[at].faces}):
            asked = [one for window, at in group for one in window[at].faces if one.side == side]
            view = {
                id(one): one
                for window, _ in group
                for job in window
                for one in job.faces
                if one.side == side
            }
            places = {key: place for place, key in enumerate(view)}
            others: dict[int, list[int]] = {}
            for apart in range(-TEMPORAL_RADIUS, TEMPORAL_RADIUS + 1):
                if apart:
                    found = (
                        _neighbor(window, at + apart, one)
                        for window, at in group
                        for one in window[at].faces
                        if one.side == side
                    )
                    others[apart] = [-1 if one is None else places[id(one)] for one in found]
            around = Neighbors([places[id(one)] for one in asked], others)
            done = on_device.finished(list(view.values()), around, settings)
            made.update((id(one), other) for one, other in zip(asked, done, strict=True))
        for window, at in group:
            yield replace(window[at], faces=tuple(made[id(one)] for one in window[at].faces))

    def _blend(self, group: Sequence[FrameJob], masked: bool) -> Iterator[FrameJob]:
        info, form = self.info, layout(self.info.pix_fmt)
        assert form is not None
        surfaces = [FrameSurface(job.frame.image, info) for job in group]
        masks = [np.zeros(one.shape, np.uint8) if masked else None for one in surfaces]
        changed = [False] * len(group)
        # One face of each frame at a time: a face covers what lies behind it.
        for turn in range(max((len(job.faces) for job in group), default=0)):
            here = [number for number, job in enumerate(group) if len(job.faces) > turn]
            shown = on_device.composite(
                [group[number].frame.image for number in here],
                [surfaces[number] for number in here],
                [group[number].faces[turn] for number in here],
                form,
                info.color,
                grain=self.finisher.grain,
                frame_masks=[masks[number] for number in here],
            )
            for number, seen in zip(here, shown, strict=True):
                changed[number] |= seen
        for job, surface, mask, seen in zip(group, surfaces, masks, changed, strict=True):
            if self.label is not None:
                self.label.draw(surface, mask)
            yield replace(job, mask=mask, changed=seen)


def _completed(group: Sequence[tuple[Sequence[FrameJob], int]]) -> list[FrameJob]:
    """Give faces that were not looked at what those of the frames beside them show."""
    jobs: list[FrameJob] = []
    besides: dict[tuple[int, int], Mapping[int, TensorFace]] = {}
    for number, (window, place) in enumerate(group):
        job = window[place]
        if job.context > TEMPORAL_RADIUS:  # of no use but to its neighbors
            job = replace(job, faces=())
        jobs.append(job)
        for k, face in enumerate(job.faces):
            if k in job.carried:
                beside = looked_at(window, place, face)
                if any(other.occluder is not None for other in beside.values()):
                    besides[number, k] = beside
    there = {(number, k): jobs[number].faces[k] for number, k in besides}
    for side in sorted({face.side for face in there.values()}):
        keys = [key for key, face in there.items() if face.side == side]
        faces = [there[key] for key in keys]
        made = on_device.carried(faces, [besides[key] for key in keys])
        there.update(zip(keys, made, strict=True))
    return [
        replace(job, faces=tuple(there.get((number, k), face) for k, face in enumerate(job.faces)))
        for number, job in enumerate(jobs)
    ]


def _by_size(
    group: Sequence[FrameJob], work: Callable[[Sequence[TensorFace]], Sequence[Any]]
) -> Mapping[tuple[int, int], Any]:
    """Give the faces of some frames to work by their size; results by frame and face."""
    results: dict[tuple[int, int], Any] = {}
    for side in sorted({face.side for job in group for face in job.faces}):
        keys = [
            (number, k)
            for number, job in enumerate(group)
            for k, face in enumerate(job.faces)
            if face.side == side
        ]
        results.update(zip(keys, work([group[n].faces[k] for n, k in keys]), strict=True))
    return results


def _neighbor(window: Sequence[FrameJob], place: int, face: TensorFace) -> TensorFace | None:
    if not 0 <= place < len(window):
        return None
    same = (face.track, face.source, face.side)
    return next(
        (one for one in window[place].faces if (one.track, one.source, one.side) == same), None
    )


def swap_checked(
    engine: Engine, faces: Sequence[TensorFace], identities: Sequence[Identity]
) -> list[TensorFace | str]:
    """Swap a batch of one size; a swap that comes out wrong is made again, by itself.

    The same as ``failed_swaps.swap_checked``.
    """
    made = _painted(engine, faces, identities)
    for k, one in enumerate(made):
        if isinstance(one, str):
            (made[k],) = _painted(engine, faces[k : k + 1], identities)
    return made


@torch.inference_mode()
def _painted(
    engine: Engine, faces: Sequence[TensorFace], identities: Sequence[Identity]
) -> list[TensorFace | str]:
    targets = torch.stack([face.target for face in faces])
    try:
        made = engine.paint_tensors(targets, [identities[face.source].data for face in faces])
    except VideoswapError as error:
        if error.code != NOT_FINITE:
            raise
        return [NOT_FINITE] * len(faces)
    swaps = made[:, :3]
    if engine.paints_masks:
        faces = on_device.with_own_masks(faces, made[:, 3:])
    masks = torch.stack([face.mask for face in faces if face.mask is not None])
    return [
        fault or replace(face, swap=swap)
        for face, swap, fault in zip(faces, swaps, faults_of(targets, swaps, masks), strict=True)
    ]


def faults_of(targets: Tensor, swaps: Tensor, masks: Tensor) -> list[str | None]:
    """Return what is wrong with each swap, or None, see ``failed_swaps.fault_of``.

    Args:
        targets: (B, 3, S, S), 0 to 255.
        swaps: Likewise.
        masks: (B, 1, S, S), 0 to 1.
    """
    finite = torch.isfinite(swaps).flatten(1).all(dim=1)
    inside = masks[:, 0, ::STEP, ::STEP] > 0.5
    made, target = swaps[:, :, ::STEP, ::STEP], targets[:, :, ::STEP, ::STEP].mean(dim=1)
    count = inside.sum(dim=(1, 2)).clamp(min=1)

    def share(there: Tensor) -> Tensor:
        return (there & inside).sum(dim=(1, 2)) / count

    seen = inside.any(dim=2).any(dim=1)
    dark = share(made.amax(dim=1) >= DARKEST) < SHARE
    bright = share(made.amin(dim=1) <= BRIGHTEST) < SHARE
    lit = share(target > DARKEST + BRIGHTNESS_APART) > SHARE
    dim = share(target < BRIGHTEST - BRIGHTNESS_APART) > SHARE
    kinds = (~finite).to(torch.int64)
    kinds = torch.where(finite & seen & dark & lit, 2, kinds)
    kinds = torch.where(finite & seen & bright & dim, 3, kinds)
    names = (None, NOT_FINITE, BLACK, WHITE)
    return [names[kind] for kind in kinds.tolist()]


def grouped(
    items: Iterator[Any], batch_size: int, count: Callable[[Any], int]
) -> Iterator[list[Any]]:
    """Group items until what they hold fills a batch."""
    group: list[Any] = []
    held = 0
    for item in items:
        group.append(item)
        held += count(item)
        if held >= batch_size or len(group) >= 2 * batch_size:
            yield group
            group, held = [], 0
    if group:
        yield group
