"""A real face for tests of blending: skimage's astronaut."""

import cv2
import numpy as np
import skimage.data

SIDE = 192


def portrait():
    """Return (192, 192, 3) float32 RGB, the face filling most of it."""
    photo = skimage.data.astronaut()[20:212, 130:322]
    return np.asarray(photo, np.float32)


def oval():
    """Return (192, 192) float32, 1 where the face is."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    cv2.ellipse(mask, (92, 92), (44, 64), 0, 0, 360, 1.0, -1)
    return mask
