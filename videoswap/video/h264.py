"""H.264 streams: NAL units, parameter sets, and the headers of a stream put together of two.

Only what tells whether packets of two encoders may stand in one stream is read, by ITU-T H.264.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

SLICE, IDR, SEI, SPS, PPS, DELIMITER, FILLER = 1, 5, 6, 7, 8, 9, 12
PLAIN_UNITS = frozenset({SLICE, IDR, SEI, DELIMITER, FILLER})  # those that every decoder knows
MAX_IDS = 32  # of sequence parameter sets
# Profiles that hold all before them: Baseline, Main, High, High 10, High 4:2:2, High 4:4:4.
PROFILES = (66, 77, 100, 110, 122, 244)
_HIGH = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
_LENGTH_SIZE = 4  # bytes before every unit of the packets that are written
_OWN_SHAPE = 255  # pixel shapes that are no number of the standard's table


class _Bits:
    """Reads numbers from a unit of which the bytes against false start codes are taken out."""

    def __init__(self, unit: bytes) -> None:
        data = unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        """Return an unsigned number of so many bits."""
        self._left -= count
        if self._left < 0:
            raise ValueError("a parameter set is cut short")
        return self._value >> self._left & (1 << count) - 1

    def ue(self) -> int:
        """Return an unsigned Exp-Golomb number."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("a parameter set holds no number where one belongs")
        return (1 << zeros) - 1 + self.take(zeros)

    def se(self) -> int:
        """Return a signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


@dataclass(frozen=True, slots=True)
class Sps:
    """What a sequence parameter set says.

    Attributes:
        unit: Its bytes.
        number: Its id, 0 to 31.
        picture: Numbers that must be the same throughout a stream: chroma format, bit depths,
            whether there may be blocks without a transform (FFmpeg looks for that once), size in
            macroblocks, whether all are whole frames, and cropping.
        frames_only: Whether there are no fields.
        reordering_known: Whether it says how far frames are reordered.
    """

    unit: bytes
    number: int
    picture: tuple[int, ...]
    frames_only: bool
    reordering_known: bool

    @classmethod
    def read(cls, unit: bytes) -> Self:
        """Read a unit.

        Raises:
            ValueError: If it is none.
        """
        bits = _Bits(unit)
        profile = bits.take(8)
        bits.take(16)
        number = bits.ue()
        picture = [1, 0, 0, 0]
        if profile in _HIGH:
            picture[0] = bits.ue()
            if picture[0] == 3:
                bits.take(1)
            picture[1:] = bits.ue(), bits.ue(), bits.take(1)
            if bits.take(1):
                for index in range(12 if picture[0] == 3 else 8):
                    if bits.take(1):
                        _skip_scaling_list(bits, 16 if index < 6 else 64)
        bits.ue()
        order = bits.ue()
        if order == 0:
            bits.ue()
        elif order == 1:
            bits.take(1)
            for _ in range(2):
                bits.se()
            for _ in range(min(bits.ue(), 256)):
                bits.se()
        bits.ue()
        bits.take(1)
        picture += [bits.ue(), bits.ue()]
        frames_only = bits.take(1)
        picture.append(frames_only)
        if not frames_only:
            bits.take(1)
        bits.take(1)
        picture += [bits.ue() for _ in range(4)] if bits.take(1) else [0] * 4
        known = bool(bits.take(1)) and _reordering_known(bits)
        return cls(unit, number, tuple(picture), bool(frames_only), known)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se() + 256) % 256
        last = following or last


def _reordering_known(bits: _Bits) -> bool:
    """Read the usability information as far as to its last part."""
    if bits.take(1) and bits.take(8) == _OWN_SHAPE:
        bits.take(32)
    if bits.take(1):
        bits.take(1)
    if bits.take(1):
        bits.take(4)
        if bits.take(1):
            bits.take(24)
    if bits.take(1):
        for _ in range(2):
            bits.ue()
    if bits.take(1):
        bits.take(65)
    rates = False
    for _ in range(2):
        if bits.take(1):
            rates = True
            _skip_rates(bits)
    if rates:
        bits.take(1)
    bits.take(1)
    return bool(bits.take(1))


def _skip_rates(bits: _Bits) -> None:
    count = bits.ue() + 1
    bits.take(8)
    for _ in range(min(count, 32)):
        bits.ue()
        bits.ue()
        bits.take(1)
    bits.take(20)


@dataclass(frozen=True, slots=True)
class Headers:
    """The parameter sets of a stream.

    Attributes:
        sps: Its sequence parameter sets.
        pps: Its picture parameter sets.
        length_size: Bytes of the length before every unit of a packet; 0 for start codes.
    """

    sps: tuple[Sps, ...]
    pps: tuple[bytes, ...]
    length_size: int

    @classmethod
    def read(cls, extradata: bytes) -> Self:
        """Read what containers keep of a stream.

        Args:
            extradata: An AVCDecoderConfigurationRecord, or units with start codes.

        Raises:
            ValueError: If it is neither.
        """
        length_size = 0
        if extradata[:1] == b"\x01":
            if len(extradata) < 7:
                raise ValueError("the headers are cut short")
            found, length_size = list(_recorded(extradata)), (extradata[4] & 3) + 1
        else:
            found = list(units(extradata, 0))
        sps = tuple(Sps.read(one) for one in found if one[0] & 31 == SPS)
        pps = tuple(one for one in found if one[0] & 31 == PPS)
        if not sps or not pps:
            raise ValueError("there are no parameter sets")
        return cls(sps, pps, length_size)

    @property
    def numbers(self) -> frozenset[int]:
        """The ids in use, of either kind."""
        pictures = {_Bits(unit).ue() for unit in self.pps}
        return frozenset(pictures | {one.number for one in self.sps})

    @property
    def all(self) -> frozenset[bytes]:
        """All parameter sets."""
        return frozenset({*self.pps, *(one.unit for one in self.sps)})


def _recorded(record: bytes) -> Iterator[bytes]:
    """Yield the units of an AVCDecoderConfigurationRecord."""
    at = 5
    for mask in (31, 255):
        count = int.from_bytes(record[at : at + 1], "big") & mask
        at += 1
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            unit = record[at + 2 : at + 2 + size]
            if not size or len(unit) < size:
                raise ValueError("the headers are cut short")
            yield unit
            at += 2 + size


def units(data: bytes, length_size: int) -> Iterator[bytes]:
    """Yield the NAL units of a packet.

    Args:
        data: The packet.
        length_size: Bytes of the length before every unit; 0 for start codes.

    Raises:
        ValueError: If a unit is longer than the packet.
    """
    if length_size == 0:
        yield from (one for part in data.split(b"\x00\x00\x01") if (one := part.rstrip(b"\x00")))
        return
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        if size == 0 or at + size > len(data):
            raise ValueError("a unit is longer than its packet")
        yield data[at : at + size]
        at += size


def with_lengths(data: bytes, length_size: int) -> bytes:
    """Return a packet with four bytes of length before every unit."""
    if length_size == _LENGTH_SIZE:
        return data
    return b"".join(
        len(one).to_bytes(_LENGTH_SIZE, "big") + one for one in units(data, length_size)
    )


def record(headers: Sequence[Headers]) -> bytes:
    """Return the AVCDecoderConfigurationRecord of a stream with packets of several encoders.

    It names the profile and the level that are enough for all. The packets have four bytes of
    length before every unit.

    Args:
        headers: Those of the encoders; no two parameter sets with the same id.
    """
    sps = {one.unit: one for part in headers for one in part.sps}
    pps = dict.fromkeys(unit for part in headers for unit in part.pps)
    profile = max((unit[1] for unit in sps), key=PROFILES.index)
    constraints = 255
    for unit in sps:
        constraints &= unit[2]
    level = max(unit[3] for unit in sps)
    made = bytes([1, profile, constraints, level, 0xFC | _LENGTH_SIZE - 1, 0xE0 | len(sps)])
    made += b"".join(len(unit).to_bytes(2, "big") + unit for unit in sps)
    made += bytes([len(pps)])
    made += b"".join(len(unit).to_bytes(2, "big") + unit for unit in pps)
    if profile in _HIGH:
        chroma, luma_depth, chroma_depth = next(iter(sps.values())).picture[:3]
        made += bytes([0xFC | chroma, 0xF8 | luma_depth, 0xF8 | chroma_depth, 0])
    return made
