"""Which frames of a video are copied, because nothing in them is swapped, and their segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..records import Array
from ..rendering.render import CONTEXT
from ..rendering.segments import Segment, SegmentOutputs, plan_segments
from ..settings import SwapSettings
from ..tracking.analysis import Analysis
from ..video.packet_copy import CopyPlan, copy_packets, plan_copies
from ..video.probe import VideoInfo
from ..video.sequences.pattern import is_numbered
from .video_results import ResultPlan


def plan_work(
    info: VideoInfo,
    analysis: Analysis,
    swapped: Array,
    settings: SwapSettings,
    targets: ResultPlan,
) -> tuple[tuple[Segment, ...], ResultPlan, CopyPlan | None]:
    """Split a video into segments, of which some are copied.

    With ``--reencode`` the segments begin and end where copies would, so that all others come out
    the same.

    Args:
        info: The video.
        analysis: Its analysis.
        swapped: (n,) int64 pts of the frames in which a face gets a source.
        settings: The settings.
        targets: How results are written.

    Returns:
        The segments, the results with the encoder that fits copies, and the copies; None where
        the result is no video.
    """
    frames = analysis.frames
    copies: CopyPlan | None = None
    if targets.encoder is not None and not is_numbered(targets.out):
        touched = np.isin(frames.pts, swapped) | (settings.marks.label is not None)
        refusal = "the video is damaged" if analysis.damage else ""
        if targets.mask_encoder is not None:
            refusal = "masks of all frames are asked for"
        encode = settings.encode
        copies = plan_copies(info, targets.encoder, encode, frames.pts, touched, refusal)
        if encode.reencode:
            copies = replace(copies, notes=())
        targets = replace(targets, encoder=copies.encoder)
    segments = plan_segments(
        frames.pts,
        frames.scenes,
        settings.segment_frames,
        CONTEXT,
        copies.runs if copies else (),
        not settings.encode.reencode,
    )
    return segments, targets, copies


def copied_frames(segments: Sequence[Segment]) -> int:
    """Return how many frames are copied."""
    return sum(len(segment.pts) for segment in segments if segment.copied)


def copy_untouched(
    info: VideoInfo, copies: CopyPlan | None, missing: Sequence[Segment], outputs: SegmentOutputs
) -> list[Segment]:
    """Copy the segments that are copies, and return those that are to be rendered.

    Args:
        info: The video.
        copies: See `plan_work`.
        missing: The segments that are not there yet.
        outputs: Where they go.

    Raises:
        InputError, OutputError: See `copy_packets`.
    """
    wanted = [(one.pts, outputs.video(one)) for one in missing if one.copied]
    if copies is not None and wanted:
        copy_packets(info, copies.headers, wanted)
    return [one for one in missing if not one.copied]
