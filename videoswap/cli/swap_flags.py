"""The flags of a swap that become settings, each group beside what it becomes."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..marks import MARKS, MarkSettings
from ..plugins import EngineOption, Plugin, find_plugins, options_of
from ..settings import (
    AUDIO,
    DECODERS,
    MASKS,
    QUALITIES,
    RESTORERS,
    STEPS,
    BlendSettings,
    DetailSettings,
    EncodeSettings,
    PeopleSettings,
    SwapSettings,
)
from . import arguments as shared
from . import values
from .parser import Parser, one_of

_log = logging.getLogger(__name__)


def add_flags(parser: Parser) -> None:
    """Add all groups."""
    add_who(parser)
    _add_engines(parser)
    _add_how(parser)
    _add_blend(parser)
    _add_detail(parser)
    _add_encode(parser)
    _add_workers(parser)
    _add_marks(parser)


def settings_from(arguments: argparse.Namespace) -> SwapSettings:
    """Collect the settings of a swap.

    Raises:
        UsageError: If a value is out of range.
    """
    swapper, engine_options = _engine(arguments)
    return replace(
        shared.shared_settings(arguments),
        swapper=swapper,
        similarity_th=arguments.similarity_th,
        batch_size=arguments.batch_size,
        encode=_encode(arguments),
        people=who(arguments),
        engine_options=engine_options,
        blend=_blend(arguments),
        detail=_detail(arguments),
        strict_streams=arguments.strict_streams,
        strict_input=arguments.strict_input,
        fps=arguments.fps,
        steps=arguments.steps,
        decoder=arguments.decoder,
        marks=_marks(arguments),
    )


def add_who(parser: Parser) -> None:
    """Add the ways to choose people without photos of them."""
    group = parser.add_argument_group(
        "whom to swap",
        "Use one of these or --target_faces_paths. Without any, the person with most screen time\n"
        "is swapped, and in a picture the largest face.",
    )
    group.add_argument("--all_faces", action="store_true", help="put one source onto everybody")
    group.add_argument(
        "--person",
        nargs="+",
        type=values.person,
        default=[],
        metavar="N",
        help="people by number, as `videoswap faces` lists them with the same --start, --end and "
        "--min_face: the nth source goes onto the nth of them, or a single source onto all",
    )
    group.add_argument(
        "--face_at",
        nargs="+",
        type=values.face_place,
        default=[],
        metavar="PLACE",
        help="people by place: TIME or TIME:POSITION in a video (00:12, 00:12:left), POSITION in a "
        "picture; a position is left, middle, right, largest, or x,y as fractions of the picture",
    )


def who(arguments: argparse.Namespace) -> PeopleSettings:
    """Return who is chosen by these flags.

    Raises:
        UsageError: ``which_people``.
    """
    return PeopleSettings(arguments.all_faces, tuple(arguments.person), tuple(arguments.face_at))


def _add_engines(parser: Parser) -> None:
    """Add a group of flags for every engine that has options."""
    for plugin in find_plugins():
        options = options_of(plugin)
        if not options:
            continue
        group = parser.add_argument_group(
            f"the engine {plugin.name}", "Any of these asks for that engine."
        )
        for one in options:
            try:
                _add_option(group, one)
            except argparse.ArgumentError as error:
                _log.warning("the engine %s: no flag %s: %s", plugin.name, one.flag, error)


def _add_option(group: argparse._ActionsContainer, one: EngineOption) -> None:
    text = one.help.replace("%", "%%")
    if one.default not in (None, False) and "default" not in text:
        text = f"{text} (default {one.default})".strip()
    if one.kind is bool:
        shared.add_switch(group, one.flag, None, text)
        return
    group.add_argument(
        one.flag,
        type=_READERS.get(one.kind, one.kind),
        metavar=one.metavar,
        choices=one.choices or None,
        help=text,
    )


# How a text becomes an option, where its type alone does not say it.
_READERS: dict[type[Any], Callable[[str], Any]] = {Fraction: values.share}


def _asked_of(plugin: Plugin, arguments: argparse.Namespace) -> dict[str, EngineOption]:
    """Return the options that are given, by field; a switch at its default asks for nothing."""
    return {
        one.field: one
        for one in options_of(plugin)
        if (given := getattr(arguments, one.dest, None)) is not None
        and not (one.kind is bool and given == one.default)
    }


def _engine(arguments: argparse.Namespace) -> tuple[str, object | None]:
    """Return the engine that is asked for and its options, None where none are given.

    Raises:
        UsageError: ``other_engine``, or if an option is out of range.
    """
    named = str(arguments.swapper)
    options: object | None = None
    for plugin in find_plugins():
        asked = _asked_of(plugin, arguments)
        if not asked:
            continue
        if named not in ("auto", plugin.name):
            flags = " and ".join(one.flag for one in asked.values())
            raise UsageError(
                "other_engine",
                f"{flags} and --swapper {named} were given, and only the engine {plugin.name} has "
                "the former.",
                "Leave out one of them.",
            )
        named = plugin.name
        given = {field: getattr(arguments, one.dest) for field, one in asked.items()}
        options = plugin.options(**given)
    return named, options


def _add_how(parser: Parser) -> None:
    how = parser.add_argument_group("swapping")
    names = one_of([plugin.name for plugin in find_plugins()])
    how.add_argument("--swapper", default="auto", help=f"engine: auto, {names}")
    how.add_argument(
        "--similarity_th",
        type=float,
        help="largest distance at which two faces match, in the recognizer's unit (dlib: Euclidean "
        "distance, default 0.6)",
    )
    how.add_argument("--batch_size", type=int, help="crops given to the engine at once")
    shared.add_shared(how)
    shared.add_face_models(how)


def _add_blend(parser: Parser) -> None:
    usual = BlendSettings()
    blend = parser.add_argument_group("blending")
    blend.add_argument(
        "--mask",
        choices=MASKS,
        default=usual.mask,
        help="auto keeps hands, hair and objects in front of the face; outline takes the engine's "
        "mask as it is; xseg and parsing use these networks (videoswap models download)",
    )
    blend.add_argument(
        "--feather",
        type=float,
        metavar="SHARE",
        help="width of the mask's soft border as a fraction of the face crop (default: the "
        "engine's own)",
    )
    blend.add_argument(
        "--strength",
        type=float,
        default=usual.strength,
        help="opacity of the swap, above 0 and up to 1 (default 1)",
    )
    switches = {
        "--keep_eyes": (usual.keep_eyes, "keep the target's eyes (some engines do)"),
        "--keep_mouth": (
            usual.keep_mouth,
            "keep the target's inner mouth (some engines do)",
        ),
        "--steady": (usual.steady, "filter flicker where the target is still"),
        "--grain": (usual.grain, "match sharpness and grain to the surroundings"),
    }
    for name, (value, text) in switches.items():
        known = "" if value is None else f" (default {str(value).lower()})"
        shared.add_switch(blend, name, value, f"{text}{known}")


def _blend(arguments: argparse.Namespace) -> BlendSettings:
    return BlendSettings(
        mask=arguments.mask,
        feather=arguments.feather,
        strength=arguments.strength,
        keep_eyes=arguments.keep_eyes,
        keep_mouth=arguments.keep_mouth,
        steady=arguments.steady,
        grain=arguments.grain,
    )


def _add_detail(parser: Parser) -> None:
    usual = DetailSettings()
    detail = parser.add_argument_group("large faces")
    detail.add_argument(
        "--pixel_boost",
        type=values.pixel_boost,
        default=usual.pixel_boost,
        metavar="{auto,1,2,3,4}",
        help="sub-images per side for engines of a fixed size; auto goes by the face, 1 is off",
    )
    detail.add_argument(
        "--restorer",
        choices=RESTORERS,
        default=usual.restorer,
        help="network that restores detail of the swapped face (videoswap models download)",
    )
    detail.add_argument(
        "--restorer_blend",
        type=float,
        default=usual.restorer_blend,
        metavar="SHARE",
        help=f"how much of the restored face is used, 0 to 1 (default {usual.restorer_blend})",
    )


def _detail(arguments: argparse.Namespace) -> DetailSettings:
    return DetailSettings(
        pixel_boost=arguments.pixel_boost,
        restorer=arguments.restorer,
        restorer_blend=arguments.restorer_blend,
    )


def _add_encode(parser: Parser) -> None:
    out = parser.add_argument_group("output")
    out.add_argument(
        "--encoder",
        help="libx264, h265, av1, vp9, ffv1, prores_ks, ...; same: the codec of the video",
    )
    out.add_argument("--quality", choices=QUALITIES, help="quality (default high)")
    out.add_argument("--crf", type=float, help="quality on the encoder's own scale")
    out.add_argument("--preset", help="speed, by the encoder's own names")
    out.add_argument("--pix_fmt", help="pixel format (default: that of the source)")
    out.add_argument(
        "--audio",
        choices=AUDIO,
        default=EncodeSettings().audio,
        help="auto copies sound and converts only what the container cannot hold; copy never "
        "converts; aac and opus convert everything else; none drops it",
    )
    out.add_argument(
        "--reencode",
        action="store_true",
        help="encode all frames; else frames without a swap are copied where the stream allows it",
    )
    shared.add_overwrite(out)
    out.add_argument(
        "--fps",
        type=values.rate,
        metavar="RATE",
        help="frame rate of numbered pictures (frames/%%04d.png), such as 24000/1001 (default 25)",
    )
    out.add_argument(
        "--strict_streams", action="store_true", help="fail if a stream cannot be kept"
    )
    text = "fail if the video is damaged or cut short instead of swapping what is left"
    out.add_argument("--strict_input", action="store_true", help=text)


def _add_workers(parser: Parser) -> None:
    work = parser.add_argument_group("several processes, several machines")
    shared.add_workers(work)
    work.add_argument(
        "--steps",
        choices=STEPS,
        default=SwapSettings().steps,
        help="what cuts, finishes and blends faces: numpy, or torch on the engine's device "
        "(default auto: torch where the engine computes on a GPU)",
    )
    work.add_argument(
        "--decoder",
        choices=DECODERS,
        default=SwapSettings().decoder,
        help="what decodes frames for the render: cpu, or nvdec, an NVIDIA GPU, where its frames "
        "prove to be the same to the last sample (default auto: cpu)",
    )


def _encode(arguments: argparse.Namespace) -> EncodeSettings:
    return EncodeSettings(
        encoder=arguments.encoder,
        crf=arguments.crf,
        preset=arguments.preset,
        pix_fmt=arguments.pix_fmt,
        audio=arguments.audio,
        quality=arguments.quality,
        reencode=arguments.reencode,
    )


def _add_marks(parser: Parser) -> None:
    marks = parser.add_argument_group("what the result says about itself (docs/provenance.md)")
    either = marks.add_mutually_exclusive_group()
    either.add_argument(
        "--mark",
        choices=MARKS,
        default=MarkSettings().mark,
        help="signed writes metadata and content credentials (C2PA) that say that the result is "
        "synthetic (default); plain writes the metadata alone, so that the same run gives the same "
        "bytes; none writes neither",
    )
    either.add_argument(
        "--no_mark", dest="mark", action="store_const", const="none", help="the same as --mark none"
    )
    marks.add_argument("--label", metavar="TEXT", help="show a text in every frame, bottom left")
    marks.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="sign with this certificate (PEM, issuers after it), not with this machine's own",
    )
    marks.add_argument(
        "--private_key", type=Path, metavar="FILE", help="its private key (PEM, no password)"
    )


def _marks(arguments: argparse.Namespace) -> MarkSettings:
    return MarkSettings(
        mark=arguments.mark,
        label=arguments.label,
        certificate=arguments.certificate,
        private_key=arguments.private_key,
    )
