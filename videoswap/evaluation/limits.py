"""Which numbers of a report are good, and why the limits lie where they lie.

Numbers that are not here only inform: the original's own, or what another number judges better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Good:
    """Which values of a number are good.

    Attributes:
        words: The range in words, as the table shows it.
        low: Least good value.
        high: Greatest good value.
        below: Key of a number of the same group that it must not exceed; empty for none.
        above: Key of a number of the same group that it must exceed; empty for none.
        lossless: Whether it only says something of results that were encoded without loss.
    """

    words: str
    low: float = -math.inf
    high: float = math.inf
    below: str = ""
    above: str = ""
    lossless: bool = False

    def holds(self, number: float, others: Mapping[str, float | None]) -> bool | None:
        """Tell whether a number is good; None if what it is held against was not measured.

        Args:
            number: The number.
            others: The numbers of its group by key.
        """
        below = others.get(self.below) if self.below else math.inf
        above = others.get(self.above) if self.above else -math.inf
        if below is None or above is None:
            return None
        return self.low <= number <= min(self.high, below) and number > above


def at_most(high: float) -> Good:
    """Return the range up to a limit."""
    return Good(f"<= {high:g}", high=high)


def at_least(low: float) -> Good:
    """Return the range from a limit on."""
    return Good(f">= {low:g}", low=low)


def between(low: float, high: float) -> Good:
    """Return the range between two limits."""
    return Good(f"{low:g} to {high:g}", low, high)


NONE = Good("0", 0.0, 0.0)

#: By the keys of the metrics.
GOOD: Mapping[str, Good] = {
    # dlib's own limit for one person (King 2017).
    "distance_to_source": at_most(0.6),
    # Nearer to whom it replaced, the swap is not seen.
    "distance_to_original": Good("> to source", above="distance_to_source"),
    # The same without the photo's own light and color.
    "light_blind_to_original": Good("> to source", above="light_blind_to_source"),
    # What published swaps reach (FaceShifter 0.97, HifiFace 0.98): dlib errs in profile and blur.
    "retrieval": at_least(0.95),
    # Somebody else's face, a frame of the original, a face that nobody followed, a bystander:
    # a single one is seen.
    "wrong_source_frames": NONE,
    "fallback_frames": NONE,
    "fallback_runs": NONE,
    "missed_faces": NONE,
    "changed_bystander_frames": NONE,
    # A fringe, glasses or a hand may cover a fifth of a face.
    "changed_share": at_least(0.8),
    # A tenth more trembling than the film's own is not seen. Of single readings of the landmarks
    # (jitter_ratio) most is the landmarker's noise, so they only inform.
    "jitter_reread_ratio": at_most(1.1),
    # The flow is that of the original: what it misses costs original and result about the same.
    "warp_ratio": at_most(1.15),
    # Masks of a still face are alike; turns of the head and hands cost a few hundredths.
    "mask_overlap": at_least(0.95),
    "mask_area_change": at_most(0.03),
    # A step below the gradient that the film has at the same place is lost in its texture; the
    # strict shares (below the film's own step) can miss what nobody sees and only inform.
    "seam_luma_gradient_share": at_least(0.95),
    "seam_colour_gradient_share": at_least(0.95),
    "seam_luma": Good("<= gradient", below="seam_luma_gradient"),
    "seam_colour": Good("<= gradient", below="seam_colour_gradient"),
    # A quarter sharper or softer than its surroundings, and half as much more or less noise (3.5
    # dB), is about where a face begins to stand out.
    "sharpness": between(0.75, 1.33),
    "grain": between(0.67, 1.5),
    # The shadows and highlights of another light make it 1.3 and more.
    "coarse_contrast": between(0.9, 1.15),
    "clipped_highlights": at_most(0.002),
    # Two to three degrees are the spread of the landmarks alone.
    "pose": at_most(6.0),
    "yaw": at_most(5.0),
    "pitch": at_most(5.0),
    "roll": at_most(5.0),
    # The landmarker's own noise is 0.02; lips just parted are 0.1 apart; an open eye has 0.3.
    "expression": at_most(0.03),
    "mouth_opening": at_most(0.05),
    "eye_opening": at_most(0.06),
    # Speech and blinks in step. Eyes hardly vary between blinks, so noise counts for more.
    "mouth_correlation": at_least(0.8),
    "eye_correlation": at_least(0.6),
    # Twice what the landmarks alone spread.
    "gaze": at_most(0.1),
    # Squares that changed by more than re-encoding explains: one of a thousand may be bad luck.
    "outside_places": at_most(0.001),
    # An encoder with loss changes samples everywhere, so this is only asked of one without.
    "outside_changed": Good("0 if lossless", 0.0, 0.0, lossless=True),
}
