"""Engines as plug-ins: found, described, chosen, and harmless where they are broken."""

import subprocess
import sys
import tomllib
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import pytest

import videoswap
from tests.helpers.locations import ROOT
from tests.plugins.install import TINT, declared, install
from videoswap import SwapSettings, load_engine, option, plugins
from videoswap.cli import entry
from videoswap.engines.ghost.options import GhostOptions
from videoswap.errors import InputError, UsageError


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages that Python looks into; what it brings is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith(("videoswap_tint", "broken_")):
            del sys.modules[name]


@pytest.fixture
def tint(site):
    install(TINT, site)
    import videoswap_tint

    return videoswap_tint


def lines_of_doctor(capsys):
    entry.main(["doctor"])
    return capsys.readouterr().out.splitlines()


def test_the_built_in_engines_are_declared_as_entry_points_too():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    folders = {name: f"videoswap.engines.{name}:plugin" for name, _ in plugins._folders()}
    assert project["entry-points"][plugins.GROUP] == folders
    assert {plugin.name for plugin in plugins.find_plugins()} >= folders.keys()


def test_nothing_outside_of_its_folder_names_a_built_in_engine():
    names = [plugin.name for plugin in plugins.find_plugins()]
    rooms = ["jobs", "rendering", "settings.py", "plugins.py", "engines/registry.py"]
    rooms += ["engines/base.py", "cli/doctor.py", "cli/swap_flags.py", "cli/models.py"]
    for room in rooms:
        path = ROOT / "videoswap" / room
        for file in [path] if path.is_file() else path.rglob("*.py"):
            found = [name for name in names if f'"{name}"' in file.read_text()]
            assert not found, f"{file} names {found}"


def test_the_order_of_preference_is_theirs(tint):
    order = [plugin.name for plugin in plugins.find_plugins()]
    assert order == ["blendface", "ghost", "lite", "tint", "mesh", "reliableswap"]


@pytest.mark.parametrize("bare", [True, False])
def test_help_shows_its_options(tint, site, bare):
    """With nothing but Python installed too: a plug-in's own module imports nothing heavy."""
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(site)!r}]; "
        "from videoswap.cli.entry import main; sys.exit(main(['swap', '--help']))"
    )
    words = ["-I", "-S"] if bare else []
    done = subprocess.run(
        [sys.executable, *words, "-c", code], capture_output=True, text=True, check=True
    )
    told = " ".join(done.stdout.split())
    assert "the engine tint" in told
    assert "--tint_color {red,green,blue} color of the tint (default red)" in told
    assert "--tint_strength TINT_STRENGTH how strongly faces are tinted, 0 to 1" in told
    assert "lite, tint, mesh or" in told


def test_doctor_shows_it_and_its_options(tint, capsys):
    (line,) = [one for one in lines_of_doctor(capsys) if "engine tint" in one]
    assert line.startswith("ok    engine tint: usable: tints faces; only a test")
    assert "--tint_color, --tint_strength" in line


def test_auto_takes_it_before_mesh(tint, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    engine = load_engine(device="cpu")
    assert engine.name == "tint"
    assert "the engine tint instead of blendface or ghost" in str(engine.notes[0])


def test_its_options_ask_for_it(tint):
    options = tint.TintOptions(color="blue")
    engine = load_engine("auto", device="cpu", options=options)
    assert engine.options is options
    assert SwapSettings(engine_options=options).engine == "tint"
    with pytest.raises(UsageError) as caught:
        SwapSettings(swapper="mesh", engine_options=options)
    assert caught.value.code == "other_engine"


@pytest.mark.parametrize("way", ["flags", "config"])
def test_it_swaps_a_real_picture_by_flag_and_config_file(tint, photos, tmp_path, way):
    out = tmp_path / "out.png"
    words = ["swap", "-s", str(photos["source"]), "-i", str(photos["left"]), "-o", str(out)]
    words += ["--no_cache", "--mask", "outline", "--device", "cpu"]
    if way == "flags":
        words += ["--tint_color", "green", "--tint_strength", "1"]
    else:
        config = tmp_path / "config.toml"
        config.write_text('[swap]\ntint_color = "green"\ntint_strength = 1\n')
        words += ["--config", str(config)]
    assert entry.main(words) == 0
    before, after = (cv2.imread(str(path)).astype(int) for path in (photos["left"], out))
    changed = (before != after).any(axis=2)
    assert 0.01 < changed.mean() < 0.8
    blue, green, red = (after - before)[changed].mean(axis=0)
    assert green > blue + 20 and green > red + 20


def test_its_choices_are_held_to(tint, tmp_path, capsys):
    words = ["swap", "-s", "a.png", "-i", "b.png", "--tint_color", "pink", "--config", "none"]
    assert entry.main(words) == 2
    assert "red, green or blue" in capsys.readouterr().err


def test_the_deprecated_ways_to_ask_for_ghost_still_work():
    with pytest.warns(DeprecationWarning, match="GhostOptions"):
        assert videoswap.GhostSettings is GhostOptions
    with pytest.warns(DeprecationWarning, match="engine_options"):
        assert SwapSettings(ghost=GhostOptions(num_blocks=3)).engine == "ghost"
    with pytest.warns(DeprecationWarning):
        assert SwapSettings(ghost=GhostOptions()).engine == "auto"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SwapSettings(engine_options=GhostOptions()).engine == "ghost"


PLUGIN = """
from dataclasses import dataclass
from videoswap import EnginePlugin
class Plugin(EnginePlugin):
    name = "broken"
    summary = "never works"
    def load(self, device, options):
        {load}
{more}
plugin = Plugin()
"""


def broken(site, text, *, name="broken"):
    """Install a plug-in of that source text."""
    (site / "broken_engine.py").write_text(text)
    points = {plugins.GROUP: {name: "broken_engine:plugin"}}
    declared(site, "broken_engine", "1.0", points)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("raise SystemError('boom')", "SystemError: boom"),
        ("x = 1", "has no attribute 'plugin'"),
        ("plugin = 3", "no EnginePlugin but 3"),
        ("def (", "SyntaxError"),
        (PLUGIN.format(load="pass", more="Plugin.name = 'else'"), "'else'"),
        (PLUGIN.format(load="pass", more="Plugin.options = dict"), "frozen dataclass"),
        (
            PLUGIN.format(load="pass", more="@dataclass(frozen=True)\nclass O:\n    x: int\n"
                                            "Plugin.options = O"),
            "option x has no default",
        ),
        (
            PLUGIN.format(load="pass", more="@dataclass(frozen=True)\nclass O:\n"
                                            "    x: list = None\nPlugin.options = O"),
            "option x has a type that a command line cannot give",
        ),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_a_sentence_in_doctor(site, text, told, capsys):
    broken(site, text)
    lines = lines_of_doctor(capsys)
    (line,) = [one for one in lines if "engine broken" in one]
    assert line.startswith("--    engine broken: its plug-in is broken: ") and told in line
    assert any("engine mesh: usable" in one for one in lines)
    with pytest.raises(UsageError) as caught:
        SwapSettings(swapper="broken")
    assert caught.value.code == "broken_plugin" and told in caught.value.message


def test_a_plugin_cannot_take_the_name_of_another_engine(site, capsys):
    broken(site, PLUGIN.format(load="pass", more="Plugin.name = 'mesh'"), name="mesh")
    assert load_engine("mesh", device="cpu").key.startswith("mesh ")
    assert any("another engine has that name" in one for one in lines_of_doctor(capsys))


@pytest.mark.parametrize("load", ["raise KeyError('x')", "return 3"])
def test_an_engine_that_fails_to_load_does_not_stop_auto(site, load, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    broken(site, PLUGIN.format(load=load, more=""))
    engine = load_engine(device="cpu")
    assert engine.name == "mesh"
    assert any(note.wanted == "broken" for note in engine.notes)
    with pytest.raises(InputError) as caught:
        load_engine("broken", device="cpu")
    assert caught.value.code == "broken_plugin"


def test_a_plugin_that_cannot_say_what_it_misses_is_told(site, capsys):
    more = "    def missing(self, options):\n        raise OSError('disk on fire')\n"
    broken(site, PLUGIN.format(load="pass", more=more))
    (line,) = [one for one in lines_of_doctor(capsys) if "engine broken" in one]
    assert "disk on fire" in line


def test_what_an_engine_needs_is_told(site):
    more = "Plugin.packages = ('nothing_of_that_name',)"
    broken(site, PLUGIN.format(load="pass", more=more))
    with pytest.raises(InputError, match="pip install nothing_of_that_name") as caught:
        load_engine("broken", device="cpu")
    assert caught.value.code == "engine_unusable"


def test_types_of_options():
    @dataclass(frozen=True)
    class Options:
        path: Path | None = field(default=None, metadata=option("a file"))
        count: int = 3
        fast: bool = False

    class Plugin(videoswap.EnginePlugin):
        name = "one"
        options = Options

        def load(self, device, options):
            raise NotImplementedError

    found = plugins.options_of(Plugin())
    assert [(one.flag, one.kind, one.default) for one in found] == [
        ("--one_path", Path, None),
        ("--one_count", int, 3),
        ("--one_fast", bool, False),
    ]
