"""The contract's numbers around the networks, and the faces of the group photo as packed crops."""

from __future__ import annotations

import csv
import json
import tarfile
from pathlib import Path
from typing import Any

import cv2
import pytest

from videoswap.geometry.affine import TEMPLATES, crop_matrix

CROP_SIZE = 256


@pytest.fixture(scope="module")
def spec(shared: Path) -> Any:
    """Return what stands beside the arrays, see ``golden``."""
    return json.loads((shared / "contracts" / "public" / "pipeline.json").read_text())


@pytest.fixture(scope="session")
def crops(tmp_path_factory: pytest.TempPathFactory, group: Any, detector: Any) -> Path:
    """Return a folder with a tar file of the six faces and the table of their points."""
    folder = tmp_path_factory.mktemp("crops")
    template = TEMPLATES["arcface_112_v2"]
    rows = []
    with tarfile.open(folder / "faces.tar", "w") as archive:
        for number, face in enumerate(detector.detect(group)):
            matrix = crop_matrix(face.points5, template, CROP_SIZE)
            crop = cv2.warpAffine(group, matrix, (CROP_SIZE, CROP_SIZE))
            name = f"{'known' if number < 2 else 'loose'}/{number}.jpg"
            path = folder / f"{number}.jpg"
            cv2.imwrite(str(path), crop[..., ::-1])
            archive.add(path, name)
            points = face.points5 @ matrix[:, :2].T + matrix[:, 2]
            rows.append([name, f"person {number}", *points.ravel().tolist()])
    with (folder / "faces.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "identity", *(f"l{a}{n}" for n in range(5) for a in "xy")])
        writer.writerows(rows)
    return folder
