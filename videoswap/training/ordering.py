"""Which samples a step takes: a function of the seed and the step alone.

So the position in the data needs no state: whoever knows the number of the next step knows its
samples and the random numbers of their augmentation, on any number of threads or processes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..records import Array

#: Streams of random numbers that must not depend on each other.
ORDER, AUGMENTATION = range(2)


def generator(stream: int, *position: int) -> np.random.Generator:
    """Return the random numbers of one place of a training.

    Args:
        stream: ``ORDER`` or ``AUGMENTATION``.
        position: Seed, step, and whatever else tells places apart; not negative.
    """
    # Zeros at the end of a seed count for nothing, so the length has to be in it.
    return np.random.default_rng([stream, len(position), *position])


class EpochOrder:
    """Shuffles samples anew for every epoch and deals them to steps.

    Args:
        rows: (N,) int64, indices of the samples; one that stands there twice is drawn twice an
            epoch.
        batch: Samples a step, over all processes and accumulated parts. An epoch need not be a
            multiple of it: a step may take the last samples of one and the first of the next.
        seed: Seed of the training.

    Raises:
        ValueError: If there are no samples.
    """

    def __init__(self, rows: Array, batch: int, seed: int) -> None:
        if not len(rows):
            raise ValueError("there are no samples to train on")
        self._rows, self._batch, self._seed = np.asarray(rows, np.int64), batch, seed
        self._shuffled = lru_cache(maxsize=2)(self._shuffle)

    def rows(self, step: int, part: int = 0, parts: int = 1) -> Array:
        """Return the samples of a part of a step.

        Args:
            step: From 0 on.
            part: Which of the parts.
            parts: Into how many equal parts the step's batch is divided.

        Returns:
            (batch / parts,) int64.
        """
        size = self._batch // parts
        first = step * self._batch + part * size
        epochs, places = np.divmod(np.arange(first, first + size), len(self._rows))
        return np.array(
            [self._shuffled(int(e))[p] for e, p in zip(epochs, places, strict=True)], np.int64
        )

    def epoch(self, step: int) -> float:
        """Return how many epochs have been seen when a step begins."""
        return step * self._batch / len(self._rows)

    def _shuffle(self, epoch: int) -> Array:
        return generator(ORDER, self._seed, epoch).permutation(self._rows)
