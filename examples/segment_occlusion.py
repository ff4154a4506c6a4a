"""Paint red whatever is in front of the faces of a picture: hands, hair, glasses, things.

Usage: python examples/segment_occlusion.py IN OUT
"""

from __future__ import annotations

import sys

import numpy as np

from videoswap import (
    CropSpec,
    FaceDetector,
    composite,
    crop_face,
    load_occlusion_segmenter,
    read_picture,
    write_picture,
)


def main(source: str, out: str) -> None:
    """Write ``out`` from ``source``."""
    picture = read_picture(source)
    segmenter = load_occlusion_segmenter()
    for face in FaceDetector().detect(picture.rgb):
        crop = crop_face(picture.rgb, face, CropSpec())
        mask = None if crop is None else segmenter.segment(crop).occluder_mask
        if crop is not None and mask is not None:
            red = np.full_like(crop.pixels, (255, 0, 0))
            composite(picture.rgb, crop, red, mask=mask)
    write_picture(out, picture)
    print(f"{out}: {source} with what is in front of faces in red")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
