"""Files of one browser: those of a closed film stay as long as a run needs them."""

from __future__ import annotations

from videoswap import SwapSettings
from videoswap.people.plan import Plan, PlannedPerson, Span
from videoswap.people.plan_edits import renamed
from videoswap.ui.films import Film
from videoswap.ui.history import Edits
from videoswap.ui.runs import Run
from videoswap.ui.sessions import Session


def test_a_closed_film_stays_as_long_as_a_run_needs_it(tmp_path):
    session = Session(tmp_path)
    folder = session.new_folder("film")
    path = folder / "a.mp4"
    path.write_bytes(b"film")
    film = Film("a.mp4", path, folder, SwapSettings())
    session.films[film.number] = film
    runs = [Run("a.mp4", session.new_folder("run"), ".mp4", uses=folder.name) for _ in range(2)]
    session.runs.update({run.number: run for run in runs})
    session.close_film(film.number)
    assert session.films == {} and path.is_file()
    session.forget_run(runs[0].number)
    assert path.is_file()
    session.forget_run(runs[1].number)
    assert not folder.exists() and session.folder.is_dir()


def test_edits_are_undone_after_a_restart(tmp_path):
    person = PlannedPerson("person 1", (), ((0, Span()),))
    edits = Edits([Plan(tmp_path / "a.mp4", "digest", "mesh", (), (person,), SwapSettings())])
    for name in ("Ann", "Bob"):
        edits.do(renamed(edits.plan, 0, name))
    edits.undo()
    edits.save(tmp_path / "edits")
    again = Edits.read(tmp_path / "edits")
    names = [again.plan.people[0].name]
    for step in (again.redo, again.undo, again.undo):
        step()
        names.append(again.plan.people[0].name)
    assert names == ["Ann", "Bob", "Ann", "person 1"] and not again.can_undo
    again.do(renamed(again.plan, 0, "Cid"))
    again.save(tmp_path / "edits")
    kept = sorted(path.name for path in (tmp_path / "edits").iterdir())
    assert kept == ["0.plan.json", "3.plan.json", "edits.json"]
    assert Edits.read(tmp_path / "edits").plan.people[0].name == "Cid"
