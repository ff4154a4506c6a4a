import json
import re

import pytest

from tests.helpers.locations import ROOT, SHARED
from videoswap import networks
from videoswap.errors import InputError, UsageError
from videoswap.weights import (
    find,
    load_manifest,
    require,
    weights_dir,
)
from videoswap.weights.actions import listing, verify
from videoswap.weights.manifest import parse

# Files of downloads.json that the project has no use for.
UNUSED = {
    "iresnet.py": "source code of the reference",
    "2d106det-0000.params": "MXNet; 2d106det.onnx is the same network",
    "(folder) masks.tar.gz, idx2id.json, idx2label.json, idx2nearestidxs.pkl": "pickles",
}


@pytest.fixture(scope="module")
def manifest():
    return load_manifest()


@pytest.fixture(scope="module")
def published():
    return json.loads((SHARED / "contracts/downloads.json").read_text())


@pytest.mark.needs_shared
def test_every_published_file_is_listed_as_published(manifest, published):
    by_file = {model.file: model for model in manifest.models}
    listed = 0
    for project in ("ghost", "blendface"):
        for entry in published[project]["files"]:
            if entry["file"] in UNUSED:
                continue
            model = by_file[entry["file"]]
            assert model.urls == ((entry["url"],) if "url" in entry else ())
            assert model.google_drive_id == entry.get("google_drive_id")
            stated = "iresnet100" if "iresnet100" in entry["what"] else entry.get("keys")
            assert model.network == stated
            listed += 1
    assert listed == 14


@pytest.mark.needs_shared
def test_facefusions_files_are_listed_with_all_mirrors(manifest, published):
    patterns = published["facefusion"]["url_patterns"]
    for entry in published["facefusion"]["files"]:
        model = next(model for model in manifest.models if model.file == entry["file"])
        assert list(model.urls) == [pattern.format(**entry) for pattern in patterns]
        assert model.crc32
        free = entry.get("license_field") == "Non-Commercial"
        assert model.licence.endswith("noncommercial") == free


@pytest.mark.needs_shared
def test_reliableswap_is_by_hand_with_its_links(manifest, published):
    manuals = " ".join(m.manual for m in manifest.models if "reliableswap" in m.engines)
    for link in published["reliableswap"]["links"].values():
        assert link in manuals


def test_entries_make_sense(manifest):
    for model in manifest.models:
        assert model.network is None or model.network in networks.names()
        assert all(url.startswith("https://") for url in model.urls)
        assert re.fullmatch("[a-z0-9_]+", model.name)
        assert model.what and model.engines
        assert not model.shipped or model.file.startswith("lite/")
    assert {model.licence for model in manifest.models} == set(manifest.licences)


def test_an_engine_names_its_default_files(manifest):
    names = {model.name for model in manifest.select(["ghost"])}
    assert names == {"ghost_unet_2", "ghost_arcface", "scrfd", "landmarks_106"}
    assert [m.name for m in manifest.select(["G_unet_3blocks.pth", "ghost_unet_3"])] == [
        "ghost_unet_3"
    ]
    assert [m.name for m in manifest.select(["reliableswap"])] == ["reliableswap"]
    with pytest.raises(UsageError, match="no model 'nothing'"):
        manifest.select(["nothing"])


GOOD = {"name": "a", "file": "a.pth", "what": "", "engines": ["x"], "licence": "l", "urls": ["u"]}


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([{**GOOD, "licence": "m"}], "unknown licence"),
        ([{**GOOD, "urls": []}], "addresses or a manual"),
        ([{**GOOD, "file": "../a.pth"}], "outside"),
        ([{**GOOD, "file": "/a.pth"}], "outside"),
        ([GOOD, GOOD], "twice"),
        ([{**GOOD, "wrong": 1}], "wrong"),
    ],
)
def test_a_bad_manifest_is_refused(entries, problem):
    licences = {"l": {"title": "", "text": ""}}
    parse({"licences": licences, "models": [GOOD]})
    with pytest.raises((ValueError, TypeError), match=problem):
        parse({"licences": licences, "models": entries})


def test_a_file_that_is_no_manifest_is_an_input_error(tmp_path):
    (tmp_path / "a.toml").write_text("models = 3")
    for path in (tmp_path / "a.toml", tmp_path / "none.toml"):
        with pytest.raises(InputError):
            load_manifest(path)


def test_where_weights_lie(tmp_path, monkeypatch):
    monkeypatch.delenv("VIDEOSWAP_WEIGHTS_DIR", raising=False)
    assert weights_dir() == ROOT / "weights"
    monkeypatch.setattr("videoswap.weights.manifest._CHECKOUT", tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert weights_dir() == tmp_path / "data/videoswap/weights"
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path / "own"))
    assert weights_dir() == tmp_path / "own"


def test_find_and_require(folder):
    assert find("scrfd") is None
    with pytest.raises(InputError) as caught:
        require("scrfd")
    assert caught.value.code == "missing_weights"
    for part in ("models download scrfd", "https://", str(folder / "scrfd_10g_bnkps.onnx")):
        assert part in caught.value.hint
    (folder / "scrfd_10g_bnkps.onnx").write_bytes(b"x")
    assert find("scrfd") == find("scrfd_10g_bnkps.onnx") == folder / "scrfd_10g_bnkps.onnx"
    assert require("scrfd") == find("scrfd")
    with pytest.raises(UsageError):
        find("nothing")


def test_what_is_part_of_the_project_is_found_wherever_the_folder_is(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    assert find("mesh_correction") == require("mesh_correction")
    assert find("mesh_correction") == ROOT / "weights" / "lite" / "correction.onnx"
    (line,) = (one for one in listing(load_manifest(), tmp_path) if one.startswith("mesh_corr"))
    assert line.split()[1] == "here"
    told: list[str] = []
    verify(["mesh_correction"], show=told.append)
    assert told == ["lite/correction.onnx: fine"]
    own = tmp_path / "lite" / "correction.onnx"
    own.parent.mkdir()
    own.write_bytes(b"another one, trained by the user")
    assert find("mesh_correction") == require("mesh_correction") == own
    assert find("lite") is None
    with pytest.raises(InputError, match=re.escape(str(tmp_path))):
        require("lite")
