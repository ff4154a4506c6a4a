"""A file server on the loopback that misbehaves to order."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Loopback:
    """Serves each path by the next of its plans; the last one stays."""

    def __init__(self):
        self.plans: defaultdict[str, list[Callable[..., None]]] = defaultdict(list)
        self.requests: list[tuple[str, Message]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests.append((self.path, self.headers))
                plans = outer.plans[self.path.partition("?")[0]]
                plan = plans.pop(0) if len(plans) > 1 else plans[0] if plans else status(404)
                self.close_connection = True
                with contextlib.suppress(OSError):
                    plan(self)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def serve(self, path, *plans):
        self.plans[path] = list(plans)
        return self.url(path)

    def ranges(self, path):
        """The Range header of every request for a path."""
        return [headers["Range"] for asked, headers in self.requests if asked == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def head(handler, code, length, **headers):
    handler.send_response(code)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def body(data, stop=None, etag='"one"', ranges=True, shift=0, piece=None, pause=0.0, honest=True):
    """Serve bytes.

    stop: close after so many bytes of the whole. etag: its ETag or None. ranges: honour Range.
    shift: answer a Range with another piece. piece, pause: trickle. honest: heed If-Range.
    """

    def plan(handler):
        asked = handler.headers["Range"]
        condition = handler.headers["If-Range"]
        tags = {"ETag": etag} if etag else {}
        start, code = 0, 200
        if asked and ranges and (not honest or condition in (None, etag)):
            start, code = int(asked.removeprefix("bytes=").rstrip("-")) + shift, 206
            tags["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        head(handler, code, len(data) - start, **tags)
        end = len(data) if stop is None else stop
        for at in range(start, end, piece or len(data)):
            handler.wfile.write(data[at : min(end, at + (piece or len(data)))])
            time.sleep(pause)

    return plan


def chunked(data, whole=True):
    """Serve without a length, in chunks; not whole: break off before the last one."""

    def plan(handler):
        head(handler, 200, None, Transfer_Encoding="chunked")
        handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        if whole:
            handler.wfile.write(b"0\r\n\r\n")

    return plan


def unmeasured(data):
    """Serve with neither length nor chunks: nobody can tell whether it came whole."""

    def plan(handler):
        head(handler, 200, None)
        handler.wfile.write(data)

    return plan


def status(code, **headers):
    return lambda handler: head(handler, code, 0, **headers)


def redirect(to):
    return lambda handler: head(handler, 302, 0, Location=to)


def page(text):
    data = text.encode()

    def plan(handler):
        head(handler, 200, len(data), Content_Type="text/html; charset=utf-8")
        handler.wfile.write(data)

    return plan
