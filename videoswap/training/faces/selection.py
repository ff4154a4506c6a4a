"""Decides over all scanned faces: strangers, duplicates, people, and who is held out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...detection.base import Recognizer
from ...people.clustering import group_alike
from ...people.sources import CLEARLY_APART_SHARE
from ...records import Array
from ..shards import is_held
from .settings import FacesSettings

FEW = 3  # pictures of a person from which on one of them may be found to show somebody else


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What becomes of the scanned faces.

    Attributes:
        reasons: (N,) str, why each is not packed; empty for those that are.
        identities: (N,) str, names of people; empty where nobody knows.
        held: (N,) bool, kept out of training.
        originals: (N,) int64, of duplicates the row that was kept, else -1.
        order: (K,) int64, rows of those that are packed, shuffled.
    """

    reasons: Array
    identities: Array
    held: Array
    originals: Array
    order: Array


def select(
    columns: Mapping[str, Array], settings: FacesSettings, recognizer: Recognizer
) -> Selection:
    """Choose what is packed.

    Args:
        columns: Of all scanned faces.
        settings: What is packed.
        recognizer: Who compares embeddings.
    """
    reasons = columns["reason"].astype("U16").copy()
    embeddings = columns["embedding"].astype(np.float32)
    who = columns["identity"].astype(object)
    for rows in _rows_of(who, reasons).values():
        reasons[_strangers(rows, embeddings, recognizer)] = "other_person"
    originals = _duplicates(columns, embeddings, reasons, settings, recognizer)
    reasons[originals >= 0] = "duplicate"
    if settings.identities == "faces":
        who = np.full(len(who), "", object)
    if settings.identities != "none":
        _name_by_faces(who, columns, embeddings, reasons, recognizer)
    for rows in _rows_of(who, reasons).values():
        if len(rows) < settings.min_pictures:
            reasons[rows] = "few_pictures"
    kept = np.flatnonzero(reasons == "")
    names = columns["name"]
    held = np.zeros(len(who), bool)
    held[kept] = [is_held(who[row] or str(names[row]), settings.held) for row in kept]
    order = np.random.default_rng(settings.seed).permutation(kept)
    return Selection(reasons, who.astype(str), held, originals, order)


def _rows_of(who: Array, reasons: Array) -> dict[str, Array]:
    """Return the rows of everybody whose name is known and that are not refused."""
    found = defaultdict(list)
    for row in np.flatnonzero(reasons == "").tolist():
        if who[row]:
            found[who[row]].append(row)
    return {name: np.array(rows) for name, rows in found.items()}


def _strangers(rows: Array, embeddings: Array, recognizer: Recognizer) -> Array:
    """Return those of a folder's rows that clearly do not show its person."""
    if len(rows) < FEW:
        return rows[:0]
    vectors, limit = embeddings[rows], recognizer.default_threshold
    main = group_alike(vectors, limit, recognizer.distances)[0]
    if len(main) < FEW or 2 * len(main) <= len(rows):
        return rows[:0]  # nobody knows who is meant
    apart = recognizer.distances(vectors, vectors[main]).mean(axis=1)
    clear = apart > CLEARLY_APART_SHARE * limit
    clear[main] = False
    return np.asarray(rows[clear])


def _duplicates(
    columns: Mapping[str, Array],
    embeddings: Array,
    reasons: Array,
    settings: FacesSettings,
    recognizer: Recognizer,
) -> Array:
    """Return for every row the better one that shows nearly the same picture, or -1.

    Two hashes that differ in no more bits than there are pieces, less one, have a piece in
    common, so only those need to be compared.
    """
    hashes = np.unpackbits(columns["hash"], axis=1).astype(bool)
    pieces = np.array_split(np.arange(hashes.shape[1]), settings.duplicate_bits + 1)
    keys = [np.packbits(hashes[:, piece], axis=1) for piece in pieces]
    seen: list[dict[bytes, list[int]]] = [defaultdict(list) for _ in pieces]
    found = np.full(len(reasons), -1, np.int64)
    kept = np.flatnonzero(reasons == "")
    quality = columns["sharpness"][kept] * columns["face_size"][kept]
    for row in kept[np.argsort(-quality, kind="stable")].tolist():
        texts = [key[row].tobytes() for key in keys]
        others = sorted({one for text, part in zip(texts, seen, strict=True) for one in part[text]})
        if others:
            near = (hashes[others] != hashes[row]).sum(axis=1) <= settings.duplicate_bits
            others = np.array(others)[near].tolist()
        if others:
            apart = recognizer.distances(embeddings[[row]], embeddings[others])[0]
            if apart.min() <= settings.duplicate_distance:
                found[row] = others[int(apart.argmin())]
                continue
        for text, part in zip(texts, seen, strict=True):
            part[text].append(row)
    return found


def _name_by_faces(
    who: Array,
    columns: Mapping[str, Array],
    embeddings: Array,
    reasons: Array,
    recognizer: Recognizer,
) -> None:
    """Name those whom nobody named after the first picture of their cluster.

    What a video's tracks show of one person counts as one.
    """
    units = defaultdict(list)
    for row in np.flatnonzero(reasons == "").tolist():
        if not who[row]:
            group = str(columns["group"][row])
            units[group or str(columns["name"][row])].append(row)
    if not units:
        return
    rows = list(units.values())
    vectors = np.stack([embeddings[some].mean(axis=0) for some in rows])
    for cluster in group_alike(vectors, recognizer.cluster_threshold, recognizer.distances):
        name = list(units)[cluster[0]]
        for unit in cluster:
            who[rows[unit]] = name
