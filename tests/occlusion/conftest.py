import cv2
import numpy as np
import pytest

from tests.helpers.covered_faces import astronaut, crops_of
from videoswap.occlusion.builtin import BuiltinSegmenter


@pytest.fixture(scope="session")
def finder():
    return BuiltinSegmenter()


@pytest.fixture(scope="session")
def face():
    """Return the astronaut's crop."""
    return astronaut()


@pytest.fixture(scope="session")
def group(group_photo):
    """Return the crops of six people."""
    picture = cv2.cvtColor(cv2.imread(str(group_photo)), cv2.COLOR_BGR2RGB)
    return crops_of(np.ascontiguousarray(picture))
