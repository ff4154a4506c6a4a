"""Files of one browser: those of a closed film stay as long as a run needs them."""

from __future__ import annotations

from videoswap import SwapSettings
from videoswap.ui.films import Film
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
