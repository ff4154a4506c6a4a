"""Swap chosen faces in videos and pictures, and change nothing else.

Example:
    >>> from videoswap import swap_video
    >>> report = swap_video("me.jpg", "film.mp4", "out.mp4")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__
from .errors import CancelledError, VideoswapError
from .plugins import EngineOption, option
from .settings import (
    AnalysisSettings,
    BlendSettings,
    DetailSettings,
    EncodeSettings,
    FacePlace,
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
    from .compositing.composite import composite
    from .compositing.finisher import Finisher
    from .compositing.temporal_filter import temporal_filter
    from .crops import CropSpec, FrameSurface, PictureSurface, Surface, crop_face
    from .detection.appearance import Appearance
    from .detection.base import Detector, Landmarker, Recognizer
    from .detection.centerface import CenterFace
    from .detection.dense_landmarks import DenseLandmarker, DenseLandmarks
    from .detection.face_detector import FaceDetector
    from .detection.face_models import FaceModels
    from .detection.face_parser import FaceParser, FacePart, FaceParts
    from .detection.insightface import ArcFaceRecognizer, Scrfd
    from .detection.landmarks import DlibLandmarker
    from .detection.recognition import DlibRecognizer
    from .devices import Device, choose_device
    from .engines.base import Engine, EnginePlugin, EngineWrapper, Identity, engine_key
    from .engines.ghost.options import GhostOptions
    from .engines.mesh.options import MeshOptions
    from .engines.registry import load_engine
    from .evaluation.metrics.metric import GoodRange, Metric
    from .evaluation.report import Evaluation, Group, Groups, Value, Verdict
    from .evaluation.similarity import Similarity, similarity
    from .geometry.face_masks import inner_face_mask
    from .jobs.folder_record import FolderItem, FolderReport
    from .jobs.photo_check import check_photos
    from .lost import Gap, Lost
    from .marks import MarkSettings, Provenance
    from .occlusion.load import load_occlusion_segmenter
    from .occlusion.segmenter import OcclusionSegmenter
    from .people.photo_advice import CheckedPhoto, PhotoAdvice
    from .people.plan import Plan, PlannedPerson, PlannedSource, Span
    from .people.plan_reading import read_plan
    from .planned import evaluate_by_plan, make_plan, preview_by_plan, swap_by_plan
    from .records import (
        Crop,
        Face,
        Fallback,
        FrameSwap,
        Person,
        Photo,
        RunnerUp,
        SwappedCrop,
        Track,
        TrackSource,
        Unoccluded,
    )
    from .rendering.failed_swaps import FailedSwap
    from .rendering.pipeline import StageTime
    from .report import InputFile, PersonReport, Report, Stretch, WeightFile
    from .tracking.analysis import Analysis, Frames, RefinedAnalysis
    from .tracking.face_tracker import FaceTracker, TrackedFace
    from .tracking.shots import ShotDetector
    from .video.color import Color, HdrMetadata
    from .video.damage import Damage
    from .video.decoder import DecodedFrame, ReadProblems
    from .video.files import FileStamp
    from .video.orientation import Orientation
    from .video.probe import VideoInfo, probe
    from .video.reader import VideoReader
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
    "ArcFaceRecognizer",
    "BlendSettings",
    "CancelledError",
    "CenterFace",
    "CheckedPhoto",
    "Color",
    "Crop",
    "CropSpec",
    "Damage",
    "DecodedFrame",
    "DenseLandmarker",
    "DenseLandmarks",
    "DetailSettings",
    "Detector",
    "Device",
    "DlibLandmarker",
    "DlibRecognizer",
    "EncodeSettings",
    "Engine",
    "EngineOption",
    "EnginePlugin",
    "EngineWrapper",
    "Evaluation",
    "Face",
    "FaceDetector",
    "FaceModels",
    "FaceParser",
    "FacePart",
    "FaceParts",
    "FacePlace",
    "FaceTracker",
    "FailedSwap",
    "Fallback",
    "FileStamp",
    "Finisher",
    "FolderItem",
    "FolderReport",
    "FrameSurface",
    "FrameSwap",
    "Frames",
    "Gap",
    "GhostOptions",
    "GoodRange",
    "Group",
    "Groups",
    "HdrMetadata",
    "Identity",
    "Inks",
    "InputFile",
    "Landmarker",
    "Lost",
    "MarkSettings",
    "MeshOptions",
    "Metric",
    "OcclusionSegmenter",
    "Orientation",
    "PeopleSettings",
    "Person",
    "PersonReport",
    "Photo",
    "PhotoAdvice",
    "Picture",
    "PictureSequence",
    "PictureSurface",
    "Plan",
    "PlannedPerson",
    "PlannedSource",
    "ProgressUpdate",
    "Provenance",
    "ReadProblems",
    "Recognizer",
    "RefinedAnalysis",
    "Report",
    "RunnerUp",
    "Scrfd",
    "ShotDetector",
    "Similarity",
    "Span",
    "StageTime",
    "Stretch",
    "Surface",
    "SwapSettings",
    "SwappedCrop",
    "TimeRange",
    "Track",
    "TrackSource",
    "TrackedFace",
    "Unoccluded",
    "Value",
    "Verdict",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "VideoswapError",
    "WeightFile",
    "analyze",
    "check_photos",
    "choose_device",
    "compare",
    "composite",
    "crop_face",
    "engine_key",
    "evaluate",
    "evaluate_by_plan",
    "inner_face_mask",
    "list_faces",
    "load_engine",
    "load_occlusion_segmenter",
    "make_plan",
    "option",
    "preview_by_plan",
    "preview_swap",
    "probe",
    "read_picture",
    "read_plan",
    "similarity",
    "swap_by_plan",
    "swap_folder",
    "swap_image",
    "swap_video",
    "temporal_filter",
    "write_picture",
]


# What is heavy to import, and the module that has it. It is imported when it is asked for, so that
# --help and doctor are quick.
_LAZY = {
    "CheckedPhoto": "people.photo_advice",
    "PhotoAdvice": "people.photo_advice",
    "check_photos": "jobs.photo_check",
    "Analysis": "tracking.analysis",
    "Appearance": "detection.appearance",
    "ArcFaceRecognizer": "detection.insightface",
    "CenterFace": "detection.centerface",
    "Color": "video.color",
    "Crop": "records",
    "CropSpec": "crops",
    "Damage": "video.damage",
    "DecodedFrame": "video.decoder",
    "Detector": "detection.base",
    "Device": "devices",
    "Engine": "engines.base",
    "EnginePlugin": "engines.base",
    "EngineWrapper": "engines.base",
    "DenseLandmarker": "detection.dense_landmarks",
    "DenseLandmarks": "detection.dense_landmarks",
    "DlibLandmarker": "detection.landmarks",
    "DlibRecognizer": "detection.recognition",
    "Evaluation": "evaluation.report",
    "Face": "records",
    "FaceDetector": "detection.face_detector",
    "FaceModels": "detection.face_models",
    "FaceParser": "detection.face_parser",
    "FacePart": "detection.face_parser",
    "FaceParts": "detection.face_parser",
    "FaceTracker": "tracking.face_tracker",
    "Fallback": "records",
    "FileStamp": "video.files",
    "Finisher": "compositing.finisher",
    "FolderItem": "jobs.folder_record",
    "FolderReport": "jobs.folder_record",
    "FrameSurface": "crops",
    "FrameSwap": "records",
    "Frames": "tracking.analysis",
    "Gap": "lost",
    "GhostOptions": "engines.ghost.options",
    "GoodRange": "evaluation.metrics.metric",
    "Group": "evaluation.report",
    "Groups": "evaluation.report",
    "HdrMetadata": "video.color",
    "Identity": "engines.base",
    "Inks": "video.stills.cmyk",
    "Landmarker": "detection.base",
    "Lost": "lost",
    "MeshOptions": "engines.mesh.options",
    "Metric": "evaluation.metrics.metric",
    "OcclusionSegmenter": "occlusion.segmenter",
    "Orientation": "video.orientation",
    "Person": "records",
    "PersonReport": "report",
    "InputFile": "report",
    "Stretch": "report",
    "WeightFile": "report",
    "MarkSettings": "marks",
    "Provenance": "marks",
    "Photo": "records",
    "Picture": "video.stills.picture",
    "PictureSequence": "video.sequences.reading",
    "PictureSurface": "crops",
    "Plan": "people.plan",
    "PlannedPerson": "people.plan",
    "PlannedSource": "people.plan",
    "ReadProblems": "video.decoder",
    "Recognizer": "detection.base",
    "RefinedAnalysis": "tracking.analysis",
    "RunnerUp": "records",
    "Report": "report",
    "Scrfd": "detection.insightface",
    "ShotDetector": "tracking.shots",
    "Similarity": "evaluation.similarity",
    "Span": "people.plan",
    "FailedSwap": "rendering.failed_swaps",
    "StageTime": "rendering.pipeline",
    "Surface": "crops",
    "SwappedCrop": "records",
    "Track": "records",
    "TrackSource": "records",
    "TrackedFace": "tracking.face_tracker",
    "Unoccluded": "records",
    "Value": "evaluation.report",
    "Verdict": "evaluation.report",
    "VideoInfo": "video.probe",
    "VideoReader": "video.reader",
    "VideoWriter": "video.writer",
    "analyze": "api",
    "choose_device": "devices",
    "compare": "api",
    "composite": "compositing.composite",
    "crop_face": "crops",
    "engine_key": "engines.base",
    "evaluate": "api",
    "evaluate_by_plan": "planned",
    "inner_face_mask": "geometry.face_masks",
    "list_faces": "api",
    "load_engine": "engines.registry",
    "load_occlusion_segmenter": "occlusion.load",
    "make_plan": "planned",
    "preview_by_plan": "planned",
    "preview_swap": "api",
    "probe": "video.probe",
    "read_plan": "people.plan_reading",
    "swap_by_plan": "planned",
    "read_picture": "video.stills.picture",
    "similarity": "evaluation.similarity",
    "swap_folder": "api",
    "swap_image": "api",
    "swap_video": "api",
    "temporal_filter": "compositing.temporal_filter",
    "write_picture": "video.stills.picture",
}


# Earlier names, and the names of today.
_DEPRECATED = {"GhostSettings": "GhostOptions"}


def __getattr__(name: str) -> Any:
    """Import what is heavy only when it is asked for."""
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    if name in _DEPRECATED:
        new = _DEPRECATED[name]
        warnings.warn(f"{name} is now {new}", DeprecationWarning, stacklevel=2)
        return __getattr__(new)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
