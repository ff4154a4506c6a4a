"""``videoswap benchmark``: how many frames a second are swapped here, and where the time goes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..settings import DECODERS, STEPS
from .parser import Parser

if TYPE_CHECKING:
    from ..jobs.benchmark import BenchmarkResult
    from ..settings import EncodeSettings


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument(
        "--video", type=Path, metavar="FILE", help="a film; without one, heads are drawn"
    )
    parser.add_argument(
        "-s", "--source", type=Path, metavar="PHOTO", help="whose face goes into it"
    )
    parser.add_argument("--swapper", default="auto", metavar="ENGINE", help="default: auto")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--size", default="1920x1080", metavar="WxH", help="of the drawn film; default: %(default)s"
    )
    parser.add_argument("--frames", type=int, default=100, help="drawn; default: %(default)s")
    parser.add_argument(
        "--faces", type=int, default=1, help="drawn in each frame; default: %(default)s"
    )
    parser.add_argument("--encoder", default="libx264", help="default: %(default)s")
    parser.add_argument(
        "--preset", help="default: veryfast for libx264, else the encoder's own default"
    )
    parser.add_argument(
        "--steps", choices=STEPS, default="auto", help="as of swap; default: %(default)s"
    )
    parser.add_argument(
        "--decoder", choices=DECODERS, default="auto", help="as of swap; default: %(default)s"
    )
    parser.add_argument("--batch_size", type=int, metavar="N", help="crops at once")


def run(arguments: argparse.Namespace) -> int:
    """Print a table, and one line of JSON."""
    from ..errors import UsageError
    from ..jobs.benchmark import (
        BenchmarkSettings,
        benchmark_drawn,
    )
    from ..settings import EncodeSettings
    from ..video.formats import encoder_name

    if arguments.preset is None and encoder_name(arguments.encoder) == "libx264":
        arguments.preset = "veryfast"
    encode = EncodeSettings(encoder=arguments.encoder, preset=arguments.preset)
    if (arguments.video is None) != (arguments.source is None):
        raise UsageError("benchmark_pair", "--video and --source go together.", "Give both.")
    if arguments.video is not None:
        found = _of_film(arguments, encode)
    else:
        width, _, height = arguments.size.partition("x")
        whole = width.isdigit() and height.isdigit() and min(int(width), int(height)) >= 128
        if not whole or min(arguments.frames, arguments.faces) < 1:
            raise UsageError(
                "benchmark_size",
                "A film of that size cannot be drawn.",
                "Give --size 1920x1080 (128 at least), --frames and --faces of 1 or more.",
            )
        settings = BenchmarkSettings(
            engine=arguments.swapper,
            device=arguments.device,
            size=(int(width) // 2 * 2, int(height) // 2 * 2),
            frames=arguments.frames,
            faces=arguments.faces,
            encode=encode,
            batch_size=arguments.batch_size,
            steps=arguments.steps,
            decoder=arguments.decoder,
        )
        found = benchmark_drawn(settings, arguments.console.say)
    for note in found.notes:
        arguments.console.say(f"Note: {note}.")
    arguments.console.show("\n".join(found.lines()))
    arguments.console.show(json.dumps(found.as_data()))
    return 0


def _of_film(arguments: argparse.Namespace, encode: EncodeSettings) -> BenchmarkResult:
    from tempfile import TemporaryDirectory

    from ..api import swap_video
    from ..jobs.benchmark import benchmark_of
    from ..settings import SwapSettings
    from ..video.probe import probe

    settings = SwapSettings(
        swapper=arguments.swapper,
        device=arguments.device,
        encode=encode,
        batch_size=arguments.batch_size,
        steps=arguments.steps,
        decoder=arguments.decoder,
        cache_dir=None,
    )
    info = probe(arguments.video)
    with TemporaryDirectory(prefix="videoswap-benchmark-") as folder:
        report = swap_video(
            [arguments.source],
            arguments.video,
            Path(folder, "out.mkv"),
            settings=settings,
            say=arguments.console.say,
        )
    return benchmark_of(report, (info.width, info.height), arguments.preset)
