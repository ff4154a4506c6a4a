"""Swap chosen faces in videos and pictures, and change nothing else.

Example:
    >>> from videoswap import swap_video
    >>> report = swap_video("me.jpg", "film.mp4", "out.mp4")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__
from .errors import CancelledError, VideoswapError
from .settings import (
    AnalysisSettings,
    BlendSettings,
    DetailSettings,
    EncodeSettings,
    FacePlace,
    GhostSettings,
    PeopleSettings,
    SwapSettings,
)
from .timerange import TimeRange
from .watching import ProgressUpdate

if TYPE_CHECKING:
    from .api import (
        analyze,
        compare,
        evaluate,
        list_faces,
        preview_swap,
        swap_folder,
        swap_image,
        swap_video,
    )
    from .detection.appearance import Appearance
    from .evaluation.metrics.metric import GoodRange, Metric
    from .evaluation.report import Evaluation, Group, Groups, Value, Verdict
    from .jobs.folder_record import FolderItem, FolderReport
    from .records import Face, Fallback, Gap, Lost, Person, Track
    from .rendering.pipeline import StageTime
    from .report import PersonReport, Report
    from .tracking.analysis import Analysis, Frames
    from .video.color import Color, HdrMetadata
    from .video.damage import Damage
    from .video.files import FileStamp
    from .video.orientation import Orientation
    from .video.probe import VideoInfo, probe
    from .video.reader import DecodedFrame, ReadProblems, VideoReader
    from .video.sequences.reading import PictureSequence
    from .video.stills.cmyk import Inks
    from .video.stills.picture import Picture, read_picture, write_picture
    from .video.writer import VideoWriter

logging.getLogger(__name__).addHandler(logging.NullHandler())

# onnxruntime keeps a device id and usage data unless it is told not to before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "Analysis",
    "AnalysisSettings",
    "Appearance",
    "BlendSettings",
    "CancelledError",
    "Color",
    "Damage",
    "DecodedFrame",
    "DetailSettings",
    "EncodeSettings",
    "Evaluation",
    "Face",
    "FacePlace",
    "Fallback",
    "FileStamp",
    "FolderItem",
    "FolderReport",
    "Frames",
    "Gap",
    "GhostSettings",
    "GoodRange",
    "Group",
    "Groups",
    "HdrMetadata",
    "Inks",
    "Lost",
    "Metric",
    "Orientation",
    "PeopleSettings",
    "Person",
    "PersonReport",
    "Picture",
    "PictureSequence",
    "ProgressUpdate",
    "ReadProblems",
    "Report",
    "StageTime",
    "SwapSettings",
    "TimeRange",
    "Track",
    "Value",
    "Verdict",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "VideoswapError",
    "analyze",
    "compare",
    "evaluate",
    "list_faces",
    "preview_swap",
    "probe",
    "read_picture",
    "swap_folder",
    "swap_image",
    "swap_video",
    "write_picture",
]


# What is heavy to import, and the module that has it. It is imported when it is asked for, so that
# --help and doctor are quick.
_LAZY = {
    "Analysis": "tracking.analysis",
    "Appearance": "detection.appearance",
    "Color": "video.color",
    "Damage": "video.damage",
    "DecodedFrame": "video.reader",
    "Evaluation": "evaluation.report",
    "Face": "records",
    "Fallback": "records",
    "FileStamp": "video.files",
    "FolderItem": "jobs.folder_record",
    "FolderReport": "jobs.folder_record",
    "Frames": "tracking.analysis",
    "Gap": "records",
    "GoodRange": "evaluation.metrics.metric",
    "Group": "evaluation.report",
    "Groups": "evaluation.report",
    "HdrMetadata": "video.color",
    "Inks": "video.stills.cmyk",
    "Lost": "records",
    "Metric": "evaluation.metrics.metric",
    "Orientation": "video.orientation",
    "Person": "records",
    "PersonReport": "report",
    "Picture": "video.stills.picture",
    "PictureSequence": "video.sequences.reading",
    "ReadProblems": "video.reader",
    "Report": "report",
    "StageTime": "rendering.pipeline",
    "Track": "records",
    "Value": "evaluation.report",
    "Verdict": "evaluation.report",
    "VideoInfo": "video.probe",
    "VideoReader": "video.reader",
    "VideoWriter": "video.writer",
    "analyze": "api",
    "compare": "api",
    "evaluate": "api",
    "list_faces": "api",
    "preview_swap": "api",
    "probe": "video.probe",
    "read_picture": "video.stills.picture",
    "swap_folder": "api",
    "swap_image": "api",
    "swap_video": "api",
    "write_picture": "video.stills.picture",
}


def __getattr__(name: str) -> Any:
    """Import what is heavy only when it is asked for."""
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
