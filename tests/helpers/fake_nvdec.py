"""A stand-in for NVDEC: the CPU decodes, and frames come as a card hands them down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
from av.video.reformatter import VideoReformatter

from videoswap.video import nvdec
from videoswap.video.files import open_input

PACKED = {"yuv420p": "nv12", "yuvj420p": "nv12", "yuv420p10le": "p010le"}
#: Changes a frame; gets its number from the start of the decoder. None loses it.
Change = Callable[[int, av.VideoFrame], av.VideoFrame | None]


def packed(image: av.VideoFrame) -> av.VideoFrame:
    """Return a frame in the layout of a card, with the same samples and all that it carries."""
    made = VideoReformatter().reformat(
        image,
        format=PACKED[image.format.name],
        src_color_range=2,
        dst_color_range=2,
        threads=1,
    )
    made.color_range = 2 if image.format.name.startswith("yuvj") else image.color_range
    return made


class _Proxy:
    """Passes everything on but what is set here."""

    def __init__(self, real: Any) -> None:
        object.__setattr__(self, "_real", real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)


class _Context(_Proxy):
    is_hwaccel = True


class _Stream(_Proxy):
    def __init__(self, real: Any, card: FakeNvdec) -> None:
        super().__init__(real)
        object.__setattr__(self, "_card", card)
        object.__setattr__(self, "_count", 0)
        object.__setattr__(self, "codec_context", _Context(real.codec_context))

    def decode(self, packet: Any) -> list[av.VideoFrame]:
        made = []
        for image in self._real.decode(packet):
            changed = self._card.change(self._count, packed(image))
            object.__setattr__(self, "_count", self._count + 1)
            self._card.decoded += 1
            if changed is not None:
                made.append(changed)
        return made


class _Container(_Proxy):
    def __init__(self, real: Any, card: FakeNvdec) -> None:
        super().__init__(real)
        videos = {stream.index: _Stream(stream, card) for stream in real.streams.video}
        streams = [videos.get(stream.index, stream) for stream in real.streams]
        object.__setattr__(self, "streams", streams)

    def demux(self, *streams: Any) -> Any:
        return self._real.demux(*(getattr(one, "_real", one) for one in streams))

    def seek(self, target: int, *, stream: Any, backward: bool) -> None:
        self._real.seek(target, stream=stream._real, backward=backward)


class FakeNvdec(SimpleNamespace):
    """The card.

    Attributes:
        change: What becomes of each frame.
        decoded: Frames it decoded.
        opened: Decoders it opened.
    """

    change: Change
    decoded = 0
    opened = 0

    def open(self, path: Path, hardware: Any) -> Any:
        """Open a film on it."""
        assert hardware is not None
        self.opened += 1
        return _Container(open_input(path), self)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> FakeNvdec:
    """Put a card into this machine that decodes as it should."""
    found = FakeNvdec(change=lambda number, image: image)
    monkeypatch.setattr(nvdec, "open_input", found.open)
    return found
