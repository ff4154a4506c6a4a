"""Swap the largest face of a picture as an aligned crop, and write crop and swap side by side.

Usage: python examples/swap_crop.py PHOTO IN OUT [ENGINE]
"""

from __future__ import annotations

import sys

import numpy as np

from videoswap import (
    FaceDetector,
    Photo,
    Picture,
    crop_face,
    load_engine,
    read_picture,
    write_picture,
)


def main(photo: str, target: str, out: str, name: str = "auto") -> None:
    """Write ``out`` with an engine, by default the best one that can be used here."""
    engine, detector = load_engine(name), FaceDetector()
    print(engine.name, *engine.notes, sep="\n")
    source, picture = read_picture(photo).rgb, read_picture(target).rgb
    person = engine.identity([Photo(photo, source, detector.detect(source)[0])])
    crop = crop_face(picture, detector.detect(picture)[0], engine.spec)
    if crop is None:
        sys.exit("there is no face to see")
    (swap,) = engine.swap([crop], person)
    mixed = crop.pixels + (swap.pixels - crop.pixels) * swap.mask[..., None]
    both = np.hstack([crop.pixels, mixed])
    write_picture(out, Picture(np.rint(both).clip(0, 255).astype(np.uint8)))
    print(f"{out}: the crop, and beside it the swap")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
