from __future__ import annotations

import pytest

from tests.helpers.drawn_faces import pack_drawn


@pytest.fixture(scope="session")
def packed(tmp_path_factory):
    return pack_drawn(tmp_path_factory.mktemp("packed"))
