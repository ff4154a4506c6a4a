"""Face tracker for one shot: optimal assignment by position, with embeddings for unclear cases.

It never sees the pictures, only a function that embeds one face of the frame. The state between
windows is plain data, so that an interrupted analysis can go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..detection.base import Recognizer
from ..detection.face_view import ncc
from ..detection.search import FollowedFace
from ..geometry.assignment import FORBIDDEN, cheapest_pairs
from ..records import Array, Face
from ..settings import AnalysisSettings
from .samples import (
    STEP_BELOW,
    STEP_SPAN,
    STRANGE_BELOW,
    Sample,
    ThumbnailTrail,
    best_ncc,
    change_point,
    mean_embedding,
    settled,
    step_in,
)

MAX_COST = 0.9  # distance in face sizes, plus change of size, beyond which a face is another one
MAX_COST_PER_MISS = 0.15  # added to MAX_COST per missed frame
COST_PER_MISS = 0.05  # cost per missed frame: a hidden face must not take the one that hides it
STEADY_COST = 0.15  # a track that was just seen this near needs no further evidence
CLOSE_CALL = 0.5  # two choices whose costs differ by less are decided by embeddings
LONG_GAP_FRAMES = 3  # missed frames after which a face has to show that it is the same
CLEARLY_OTHER = 1.15  # of the recognizer's threshold
DECISION_FRAMES = 3  # frames for which a decision by embedding holds
FIRST_SAMPLE_PERIOD, SAMPLE_PERIOD = (
    16,
    100,
)  # frames between samples of a track; doubles up to the second
BETTER_FACTOR, BETTER_BY = (
    1.3,
    0.05,
)  # times and by how much better a face must be for another sample
MAX_BETTER_SAMPLES = 4  # samples taken for being better
JUMP_COST = 0.45  # assignment cost above which the identity is checked
UNDECIDED_COST = (
    1.0  # the cost of one that an embedding should have decided, of a face that is covered
)
SWITCH_COST = 0.25  # least assignment cost at which a track may have switched to another person
CLEAR_QUALITY = 0.15  # quality from which an embedding may say, though nothing jumped, who it is
WELL_SEEN = 0.3  # quality from which two faces, though nothing jumped, may be two people
TRAIL_LENGTH = 128  # thumbnails kept, more than the longest period
FAMILIAR_ABOVE = (
    0.9  # correlation of thumbnails from which a face is the same without being embedded
)
APART_BY = 0.2  # by which all others in question must be less alike

Embed = Callable[[int], Sample]


@dataclass(frozen=True, slots=True, eq=False)
class ActiveTrack:
    """A track that may continue.

    Attributes:
        id: Number of the track.
        followed: Its latest face, its motion, and for how many frames it was missed.
        frames: Frames since it began.
        samples: Its embedded faces that agree on the person, and the covered ones.
        doubts: Later embedded faces that show another person.
        sampled_at: ``frames`` at the latest sample.
        sure_until: ``frames`` until which a decision by embedding holds.
        jump: Largest cost of an assignment since the latest sample that agreed, of those after
            which the face looked different.
        trail: Thumbnails since that sample, at most the latest 128.
    """

    id: int
    followed: FollowedFace
    frames: int = 0
    samples: tuple[Sample, ...] = ()
    doubts: tuple[Sample, ...] = ()
    sampled_at: int = 0
    sure_until: int = -1
    jump: float = 0.0
    trail: ThumbnailTrail = ()

    @property
    def known(self) -> tuple[Sample, ...]:
        """The samples that identify the person: those not covered."""
        return self.like(covered=False)

    def like(self, covered: bool) -> tuple[Sample, ...]:
        """Return the samples that can be compared with one that is, or is not, covered."""
        return tuple(sample for sample in self.samples if sample.covered == covered)


@dataclass(frozen=True, slots=True)
class Split:
    """A track divided in two: from one frame on it shows another person.

    Attributes:
        old: The track so far.
        new: Its number from then on.
        pts: First frame of the new one.
    """

    old: int
    new: int
    pts: int


class TrackAssigner:
    """Gives every face of a frame the number of its track.

    Args:
        recognizer: Gives the distance of embeddings and its threshold.
        settings: Longest gap.
        active: The tracks at the end of the group before.
        next_id: Number of the next new track.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        settings: AnalysisSettings,
        active: Sequence[ActiveTrack] = (),
        next_id: int = 0,
    ) -> None:
        self._recognizer = recognizer
        self._settings = settings
        self.active = list(active)
        self.next_id = next_id

    def end_tracks(self) -> None:
        """End all tracks."""
        self.active = []

    def step(
        self, pts: int, faces: Sequence[Face], thumbnails: Sequence[Array], embed: Embed
    ) -> list[int]:
        """Assign the faces of the next frame.

        Args:
            pts: The frame.
            faces: Its faces.
            thumbnails: (16, 16) int8 each, see `face_thumbnail`.
            embed: Embeds the face with that index.

        Returns:
            The number of the track of each face.
        """
        costs, decided = self._costs(faces, thumbnails, embed)
        chosen = cheapest_pairs(costs)
        ids = [-1] * len(faces)
        after: list[ActiveTrack] = []
        for row, track in enumerate(self.active):
            if row in chosen:
                column = chosen[row]
                ids[column] = track.id
                alike_now = ncc(track.trail[-1][1], thumbnails[column]) > STEP_BELOW
                jump = 0.0 if alike_now or column in decided else float(costs[row, column])
                jump = jump if decided.get(column, True) else UNDECIDED_COST
                seen = _seen(track, faces[column], jump, (pts, thumbnails[column]))
                until = seen.frames + DECISION_FRAMES if column in decided else track.sure_until
                after.append(replace(seen, sure_until=until))
            elif track.followed.missed < self._settings.max_gap:
                lost = replace(track.followed, missed=track.followed.missed + 1)
                after.append(replace(track, followed=lost, frames=track.frames + 1))
        for column, face in enumerate(faces):
            if ids[column] < 0:
                ids[column] = self.next_id
                start = FollowedFace(face, np.zeros(2, np.float32))
                after.append(ActiveTrack(self.next_id, start, trail=((pts, thumbnails[column]),)))
                self.next_id += 1
        self.active = after
        return ids

    def _costs(
        self, faces: Sequence[Face], thumbnails: Sequence[Array], embed: Embed
    ) -> tuple[Array, dict[int, bool]]:
        """Return (tracks, faces) costs, and for each face embedded whether it is not covered."""
        costs = np.full((len(self.active), len(faces)), FORBIDDEN)
        for row, track in enumerate(self.active):
            reach = MAX_COST + MAX_COST_PER_MISS * track.followed.missed
            for column, face in enumerate(faces):
                cost = _distance(track.followed, face)
                late = COST_PER_MISS * track.followed.missed
                costs[row, column] = cost + late if cost < reach else FORBIDDEN
        decided = {}
        for column in self._unsure(costs, thumbnails):
            sample = embed(column)
            decided[column] = not sample.covered
            for row, track in enumerate(self.active):
                if costs[row, column] < FORBIDDEN:
                    costs[row, column] += self._appearance(track, sample)
        return costs, decided

    def _unsure(self, costs: Array, thumbnails: Sequence[Array]) -> set[int]:
        """Return the faces whose track position and thumbnail do not determine."""
        unsure: set[int] = set()
        if not costs.size:
            return unsure
        for column, row in enumerate(costs.argmin(axis=0).tolist()):
            track, cost = self.active[row], float(costs[row, column])
            if cost >= FORBIDDEN or not track.samples or track.frames <= track.sure_until:
                continue
            rivals = np.concatenate(
                [np.delete(costs[row], column), np.delete(costs[:, column], row)]
            )
            lead = float(rivals.min(initial=FORBIDDEN)) - cost
            steady = track.followed.missed == 0 and cost < STEADY_COST
            close = lead < (STEADY_COST if steady else CLOSE_CALL)
            late = track.followed.missed >= LONG_GAP_FRAMES
            if (close or late) and not self._familiar(costs < FORBIDDEN, thumbnails, row, column):
                unsure.add(column)
        return unsure

    def _familiar(
        self, possible: Array, thumbnails: Sequence[Array], row: int, column: int
    ) -> bool:
        """Tell whether a face looks like that of a track just before, and no other does.

        Args:
            possible: (tracks, faces) bool, pairs that are near enough.
            thumbnails: Of the faces.
            row: The track.
            column: The face.
        """
        pairs = {(r, column) for r in np.nonzero(possible[:, column])[0].tolist()}
        pairs |= {(row, c) for c in np.nonzero(possible[row])[0].tolist()}
        near = {(r, c): ncc(self.active[r].trail[-1][1], thumbnails[c]) for r, c in pairs}
        own = near.pop((row, column))
        return own > FAMILIAR_ABOVE and max(near.values(), default=-1.0) < own - APART_BY

    def _appearance(self, track: ActiveTrack, sample: Sample) -> float:
        """Return the cost of an embedding: 0 at the track's own, 2 at the threshold.

        Covered faces are compared with covered ones, which may wear the same mask, and never make
        a choice impossible.
        """
        own = track.like(sample.covered)
        if not own:
            return 0.0
        apart = self._recognizer.distance(mean_embedding(own), sample.embedding)
        share = apart / self._recognizer.default_threshold
        if share > CLEARLY_OTHER and not sample.covered:
            return FORBIDDEN
        return 2.0 * min(share, CLEARLY_OTHER)

    def wants_sample(self, track: ActiveTrack, quality: float) -> bool:
        """Tell whether a face of this quality should be embedded for a track."""
        if not track.samples:
            return True
        if (
            track.samples[-1].covered
            and best_ncc(track.samples[-1:], track.trail[-1][1]) > FAMILIAR_ABOVE
        ):
            return track.frames - track.sampled_at >= SAMPLE_PERIOD  # still covered, as it was then
        if track.doubts or track.jump > JUMP_COST:
            return True
        recent = self._recent(track)
        if step_in(recent) or (quality > CLEAR_QUALITY and self._strange(track)):
            return True
        best = max(sample.quality for sample in track.samples)
        if len(track.samples) < MAX_BETTER_SAMPLES and quality > max(
            BETTER_FACTOR * best, best + BETTER_BY
        ):
            return True
        age = track.frames - track.sampled_at
        if age >= SAMPLE_PERIOD:
            return True
        # What changes just now may be a dissolve; what was seen before says nothing new.
        new = settled(recent) and best_ncc(track.samples, recent[-1][1]) < FAMILIAR_ABOVE
        return new and age >= FIRST_SAMPLE_PERIOD << (len(track.samples) - 1)

    def may_decide(self, track: ActiveTrack) -> bool:
        """Tell whether another face of the same group may decide the identity, without waiting."""
        return bool(track.doubts) and track.jump < SWITCH_COST

    def changed(self, track: ActiveTrack) -> bool:
        """Tell whether the thumbnails of a track now differ from those of its embedded faces."""
        return bool(track.samples) and (self._strange(track) or step_in(self._recent(track)))

    def _strange(self, track: ActiveTrack) -> bool:
        """Tell whether the face is settled and unlike every embedded face of the track."""
        rests = settled(self._recent(track))
        return rests and best_ncc(track.samples, track.trail[-1][1]) < STRANGE_BELOW

    def _recent(self, track: ActiveTrack) -> ThumbnailTrail:
        return track.trail[-self._settings.keyframe_interval - STEP_SPAN :]

    def add_sample(self, track: ActiveTrack, sample: Sample) -> Split | None:
        """Add an embedded face; two that agree on another person split the track."""
        place = self.active.index(track)
        doubts = (*track.doubts, sample)
        if sample.covered:
            self.active[place] = replace(
                track, samples=(*track.samples, sample), sampled_at=track.frames
            )
            return None
        if not self._doubtful(track, sample):
            trail = tuple(entry for entry in track.trail if entry[0] > sample.pts)
            self.active[place] = replace(
                track,
                samples=(*track.samples, sample),
                doubts=(),
                sampled_at=track.frames,
                jump=0.0,
                trail=trail or track.trail[-1:],
            )
            return None
        if not track.doubts or not self._agrees(track.doubts, sample):
            self.active[place] = replace(track, doubts=(sample,), sampled_at=track.frames)
            return None
        split = Split(track.id, self.next_id, change_point(track.trail, track.known, doubts))
        self.active[place] = replace(
            track,
            id=self.next_id,
            samples=doubts,
            doubts=(),
            sampled_at=track.frames,
            jump=0.0,
            trail=track.trail[-1:],
        )
        self.next_id += 1
        return split

    def _doubtful(self, track: ActiveTrack, sample: Sample) -> bool:
        """Tell whether a sample may show another person than the track did.

        Where nothing jumped it is the same face, seen from another side or with another
        expression, unless both could be seen well and are far apart: a head thrown back is as far
        from itself as from anybody.
        """
        if not track.known or self._agrees(track.known, sample):
            return False
        if track.doubts or track.jump >= SWITCH_COST or step_in(track.trail):
            return True
        known = [one for one in track.known if one.quality > WELL_SEEN]
        apart = [self._recognizer.distance(one.embedding, sample.embedding) for one in known]
        limit = CLEARLY_OTHER * self._recognizer.default_threshold
        return sample.quality > WELL_SEEN and min(apart, default=0.0) > limit

    def _agrees(self, samples: Sequence[Sample], sample: Sample) -> bool:
        apart = self._recognizer.distance(mean_embedding(samples), sample.embedding)
        return apart < self._recognizer.default_threshold


def _distance(followed: FollowedFace, face: Face) -> float:
    """Return the distance in face sizes to where a face is expected, plus its growth."""
    size = (followed.face.size + face.size) / 2
    middle = (face.box[:2] + face.box[2:]) / 2
    move = float(np.linalg.norm(middle - followed.expected())) / size
    return move + 0.5 * abs(float(np.log(face.size / followed.face.size)))


def _seen(track: ActiveTrack, face: Face, jump: float, thumbnail: tuple[int, Array]) -> ActiveTrack:
    """Return a track after a face was added to it."""
    return replace(
        track,
        followed=track.followed.seen(face),
        frames=track.frames + 1,
        jump=max(jump, track.jump),
        trail=(*track.trail, thumbnail)[-TRAIL_LENGTH:],
    )
