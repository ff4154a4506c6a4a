"""``videoswap models``: list, download, verify, path, convert."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..plugins import find_plugins
from .parser import Parser, one_of


def _default_engines() -> list[str]:
    """Return the engines whose files are fetched where nothing is named."""
    return [plugin.name for plugin in find_plugins() if plugin.default_download]


def add_arguments(parser: Parser) -> None:
    """Add what can be done, and the flags of each."""
    parts = parser.add_subparsers(dest="action", required=True)
    parts.add_parser("list", help="every file: what it is, whether it is here, its licence")
    download = parts.add_parser("download", help="fetch files, resumed and verified")
    download.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"files or engines (default: {one_of(_default_engines())})",
    )
    download.add_argument("--all", action="store_true", help="everything that can be fetched")
    download.add_argument(
        "--accept_licence",
        action="append",
        default=[],
        metavar="FAMILY",
        help="accept the licence of a family of files without being asked",
    )
    verify = parts.add_parser("verify", help="read files whole and check their digests")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all that are here")
    verify.add_argument(
        "--forget",
        action="store_true",
        help="forget the digests that are recorded of the named files: they are right as they are",
    )
    path = parts.add_parser("path", help="print where a file, or each file of an engine, is")
    path.add_argument("name", metavar="NAME")
    conversion = parts.add_parser("convert", help="take the tensors out of an old, unsafe file")
    conversion.add_argument("file", type=Path, metavar="FILE")
    conversion.add_argument("--overwrite", action="store_true", help="replace an earlier copy")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; returns the exit code."""
    from ..weights import actions  # not needed for --help
    from ..weights.convert import WARNING, convert
    from ..weights.manifest import load_manifest, weights_dir

    console = arguments.console
    if arguments.action == "list":
        console.show("\n".join(actions.listing(load_manifest(), weights_dir())))
    elif arguments.action == "download":
        names = arguments.names
        if not names and not arguments.all:
            names = _default_engines()
            needed = one_of(names)
            console.say(
                f"Nothing named, so what the engine {needed} needs. Other names: models list"
            )
        actions.download(
            names,
            arguments.all,
            arguments.accept_licence,
            show=console.show,
            complain=console.complain,
        )
    elif arguments.action == "verify":
        actions.verify(arguments.names, arguments.forget, show=console.show)
    elif arguments.action == "path":
        actions.paths(arguments.name, console.show)
    else:
        print(WARNING.format(path=arguments.file), file=sys.stderr)
        console.show(str(convert(arguments.file, arguments.overwrite)))
    return 0
