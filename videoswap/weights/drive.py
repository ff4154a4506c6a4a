"""Google Drive: from a file's id to an address that delivers it.

Large files are preceded by a page that says they were not scanned for viruses, with a form that
leads on. The form is followed; a page without one says why (quota, no access).
"""

from __future__ import annotations

import urllib.parse
import urllib.request
from html.parser import HTMLParser

from .transfer import AttemptError, open_url

ROOT = "https://drive.google.com/uc"


class _Page(HTMLParser):
    """Collects the download form and the title of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.title = ""
        self._in_title = False
        self._in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self._in_title = tag == "title"
        if tag == "form" and "download" in values.get("id", "") + values.get("action", ""):
            self._in_form, self.action = True, values.get("action")
        elif tag == "input" and self._in_form and "name" in values:
            self.fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        self._in_form = self._in_form and tag != "form"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data.strip()


def resolve(
    opener: urllib.request.OpenerDirector, file_id: str, timeout: float, root: str = ROOT
) -> str:
    """Return an address that delivers the file itself.

    Args:
        opener: With cookies, which older pages need.
        file_id: The file's id.
        timeout: Seconds without an answer.
        root: Google Drive's download page.

    Raises:
        AttemptError: If there is no answer, or a page that does not lead to the file.
    """
    query = urllib.parse.urlencode({"export": "download", "id": file_id})
    url = f"{root}?{query}"
    with open_url(opener, url, timeout, {}) as response:
        if "html" not in response.headers.get_content_type():
            return url
        base = response.geturl()
        try:
            text = response.read(1 << 20).decode("utf-8", "replace")
        except OSError as error:
            raise AttemptError(f"the connection broke ({error})") from None
    page = _Page()
    page.feed(text)
    if page.action is None:
        raise AttemptError(f"Google Drive says: {page.title or 'nothing that helps'}", final=True)
    target = urllib.parse.urljoin(base, page.action)
    joint = "&" if "?" in target else "?"
    return f"{target}{joint}{urllib.parse.urlencode(page.fields)}" if page.fields else target
