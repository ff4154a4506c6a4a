"""Serves the page until it is told to end."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace

import uvicorn

from ..errors import UsageError, reason_of
from ..settings import SwapSettings
from .server import create_app
from .sessions import secret_of
from .settings import UiSettings

WAITING = 64  # connections that may wait


def serve(settings: UiSettings, device: str, say: Callable[[str], None]) -> None:
    """Serve the page.

    Args:
        settings: The settings.
        device: auto, cpu or cuda.
        say: Called with the address once it can be opened.

    Raises:
        UsageError: ``address_in_use`` if nothing can listen there.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(WAITING)
    except OSError as error:
        listener.close()
        raise UsageError(
            "address_in_use",
            f"Nothing can listen on {settings.host}:{settings.port}: {reason_of(error)}.",
            "Choose another --port.",
        ) from None
    port = listener.getsockname()[1]
    settings = replace(settings, port=port, secret=secret_of(settings.folder))
    app = create_app(settings, SwapSettings(device=device))
    name = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
    say(f"Open http://{name}:{port} in a browser; Ctrl-C ends it")
    if not settings.loopback:
        say("Others reach it too. The connection is not encrypted: use it in networks you trust.")
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, timeout_graceful_shutdown=3
    )
    uvicorn.Server(config).run(sockets=[listener])
