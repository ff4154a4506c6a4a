"""Settings of the page."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError
from ..fieldtypes import conform
from ..paths import is_folder
from ..settings import default_cache_dir

MIN_PASSWORD = 8  # characters


def usual_folder() -> Path:
    """Return where uploads and results of the page lie: beside what else is kept.

    Raises:
        UsageError: ``no_cache_folder``.
    """
    base = default_cache_dir()
    if base is None:
        raise UsageError(
            "no_cache_folder",
            "This user has no home folder to keep uploads in.",
            "Name one with VIDEOSWAP_CACHE_DIR.",
        )
    return base / "ui"


@dataclass(frozen=True, slots=True)
class UiSettings:
    """Settings of the page.

    Attributes:
        host: Address to listen on; any other than the loopback one needs ``auth``.
        port: Port; 0 takes a free one.
        user: Name to log in with; empty for no log-in.
        password: Its password.
        allow: Folders whose files may be chosen; all others must be uploaded.
        folder: Where uploads and results lie.
        max_upload: Most bytes of one uploaded file.
        min_free: Bytes that stay free on the disk.
        keep_seconds: How long the files of a browser that does not come back are kept.
        secret: Signs the cookies.

    Raises:
        UsageError: ``wrong_type``, ``auth_needed``, ``bad_auth``, ``bad_port``, ``bad_allow``.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    user: str = ""
    password: str = field(default="", repr=False)
    allow: tuple[Path, ...] = ()
    folder: Path = field(default_factory=usual_folder)
    max_upload: int = 8 * 10**9
    min_free: int = 10**9
    keep_seconds: int = 3 * 86400
    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    def __post_init__(self) -> None:
        """Check who may listen."""
        conform(self)
        if not 0 <= self.port < 1 << 16:
            raise UsageError("bad_port", "--port must lie between 0 and 65535.")
        if bool(self.user) != bool(self.password) or ":" in self.user:
            raise UsageError("bad_auth", "--auth takes NAME:PASSWORD.")
        if self.password and len(self.password) < MIN_PASSWORD:
            raise UsageError("bad_auth", f"The password needs {MIN_PASSWORD} characters.")
        if not self.loopback and not self.user:
            raise UsageError(
                "auth_needed",
                f"Others could reach the page at {self.host} and use this machine and its files.",
                "Give a name and password with --auth NAME:PASSWORD, or leave out --host.",
            )
        for one in self.allow:
            if not is_folder(one):
                raise UsageError("bad_allow", f"{one} is no folder.")

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the page."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
