"""Arguments in, exit code out; no work of its own."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from . import __version__
from .errors import PartialError, UsageError, VideoswapError
from .evaluation.commands import add_compare_arguments, add_evaluate_arguments
from .jobs.outputs import default_output, default_video_output
from .models.commands import add_arguments as add_models_arguments
from .models.commands import run as run_models
from .records import TimeRange
from .settings import (
    FACE_MODELS,
    MASKS,
    RESTORERS,
    AnalysisSettings,
    BlendSettings,
    DetailSettings,
    EncodeSettings,
    GhostSettings,
    SwapSettings,
    default_cache_dir,
)

INTERRUPTED = 130

EXIT_CODES = """exit codes:
  0 all done        2 wrong usage       3 unusable input    4 no face, or none that matches
  5 done in part    6 unusable output   130 interrupted     1 a defect of videoswap
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``videoswap``: swap, faces, evaluate, compare, cache, models, doctor."""
    parser = argparse.ArgumentParser(
        prog="videoswap",
        description="Put faces from photos onto chosen people of videos.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"videoswap {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    swap = commands.add_parser(
        "swap", help="swap faces", epilog=EXIT_CODES, formatter_class=parser.formatter_class
    )
    add_swap_arguments(swap)
    swap.set_defaults(run=_swap)
    faces = commands.add_parser("faces", help="show the people of a video")
    _add_faces_arguments(faces)
    faces.set_defaults(run=_faces)
    cache = commands.add_parser("cache", help="list or clear what is kept of earlier runs")
    cache.add_argument("action", choices=("list", "clear"))
    cache.set_defaults(run=_cache)
    models = commands.add_parser("models", help="list, fetch and check the weights of the engines")
    add_models_arguments(models)
    models.set_defaults(run=run_models)
    evaluate = commands.add_parser("evaluate", help="measure how good a result is")
    add_evaluate_arguments(evaluate, parse_time, _fraction)
    compare = commands.add_parser("compare", help="show and measure results side by side")
    add_compare_arguments(compare, parse_time, _fraction)
    doctor = commands.add_parser("doctor", help="say what is installed and usable, and why not")
    doctor.set_defaults(run=_doctor)
    for command in (swap, faces, cache, models, evaluate, compare, doctor):
        command.add_argument("--debug", action="store_true", help="show tracebacks")
    return _guarded(parser, argv)


def swap_main(argv: Sequence[str] | None = None) -> int:
    """Run ``inference.py``: GHOST's command line, the same as ``videoswap swap``."""
    parser = argparse.ArgumentParser(
        prog="inference.py",
        description="Put the face of a photo onto chosen people of a video or picture.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_swap_arguments(parser)
    parser.add_argument("--version", action="version", version=f"videoswap {__version__}")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_swap)
    return _guarded(parser, argv)


def add_swap_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a swap; the first group is GHOST's."""
    ghost = parser.add_argument_group("what to swap")
    ghost.add_argument(
        "--source_paths",
        nargs="+",
        type=Path,
        required=True,
        metavar="PHOTO",
        help="a photo for each person to put in; a folder holds several photos of one person",
    )
    ghost.add_argument(
        "--target_faces_paths",
        nargs="+",
        type=Path,
        default=[],
        metavar="PHOTO",
        help="the people to replace: the nth source goes onto the nth of them",
    )
    ghost.add_argument("--target_video", type=Path, metavar="FILE", help="the video")
    ghost.add_argument(
        "--out_video_name", type=Path, metavar="FILE", help="default: NAME_swapped beside you"
    )
    ghost.add_argument(
        "--image_to_image",
        type=strict_bool,
        nargs="?",
        const=True,
        default=None,
        metavar="BOOL",
        help="swap in a picture instead of a video",
    )
    ghost.add_argument(
        "--target_image", "--target_path", type=Path, metavar="FILE", help="the picture"
    )
    ghost.add_argument("--out_image_name", type=Path, metavar="FILE")
    ghost.add_argument(
        "--similarity_th",
        type=float,
        help="how unlike a face may be and still match, in the recognizer's unit (dlib: largest "
        "Euclidean distance, default 0.6)",
    )
    ghost.add_argument("--batch_size", type=int, help="crops given to the engine at once")
    ghost.add_argument("--target_dir", type=Path, metavar="DIR", help="a folder of both")
    ghost.add_argument("--out_dir", type=Path, metavar="DIR", help="where that folder goes")
    _add_ghost_arguments(parser)
    how = parser.add_argument_group("how to swap")
    how.add_argument("--swapper", default="auto", help="engine: auto or a name (see doctor)")
    how.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    how.add_argument(
        "--min_face",
        type=_fraction,
        default=AnalysisSettings().min_face,
        help="smallest face wanted, as a share of the picture's height (default 1/20)",
    )
    _add_face_models(how)
    how.add_argument("--start", type=parse_time, metavar="TIME", help="seconds or hh:mm:ss.mmm")
    how.add_argument("--end", type=parse_time, metavar="TIME")
    how.add_argument("--no_cache", action="store_true", help="keep nothing between runs")
    how.add_argument("--dry_run", action="store_true", help="say what would be done, write nothing")
    _add_blend_arguments(parser)
    _add_detail_arguments(parser)
    out = parser.add_argument_group("how to write")
    out.add_argument("--encoder", help="libx264, h265, av1, vp9, ffv1, h264_nvenc, ...")
    out.add_argument("--crf", type=float, help="quality in the encoder's own scale")
    out.add_argument("--preset", help="speed in the encoder's own words")
    out.add_argument("--pix_fmt", help="pixel format; default: the source's")
    out.add_argument("--overwrite", action="store_true", help="replace an existing output")
    out.add_argument("--strict_streams", action="store_true", help="fail if a stream is lost")
    out.add_argument(
        "--save_masks", type=Path, metavar="FILE", help="the masks as a lossless video"
    )
    out.add_argument("--report", type=Path, metavar="FILE", help="what was done, as JSON")


def _add_ghost_arguments(parser: argparse.ArgumentParser) -> None:
    usual = GhostSettings()
    ghost = parser.add_argument_group("the engine ghost")
    ghost.add_argument(
        "--G_path", type=Path, metavar="FILE", help="the generator; default: the official one"
    )
    ghost.add_argument(
        "--backbone", default=usual.backbone, help="of the generator: unet, linknet or resnet"
    )
    ghost.add_argument(
        "--num_blocks", type=int, default=usual.num_blocks, help="of the generator: 1, 2 or 3"
    )
    ghost.add_argument(
        "--crop_size",
        type=int,
        default=usual.crop_size,
        help="side at which faces are cut (default 224; 256 spares resizing for the network)",
    )
    ghost.add_argument(
        "--use_sr",
        type=strict_bool,
        nargs="?",
        const=True,
        default=usual.use_sr,
        metavar="BOOL",
        help="sharpen the swapped faces with the super-resolution network",
    )
    ghost.add_argument(
        "--ghost_exact", action="store_true", help="do as GHOST does, also where it is wrong"
    )


def _add_blend_arguments(parser: argparse.ArgumentParser) -> None:
    usual = BlendSettings()
    blend = parser.add_argument_group("how to blend")
    blend.add_argument(
        "--mask",
        choices=MASKS,
        default=usual.mask,
        help="auto keeps hands, hair and things in front of the face; outline does not look; "
        "xseg and parsing ask these networks (videoswap models download)",
    )
    blend.add_argument(
        "--feather",
        type=float,
        metavar="SHARE",
        help="width of the soft border as a share of the face crop; default: the engine's own",
    )
    blend.add_argument(
        "--strength", type=float, default=usual.strength, help="how much of the swap is seen"
    )
    switches = {
        "--keep_eyes": (usual.keep_eyes, "keep the target's eyes (mesh always does)"),
        "--keep_mouth": (usual.keep_mouth, "keep the target's inner mouth (mesh always does)"),
        "--steady": (usual.steady, "filter flicker over time where the target stands still"),
        "--grain": (usual.grain, "give the swap the sharpness and grain of its surroundings"),
    }
    for name, (value, text) in switches.items():
        blend.add_argument(
            name,
            type=strict_bool,
            nargs="?",
            const=True,
            default=value,
            metavar="BOOL",
            help=f"{text}; default {str(value).lower()}",
        )


def _add_detail_arguments(parser: argparse.ArgumentParser) -> None:
    usual = DetailSettings()
    detail = parser.add_argument_group("large faces")
    detail.add_argument(
        "--pixel_boost",
        type=_pixel_boost,
        default=usual.pixel_boost,
        metavar="{auto,1,2,3,4}",
        help="sub-images a side for engines of a fixed size; auto goes by the face, 1 is off",
    )
    detail.add_argument(
        "--restorer",
        choices=RESTORERS,
        default=usual.restorer,
        help="network that redraws the swapped face (fetch it with: videoswap models download)",
    )
    detail.add_argument(
        "--restorer_blend",
        type=float,
        default=usual.restorer_blend,
        metavar="SHARE",
        help=f"how much of what it draws is taken, 0 to 1 (default {usual.restorer_blend})",
    )


def _add_face_models(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--face_models",
        choices=FACE_MODELS,
        default=AnalysisSettings().face_models,
        help="who finds and recognises faces: what comes with packages (default), or insightface's "
        "SCRFD and ArcFace (videoswap models download scrfd glintr100)",
    )


def _add_faces_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path)
    parser.add_argument("--out_dir", type=Path, required=True, metavar="DIR")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--min_face", type=_fraction, default=AnalysisSettings().min_face)
    _add_face_models(parser)
    parser.add_argument("--start", type=parse_time, metavar="TIME")
    parser.add_argument("--end", type=parse_time, metavar="TIME")
    parser.add_argument("--no_cache", action="store_true")
    parser.add_argument("--overwrite", action="store_true")


def strict_bool(text: str) -> bool:
    """Read true or false; anything else is refused (GHOST takes "False" for true)."""
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return known[text.lower()]


def parse_time(text: str) -> Fraction:
    """Read seconds or [hh:]mm:ss[.mmm] exactly."""
    parts = text.split(":")
    try:
        values = [Fraction(part) for part in parts]
    except (ValueError, ZeroDivisionError):
        values = []
    if not values or len(values) > 3 or any(value < 0 for value in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 12.5 or 00:01:30.250")
    seconds = Fraction(0)
    for value in values:
        seconds = seconds * 60 + value
    return seconds


def _pixel_boost(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor 1, 2, 3 or 4") from None


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number such as 0.05 or 1/20") from None


def shield_dashes(parser: argparse.ArgumentParser, argv: Sequence[str]) -> list[str]:
    """Write file names that begin with a dash as ``./-name``, which argparse can tell from flags.

    Args:
        parser: The parser that the arguments are for.
        argv: The arguments.
    """
    options: dict[str, argparse.Action] = {}
    pending = [parser]
    while pending:
        for action in pending.pop()._actions:
            options.update(dict.fromkeys(action.option_strings, action))
            if isinstance(action, argparse._SubParsersAction):
                pending.extend(action.choices.values())
    shielded: list[str] = []
    current: argparse.Action | None = None
    for position, word in enumerate(argv):
        if word.split("=", 1)[0] in options:
            current = options[word.split("=", 1)[0]]
        elif word.startswith("-") and len(word) > 1:
            follows = position > 0 and argv[position - 1] in options
            named = current is not None and current.type is Path
            if named and (follows or Path(word).exists()):
                word = f".{os.sep}{word}"
        shielded.append(word)
    return shielded


def _guarded(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = parser.parse_args(shield_dashes(parser, words))
    except SystemExit as leaving:
        return int(leaving.code or 0)
    run: Callable[[argparse.Namespace], int] = arguments.run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may be anything
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up as after Ctrl-C
    try:
        return run(arguments)
    except VideoswapError as error:
        return _fail(error.message, error.hint, error.exit_code, arguments.debug)
    except KeyboardInterrupt:
        kept = not getattr(arguments, "no_cache", False)
        hint = "Run it again to go on where it stopped." if kept else ""
        return _fail("Interrupted.", hint, INTERRUPTED, arguments.debug)
    except Exception as error:
        message = f"Defect in videoswap: {type(error).__name__}: {error}"
        message = message.rstrip(".") + "."
        return _fail(message, "Please report it, with what --debug shows.", 1, arguments.debug)


def _fail(message: str, hint: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"videoswap: {message} {hint}".rstrip(), file=sys.stderr)
    return code


def settings_from(arguments: argparse.Namespace) -> SwapSettings:
    """Collect the settings of a swap."""
    return SwapSettings(
        swapper=arguments.swapper,
        device=arguments.device,
        similarity_th=arguments.similarity_th,
        batch_size=arguments.batch_size,
        time_range=_range(arguments),
        analysis=AnalysisSettings(min_face=arguments.min_face, face_models=arguments.face_models),
        encode=EncodeSettings(
            arguments.encoder, arguments.crf, arguments.preset, arguments.pix_fmt
        ),
        ghost=GhostSettings(
            g_path=arguments.G_path,
            backbone=arguments.backbone,
            num_blocks=arguments.num_blocks,
            crop_size=arguments.crop_size,
            use_sr=arguments.use_sr,
            exact=arguments.ghost_exact,
        ),
        blend=BlendSettings(
            mask=arguments.mask,
            feather=arguments.feather,
            strength=arguments.strength,
            keep_eyes=arguments.keep_eyes,
            keep_mouth=arguments.keep_mouth,
            steady=arguments.steady,
            grain=arguments.grain,
        ),
        detail=DetailSettings(
            pixel_boost=arguments.pixel_boost,
            restorer=arguments.restorer,
            restorer_blend=arguments.restorer_blend,
        ),
        cache_dir=None if arguments.no_cache else default_cache_dir(),
        overwrite=arguments.overwrite,
        strict_streams=arguments.strict_streams,
    )


def _range(arguments: argparse.Namespace) -> TimeRange:
    try:
        return TimeRange(arguments.start, arguments.end)
    except ValueError:
        raise UsageError("empty_range", "--end must come after --start.") from None


def _swap(arguments: argparse.Namespace) -> int:
    settings = settings_from(arguments)
    common: dict[str, Any] = {
        "target_faces": arguments.target_faces_paths,
        "settings": settings,
        "dry_run": arguments.dry_run,
    }
    kinds = (arguments.target_video, arguments.target_image, arguments.target_dir)
    if sum(kind is not None for kind in kinds) != 1:
        raise UsageError(
            "which_target",
            "Exactly one of --target_video, --target_image and --target_dir is needed.",
        )
    if arguments.target_dir is not None:
        return _swap_folder(arguments, common)
    if arguments.image_to_image and arguments.target_video is not None:
        raise UsageError("which_target", "--image_to_image needs --target_image.")
    from . import api  # the heavy libraries, not needed for --help

    if arguments.target_image is not None:
        target = arguments.target_image
        out = arguments.out_image_name or arguments.out_video_name or default_output(target)
        swap: Callable[..., Any] = api.swap_image
    else:
        target = arguments.target_video
        out = arguments.out_video_name or default_video_output(target)
        swap = api.swap_video
    report = swap(
        arguments.source_paths,
        target,
        out,
        save_masks=arguments.save_masks,
        report_file=arguments.report,
        say=_say,
        **common,
    )
    return 0 if report.complete else PartialError.exit_code


def _swap_folder(arguments: argparse.Namespace, common: dict[str, Any]) -> int:
    if arguments.out_dir is None:
        raise UsageError("no_out_dir", "--target_dir needs --out_dir.")
    if arguments.save_masks is not None:
        raise UsageError("masks_of_folder", "--save_masks works for one video or picture only.")
    from . import api

    results = api.swap_folder(
        arguments.source_paths,
        arguments.target_dir,
        arguments.out_dir,
        report_file=arguments.report,
        say=_say,
        **common,
    )
    return results.exit_code


def _faces(arguments: argparse.Namespace) -> int:
    from . import api

    settings = SwapSettings(
        device=arguments.device,
        time_range=_range(arguments),
        analysis=AnalysisSettings(min_face=arguments.min_face, face_models=arguments.face_models),
        cache_dir=None if arguments.no_cache else default_cache_dir(),
        overwrite=arguments.overwrite,
    )
    api.list_faces(arguments.video, arguments.out_dir, settings=settings, say=_say)
    return 0


def _cache(arguments: argparse.Namespace) -> int:
    from . import cache

    folder = default_cache_dir()
    for line in cache.clear(folder) if arguments.action == "clear" else cache.listing(folder):
        print(line)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from . import doctor

    checks = doctor.examine()
    for check in checks:
        print(check)
    return 0 if all(check.fine for check in checks) else 1


def _say(line: str) -> None:
    """Print a sentence; a reader that has gone away does not stop the work."""
    try:
        print(line, flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
