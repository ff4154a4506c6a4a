"""Print the faces of a picture: place, size, and how alike they are to the first one.

Usage: python examples/detect_faces.py PICTURE
"""

from __future__ import annotations

import sys

from videoswap import FaceDetector, read_picture


def main(path: str) -> None:
    """Detect and print."""
    detector = FaceDetector()
    faces = detector.detect(read_picture(path).rgb, embed=True)
    for number, face in enumerate(faces):
        left, top, right, bottom = (round(float(edge)) for edge in face.box)
        distance = detector.models.recognizer.distance(faces[0].embedding, face.embedding)
        print(f"{number}: {left},{top} to {right},{bottom}, score {face.score:.2f}, ", end="")
        print(f"distance to the first face {distance:.2f}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(sys.argv[1])
