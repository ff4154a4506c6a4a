"""``videoswap ui``: the page in a browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import UsageError
from . import values
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default 127.0.0.1: this machine only); others need --auth",
    )
    parser.add_argument("--port", type=int, default=7860, help="port (default 7860; 0: a free one)")
    parser.add_argument(
        "--auth", default="", metavar="NAME:PASSWORD", help="ask for this name and password"
    )
    parser.add_argument(
        "--allow",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="let the page open films of this folder; can be repeated",
    )
    parser.add_argument(
        "--max_upload", type=values.size, default=8 * 10**9, metavar="SIZE", help="default 8GB"
    )
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda"),
        help="where to compute (default auto: the GPU if there is one)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    from ..ui.settings import UiSettings

    user, colon, password = arguments.auth.partition(":")
    if arguments.auth and not colon:
        raise UsageError("bad_auth", "--auth takes NAME:PASSWORD.")
    settings = UiSettings(
        host=arguments.host,
        port=arguments.port,
        user=user,
        password=password,
        allow=tuple(arguments.allow),
        max_upload=arguments.max_upload,
    )
    from ..ui.serving import serve  # needs the extra `ui`

    serve(settings, arguments.device, arguments.console.say)
    return 0
