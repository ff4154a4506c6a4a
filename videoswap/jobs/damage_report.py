"""What of a video is missing or damaged, as a record and in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

from ..errors import InputError, NoFaceError
from ..lost import Gap, Lost
from ..records import Fallback, counted, observation
from ..video.damage import Damage
from ..video.probe import VideoInfo

MAX_TIMES = 100  # kept of damaged packets and frames
TIMES_PER_SENTENCE = 5  # times in a sentence


def summarize_damage(
    info: VideoInfo, damage: Sequence[Damage], streams: Sequence[str] = ()
) -> Lost:
    """Sum up what was wrong with a video.

    Args:
        info: The video.
        damage: What was wrong.
        streams: Streams that the result cannot hold.
    """

    def seconds(pts: int) -> Fraction:
        return (pts - info.start_pts) * info.time_base

    def stretches(kind: str) -> tuple[Gap, ...]:
        found = [one for one in damage if one.kind == kind]
        return tuple(Gap(seconds(one.pts), seconds(one.end_pts), one.frames) for one in found)

    gaps, ends = stretches("gap"), stretches("end")
    damaged = [one for one in damage if one.kind in ("undecodable", "corrupt")]
    return Lost(
        frames=sum(gap.frames for gap in (*gaps, *ends)),
        seconds=sum((gap.seconds for gap in (*gaps, *ends)), Fraction(0)),
        gaps=gaps,
        end=ends[-1] if ends else None,
        undecodable_packets=sum(one.kind == "undecodable" for one in damage),
        corrupt_frames=sum(one.kind == "corrupt" for one in damage),
        damaged_at=tuple(seconds(one.pts) for one in damaged[:MAX_TIMES]),
        streams=tuple(streams),
    )


def damage_notes(lost: Lost) -> list[Fallback]:
    """Return what is missing or damaged, apart from streams."""
    return [observation(text) for text in _sentences(lost)]


def _sentences(lost: Lost) -> list[str]:
    said = []
    if lost.end is not None:
        said.append(
            f"the video is cut short: it ends {float(lost.end.seconds):.2f} s before the "
            f"{float(lost.end.end):.2f} s that it says it lasts"
        )
    if lost.gaps:
        frames = sum(gap.frames for gap in lost.gaps)
        length = float(sum(gap.seconds for gap in lost.gaps))
        said.append(
            f"the video is damaged: about {counted(frames, 'frame')} ({length:.2f} s) "
            f"cannot be decoded or are not there, {_at([gap.start for gap in lost.gaps])}"
        )
    bad = [counted(lost.undecodable_packets, "packet")] if lost.undecodable_packets else []
    bad += [counted(lost.corrupt_frames, "frame")] if lost.corrupt_frames else []
    if bad:
        said.append(f"the video has {' and '.join(bad)} with faults, {_at(lost.damaged_at)}")
    return said


def refuse_damaged(info: VideoInfo, lost: Lost) -> None:
    """Refuse a video that is damaged or cut short.

    Raises:
        InputError: ``damaged_input``.
    """
    said = _sentences(lost)
    if said:
        raise InputError(
            "damaged_input",
            f"{info.path} is not whole: {'; '.join(said)}.",
            "Leave --strict_input out to swap what is left of it.",
        )


@contextmanager
def naming_damage(info: VideoInfo, lost: Lost) -> Iterator[None]:
    """Add to an error about faces what of the video could not be looked at."""
    try:
        yield
    except NoFaceError as error:
        more = [said[0].upper() + said[1:] + "." for said in _sentences(lost)]
        if info.other_videos:
            which = " and ".join(map(str, info.other_videos))
            more.append(
                f"Only one video of a file is looked at; this one has another, stream {which}."
            )
        raise NoFaceError(error.code, " ".join([error.message, *more]), error.hint) from None


def _at(times: Sequence[Fraction]) -> str:
    shown = ", ".join(f"{float(time):.2f}" for time in times[:TIMES_PER_SENTENCE])
    more = len(times) - TIMES_PER_SENTENCE
    return f"at {shown} s" + (f" and {more} more places" if more > 0 else "")
