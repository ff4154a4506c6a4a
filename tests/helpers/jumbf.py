"""A reader of content credentials of our own: it walks the boxes and checks every hash it can."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass
class JumbfBox:
    """A JUMBF superbox: its label, its content without the header, and the boxes in it."""

    label: str
    content: bytes
    inner: list[JumbfBox] = field(default_factory=list)

    def find(self, label: str) -> JumbfBox:
        """Return the first box in it, at any depth, whose label ends so."""
        for one in self.inner:
            if one.label.endswith(label):
                return one
            try:
                return one.find(label)
            except KeyError:
                continue
        raise KeyError(label)


def manifest_store(data: bytes) -> JumbfBox:
    """Return the C2PA store that a file holds in one piece."""
    place = data.find(b"jumb")
    while place >= 4:
        size = int.from_bytes(data[place - 4 : place], "big")
        if data[place + 8 : place + 12] == b"jumd" and data[place + 12 : place + 16] == b"c2pa":
            return _superbox(data[place + 4 : place - 4 + size])
        place = data.find(b"jumb", place + 4)
    raise KeyError("c2pa")


def _superbox(content: bytes) -> JumbfBox:
    boxes = list(_boxes(content))
    kind, described = boxes[0]
    assert kind == b"jumd"
    label = described[17:].split(b"\0", 1)[0].decode()  # after the type and the toggles
    return JumbfBox(label, content, [_superbox(one) for kind, one in boxes[1:] if kind == b"jumb"])


def _boxes(content: bytes):
    place = 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        assert 8 <= size <= len(content) - place
        yield content[place + 4 : place + 8], content[place + 8 : place + size]
        place += size


def assertions_hold(store: JumbfBox) -> list[str]:
    """Return the labels of the active manifest's assertions; its claim has all their hashes."""
    manifest = store.inner[-1]
    claim = next(one for one in manifest.inner if one.label.startswith("c2pa.claim"))
    assert manifest.find("c2pa.signature").content
    found = manifest.find("c2pa.assertions").inner
    for one in found:
        assert hashlib.sha256(one.content).digest() in claim.content, one.label
    return [one.label for one in found]
