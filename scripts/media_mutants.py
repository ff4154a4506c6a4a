"""Small films and pictures of one face, and mutants of them, for `scripts/fuzz_media.py`."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from pathlib import Path

from scripts.fuzz import INTERESTING, mutated

KINDS = ("mp4", "mkv", "webm", "avi", "gif", "webp", "png", "jpeg")
PICTURES = ("gif", "webp", "png", "jpeg")
PHOTOS = ("webp", "png", "jpeg")  # kinds that can be a source
EDGE = 2048  # bytes at either end that most mutations go to: headers and tables lie there
FRAMES, SIDE = 3, 160  # pictures of a film, pixels
WORDS = tuple(
    word.encode("latin-1")
    for word in (
        *("moov", "trak", "mdat", "stsz", "stts", "stco", "elst", "ctts", "uuid", "colr", "pasp"),
        *("RIFF", "LIST", "idx1", "VP8 ", "VP8L", "VP8X", "ANMF", "ALPH", "EXIF", "ICCP", "IHDR"),
        *("IDAT", "iCCP", "acTL", "fcTL", "fdAT", "zTXt", "\xff\xd8", "\xff\xc2", "\xff\xda"),
        *("\x1a\x45\xdf\xa3", "\x1f\x43\xb6\x75", "\x16\x54\xae\x6b", "\x21\xf9\x04", "file:///"),
        *("http://127.0.0.1/", "\x1b]0;x\x07", "\x7f\xff\xff\xff", "\0\0\0\1", "\xff" * 8),
    )
)


def make_media(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Write the sound films and pictures; returns them by kind."""
    import av
    import cv2
    import numpy as np
    import skimage.data
    from PIL import Image

    photo = skimage.data.astronaut()[:280, 80:360]  # type: ignore[no-untyped-call]
    face = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    frames = [np.ascontiguousarray(np.roll(face, 2 * n, axis=1)) for n in range(FRAMES)]
    codecs = {"mp4": ("libx264", "aac"), "mkv": ("libx264", "flac"), "webm": ("libvpx-vp9", "opus")}
    for kind, (codec, sound) in {**codecs, "avi": ("mpeg4", "mp3")}.items():
        with av.open(str(folder / f"film.{kind}"), "w") as made:
            made.metadata["title"] = "a film"
            video = made.add_stream(codec, rate=25, options={"threads": "1"})
            video.width, video.height, video.pix_fmt = SIDE, SIDE, "yuv420p"
            tone = made.add_stream(sound, rate=48000, layout="mono")
            for frame in frames:
                made.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            made.mux(video.encode(None))
            wave = np.zeros((1, 48000 * FRAMES // 25), np.float32)
            samples = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            samples.sample_rate, samples.pts = 48000, 0
            resampler = av.AudioResampler(tone.format, "mono", 48000, tone.frame_size or None)
            for part in (*resampler.resample(samples), *resampler.resample(None)):
                made.mux(tone.encode(part))
            made.mux(tone.encode(None))
    stills = [Image.fromarray(frame) for frame in frames]
    moving = {"save_all": True, "append_images": stills[1:], "duration": 40, "loop": 0}
    stills[0].save(folder / "film.gif", **moving)
    stills[0].save(folder / "film.webp", quality=80, **moving)
    stills[0].save(folder / "film.png", **moving)
    stills[0].save(folder / "still.webp", quality=80)
    stills[0].save(folder / "still.png")
    stills[0].save(folder / "still.jpeg", quality=85, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    stills[0].save(folder / "lines.jpeg", quality=85, progressive=True)
    Image.fromarray(photo).save(folder / "me.png")
    return {
        kind: tuple(sorted(one for one in folder.glob(f"*.{kind}") if one.name != "me.png"))
        for kind in KINDS
    }


def mutant(sound: bytes, kind: str, chance: random.Random) -> bytes:
    """Return a mutant of a file; half of them are as long as it, so that its parts still fit."""
    if chance.random() < 0.5:
        made = _overwritten(sound, chance)
        return with_right_sums(made) if kind == "png" else made
    made = sound
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        start, end = 0, len(made)
        if chance.random() < 0.7:
            start = chance.choice((0, max(0, end - EDGE)))
            end = min(end, start + EDGE)
        part = mutated(made[start:end], (made[start:end],), WORDS, chance)
        made = made[:start] + part + made[end:]
    step = chance.random()
    if step < 0.08:
        made = made[: chance.randrange(len(made) + 1)]
    elif step < 0.12:
        made = made[chance.randrange(EDGE) :]
    elif step < 0.16:
        made = bytes(len(made))[: chance.randrange(EDGE)] + made
    # Without right sums hardly anything of a PNG is read.
    return with_right_sums(made) if kind == "png" and chance.random() < 0.7 else made


def _overwritten(sound: bytes, chance: random.Random) -> bytes:
    """Return a file with some bytes or numbers written over, most of them near its ends."""
    made = bytearray(sound)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        size = min(EDGE, len(made)) if chance.random() < 0.7 else len(made)
        at = chance.choice((0, len(made) - size)) + chance.randrange(size)
        number = chance.choice(INTERESTING).to_bytes(4, chance.choice(("big", "little")))
        step = chance.randrange(4)
        if step == 0:
            made[at] ^= 1 << chance.randrange(8)
        elif step == 1:
            made[at] = chance.randrange(256)
        elif step == 2:
            made[at : at + 4] = number[: len(made) - at]
        else:
            part = chance.randbytes(chance.choice((1, 2, 8, 64)))[: len(made) - at]
            made[at : at + len(part)] = part
    return bytes(made)


def with_right_sums(data: bytes) -> bytes:
    """Return a PNG with the right sum behind every chunk, as far as they follow each other."""
    made, at = bytearray(data), 8
    while at + 12 <= len(made):
        size = int.from_bytes(made[at : at + 4], "big")
        end = at + 8 + size
        if end + 4 > len(made):
            break
        made[end : end + 4] = zlib.crc32(made[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(made)


def nth(sound: Sequence[Path], kind: str, number: int, seed: int) -> tuple[bytes, str]:
    """Return a mutant by its number, and its role: target or source."""
    chance = random.Random(f"{seed} {kind} {number}")
    original = chance.choice(sound)
    still = kind in PHOTOS and original.stem != "film"
    role = "source" if still and number % 3 == 0 else "target"
    return mutant(original.read_bytes(), kind, chance), role
