"""Settings as frozen dataclasses: every default and every check in one place."""

from __future__ import annotations

import math
import os
import re
import warnings
from dataclasses import InitVar, dataclass, field
from fractions import Fraction
from pathlib import Path

from .errors import UsageError
from .fieldtypes import conform
from .marks import MarkSettings
from .plugins import engine_asked_for
from .timerange import TimeRange


def default_cache_dir() -> Path | None:
    """Return where analyses and unfinished renders are kept.

    It is ``$VIDEOSWAP_CACHE_DIR``, else ``videoswap`` in the user's cache folder
    (``$XDG_CACHE_HOME``, ``~/.cache``), else None: a user without a home has no cache.
    """
    base = os.environ.get("VIDEOSWAP_CACHE_DIR")
    if base:
        return Path(base)
    folder = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(folder or Path.home() / ".cache") / "videoswap"
    except RuntimeError:
        return None


QUALITIES = ("draft", "good", "high", "visually_lossless", "lossless")
AUDIO = ("auto", "copy", "aac", "opus", "none")
EXECUTORS = ("local", "ray")
STEPS = ("auto", "numpy", "tensors")
DECODERS = ("auto", "cpu", "nvdec")
DEFAULT_CACHE_LIMIT = 20 * 10**9  # bytes
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def bytes_of(text: str) -> int:
    """Read a number of bytes such as 500MB or 20 GB.

    Raises:
        ValueError: If it is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)b?\s*", text.lower())
    if found is None:
        raise ValueError(f"{text!r} is not a size such as 500MB or 20GB")
    return int(Fraction(found[1]) * _UNITS[found[2]])


def default_cache_limit() -> int | None:
    """Return the most bytes that may be kept between runs; None for no limit.

    It is ``$VIDEOSWAP_CACHE_LIMIT`` (a size, or none), else ``DEFAULT_CACHE_LIMIT``.

    Raises:
        UsageError: ``bad_cache_limit``.
    """
    text = os.environ.get("VIDEOSWAP_CACHE_LIMIT")
    if not text:
        return DEFAULT_CACHE_LIMIT
    if text.lower() == "none":
        return None
    try:
        return bytes_of(text)
    except ValueError as error:
        raise UsageError("bad_cache_limit", f"VIDEOSWAP_CACHE_LIMIT: {error}.") from None


def _one_of(flag: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ``bad_FLAG`` unless a value is allowed."""
    if value not in allowed:
        text = f"Unknown --{flag} {value!r}."
        raise UsageError(f"bad_{flag}", text, f"Use one of {', '.join(allowed)}.")


FACE_MODELS = ("packaged", "insightface")
LANDMARKS = ("auto", "dense", "dlib")
# The unit of --similarity_th by face model, and the largest distance that two faces can have in it.
SIMILARITY_UNITS = {"packaged": ("Euclidean distances", 2.0), "insightface": ("1 - cosine", 2.0)}


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """How faces are looked for; part of the key of the analysis cache.

    Attributes:
        min_face: Smallest face wanted, as a share of the upright picture's height.
        score_th: Detections under this confidence (0 to 1) are dropped.
        keyframe_interval: The whole picture is searched every this many frames (and at each
            cut); in between only the surroundings of known faces are.
        max_gap: A track survives this many frames without its face.
        face_models: Who finds and recognises faces: packaged (CenterFace and dlib, which come
            with packages) or insightface (SCRFD and ArcFace on local files).
        landmarks: Which landmarks of a face are found: dense (MediaPipe's 478), dlib (68), or auto
            (dense, where their file is there). Faces that the dense network rejects get dlib's.

    Raises:
        UsageError: ``wrong_type``, ``bad_min_face``, ``bad_interval``, ``bad_gap``,
            ``bad_score``, ``bad_face_models`` or ``bad_landmarks``.
    """

    min_face: Fraction = Fraction(1, 20)
    score_th: float = 0.5
    keyframe_interval: int = 8
    max_gap: int = 10
    face_models: str = "packaged"
    landmarks: str = "auto"

    def __post_init__(self) -> None:
        """Check ranges."""
        conform(self)
        if not 0 < self.min_face <= 1:
            raise UsageError("bad_min_face", "--min_face must lie between 0 and 1.")
        if self.keyframe_interval < 1:
            raise UsageError("bad_interval", "keyframe_interval must be at least 1.")
        if self.max_gap < 0:
            raise UsageError("bad_gap", "max_gap must not be below 0.")
        if not 0 < self.score_th < 1:
            raise UsageError("bad_score", "The detection threshold must lie between 0 and 1.")
        _one_of("face_models", self.face_models, FACE_MODELS)
        _one_of("landmarks", self.landmarks, LANDMARKS)


POSITIONS = ("left", "middle", "right", "largest")


@dataclass(frozen=True, slots=True)
class FacePlace:
    """Where a face is that is meant.

    Attributes:
        time: Seconds from the video's first frame; None in a picture.
        position: One of ``POSITIONS``, or x and y as shares of the picture's width and height;
            None takes the largest face and says so where there are several.

    Raises:
        UsageError: ``wrong_type`` or ``bad_face_at``.
    """

    time: Fraction | None = None
    position: str | tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Check the position and the time."""
        conform(self)
        if self.time is not None and self.time < 0:
            raise UsageError("bad_face_at", "--face_at must not be a time below 0.")
        if isinstance(self.position, str) and self.position not in POSITIONS:
            raise UsageError(
                "bad_face_at",
                f"Unknown position {self.position!r}.",
                f"Use {', '.join(POSITIONS)} or x,y such as 0.5,0.3.",
            )
        if isinstance(self.position, tuple) and not all(0 <= one <= 1 for one in self.position):
            raise UsageError(
                "bad_face_at", "x and y of --face_at are shares of the picture, from 0 to 1."
            )

    def __str__(self) -> str:
        """Return words that follow "the face"."""
        words = [] if self.time is None else [f"at {float(self.time):.2f} s"]
        if isinstance(self.position, tuple):
            words.append("at {:g},{:g}".format(*self.position))
        elif self.position is not None:
            words.append(f"({self.position})")
        return " ".join(words) or "(largest)"


@dataclass(frozen=True, slots=True)
class PeopleSettings:
    """Who is swapped, where no target faces are given; at most one of these.

    With none of them, it is the person with most screen time in a video and the largest face in
    a picture.

    Attributes:
        all_faces: Everybody gets the one source.
        persons: Numbers of people, as ``videoswap faces`` gives them: the nth source goes onto
            the nth of them, or one source onto each.
        places: The people whose faces are there, as many or one source in the same way.

    Raises:
        UsageError: ``wrong_type`` or ``which_people``.
    """

    all_faces: bool = False
    persons: tuple[int, ...] = ()
    places: tuple[FacePlace, ...] = ()

    def __post_init__(self) -> None:
        """Check that there is one way of choosing, and no number twice."""
        conform(self)
        if self.all_faces + bool(self.persons) + bool(self.places) > 1:
            raise UsageError(
                "which_people",
                "--all_faces, --person and --face_at exclude each other.",
                "Choose people in one of these ways.",
            )
        for number in self.persons:
            if number < 0:
                raise UsageError("which_people", f"There is no person {number}: they start at 0.")
            if self.persons.count(number) > 1:
                raise UsageError("which_people", f"--person names {number + 1} more than once.")

    @property
    def wanted(self) -> int:
        """How many people are named; 0 where they are not."""
        return len(self.persons) or len(self.places)

    @property
    def given(self) -> bool:
        """Whether anybody is chosen in one of these ways."""
        return self.all_faces or self.wanted > 0


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """How the result is encoded; None leaves the choice to the encoder table.

    Attributes:
        encoder: FFmpeg's name, for example libx264; ``same`` for the source's own codec.
        crf: Quality, in the encoder's own scale.
        quality: Quality in words: draft, good, high (the default), visually_lossless, lossless.
        preset: Speed, in the encoder's own words.
        pix_fmt: Pixel format of the result; None keeps the source's.
        threads: Threads of the encoder, whose output depends on them; 0 takes 4, everywhere.
        audio: What to do with sound: auto copies it where the container can hold it and else
            converts it; copy never converts; aac and opus convert what is something else;
            none leaves it out.
        reencode: Encode frames without a swap too, which else are copied where that is possible.

    Raises:
        UsageError: ``wrong_type``, ``bad_crf``, ``bad_quality``, ``crf_and_quality`` or
            ``bad_audio``.
    """

    encoder: str | None = None
    crf: float | None = None
    preset: str | None = None
    pix_fmt: str | None = None
    threads: int = 0
    audio: str = "auto"
    quality: str | None = None
    reencode: bool = False

    def __post_init__(self) -> None:
        """Check names and ranges."""
        conform(self)
        if self.crf is not None and not 0 <= self.crf < math.inf:
            raise UsageError("bad_crf", "--crf must be a number that is not negative.")
        if self.quality not in (None, *QUALITIES):
            message = f"Unknown --quality {self.quality!r}."
            raise UsageError("bad_quality", message, f"Use one of {', '.join(QUALITIES)}.")
        if self.quality is not None and self.crf is not None:
            raise UsageError(
                "crf_and_quality", "--crf and --quality say the same thing.", "Give one of them."
            )
        _one_of("audio", self.audio, AUDIO)


MASKS = ("auto", "outline", "xseg", "parsing")


@dataclass(frozen=True, slots=True)
class BlendSettings:
    """How swaps are made part of their film.

    Attributes:
        mask: auto leaves what is in front of the face where it is (hands, hair, glasses,
            microphones); outline takes the engine's mask as it is; xseg and parsing leave what
            these downloaded networks find.
        feather: Width of the mask's soft border as a share of the crop's side; None leaves the
            engine's own.
        strength: How much of the swap is seen, 0 to 1.
        keep_eyes: Keep the target's eyes; None does so where the engine paints none.
        keep_mouth: Keep what the target shows between its lips; None likewise.
        steady: Filter over time what flickers while the target stands still.
        grain: Give the swap the sharpness and the grain of its surroundings.

    Raises:
        UsageError: ``wrong_type``, ``bad_mask``, ``bad_feather`` or ``bad_strength``.
    """

    mask: str = "auto"
    feather: float | None = None
    strength: float = 1.0
    keep_eyes: bool | None = None
    keep_mouth: bool | None = None
    steady: bool = True
    grain: bool = True

    def __post_init__(self) -> None:
        """Check names and ranges."""
        conform(self)
        _one_of("mask", self.mask, MASKS)
        if self.feather is not None and not 0.0 <= self.feather <= 0.5:
            raise UsageError("bad_feather", "--feather must lie between 0 and 0.5.")
        if not 0.0 < self.strength <= 1.0:
            raise UsageError("bad_strength", "--strength must lie above 0 and at most be 1.")


RESTORERS = ("none", "gfpgan", "codeformer", "gpen256", "gpen512")


@dataclass(frozen=True, slots=True)
class DetailSettings:
    """What is done so that large faces do not get soft.

    Attributes:
        pixel_boost: Sub-images a side that crops are split into for engines with a fixed picture
            size, 1 to 4; the cost is its square. None chooses by the size of the face; 1 is off.
        restorer: Network that redraws the swapped face, of ``RESTORERS``.
        restorer_blend: How much of what it draws is taken, 0 to 1.

    Raises:
        UsageError: ``wrong_type``, ``bad_pixel_boost``, ``bad_restorer`` or
            ``bad_restorer_blend``.
    """

    pixel_boost: int | None = None
    restorer: str = "none"
    restorer_blend: float = 0.8

    def __post_init__(self) -> None:
        """Check names and ranges."""
        conform(self)
        if self.pixel_boost not in (None, 1, 2, 3, 4):
            raise UsageError("bad_pixel_boost", "--pixel_boost must be auto, 1, 2, 3 or 4.")
        _one_of("restorer", self.restorer, RESTORERS)
        if not 0.0 <= self.restorer_blend <= 1.0:
            raise UsageError("bad_restorer_blend", "--restorer_blend must lie between 0 and 1.")


@dataclass(frozen=True, slots=True)
class SwapSettings:
    """Everything that shapes a swap besides the files.

    Attributes:
        swapper: Name of an engine that is installed, or auto.
        device: auto, cpu or cuda.
        similarity_th: Match threshold in the native unit of the encoder in use (dlib: largest
            Euclidean distance); None takes that encoder's default.
        batch_size: Crops given to the engine at once; None takes the engine's own number.
        time_range: Part of the video to swap and keep.
        analysis: How faces are looked for.
        encode: How the result is encoded.
        people: Who is swapped, where no target faces are given.
        engine_options: Options of one engine, such as ``GhostOptions``; with the swapper auto they
            mean that engine. None takes the usual ones.
        blend: How swaps are made part of their film.
        detail: What is done so that large faces do not get soft.
        segment_frames: Longest segment in frames.
        cache_dir: Where analyses are kept; None for no cache.
        cache_limit: Most bytes that are kept there from earlier runs, the last used first; None
            for no limit.
        overwrite: Whether an existing output may be replaced.
        strict_streams: Fail, instead of reporting, if a stream cannot be kept.
        strict_input: Fail, instead of reporting, if the video is damaged or cut short.
        fps: Frames a second of numbered pictures; None takes 25.
        jobs: Processes that share a video, with the same result; None takes as many as pay. A
            script with more than one needs ``if __name__ == "__main__":``.
        executor: Where these are: local, or ray for a cluster.
        ship_input: Send the video to the machines of a cluster, which do not see its path.
        steps: What the render's steps work on: numpy pictures, tensors of torch, or auto: tensors
            where the engine computes on a GPU. Rounding differs between the two.
        decoder: What decodes the frames of the render: cpu; nvdec, an NVIDIA GPU, where its frames
            prove to be the CPU's to the last sample, else the CPU with a note; or auto: the CPU,
            until a measurement says that the GPU is faster.
        marks: How the result says that it is synthetic.

    Raises:
        UsageError: ``wrong_type``, ``bad_device``, ``bad_threshold``, ``bad_batch_size``,
            ``bad_fps``, ``bad_segment``, ``bad_jobs``, ``bad_executor``, ``bad_steps`` or
            ``bad_decoder``.
    """

    swapper: str = "auto"
    device: str = "auto"
    similarity_th: float | None = None
    batch_size: int | None = None
    time_range: TimeRange = field(default_factory=TimeRange)
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    engine_options: object | None = None
    blend: BlendSettings = field(default_factory=BlendSettings)
    detail: DetailSettings = field(default_factory=DetailSettings)
    segment_frames: int = 100
    cache_dir: Path | None = field(default_factory=default_cache_dir)
    cache_limit: int | None = field(default_factory=default_cache_limit)
    overwrite: bool = False
    strict_streams: bool = False
    strict_input: bool = False
    fps: Fraction | None = None
    jobs: int | None = 1
    executor: str = "local"
    ship_input: bool = False
    steps: str = "auto"
    decoder: str = "auto"
    marks: MarkSettings = field(default_factory=MarkSettings)
    ghost: InitVar[object | None] = None

    @property
    def engine(self) -> str:
        """The engine that is asked for: whoever asks for options of an engine means that one."""
        return engine_asked_for(self.swapper, self.engine_options)

    def __post_init__(self, ghost: object | None) -> None:
        """Check ranges and names."""
        if ghost is not None:
            warnings.warn("ghost= is now engine_options=", DeprecationWarning, stacklevel=3)
            if self.engine_options is None and ghost != type(ghost)():
                object.__setattr__(self, "engine_options", ghost)
        conform(self)
        engine_asked_for(self.swapper, self.engine_options)
        if self.device not in ("auto", "cpu", "cuda"):
            message = f"Unknown device {self.device!r}."
            raise UsageError("bad_device", message, "Use auto, cpu or cuda.")
        unit, largest = SIMILARITY_UNITS[self.analysis.face_models]
        limit = self.similarity_th
        if limit is not None and not (isinstance(limit, int | float) and 0 < limit <= largest):
            raise UsageError(
                "bad_threshold",
                f"--similarity_th must lie above 0 and at most be {largest:g}, not {limit}.",
                f"It is the largest distance that still matches, in {unit}; 0.6 is usual.",
            )
        if self.batch_size is not None and self.batch_size < 1:
            raise UsageError("bad_batch_size", "--batch_size must be at least 1.")
        if self.fps is not None and not self.fps > 0:
            raise UsageError("bad_fps", "--fps must be above 0.", "For example 24 or 24000/1001.")
        if self.jobs is not None and self.jobs < 1:
            raise UsageError("bad_jobs", "--jobs must be auto, or at least 1.")
        _one_of("executor", self.executor, EXECUTORS)
        _one_of("steps", self.steps, STEPS)
        _one_of("decoder", self.decoder, DECODERS)
        if self.segment_frames < 1:
            raise UsageError("bad_segment", "A segment needs at least one frame.")
