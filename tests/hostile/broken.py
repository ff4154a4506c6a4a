"""What spoils a scene: each takes one and makes a bad file, a link or a folder in it."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Sequence

import av

from tests.hostile.case import Maker
from tests.hostile.scene import Scene

TS_PACKET = 188


def data(name: str, content: bytes) -> Maker:
    """Write these bytes."""

    def make(scene: Scene) -> None:
        (scene.work / name).write_bytes(content)

    return make


def text(name: str, content: str) -> Maker:
    """Write this text."""
    return data(name, content.encode())


def noise(name: str, size: int, start: bytes = b"") -> Maker:
    """Write bytes that mean nothing, perhaps after a start that means something."""
    return data(name, start + random.Random(size).randbytes(size))


def made(words: str) -> Maker:
    """Let ffmpeg make an input."""

    def make(scene: Scene) -> None:
        scene.ffmpeg(words)

    return make


def both(*makers: Maker) -> Maker:
    """Do several of these one after the other."""

    def make(scene: Scene) -> None:
        for one in makers:
            one(scene)

    return make


def taken(name: str, to: str | None = None) -> Maker:
    """Copy something sound."""

    def make(scene: Scene) -> None:
        scene.take(name, to)

    return make


def with_hole(name: str, size: int, start: str = "") -> Maker:
    """Write a file that says it is this large and is one hole, perhaps after something sound."""

    def make(scene: Scene) -> None:
        path = scene.work / name
        path.write_bytes((scene.work / start).read_bytes() if start else b"")
        os.truncate(path, size)

    return make


def nested_boxes(name: str, depth: int) -> Maker:
    """Write an MP4 whose boxes hold each other."""
    content = b""
    for _ in range(depth):
        content = struct.pack(">I", len(content) + 8) + b"moov" + content
    return data(name, b"\0\0\0\x14ftypisom\0\0\2\0isom" + content)


def joined_sizes(name: str, second: str) -> Maker:
    """Write a transport stream whose second half ffmpeg makes another way."""

    def make(scene: Scene) -> None:
        scene.ffmpeg("-i film.mp4 -an -c copy -f mpegts one.ts")
        scene.ffmpeg(f"-i film.mp4 -an {second} -c:v libx264 -f mpegts two.ts")
        one, two = scene.work / "one.ts", scene.work / "two.ts"
        (scene.work / name).write_bytes(one.read_bytes() + two.read_bytes())
        one.unlink()
        two.unlink()

    return make


def cut_short(name: str, share: float, words: str) -> Maker:
    """Write the film by ffmpeg and keep only a share of its bytes."""

    def make(scene: Scene) -> None:
        scene.ffmpeg(f"-stream_loop 3 -i film.mp4 -c copy {words} {name}")
        path = scene.work / name
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return make


def rotten_packets(name: str, which: Sequence[int], keep: int = 0) -> Maker:
    """Fill some video packets of the film with noise after their first ``keep`` bytes."""

    def make(scene: Scene) -> None:
        path = scene.take("film.mp4", name)
        with av.open(str(path)) as container:
            places = [(p.pos or 0, p.size) for p in container.demux(video=0) if p.size]
        content = bytearray(path.read_bytes())
        for index in which:
            pos, size = places[index]
            content[pos + min(keep, size) : pos + size] = random.Random(index).randbytes(
                max(0, size - keep)
            )
        path.write_bytes(content)

    return make


def patched(name: str, box: bytes, offset: int, value: bytes) -> Maker:
    """Overwrite bytes of every box of a kind in the film's header, counted from its name's end."""

    def make(scene: Scene) -> None:
        path = scene.take("film.mp4", name)
        content = bytearray(path.read_bytes())
        place = content.find(box)
        assert place >= 0, f"the film has no {box!r}"
        while place >= 0:
            start = place + len(box) + offset
            content[start : start + len(value)] = value
            place = content.find(box, start)
        path.write_bytes(content)

    return make


def no_durations(name: str) -> Maker:
    """Write the film with a duration of 0 for every frame in its table of times."""

    def make(scene: Scene) -> None:
        path = scene.take("film.mp4", name)
        content = bytearray(path.read_bytes())
        place = content.find(b"stts")
        (entries,) = struct.unpack_from(">I", content, place + 8)
        for index in range(entries):
            struct.pack_into(">I", content, place + 12 + 8 * index + 4, 0)
        path.write_bytes(content)

    return make


def dropped_ts(name: str, every: int) -> Maker:
    """Write the film as a transport stream and lose one packet of so many."""

    def make(scene: Scene) -> None:
        scene.ffmpeg(f"-i film.mp4 -c copy -f mpegts {name}")
        path = scene.work / name
        content = path.read_bytes()
        packets = [content[at : at + TS_PACKET] for at in range(0, len(content), TS_PACKET)]
        kept = [one for index, one in enumerate(packets) if index < 20 or index % every]
        path.write_bytes(b"".join(kept))

    return make


def joined_ts(name: str) -> Maker:
    """Write the film twice into one transport stream, as ``cat`` does."""

    def make(scene: Scene) -> None:
        scene.ffmpeg("-i film.mp4 -c copy -f mpegts one.ts")
        one = scene.work / "one.ts"
        (scene.work / name).write_bytes(one.read_bytes() * 2)
        one.unlink()

    return make


def link(name: str, target: str) -> Maker:
    """Make a symbolic link."""
    return lambda scene: (scene.work / name).symlink_to(target)


def hard_link(name: str, target: str) -> Maker:
    """Make a hard link."""
    return lambda scene: (scene.work / name).hardlink_to(scene.work / target)


def folder(name: str, mode: int = 0o755) -> Maker:
    """Make a folder."""

    def make(scene: Scene) -> None:
        (scene.work / name).mkdir()
        (scene.work / name).chmod(mode)

    return make
