"""Put the face of one picture onto the largest face of another, aligned, without any engine.

Usage: python examples/composite_face.py PHOTO IN OUT
"""

from __future__ import annotations

import sys

from videoswap import (
    CropSpec,
    FaceDetector,
    Finisher,
    FrameSwap,
    SwappedCrop,
    composite,
    crop_face,
    inner_face_mask,
    read_picture,
    write_picture,
)


def main(photo: str, target: str, out: str) -> None:
    """Write ``out`` from ``target``."""
    picture, detector, spec = read_picture(target), FaceDetector(), CropSpec(sizes=(256,))
    source = read_picture(photo).rgb
    theirs = crop_face(source, detector.detect(source)[0], spec)
    crop = crop_face(picture.rgb, detector.detect(picture.rgb)[0], spec)
    if theirs is None or crop is None:
        sys.exit("there is no face to see")
    swapped = SwappedCrop(theirs.pixels, inner_face_mask(crop.landmarks, 256))
    finished = Finisher().finish([FrameSwap(crop, swapped)])
    composite(picture.rgb, crop, finished.pixels, mask=finished.mask, grain=True)
    write_picture(out, picture)
    print(f"{out}: {target} with the face of {photo}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
