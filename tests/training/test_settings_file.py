from dataclasses import dataclass, field
from pathlib import Path

import pytest

from videoswap.errors import InputError, UsageError
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.settings_file import read_settings, settings_text


@dataclass(frozen=True)
class Settings:
    rate: float = 0.1
    data: Path = Path("data")
    loop: LoopSettings = field(default_factory=LoopSettings)


def read(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return read_settings(path, Settings)


def test_what_a_file_does_not_name_keeps_its_default(tmp_path):
    found = read(tmp_path, "rate = 0.5\n[loop]\nsteps = 7\n")
    assert found == Settings(rate=0.5, loop=LoopSettings(steps=7))


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("rat = 0.5", UsageError, "Did you mean rate?"),
        ("zzz = 1", UsageError, "Known are rate, data, loop"),
        ("[loop]\nstep = 7", UsageError, "no setting loop.step. Did you mean loop.steps?"),
        ("loop = 3", UsageError, "loop must be a table"),
        ("[loop]\nsteps = 'many'", UsageError, "steps must be a whole number"),
        ("[loop]\nsteps = 2.5", UsageError, "steps must be a whole number"),
        ("rate = ", InputError, "is not TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path, text, error, told):
    with pytest.raises(error) as failed:
        read(tmp_path, text)
    assert told in str(failed.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(tmp_path / "none.toml", Settings)


def test_the_text_of_settings_tells_them_apart():
    assert settings_text(Settings()) == settings_text(Settings())
    assert settings_text(Settings()) != settings_text(Settings(loop=LoopSettings(seed=1)))


@dataclass(frozen=True, slots=True)
class OwnDefaults:
    loop: LoopSettings = field(default_factory=lambda: LoopSettings(steps=9, clip_norm=0))


def test_a_table_keeps_the_defaults_that_the_recipe_has_for_it(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("[loop]\nbatch = 4\n")
    assert read_settings(path, OwnDefaults).loop == LoopSettings(steps=9, clip_norm=0, batch=4)


def test_a_table_that_is_nested_deep_is_shown_in_short(tmp_path):
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "loop.steps" + ".a" * 800 + " = 1\n")
    assert caught.value.code == "wrong_type" and len(caught.value.message) < 400
