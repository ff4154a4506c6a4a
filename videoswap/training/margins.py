"""Margins that make an identity encoder keep people apart.

An encoder is trained as a classifier of people: the logits are cosines between an embedding and
one centre per person. The margin makes the right person's logit smaller than it is, so that only
clearly right is right enough.

Sources: ArcFace (Deng et al., CVPR 2019, arXiv 1801.07698) for the angle, CosFace (Wang et al.,
CVPR 2018, arXiv 1801.09414) for the cosine. BlendFace (Shiohara et al., ICCV 2023) and
ReliableSwap's FixerNet train with ArcFace's numbers, which are the defaults.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..records import Array

#: Under this the squared sine counts as it: its root has no slope at nought.
_LEAST_SQUARED_SINE = 1e-12


class Centers(nn.Module):
    """One direction for every person.

    Attributes:
        is_divided: Whether this process has those of some people alone, see :meth:`divide`.

    Args:
        people: How many.
        features: Length of an embedding.
        spread: Standard deviation of the first numbers; None makes vectors of length 1.
    """

    def __init__(self, people: int, features: int, *, spread: float | None = None) -> None:
        super().__init__()
        first = torch.randn(max(people, 1), features)
        self.weight = nn.Parameter(F.normalize(first) if spread is None else spread * first)
        self.is_divided, self._first = False, 0

    def divide(self, rank: int, world: int) -> slice:
        """Keep the rows of one process of several, and return which ones they are."""
        ends = [number * len(self.weight) // world for number in (rank, rank + 1)]
        rows = slice(*ends)
        self.weight.data = self.weight.data[rows].clone()
        self.is_divided, self._first = True, rows.start
        return rows

    def own(self, chosen: Tensor | None) -> tuple[Tensor | None, int]:
        """Return whom of some people this process has, as ``forward`` takes them.

        Args:
            chosen: (n,) int64, sorted; None for all.

        Returns:
            Its rows (m,), or None for all of them, and the place of their first among the chosen.
        """
        if chosen is None:
            return None, self._first
        ends = torch.tensor([self._first, self._first + len(self.weight)], device=chosen.device)
        first, last = torch.searchsorted(chosen, ends).tolist()
        return chosen[first:last] - self._first, first

    def forward(self, embeddings: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Return the cosines (B, people) of embeddings (B, features) of any length.

        Args:
            embeddings: (B, features).
            chosen: (n,) int64, the rows to compare with; None takes all.
        """
        centers = self.weight if chosen is None else self.weight[chosen]
        return F.normalize(embeddings) @ F.normalize(centers).T


def sample_people(labels: Array, people: int, share: float, random: np.random.Generator) -> Array:
    """Draw the people that a batch is compared with: its own and some others.

    Source: Partial FC (An et al., 2020, arXiv 2010.05222).

    Args:
        labels: (B,) int64, all of whom are among them.
        people: How many there are.
        share: Of them, 0 to 1; where the batch has more people, those alone.
        random: Draws the others.

    Returns:
        (n,) int64, sorted.
    """
    own = np.unique(labels)
    count = min(people, max(len(own), round(share * people)))
    order = random.permutation(people)
    others = order[~np.isin(order, own)][: count - len(own)]
    return np.sort(np.concatenate([own, others]))


@dataclass(frozen=True, slots=True)
class Margin:
    """How far ahead the right person has to be.

    Attributes:
        scale: What all logits are multiplied by at the end.
        angle: Added to the angle of the right person's logit, in radians (ArcFace).
        cosine: Then taken from its cosine (CosFace).
    """

    scale: float = 64.0
    angle: float = 0.5
    cosine: float = 0.0

    def __call__(self, cosines: Tensor, labels: Tensor) -> Tensor:
        """Turn cosines into logits for a cross entropy.

        The gradient is that of the formula. Beyond an angle of pi, where the cosine rises again,
        nothing else is done, as in the published code.

        Args:
            cosines: (B, N), of B embeddings and N people. What rounding has put outside of
                [-1, 1] is cut off.
            labels: (B,) int64, the right person, or -1 if that one is not among the N (but on
                another worker): then there is no margin in this row.

        Returns:
            (B, N) logits, -scale to scale if ``cosine`` is 0.
        """
        cosines = cosines.clamp(-1, 1)
        rows = (labels >= 0).nonzero().squeeze(1)
        columns = labels[rows]
        right = cosines[rows, columns]
        sine = (1 - right.square()).clamp(min=_LEAST_SQUARED_SINE).sqrt()
        harder = right * math.cos(self.angle) - sine * math.sin(self.angle) - self.cosine
        return self.scale * cosines.index_put((rows, columns), harder)
