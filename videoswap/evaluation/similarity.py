"""How alike an encoder finds one face and others: the table of BlendFace's README."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..paths import AnyPath, AnyPaths, path_of, path_or_none, paths_of
from ..video.files import check_readable
from ..video.stills.picture import read_picture
from .encoders import FaceCropper, cosine, open_encoder, squared


@dataclass(frozen=True, slots=True)
class Similarity:
    """How alike the face of a picture is to that of the anchor.

    Attributes:
        path: The picture.
        encoder: Which encoder says so.
        cosine: Of the two embeddings, -1 to 1. dlib's lie far from the origin, so that its cosines
            are large for any two people.
        distance: Euclidean distance of dlib's embeddings, by which it tells people apart (0.6 in
            the mean of all photos); None for other encoders.
    """

    path: str
    encoder: str
    cosine: float
    distance: float | None


def similarity(
    anchor: AnyPath,
    others: AnyPaths,
    *,
    encoder: str = "dlib",
    weights: AnyPath | None = None,
    aligned: bool = False,
) -> tuple[Similarity, ...]:
    """Compare the largest face of a picture with that of each of some others.

    Source: the demonstration of Shiohara et al., "BlendFace", ICCV 2023 (mapooon/BlendFace): an
    encoder that looks at the inner face alone finds a swapped face nearly as alike to its source
    as another photo of that person.

    Args:
        anchor: The picture that all are compared with.
        others: One picture or several.
        encoder: ``arcface``, ``blendface``, ``dlib`` or ``lite``.
        weights: File of the encoder in place of the usual one.
        aligned: Whether all pictures are square crops in ArcFace's framing, whose faces need not
            be looked for.

    Returns:
        One answer a picture, in the order of ``others``.

    Raises:
        UsageError: ``unknown_encoder``, or if an argument is no path.
        InputError: If a picture cannot be read, weights or a package are missing, or a picture is
            not square (``bad_pictures``).
        NoFaceError: ``no_face_in_photo``.
    """
    paths = [path_of("anchor", anchor), *paths_of("others", others)]
    network = open_encoder(encoder, path_or_none("weights", weights))
    for path in paths:
        check_readable(path)
    crop = squared if aligned else FaceCropper().crop
    first, *rest = (network.embed(crop(read_picture(path).rgb, str(path))) for path in paths)
    return tuple(
        Similarity(
            path=str(path),
            encoder=network.name,
            cosine=float(cosine(first[None], one[None])[0]),
            distance=float(np.linalg.norm(first - one)) if network.name == "dlib" else None,
        )
        for path, one in zip(paths[1:], rest, strict=True)
    )
