"""What holds of every row, whatever it is about."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from tests.hostile.case import DOCUMENTED_CODES, Case, Outcome
from tests.hostile.scene import Scene, close_scene, open_scene, run_plainly, snapshot

# Sentences of an error (what is wrong, what can be done), and their length in all.
MOST_SENTENCES = 4
LONG_WORD = 100
MOST_CHARACTERS = 700
CRUMBS = ("*.part", "*.part.*", ".videoswap-*", "*.unverified*", "*.tmp", ".*.part*", "core")
# What every run over a folder leaves among its results.
RECORDS = ("*/videoswap-report.json", "*/.videoswap_done.jsonl")
NO_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
DONE = (0, 5)


def run_case(case: Case, base: Path, material: Path) -> tuple[Outcome, list[str]]:
    """Run a row in a scene of its own; returns what happened and everything wrong with it."""
    scene = open_scene(case, base, material)
    try:
        before = snapshot(scene.work)
        outcome = (case.way or run_plainly)(scene, case)
        after = snapshot(scene.work)
        wrong = [
            *_process(case, outcome),
            *_words(case, outcome),
            *_files(case, outcome, before, after),
            *_leftovers(scene),
        ]
        if case.check is not None and outcome.code in case.codes:
            wrong.append(case.check(scene, outcome))
        return outcome, [text for text in wrong if text]
    finally:
        close_scene(scene)


def _process(case: Case, outcome: Outcome) -> list[str]:
    if outcome.stopped:
        return [outcome.stopped]
    wrong = []
    if outcome.code not in case.codes:
        wrong.append(f"exit code {outcome.code} instead of {' or '.join(map(str, case.codes))}")
    if outcome.code not in DOCUMENTED_CODES:
        wrong.append(f"exit code {outcome.code} is not documented")
    if outcome.orphans:
        wrong.append(f"still running: {', '.join(outcome.orphans)}")
    return wrong


def _words(case: Case, outcome: Outcome) -> list[str]:
    everything = outcome.out + outcome.err
    wrong = [
        f"it says {bad!r}"
        for bad in ("Traceback", "Defect in videoswap", "Errno")
        if bad in everything
    ]
    if NO_CONTROL.search(everything):
        wrong.append("control characters are printed raw")
    if case.says and not re.search(case.says, everything, re.IGNORECASE):
        wrong.append(f"nothing about {case.says!r}")
    if case.never and re.search(case.never, everything, re.IGNORECASE):
        wrong.append(f"it speaks of {case.never!r}")
    told = outcome.err.strip()
    if outcome.code == 0 and told:
        wrong.append("something on stderr although all went well")
    if outcome.code not in DONE and outcome.code in DOCUMENTED_CODES:
        for word in case.words:  # a sentence may name a file, however long that is
            told = told.replace(word, "...") if len(word) > LONG_WORD else told
        wrong += _sentence(told, case.lines)
    return wrong


def _sentence(told: str, lines: int) -> list[str]:
    """Demand few lines, usually one: what is wrong and perhaps what to do."""
    wrong = []
    if not told:
        return ["not a word on stderr"]
    if len(told.splitlines()) > lines:
        wrong.append(f"{len(told.splitlines())} lines on stderr instead of {lines}")
    if len(told) > MOST_CHARACTERS * lines:
        wrong.append(f"{len(told)} characters on stderr")
    if len(re.findall(r"[.!?](?= [A-Z]|$)", told)) > MOST_SENTENCES * lines:
        wrong.append("more than a sentence and a hint")
    return wrong


def _files(
    case: Case, outcome: Outcome, before: dict[str, str], after: dict[str, str]
) -> list[str]:
    wrong = []
    for name, what in before.items():
        if name in case.changes:
            continue
        if name not in after:
            wrong.append(f"{name} is gone")
        elif after[name] != what:
            wrong.append(f"{name} was changed")
    new = [name for name in after if name not in before and not is_record(name)]
    for name in new:
        allowed = (*case.keeps, *(case.leaves if outcome.code in DONE else ()))
        parents = any(pattern.startswith(f"{name}/") for pattern in allowed)
        if not parents and not any(fnmatch(name, pattern) for pattern in allowed):
            wrong.append(f"{name} was left")
    if outcome.code in DONE:
        wrong += [
            f"{pattern} is missing"
            for pattern in case.leaves
            if not any(fnmatch(name, pattern) for name in after)
        ]
    return wrong


def is_record(name: str) -> bool:
    """Tell the report and the record of a folder from its results."""
    return any(fnmatch(name, pattern) for pattern in RECORDS)


def is_certificate(name: str) -> bool:
    """Tell the certificate that signs results, made once for a user, from what a run leaves."""
    return name.startswith("home/.local/share/videoswap/credentials/")


def _leftovers(scene: Scene) -> list[str]:
    wrong = []
    if scene.called.exists():
        wrong.append(f"a program was started: {scene.called.read_text().splitlines()[0]}")
    for path in scene.root.rglob("*"):
        name = str(path.relative_to(scene.root))
        if is_record(path.name) or is_certificate(name):
            continue
        if any(fnmatch(path.name, pattern) for pattern in CRUMBS) or (
            name.startswith(("tmp/", "home/")) and path.is_file()
        ):
            wrong.append(f"{name} was left")
    return wrong
