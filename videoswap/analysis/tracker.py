"""Follows faces through a shot: position first, the embedding where position is not enough.

Only what is needed of the pictures is asked for: a function that embeds one face of the frame.
The state between windows is plain data, so that an interrupted analysis can go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..records import Array
from ..settings import AnalysisSettings
from .detector import Detection
from .recognition import Recognizer
from .search import Followed

REACH = 0.9  # distance in face sizes, plus change of size, beyond which a face is another one
REACH_MISSED = 0.15  # more reach per missed frame
LATE = 0.05  # cost per missed frame: a hidden face must not take the one that hides it
STEADY = 0.15  # a track that was just seen this near needs no further evidence
CLOSE_CALL = 0.5  # two choices whose costs differ by less are decided by embeddings
LONG_GAP = 3  # missed frames after which a face has to show that it is the same
CLEARLY_OTHER = 1.15  # of the recognizer's threshold
REST = 3  # frames for which a decision by embedding holds
FORBIDDEN = 1e6
FIRST_PERIOD, PERIOD = 16, 100  # frames between samples of a track; doubles up to the second
BETTER = 1.3  # how much better a face must be to be worth another sample
MOST_BETTER = 4  # samples taken for being better
JUMP = 0.45  # a cost of assignment that asks for a check of who it is
SWITCH = 0.25  # the least at which a track may have gone over to somebody else

Embed = Callable[[int], Array]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One embedded face of a track.

    Attributes:
        pts: Frame.
        embedding: (D,) float32.
        quality: How well the face could be seen, 0 to 1.
    """

    pts: int
    embedding: Array
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """A track that may go on.

    Attributes:
        id: Number of the track.
        followed: Its latest face, where it goes, and since when it was missed.
        frames: Frames since it began.
        samples: Its embedded faces that agree on who it is.
        doubts: Later ones that say it is somebody else.
        sampled_at: ``frames`` at the latest sample.
        sure_until: ``frames`` until which a decision by embedding holds.
        jump: Largest cost of an assignment since the latest sample that agreed.
        jump_pts: Frame of that.
    """

    id: int
    followed: Followed
    frames: int = 0
    samples: tuple[Sample, ...] = ()
    doubts: tuple[Sample, ...] = ()
    sampled_at: int = 0
    sure_until: int = -1
    jump: float = 0.0
    jump_pts: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """From a frame on a track shows somebody else.

    Attributes:
        old: The track so far.
        new: Its number from then on.
        pts: First frame of the new one.
    """

    old: int
    new: int
    pts: int


class Tracker:
    """Gives every face of a frame the number of its track.

    Args:
        recognizer: Unit of the embeddings.
        settings: Longest gap.
        live: The tracks at the end of the window before.
        next_id: Number of the next new track.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        settings: AnalysisSettings,
        live: Sequence[Live] = (),
        next_id: int = 0,
    ) -> None:
        self._recognizer = recognizer
        self._settings = settings
        self.live = list(live)
        self.next_id = next_id

    def cut(self) -> None:
        """End all tracks."""
        self.live = []

    def step(self, pts: int, faces: Sequence[Detection], embed: Embed) -> list[int]:
        """Assign the faces of the next frame.

        Args:
            pts: The frame.
            faces: Its faces.
            embed: Gives the (D,) embedding of the face with that index.

        Returns:
            The number of the track of each face.
        """
        costs, sure = self._costs(faces, embed)
        rows, columns = linear_sum_assignment(np.minimum(costs, FORBIDDEN))
        chosen = {
            int(row): int(column)
            for row, column in zip(rows, columns, strict=True)
            if costs[row, column] < FORBIDDEN
        }
        ids = [-1] * len(faces)
        after: list[Live] = []
        for row, track in enumerate(self.live):
            if row in chosen:
                column = chosen[row]
                ids[column] = track.id
                cost = float(costs[row, column])
                after.append(_seen(track, pts, faces[column], cost, column in sure))
            elif track.followed.missed < self._settings.max_gap:
                lost = replace(track.followed, missed=track.followed.missed + 1)
                after.append(replace(track, followed=lost, frames=track.frames + 1))
        for column, face in enumerate(faces):
            if ids[column] < 0:
                ids[column] = self.next_id
                after.append(Live(self.next_id, Followed(face, np.zeros(2, np.float32))))
                self.next_id += 1
        self.live = after
        return ids

    def _costs(self, faces: Sequence[Detection], embed: Embed) -> tuple[Array, set[int]]:
        """Return (tracks, faces) costs and the faces that were embedded to decide."""
        costs = np.full((len(self.live), len(faces)), FORBIDDEN)
        for row, track in enumerate(self.live):
            reach = REACH + REACH_MISSED * track.followed.missed
            for column, face in enumerate(faces):
                cost = _distance(track.followed, face)
                late = LATE * track.followed.missed
                costs[row, column] = cost + late if cost < reach else FORBIDDEN
        unsure = self._unsure(costs)
        for column in unsure:
            embedding = embed(column)
            for row, track in enumerate(self.live):
                if costs[row, column] < FORBIDDEN and track.samples:
                    costs[row, column] += self._appearance(track, embedding)
        return costs, unsure

    def _unsure(self, costs: Array) -> set[int]:
        """Return the faces for which position alone does not say whose they are."""
        unsure: set[int] = set()
        if not costs.size:
            return unsure
        for column, row in enumerate(costs.argmin(axis=0).tolist()):
            track, cost = self.live[row], float(costs[row, column])
            if cost >= FORBIDDEN or not track.samples or track.frames <= track.sure_until:
                continue
            rivals = np.concatenate(
                [np.delete(costs[row], column), np.delete(costs[:, column], row)]
            )
            lead = float(rivals.min(initial=FORBIDDEN)) - cost
            steady = track.followed.missed == 0 and cost < STEADY
            if track.followed.missed >= LONG_GAP or lead < (STEADY if steady else CLOSE_CALL):
                unsure.add(column)
        return unsure

    def _appearance(self, track: Live, embedding: Array) -> float:
        """Return the cost of an embedding: 0 at the track's own, 2 at the threshold."""
        apart = self._recognizer.distance(mean_embedding(track.samples), embedding)
        share = apart / self._recognizer.default_threshold
        return FORBIDDEN if share > CLEARLY_OTHER else 2.0 * share

    def wants_sample(self, track: Live, quality: float) -> bool:
        """Say whether a face of this quality should be embedded for a track."""
        if not track.samples or track.doubts or track.jump > JUMP:
            return True
        best = max(sample.quality for sample in track.samples)
        if len(track.samples) < MOST_BETTER and quality > BETTER * best:
            return True
        period = min(PERIOD, FIRST_PERIOD << (len(track.samples) - 1))
        return track.frames - track.sampled_at >= period

    def add_sample(self, track: Live, sample: Sample) -> Split | None:
        """Note an embedded face; after a jump, two that are somebody else split the track."""
        place = self.live.index(track)
        # Without a jump it is the same face, seen from another side or with another expression.
        smooth = track.jump < SWITCH and not track.doubts
        if not track.samples or smooth or self._agrees(track.samples, sample):
            self.live[place] = replace(
                track,
                samples=(*track.samples, sample),
                doubts=(),
                sampled_at=track.frames,
                jump=0.0,
                jump_pts=sample.pts,
            )
            return None
        if not track.doubts or not self._agrees(track.doubts, sample):
            self.live[place] = replace(track, doubts=(sample,), sampled_at=track.frames)
            return None
        doubts = (*track.doubts, sample)
        latest_good = max(one.pts for one in track.samples)
        pts = track.jump_pts if track.jump_pts > latest_good else track.doubts[0].pts
        pts = min(pts, track.doubts[0].pts)
        self.live[place] = replace(
            track, id=self.next_id, samples=doubts, doubts=(), sampled_at=track.frames, jump=0.0
        )
        self.next_id += 1
        return Split(track.id, self.next_id - 1, pts)

    def _agrees(self, samples: Sequence[Sample], sample: Sample) -> bool:
        apart = self._recognizer.distance(mean_embedding(samples), sample.embedding)
        return apart < self._recognizer.default_threshold


def mean_embedding(samples: Sequence[Sample]) -> Array:
    """Return (D,) float32: the mean, weighted by quality, of the samples near their middle.

    The middle is the sample with the least sum of distances to the others; the worst quarter
    away from it is left out.
    """
    vectors = np.stack([sample.embedding for sample in samples]).astype(np.float64)
    weights = np.array([max(sample.quality, 1e-3) for sample in samples])
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    middle = int(np.argmin(apart @ weights))
    keep = np.argsort(apart[middle], kind="stable")[: len(samples) - len(samples) // 4]
    return np.asarray(np.average(vectors[keep], axis=0, weights=weights[keep]), np.float32)


def _distance(followed: Followed, face: Detection) -> float:
    """Return the distance in face sizes to where a face is expected, plus its growth."""
    size = (followed.face.size + face.size) / 2
    middle = (face.box[:2] + face.box[2:]) / 2
    move = float(np.linalg.norm(middle - followed.expected())) / size
    return move + 0.5 * abs(float(np.log(face.size / followed.face.size)))


def _seen(track: Live, pts: int, face: Detection, cost: float, checked: bool) -> Live:
    """Return a track after a face was added to it."""
    frames = track.frames + 1
    jump, jump_pts = (cost, pts) if cost > track.jump else (track.jump, track.jump_pts)
    if checked:  # the embedding has just said who it is
        jump, jump_pts = track.jump, track.jump_pts
    return replace(
        track,
        followed=track.followed.seen(face),
        frames=frames,
        sure_until=frames + REST if checked else track.sure_until,
        jump=jump,
        jump_pts=jump_pts,
    )
