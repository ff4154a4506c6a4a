from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def swapper(face_models):
    """A swapper that prepares every photo once, which takes half a second."""
    from videoswap.training.triplets.synthesis import MeshSwapper

    class Remembering(MeshSwapper):
        def __init__(self):
            super().__init__(models=face_models)
            self._known = {}

        def identity(self, photo):
            key = photo.pixels.tobytes()
            if key not in self._known:
                self._known[key] = super().identity(photo)
            return self._known[key]

    return Remembering()
