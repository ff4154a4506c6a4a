"""Readers of the values of flags: times, shares, sizes, places.

Each takes the text and raises ``ArgumentTypeError`` with a sentence where it is no such value.
"""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from ..errors import UsageError
from ..settings import POSITIONS, FacePlace, bytes_of

LONGEST_TIME = 10**9  # seconds; ticks of a billionth of it still fit into 64 bits
LONGEST_NUMBER = 40  # characters


def strict_bool(text: str) -> bool:
    """Read true or false; anything else is refused (GHOST takes "False" for true)."""
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise ArgumentTypeError(f"{text!r} is neither true nor false")
    return known[text.lower()]


def time(text: str) -> Fraction:
    """Read seconds or [hh:]mm:ss[.mmm] exactly."""
    try:
        values = [_exactly(part) for part in text.split(":")]
    except ValueError:
        values = []
    seconds = Fraction(0)
    for value in values:
        seconds = seconds * 60 + value
    if not 1 <= len(values) <= 3 or any(value < 0 for value in values) or seconds > LONGEST_TIME:
        raise ArgumentTypeError(f"{_short(text)} is not a time such as 12.5 or 00:01:30.250")
    return seconds


def jobs(text: str) -> int | None:
    """Read a number of processes; auto is None."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{_short(text)} is neither auto nor a number of processes")
    return int(text)


def person(text: str) -> int:
    """Read the number of a person, which people count from 1 and programs from 0."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{_short(text)} is no number of a person: they start at 1")
    return int(text) - 1


def face_place(text: str) -> FacePlace:
    """Read TIME, TIME:POSITION or POSITION: 00:12, 00:12:left, left, 0.5,0.3."""
    before, colon, last = text.rpartition(":")
    position: str | tuple[float, float] | None = None
    if last in POSITIONS:
        position = last
    elif "," in last:
        try:
            x, y = map(float, last.split(","))
        except ValueError:
            raise ArgumentTypeError(f"{last!r} is not a place such as 0.5,0.3") from None
        position = x, y
    if position is not None and not colon:
        return _place(None, position)
    try:
        return _place(time(text if position is None else before), position)
    except ArgumentTypeError:
        words = ", ".join(POSITIONS)
        message = f"{text!r} is neither a time, nor a position ({words} or x,y), nor TIME:POSITION"
        raise ArgumentTypeError(message) from None


def _place(when: Fraction | None, position: str | tuple[float, float] | None) -> FacePlace:
    try:
        return FacePlace(when, position)
    except UsageError as error:
        raise ArgumentTypeError(str(error)) from None


def share(text: str) -> Fraction:
    """Read a share such as 0.05 or 1/20 exactly."""
    try:
        return _exactly(text)
    except ValueError:
        raise ArgumentTypeError(f"{_short(text)} is not a number such as 0.05 or 1/20") from None


def rate(text: str) -> Fraction:
    """Read frames a second such as 24, 23.976 or 24000/1001 exactly."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value <= 1_000_000:
        raise ArgumentTypeError(f"{text!r} is not a frame rate such as 24 or 24000/1001")
    return value


def pixel_boost(text: str) -> int | None:
    """Read auto (None) or a number of sub-images."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither auto nor 1, 2, 3 or 4") from None


def moment(text: str) -> float:
    """Read a date and time, or take that of a file's last change: seconds since 1970."""
    try:
        return Path(text).stat().st_mtime
    except OSError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ArgumentTypeError(
            f"{text!r} is neither a date such as 2026-11-28 or 2026-11-28T14:30 nor a file"
        ) from None


def size(text: str) -> int:
    """Read a number of bytes such as 500MB or 20GB."""
    try:
        return bytes_of(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def age(text: str) -> float:
    """Read a time span such as 12h, 30d or 4w as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", text.strip().lower())
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a time span such as 12h, 30d or 4w")
    return float(found[1]) * {"h": 3600.0, "d": 86400.0, "w": 604800.0}[found[2]]


def _exactly(text: str) -> Fraction:
    """Read a number; raises ValueError for none, and for one that nobody means.

    An exponent makes a few characters a number of gigabytes.
    """
    if len(text) > LONGEST_NUMBER or "e" in text.lower():
        raise ValueError(text)
    try:
        return Fraction(text)
    except ZeroDivisionError as error:
        raise ValueError(text) from error


def _short(text: str) -> str:
    """Quote a word for a message, cut off where it goes on and on."""
    return repr(text if len(text) <= LONGEST_NUMBER else f"{text[:LONGEST_NUMBER]}...")
