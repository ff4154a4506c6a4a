"""``videoswap similarity``: how alike encoders find one face and others."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .parser import Parser
from .verify import ENCODERS, check_weights

if TYPE_CHECKING:
    from ..evaluation.similarity import Similarity


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument("anchor", type=Path, metavar="ANCHOR", help="photo of a person")
    parser.add_argument(
        "others", type=Path, nargs="+", metavar="PICTURE", help="compared with it, face by face"
    )
    parser.add_argument(
        "--encoder",
        action="append",
        choices=ENCODERS,
        help="may be given several times; default: dlib",
    )
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="of a single encoder, in place of the usual"
    )
    parser.add_argument(
        "--aligned",
        action="store_true",
        help="the pictures are square crops in ArcFace's framing already",
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    names = arguments.encoder or ["dlib"]
    check_weights(names, arguments.weights)
    from ..evaluation.similarity import similarity
    from ..jsonfile import json_text

    found = [
        similarity(
            arguments.anchor,
            arguments.others,
            encoder=name,
            weights=arguments.weights,
            aligned=arguments.aligned,
        )
        for name in names
    ]
    if arguments.json:
        arguments.console.show(json_text([one for column in found for one in column]))
    else:
        arguments.console.show("\n".join(_table(arguments.anchor, found)))
    return 0


def _table(anchor: Path, found: Sequence[Sequence[Similarity]]) -> list[str]:
    """Return a row for each picture and a column for each encoder, dlib's distance beside it."""
    columns = []
    for column in found:
        columns.append([column[0].encoder, *(f"{one.cosine:.4f}" for one in column)])
        if column[0].distance is not None:
            columns.append(["distance", *(f"{one.distance:.4f}" for one in column)])
    names = [f"{anchor} and", *(one.path for one in found[0])]
    width = max(map(len, names))
    return [
        f"{name:{width}}" + "".join(f"{cell:>11}" for cell in cells)
        for name, *cells in zip(names, *columns, strict=True)
    ]
