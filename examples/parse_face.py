"""Tint the parts of the faces of a picture: skin, hair, glasses, beard and others.

Usage: python examples/parse_face.py IN OUT
"""

from __future__ import annotations

import sys

import numpy as np

from videoswap import FaceDetector, FaceParser, FacePart, read_picture, write_picture

COLORS = {
    FacePart.SKIN: (230, 180, 140),
    FacePart.BROWS: (150, 80, 20),
    FacePart.EYES: (40, 120, 255),
    FacePart.LIPS: (255, 60, 60),
    FacePart.MOUTH: (120, 0, 0),
    FacePart.HAIR: (60, 200, 60),
    FacePart.GLASSES: (255, 0, 255),
    FacePart.BEARD: (0, 0, 160),
    FacePart.NECK: (255, 220, 60),
}


def main(source: str, out: str) -> None:
    """Write ``out`` from ``source``."""
    picture = read_picture(source)
    parser = FaceParser()
    height, width = picture.rgb.shape[:2]
    for face in FaceDetector().detect(picture.rgb):
        parts = parser.parse(picture.rgb, face)
        for part, color in COLORS.items():
            mask = 0.5 * parts.mask(part, width=width, height=height)[..., None]
            tinted = picture.rgb + (np.array(color) - picture.rgb) * mask
            picture.rgb[:] = np.rint(tinted)
    write_picture(out, picture)
    print(f"{out}: {source} with the parts of its faces tinted")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
