"""NVDEC, the decoder of NVIDIA's GPUs: believed where its frames are the CPU's to the last sample.

H.264 and HEVC say what every sample of a sound film is, so whoever decodes them right gives the
same. What a decoder shows in place of lost parts is its own choice, and NVDEC does not tell that
parts were lost; so it gets films only in which the analysis, by the CPU, found no damage.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from itertools import islice, zip_longest
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.codec.hwaccel import HWAccel, HWDeviceType
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.video.stream import VideoStream

from ..errors import InputError, UsageError
from ..records import Fallback
from .color import side_data
from .damage import Damage
from .decoder import DecodedFrame, DecoderRun
from .files import ffmpeg_errors, open_input
from .pixel_formats import layout, planar, samples
from .probe import VideoInfo, probe
from .reader import VideoReader

#: Codecs and pixel formats of which NVDEC gives the very samples; other codecs leave rounding open,
#: have grain of their own, or are decoded by the CPU with another library.
NVDEC_FORMATS = {"h264": ("yuv420p",), "hevc": ("yuv420p", "yuv420p10le")}
PROOF_FRAMES = 16  # compared at the beginning of a film, and as many in its middle
NO_NVDEC = "It needs an NVIDIA GPU and its driver; use --decoder cpu."
_DRAWN = {
    "h264": ("libx264", "yuv420p", {"bf": "3"}),
    "hevc": ("libx265", "yuv420p10le", {"x265-params": "log-level=none:bframes=3"}),
}

OnFallback = Callable[[Fallback], None]


def open_reader(
    decoder: str, info: VideoInfo, threads: int, noted: OnFallback | None = None
) -> VideoReader:
    """Return a reader of a video.

    Args:
        decoder: cpu or nvdec, see `choose_decoder`.
        info: The video.
        threads: Decoder threads of the CPU; 0 lets the decoder decide.
        noted: Told where the CPU has to take over from NVDEC, in the thread that reads.
    """
    return NvdecReader(info, threads, noted) if decoder == "nvdec" else VideoReader(info, threads)


def choose_decoder(
    wanted: str, info: VideoInfo, damage: Sequence[Damage] = ()
) -> tuple[str, tuple[Fallback, ...]]:
    """Decide what decodes the frames of a render.

    Args:
        wanted: cpu; nvdec; or auto, which is the CPU: nobody has measured yet that NVDEC pays.
        info: The video.
        damage: What was found wrong with it by the CPU.

    Returns:
        cpu or nvdec, and a note where that is not what was asked for.
    """
    if wanted != "nvdec":
        return "cpu", ()
    why = _why_not(info, damage) or nvdec_differs(info)
    return ("cpu", (_fallback(why),)) if why else ("nvdec", ())


def check_nvdec(wanted: str) -> None:
    """Make sure that NVDEC can be had at all, if it is asked for.

    Raises:
        UsageError: ``no_nvdec``.
    """
    why = nvdec_trouble() if wanted == "nvdec" else ""
    if why:
        raise UsageError("no_nvdec", f"NVDEC cannot be used: {why}.", NO_NVDEC)


def nvdec_trouble(codec: str = "h264") -> str:
    """Return why NVDEC does not decode a drawn clip of a codec as the CPU does; empty if it does.

    Args:
        codec: Of ``NVDEC_FORMATS``; the clip has the last of its pixel formats.
    """
    encoder, pix_fmt, options = _DRAWN[codec]
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory(prefix="videoswap-") as folder:
        path = Path(folder, "drawn.mkv")
        with av.open(str(path), "w") as container:
            options = options | {"preset": "ultrafast", "crf": "20"}
            stream = cast(VideoStream, container.add_stream(encoder, rate=25, options=options))
            stream.width, stream.height, stream.pix_fmt = 320, 192, pix_fmt
            for _ in range(PROOF_FRAMES):
                picture = random.integers(0, 256, (192, 320, 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        return nvdec_differs(probe(path))


def nvdec_differs(info: VideoInfo) -> str:
    """Return how NVDEC's first frames, and some of the middle, differ from the CPU's; empty if not.

    Pixels, times, color tags and kinds of side data are compared.
    """
    try:
        with ffmpeg_errors() as said:
            _opened_by_card(info).close()
    except _Refused as refusal:
        return ": ".join([str(refusal), *said[:1]])
    told: list[Fallback] = []
    places: list[int | None] = [None]
    if info.duration:
        places.append(info.start_pts + int(info.duration / 2 / info.time_base))
    with VideoReader(info, 1) as reader, NvdecReader(info, 0, told.append) as card:
        for place in places:
            pairs = zip_longest(
                islice(reader.frames(place), PROOF_FRAMES),
                islice(card.frames(place), PROOF_FRAMES),
            )
            differing = next((pair for pair in pairs if told or not _same(*pair)), None)
            if told:
                return told[0].reason
            if differing is not None:
                pts = next(frame.pts for frame in differing if frame is not None)
                time = float((pts - info.start_pts) * info.time_base)
                return f"the GPU decodes the frame at {time:.2f} s otherwise than the CPU"
    return ""


class NvdecReader(VideoReader):
    """Reads the frames that `VideoReader` reads, decoded by NVDEC for as long as nothing is wrong.

    Where the card refuses something, or there is damage, grain or a time that does not fit, the CPU
    reads the same part anew and gives the frames that are left: those that it gives alone.

    Frames come down to main memory one by one and are repacked, so that the card holds no more of
    them than its decoder needs.
    """

    def __init__(self, info: VideoInfo, threads: int = 0, noted: OnFallback | None = None) -> None:
        """Prepare to read.

        Args:
            info: The video; H.264 or HEVC.
            threads: Decoder threads of the CPU, where it takes over; 0 lets the decoder decide.
            noted: Told of it.
        """
        # One thread is how the end of a damaged film is read again: that is always the CPU's.
        super().__init__(info, 2 if threads == 1 else threads)
        self._noted = noted

    def _decoded(
        self, first_pts: int | None, threads: int
    ) -> Generator[tuple[DecoderRun, DecodedFrame]]:
        if threads == 1:
            yield from super()._decoded(first_pts, threads)
            return
        last, why = yield from self._by_card(first_pts)
        if not why:
            return
        if self._noted is not None:
            self._noted(_fallback(why))
        with closing(super()._decoded(first_pts, threads)) as decoded:
            for run, frame in decoded:
                if last is None or frame.pts > last:
                    yield run, frame

    def _by_card(
        self, first_pts: int | None
    ) -> Generator[tuple[DecoderRun, DecodedFrame], None, tuple[int | None, str]]:
        """Yield frames until something is wrong; return the last one's pts, and what is wrong."""
        last: int | None = None
        latest: list[DecoderRun] = []

        def start(target: int | None) -> DecoderRun:
            # One thread: FFmpeg advises against more, and the work is the card's.
            latest[:] = [DecoderRun(self.info, 1, target, _opened_by_card(self.info))]
            return latest[0]

        try:
            with closing(self._started(first_pts, start)) as decoded:
                for run, frame in decoded:
                    why = self._doubt(run, frame.image)
                    if why:
                        return last, why
                    last = frame.pts
                    yield run, frame
        except (_Refused, InputError) as error:
            return last, str(error)
        why = self._doubt(latest[0])
        return last, why or ("the GPU gives no frame" if last is None else "")

    def _doubt(self, run: DecoderRun, image: av.VideoFrame | None = None) -> str:
        """Return why what comes now need not be what the CPU gives; empty if it is."""
        if run.refusal:
            return f"the GPU refuses a part of the film ({run.refusal})"
        if run.problems.any or run.watch.found:
            return "the film is damaged there, or its times are"
        if image is None:
            return ""
        info = self.info
        if Type.FILM_GRAIN_PARAMS in side_data(image):
            return "the film has grain that the CPU adds"
        kind = planar(image.format.name)
        if (image.width, image.height, kind) != (info.width, info.height, info.pix_fmt):
            return f"the GPU gives pictures of {image.width}x{image.height} {kind}"
        return ""


class _Refused(Exception):
    """NVDEC cannot be opened."""


def _opened_by_card(info: VideoInfo) -> InputContainer:
    """Open a video so that the card decodes it.

    Raises:
        _Refused: If it does not.
    """
    try:
        hardware = HWAccel(HWDeviceType.cuda, allow_software_fallback=False)
        container = open_input(info.path, hardware)
    except (av.FFmpegError, RuntimeError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise _Refused(f"the GPU cannot be opened ({said})") from None
    if not container.streams[info.stream_index].codec_context.is_hwaccel:
        container.close()
        raise _Refused(f"the GPU has no decoder of {info.codec}")
    return container


def _fallback(why: str) -> Fallback:
    return Fallback("decoding by NVDEC", "decoding by the CPU", why)


def _why_not(info: VideoInfo, damage: Sequence[Damage]) -> str:
    """Return what keeps a film from NVDEC without a look at the card; empty if nothing does."""
    if info.codec not in NVDEC_FORMATS:
        return f"of {info.codec} a GPU is not sure to give the same pixels, as of H.264 and HEVC"
    if info.pix_fmt not in NVDEC_FORMATS[info.codec]:
        return f"of {info.codec} a GPU decodes {' and '.join(NVDEC_FORMATS[info.codec])} alone"
    return "the film is damaged, and each decoder fills that in its own way" if damage else ""


def _same(one: DecodedFrame | None, other: DecodedFrame | None) -> bool:
    """Whether two frames are equal in samples, times and tags."""
    if one is None or other is None or _facts(one.image) != _facts(other.image):
        return False
    form = layout(one.image.format.name)
    depth = 8 if form is None else form.depth
    return all(
        np.array_equal(samples(a, depth)[:, : a.width], samples(b, depth)[:, : b.width])
        for a, b in zip(one.image.planes, other.image.planes, strict=True)
    )


def _facts(image: av.VideoFrame) -> tuple[object, ...]:
    return (
        *(image.pts, image.duration, image.time_base, image.width, image.height),
        *(image.format.name, image.color_range, image.colorspace, image.color_trc),
        *(image.color_primaries, image.interlaced_frame, image.is_corrupt),
        *sorted(kind.name for kind in side_data(image)),
    )
