"""``videoswap verify``: whether encoders tell people apart, on pairs like those of LFW."""

from __future__ import annotations

import argparse
from pathlib import Path

from .parser import Parser

ENCODERS = ("arcface", "blendface", "dlib", "lite")


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument(
        "pairs",
        type=Path,
        metavar="FILE",
        help="CSV with the columns fold, file1, file2, same (0 or 1), or LFW's pairs.txt",
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        required=True,
        metavar="TAR|DIR",
        help="the faces: square crops in ArcFace's framing",
    )
    parser.add_argument(
        "--align",
        action="store_true",
        help="the pictures are photos: find their largest faces and cut them out first",
    )
    parser.add_argument(
        "--encoder",
        action="append",
        choices=ENCODERS,
        help="may be given several times; default: lite and dlib",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="of a single encoder, in place of the usual"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each encoder."""
    names = arguments.encoder or ["lite", "dlib"]
    check_weights(names, arguments.weights)
    from ..evaluation.encoders import open_encoder
    from ..evaluation.verification import read_pairs, verify

    pairs = read_pairs(arguments.pairs)
    for name in names:
        encoder = open_encoder(name, arguments.weights)
        found = verify(encoder, pairs, arguments.pictures, align=arguments.align)
        arguments.console.show(found.line())
    return 0


def check_weights(encoders: list[str], weights: Path | None) -> None:
    """Refuse one file for several encoders.

    Raises:
        UsageError: ``wrong_usage``.
    """
    if weights is not None and len(encoders) > 1:
        from ..errors import UsageError

        raise UsageError("wrong_usage", "--weights is for a single --encoder.")
