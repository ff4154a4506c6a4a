"""The Dockerfile, as far as it can be checked where no Docker runs."""

import re
import tomllib

from tests.helpers.locations import ROOT

LINES = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text()).splitlines()
STEPS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]


def every(step):
    return [rest for word, rest in STEPS if word == step]


def test_what_is_copied_is_there_and_let_through():
    let_through = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [word for rest in every("COPY") for word in rest.split()[:-1]]
    assert copied
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}" in let_through


def test_all_that_the_build_reads_is_copied():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = {word for rest in every("COPY") for word in rest.split()[:-1]}
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    read = {project["project"]["readme"], "pyproject.toml", *wheel["packages"]}
    assert read | set(wheel["shared-data"]) <= copied


def test_it_runs_the_program_and_not_as_root():
    (entry,) = every("ENTRYPOINT")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert entry == '["videoswap"]' and "videoswap" in project["scripts"]
    assert every("USER") == ["nobody"]
    assert [step for step, _ in STEPS].index("USER") > [step for step, _ in STEPS].index("ENV")


def test_every_user_has_a_place_for_what_is_kept():
    (made,) = [rest for rest in every("RUN") if "mkdir" in rest]
    (environment,) = every("ENV")
    for folder in re.findall(r"VIDEOSWAP_\w+_DIR=(\S+)", environment):
        assert folder in made.split("chmod 1777")[1]


def test_system_packages_are_those_that_doctor_names():
    from videoswap.packages import _SYSTEM

    (install,) = [rest for rest in every("RUN") if "apt-get install" in rest]
    assert set(_SYSTEM.values()) <= set(install.split())
