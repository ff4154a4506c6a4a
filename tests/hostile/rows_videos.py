"""Damaged, lying and unusual videos."""

from __future__ import annotations

import os
import stat

import av

from tests.hostile.broken import (
    both,
    cut_short,
    data,
    dropped_ts,
    joined_sizes,
    joined_ts,
    made,
    nested_boxes,
    no_durations,
    noise,
    patched,
    rotten_packets,
    taken,
    text,
    with_hole,
)
from tests.hostile.case import Case, Check, Maker, Outcome, film_words, has_frames
from tests.hostile.scene import Scene
from tests.hostile.stock import FILM_FRAMES

# What a run must say when something of the film is missing.
LOSS = r"missing|lost|cannot be decoded|undecodable|damaged|cut short|shorter"


def _refused(id: str, make: Maker, name: str, says: str = "") -> Case:
    return Case(id, film_words(name), 3, says or name, make=make)


def _lossy(id: str, make: Maker, name: str, out: str = "out.mp4") -> Case:
    return Case(id, film_words(name, out), (0, 5), LOSS, make=make, leaves=(out,))


def _right(
    id: str,
    make: Maker,
    name: str,
    out: str = "out.mp4",
    says: str = "",
    frames: int | None = FILM_FRAMES,
) -> Case:
    check = None if frames is None else has_frames(frames, out)
    words = film_words(name, out)
    return Case(id, words, 0, says, make=make, leaves=(out,), check=check)


def _flat(id: str, size: str, code: int = 4) -> Case:
    name = f"{size}.mkv"
    make = made(f"-f lavfi -i color=gray:s={size}:r=25:d=0.08 -c:v ffv1 {name}")
    return Case(f"video of {size} pixels", film_words(name, "out.mkv"), code, make=make)


def _same_times(base: str, out: str = "out.mp4", tolerance: float = 0.002) -> Check:
    """Demand that every frame stays at its time."""

    def times(scene: Scene, file: str) -> list[float]:
        with av.open(f"file:{scene.work / file}") as container:
            return [frame.time or 0.0 for frame in container.decode(video=0)]

    def check(scene: Scene, outcome: Outcome) -> str:
        before, after = times(scene, base), times(scene, out)
        if len(before) != len(after):
            return f"{len(after)} frames instead of {len(before)}"
        worst = max(
            abs((a - after[0]) - (b - before[0])) for a, b in zip(after, before, strict=True)
        )
        return "" if worst <= tolerance else f"frames are moved by up to {worst:.3f} s"

    return check


def _needs_both(scene: Scene, outcome: Outcome) -> str:
    with av.open(str(scene.work / "out.mp4")) as container:
        kinds = sorted(stream.type for stream in container.streams)
    return "" if kinds == ["audio", "video"] else f"streams of the result: {kinds}"


_VFR = (
    "-i film.mp4 -an -vf settb=1/120000,setpts='if(lt(N,8),N/120,8/120+(N-8)/10)/TB' "
    "-fps_mode passthrough -enc_time_base 1/120000 -c:v libx264 "
)
_GAP = "-i film.mp4 -an -vf setpts='(N/25+if(gte(N,8),36000,0))/TB' -fps_mode passthrough "
_M3U8 = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"
_SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
_HEVC10 = (
    "-i film.mp4 -c:a copy -c:v libx265 -x265-params log-level=none:hdr10=1:colorprim=bt2020:"
    "transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400 -pix_fmt yuv420p10le "
)


def _character_device(scene: Scene) -> None:
    os.mknod(scene.work / "nul.mp4", 0o666 | stat.S_IFCHR, os.makedev(1, 3))


def _fifo(scene: Scene) -> None:
    os.mkfifo(scene.work / "pipe.mp4")


def _link(name: str, target: str) -> Maker:
    def make(scene: Scene) -> None:
        (scene.work / name).symlink_to(target)

    return make


REFUSED = (
    _refused("no bytes", data("zero.mp4", b""), "zero.mp4", "empty"),
    _refused("random bytes", noise("noise.mp4", 100_000), "noise.mp4"),
    _refused("a megabyte of NUL", data("nul.mp4", bytes(1 << 20)), "nul.mp4"),
    _refused(
        "an MP4's first bytes, then noise",
        noise("start.mp4", 9999, b"\0\0\0\x20ftypisom"),
        "start.mp4",
    ),
    _refused("MP4 without its table (moov)", cut_short("moov.mp4", 0.5, ""), "moov.mp4"),
    Case(
        "timescale 0",
        film_words("scale.mp4"),
        (0, 3),
        make=patched("scale.mp4", b"mdhd", 12, bytes(4)),
        leaves=("out.mp4",),
    ),
    _refused("text", data("text.mp4", b"I am a film.\n" * 99), "text.mp4"),
    _refused("sound only", made("-i film.mp4 -vn -c copy sound.m4a"), "sound.m4a", "no video"),
    _refused(
        "sound with a cover picture",
        made(
            "-i film.mp4 -i left.png -map 0:a -map 1 -c copy -disposition:v attached_pic cover.m4a"
        ),
        "cover.m4a",
    ),
    _refused("playlist of /etc/passwd", text("list.m3u8", _M3U8), "list.m3u8"),
    _refused("playlist named .mp4", text("list.mp4", _M3U8), "list.mp4"),
    _refused(
        "playlist of an address",
        text("web.m3u8", _M3U8.replace("/etc/passwd", "http://127.0.0.1:9/x.ts")),
        "web.m3u8",
    ),
    _refused(
        "ffconcat script",
        text("list.ffconcat", "ffconcat version 1.0\nfile film.mp4\n"),
        "list.ffconcat",
    ),
    _refused(
        "ffconcat script named .mp4",
        text("concat.mp4", "ffconcat version 1.0\nfile film.mp4\n"),
        "concat.mp4",
    ),
    _refused("SDP that opens a port", text("net.sdp", _SDP), "net.sdp"),
    _refused(
        "XML of a DASH stream",
        text("x.mpd", '<?xml version="1.0"?><MPD type="static"><Period/></MPD>'),
        "x.mpd",
    ),
    _refused(
        "an address", taken("film.mp4"), "http://127.0.0.1:9/film.mp4", "URL|address|download"
    ),
    _refused("a folder", lambda scene: (scene.work / "dir.mp4").mkdir(), "dir.mp4"),
    _refused("a dangling link", _link("gone.mp4", "nowhere.mp4"), "gone.mp4"),
    _refused("a link to itself", _link("loop.mp4", "loop.mp4"), "loop.mp4"),
    _refused("a device that gives nothing", taken("film.mp4"), "/dev/null"),
    _refused("a device that never ends", taken("film.mp4"), "/dev/zero"),
    _refused("the memory of the process", taken("film.mp4"), "/proc/self/mem"),
    _refused("a pipe that nobody writes into", _fifo, "pipe.mp4"),
    _refused("a terabyte of nothing", with_hole("hole.mp4", 1 << 40), "hole.mp4"),
    _refused(
        "a hundred thousand boxes in each other", nested_boxes("deep.mp4", 100_000), "deep.mp4"
    ),
    Case(
        "a GIF that says 65535 x 65535",
        film_words("big.gif"),
        (2, 3),
        make=data(
            "big.gif",
            b"GIF89a"
            + b"\xff" * 4
            + b"\x80\0\0"
            + bytes(6)
            + b"\x2c"
            + bytes(4)
            + b"\xff" * 4
            + b"\0\2\2L\1\0;",
        ),
    ),
    _refused(
        "a folder's path with a slash", lambda scene: (scene.work / "d").mkdir(), "d/", "d holds"
    ),
    _refused("a path through a file", taken("film.mp4"), "film.mp4/../film.mp4"),
)

LOST = (
    _lossy("MP4 cut at 60 %", cut_short("cut.mp4", 0.6, "-movflags +faststart"), "cut.mp4"),
    _lossy("Matroska cut at 60 %", cut_short("cut.mkv", 0.6, ""), "cut.mkv", "out.mkv"),
    _lossy("three rotten packets", rotten_packets("rot.mp4", (5, 6, 9)), "rot.mp4"),
    _lossy("packets with rotten ends", rotten_packets("half.mp4", (5, 6, 9), 120), "half.mp4"),
    Case(
        "transport stream with lost packets",
        film_words("lost.ts"),
        (0, 4, 5),
        LOSS,
        make=dropped_ts("lost.ts", 45),
        leaves=("out.mp4",),
    ),
    Case(
        "every packet rotten",
        film_words("rot.mp4"),
        (3, 4),
        "damaged|decode",
        make=rotten_packets("rot.mp4", range(FILM_FRAMES)),
    ),
)

TIMES = (
    Case(
        "screen recorder's uneven times to MKV",
        film_words("vfr.mkv", "out.mkv"),
        0,
        make=made(_VFR + "vfr.mkv"),
        leaves=("out.mkv",),
        check=_same_times("vfr.mkv", "out.mkv"),
    ),
    Case(
        "uneven times to WebM",
        film_words("vfr.mkv", "out.webm"),
        0,
        make=made(_VFR + "vfr.mkv"),
        leaves=("out.webm",),
        check=_same_times("vfr.mkv", "out.webm"),
    ),
    Case(
        "uneven times in MP4",
        film_words("vfr.mp4"),
        0,
        make=made(_VFR + "vfr.mp4"),
        leaves=("out.mp4",),
        check=_same_times("vfr.mp4", tolerance=1e-6),
    ),
    _right("no duration for any frame (stts 0)", no_durations("stts.mp4"), "stts.mp4", frames=None),
    *(
        _right(
            f"two transport streams joined, to {out}",
            joined_ts("two.ts"),
            "two.ts",
            f"out.{out}",
            frames=2 * FILM_FRAMES,
        )
        for out in ("ts", "mp4", "mkv")
    ),
    _right(
        "ten hours without a frame, to MKV",
        made(_GAP + "-c:v libx264 gap.mkv"),
        "gap.mkv",
        "out.mkv",
    ),
    _right("ten hours without a frame, to MP4", made(_GAP + "-c:v libx264 gap.mkv"), "gap.mkv"),
    _right(
        "1000 frames a second",
        made(
            "-i film.mp4 -an -vf settb=1/1000,setpts=N "
            "-fps_mode passthrough -enc_time_base 1/1000 -c:v libx264 fast.mp4"
        ),
        "fast.mp4",
    ),
    _right(
        "a minute for every frame",
        made("-i film.mp4 -an -vf setpts=N*60/TB -fps_mode passthrough -c:v libx264 slow.mkv"),
        "slow.mkv",
        "out.mkv",
    ),
    _right(
        "a clock that wraps around (TS)",
        made("-i film.mp4 -c copy -output_ts_offset 95443.4 -f mpegts wrap.ts"),
        "wrap.ts",
        "out.ts",
        frames=None,
    ),
    _right(
        "times that begin at minus two seconds",
        made("-i film.mp4 -c copy -output_ts_offset -2 -avoid_negative_ts disabled neg.mkv"),
        "neg.mkv",
        "out.mkv",
        frames=None,
    ),
    _right(
        "one frame", made("-i film.mp4 -an -frames:v 1 -c:v libx264 one.mp4"), "one.mp4", frames=1
    ),
)

KINDS = (
    _right("a film before a hole of 2 GB", with_hole("tail.mp4", 2 << 30, "film.mp4"), "tail.mp4"),
    Case(
        "the size changes on the way",
        film_words("size.ts", "out.mkv"),
        (0, 3, 5),
        make=joined_sizes("size.ts", "-vf scale=320:240"),
        leaves=("out.mkv",),
    ),
    Case(
        "the pixel format changes on the way",
        film_words("kind.ts", "out.mkv"),
        (0, 3, 5),
        make=joined_sizes("kind.ts", "-pix_fmt yuv444p"),
        leaves=("out.mkv",),
    ),
    _right(
        "forty sounds",
        made("-i film.mp4 -map 0:v" + " -map 0:a" * 40 + " -c copy many.mkv"),
        "many.mkv",
        "out.mkv",
    ),
    _right(
        "escape codes in the title",
        made(
            "-i film.mp4 -c copy -metadata title=\x1b[31mred\x07 -metadata:s:a title=\x1b]0;x\x07 "
            "-metadata:s:a language=\x1b[3 title.mkv"
        ),
        "title.mkv",
        "out.mp4",
    ),
    _right(
        "a header that says 65535 x 65535",
        patched("size.mp4", b"avc1", 24, b"\xff" * 4),
        "size.mp4",
    ),
    _right(
        "a person only in the last frame",
        made(
            "-i film.mp4 -an -vf trim=end_frame=1,tpad=start=15:start_mode=add:color=gray "
            "-c:v libx264 last.mp4"
        ),
        "last.mp4",
        frames=FILM_FRAMES,
    ),
    _right(
        "odd sizes, 4:4:4",
        made("-i film.mp4 -vf crop=401:241:0:0 -pix_fmt yuv444p -c:v libx264 odd.mkv"),
        "odd.mkv",
        "out.mkv",
    ),
    _right(
        "odd sizes, 4:2:0",
        made(
            "-i film.mp4 -an -vf format=yuv444p,crop=401:241:0:0,format=yuv420p -c:v ffv1 odd.mkv"
        ),
        "odd.mkv",
        "out.mkv",
    ),
    _right("HDR10", made(_HEVC10 + "hdr.mp4"), "hdr.mp4"),
    _right(
        "4:2:2 with ten bits",
        made("-i film.mp4 -pix_fmt yuv422p10le -c:v libx264 y.mkv"),
        "y.mkv",
        "out.mkv",
    ),
    _right("grey", made("-i film.mp4 -pix_fmt gray -c:v libx264 grey.mp4"), "grey.mp4"),
    _right("RGB", made("-i film.mp4 -pix_fmt rgb24 -c:v libx264rgb rgb.mp4"), "rgb.mp4"),
    _right("ProRes", made("-i film.mp4 -c:v prores_ks -c:a copy p.mov"), "p.mov", "out.mov"),
    _right(
        "WebM with transparency",
        made("-i film.mp4 -an -pix_fmt yuva420p -c:v libvpx-vp9 -cpu-used 8 alpha.webm"),
        "alpha.webm",
        "out.webm",
    ),
    _right(
        "turned by 90 degrees",
        made("-display_rotation 90 -i film.mp4 -c copy turned.mp4"),
        "turned.mp4",
    ),
    _right(
        "pixels that are not square",
        made("-i film.mp4 -vf setsar=4/3 -c:v libx264 -c:a copy sar.mp4"),
        "sar.mp4",
    ),
    _right(
        "interlaced",
        made("-i film.mp4 -c:v libx264 -flags +ilme+ildct -x264opts tff=1 i.mp4"),
        "i.mp4",
    ),
    _right(
        "in fragments",
        made("-i film.mp4 -c copy -movflags frag_keyframe+empty_moov frag.mp4"),
        "frag.mp4",
    ),
    _right(
        "a bare H.264 stream",
        made("-i film.mp4 -an -c copy -bsf:v h264_mp4toannexb x.h264"),
        "x.h264",
        frames=None,
    ),
    _right(
        "a cover picture before the film",
        made(
            "-i film.mp4 -i left.png -map 1 -map 0 -c copy -disposition:v:0 attached_pic cover.mp4"
        ),
        "cover.mp4",
        frames=None,
    ),
    Case(
        "faces only in the second video of a file",
        film_words("two.mkv", "out.mkv"),
        4,
        make=both(
            taken("nobody.mp4"), made("-i nobody.mp4 -i film.mp4 -map 0:v -map 1:v -c copy two.mkv")
        ),
    ),
    Case("the sound stays", film_words("film.mp4"), 0, leaves=("out.mp4",), check=_needs_both),
    _right(
        "GIF given as a video",
        made("-i film.mp4 -vf fps=10,scale=320:-1 x.gif"),
        "x.gif",
        "out.gif",
        frames=None,
    ),
    _flat("", "1x1"),
    _flat("", "2x2"),
    _flat("", "16x4000"),
    _flat("", "4000x16"),
    _flat("", "8192x8192"),
)

ROWS = (*REFUSED, *LOST, *TIMES, *KINDS)
