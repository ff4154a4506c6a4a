"""Packed faces that are drawn, so that the recipe needs neither photos nor a teacher."""

from __future__ import annotations

import numpy as np

from videoswap.training.shards import pack


def drawn(person, shade=0.0, size=128):
    """Return a smooth picture (size, size, 3) uint8 that differs from person to person."""
    random = np.random.default_rng(person)
    y, x = np.mgrid[0:size, 0:size] / size
    level = np.zeros((size, size, 3))
    for _ in range(5):
        cx, cy = random.uniform(0.2, 0.8, 2)
        width = random.uniform(0.08, 0.25)
        spot = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / width**2)
        level += spot[..., None] * random.uniform(-1, 1, 3)
    return (np.clip(0.5 + 0.4 * level + shade, 0, 1) * 255).astype(np.uint8)


def pack_drawn(folder):
    """Pack eight people to learn and two held out; descriptors lie far from the origin."""
    descriptors = 0.1 + 0.05 * np.random.default_rng(1).normal(size=(10, 128))

    def fill(name, shard):
        for person in range(10):
            shard.add(
                drawn(person),
                name=f"p{person}",
                identity=f"person {person % 2}" if person < 4 else "",
                label=descriptors[person].astype(np.float16),
                teacher=descriptors[person].astype(np.float16),
                kind="original",
                held=person >= 8,
            )

    pack(folder, ["original-0"], fill)
    return folder
