"""Folders of pictures, with a swap that only writes down what it was asked for."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from videoswap.cli import entry
from videoswap.errors import NoFaceError, OutputError
from videoswap.jobs import folder as folder_job
from videoswap.jobs.folder import FolderRequest, check_request, swap_one_folder
from videoswap.jobs.folder_plan import FileFilter
from videoswap.people.photo_advice import CheckedPhoto
from videoswap.report import Report
from videoswap.video.files import atomic_output

REPORT = "videoswap-report.json"


def report_of(path, out, dry_run, unmatched=()):
    return Report(
        *(str(path), None if dry_run else str(out), "mesh", "cpu", "dlib", 0.6, 1, 1, 0, None),
        *((), ()),
        unmatched,
        dry_run=dry_run,
    )


@pytest.fixture
def job(tmp_path, settings, monkeypatch):
    """What a run needs: ``job(...)`` runs it, ``job.fails`` says what a file's swap raises."""

    class Job:
        def __init__(self):
            self.fails, self.unmatched, self.worked, self.said = {}, {}, [], []
            self.folder, self.out = tmp_path / "in", tmp_path / "out"
            self.me = tmp_path / "me.png"
            self.me.write_bytes(b"photo")
            self.photo = CheckedPhoto("me.png", 1, (), "me.png")

        def __call__(self, overwrite=False, **changes):
            self.worked.clear()
            self.said.clear()
            wished = {"strength": 1.0, "photos": [self.me], **changes}
            blend = replace(settings.blend, strength=wished.pop("strength"))
            mine = replace(settings, overwrite=overwrite, blend=blend)
            context = SimpleNamespace(
                settings=mine,
                engine=SimpleNamespace(key="mesh"),
                say=self.said.append,
                photos=(self.photo,),
            )
            request = FolderRequest(self.folder, self.out, **wished)
            check_request(request, mine)
            return swap_one_folder(context, request)

        def swap(self, context, path, out, masks, dry_run):
            name = str(path.relative_to(self.folder))
            self.worked.append(name)
            if name in self.fails:
                raise self.fails[name]
            if not dry_run:
                with atomic_output(out, context.settings.overwrite) as part:
                    part.write_bytes(path.read_bytes() + b"swapped")
            report = report_of(path, out, dry_run, self.unmatched.get(name, ()))
            return replace(report, photos=context.photos)

        def picture(self, name, value=90):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(path)
            return path

        def results(self):
            files = (path for path in self.out.rglob("*") if path.is_file())
            return sorted(str(path.relative_to(self.out)) for path in files)

        def report(self):
            return json.loads((self.out / REPORT).read_text())

        def status(self):
            return {item["input"]: item["status"] for item in self.report()["items"]}

    made = Job()
    monkeypatch.setattr(folder_job, "swap_one_picture", made.swap)
    monkeypatch.setattr(folder_job, "swap_one_video", made.swap)
    return made


def test_every_file_has_a_result_of_its_own(job):
    for value, name in enumerate(["a.ico", "a.png", "b.ico"]):
        job.picture(name, value)
    for overwrite in (False, True):
        report = job(overwrite)
        assert report.exit_code == 0
        for item in report.items:
            made = (job.out / item.output).read_bytes()
            assert made == (job.folder / item.input).read_bytes() + b"swapped"
        assert {item.output for item in report.items} == {*("a.ico.png", "a.png", "b.png")}
    assert "a.ico -> a.ico.png:" in job.said
    assert "a.png:" in job.said


def test_the_photos_are_told_once(job):
    job.picture("a.png")
    job.picture("b.png")
    report = job()
    assert report.photos == (job.photo,)
    assert [item.report.photos for item in report.items] == [(), ()]


def test_one_odd_file_ends_nothing(job):
    odd = os.fsdecode(b"b\xff.png")
    for name in ("a.png", odd, "c.png", "d.png", "x" * 251 + ".png"):
        job.picture(name)
    job.fails = {
        "a.png": RuntimeError("odd\nfile"),
        "c.png": MemoryError(),
        "d.png": NoFaceError("no_face_in_picture", "No face."),
    }
    report = job()
    assert report.exit_code == 5
    saved = {item["input"]: item for item in job.report()["items"]}
    assert saved["a.png"]["code"] == "defect"
    assert saved["a.png"]["exit_code"] == 1
    assert saved["a.png"]["message"].startswith("Defect in videoswap: RuntimeError: odd file.")
    assert "raise self.fails" in saved["a.png"]["traceback"]
    assert saved["c.png"]["code"] == "defect"
    assert saved["d.png"]["code"] == "no_face_in_picture"
    assert saved["d.png"]["traceback"] is None
    assert saved[odd]["status"] == saved["x" * 251 + ".png"]["status"] == "done"
    assert "2 of 5 done, 3 failed; 0 other files skipped." in job.said
    assert job.report()["schema"] == 3


def test_if_all_fail_alike_so_does_the_run(job):
    for name in ("a.png", "b.png"):
        job.picture(name)
        job.fails[name] = NoFaceError("no_face_in_picture", "No face.")
    report = job()
    assert report.exit_code == 4
    assert report.complaint() == "2 of 2 files failed, first a.png: No face."


def test_what_is_finished_is_not_done_again(job):
    job.picture("a.png")
    job.picture("sub/b.png", 80)
    job.fails = {"sub/b.png": NoFaceError("no_face_in_picture", "No face.")}
    assert job().exit_code == 5
    assert not (job.out / "sub").exists()
    job.fails = {}
    assert job().exit_code == 0
    assert job.worked == ["sub/b.png"]
    assert job.status() == {"a.png": "already_done", "sub/b.png": "done"}
    assert [item["report"]["engine"] for item in job.report()["items"]] == ["mesh", "mesh"]
    assert "2 of 2 done, 1 of them in an earlier run; 0 other files skipped." in job.said
    before = (job.out / "a.png").stat().st_mtime_ns
    assert job().exit_code == 0
    assert job.worked == []
    os.utime(job.folder / "a.png", (5, 5))  # copied, say: the content is the same
    os.utime(job.out / "a.png", (before / 1e9, before / 1e9 + 9))
    job()
    assert job.worked == []
    job(overwrite=True)
    assert job.worked == ["a.png", "sub/b.png"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda job: job.picture("a.png", 1), "from something else"),
        (lambda job: job.me.write_bytes(b"other"), "with other photos or settings"),
        (lambda job: (job.out / "a.png").write_bytes(b"precious"), "not made by this command"),
        (lambda job: (job.out / ".videoswap_done.jsonl").unlink(), "not made by this command"),
    ],
)
def test_what_was_made_otherwise_is_neither_trusted_nor_replaced(job, change, why):
    job.picture("a.png")
    job()
    change(job)
    before = (job.out / "a.png").read_bytes()
    report = job()
    assert report.exit_code == 6
    assert report.items[0].code == "output_exists"
    assert why in report.items[0].message
    assert (job.out / "a.png").read_bytes() == before
    assert job.worked == []
    assert job(overwrite=True).exit_code == 0
    assert job(strength=0.5).exit_code == 6
    assert job().exit_code == 0


def test_done_in_part_stays_done_in_part(job):
    job.picture("a.png")
    job.unmatched = {"a.png": ("her.png",)}
    for state in ("done", "already_done"):
        report = job()
        assert (report.exit_code, report.items[0].status) == (5, state)
        assert report.items[0].message == "done in part: nobody matches her.png"
        assert job.said[-3].startswith("1 of 1 done")


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interrupted_run_tells_and_the_next_goes_on(job, overwrite):
    for name in ("a.png", "b/b.png", "c.png"):
        job.picture(name)
    if overwrite:
        job()
    job.fails = {"b/b.png": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        job(overwrite)
    assert job.status() == {"a.png": "done", "b/b.png": "not_reached", "c.png": "not_reached"}
    assert job.report()["interrupted"]
    assert "1 of 3 done, 2 not reached; 0 other files skipped." in job.said
    assert (job.out / "b").exists() is overwrite  # no empty folder
    with (job.out / ".videoswap_done.jsonl").open("a") as record:
        record.write('{"result": "a.png", "inp')  # as after kill -9
    job.fails = {}
    assert job(overwrite).exit_code == 0
    assert job.worked == ["b/b.png", "c.png"]
    job(overwrite)
    assert job.worked == (["a.png", "b/b.png", "c.png"] if overwrite else [])


def test_a_dry_run_looks_at_the_right_paths_and_writes_nothing(job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.png").write_text("not meant")
    job.picture("x/film.png")
    report = job(dry_run=True)
    assert report.exit_code == 0
    assert report.items[0].status == "would_be_done"
    assert job.said[-1] == "1 would be done; 0 other files skipped."
    assert not job.out.exists()
    (job.out / "x").mkdir(parents=True)
    (job.out / "x" / "film.png").write_text("precious")
    report = job(dry_run=True, report_file=tmp_path / "r.json")
    assert report.items[0].code == "output_exists"
    assert "0 would be done, 1 would fail; 0 other files skipped." in job.said
    assert json.loads((tmp_path / "r.json").read_text())["dry_run"]


def test_nothing_is_written_through_links(job, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    job.picture("sub/deep/a.png")
    job.picture("b.png")
    job.out.mkdir()
    (job.out / "sub").symlink_to(away)
    (away / "kept.png").write_text("precious")
    (job.out / "b.png").symlink_to(away / "kept.png")
    report = job(overwrite=True)
    assert [item.code for item in report.items] == [None, "output_through_link"]
    assert sorted(path.name for path in away.iterdir()) == ["kept.png"]
    assert (away / "kept.png").read_text() == "precious"
    assert not (job.out / "b.png").is_symlink()


def test_no_result_is_an_input_and_none_replaces_another(job, tmp_path):
    job.folder = tmp_path / "out" / "in"
    job.picture("in/a.png")
    job.picture("a.png")
    report = job(overwrite=True)
    assert [item.code for item in report.items] == [None, "output_is_input"]
    job.folder = tmp_path / "other"
    job.out.joinpath("b.png").unlink(missing_ok=True)
    job.picture("b.png")
    job.picture("c.png", 3)
    (tmp_path / "out" / "c.png").symlink_to(tmp_path / "out" / "b.png")
    report = job(overwrite=True)
    assert report.items[1].code == "output_exists"


def test_reports_replace_reports_and_nothing_else(job, tmp_path):
    job.picture("a.png")
    for path in (job.out / "a.png", job.folder / "a.png"):
        with pytest.raises(OutputError) as caught:
            job(overwrite=True, report_file=path)
        assert caught.value.code == "output_is_input"
    assert not job.out.exists()
    job(report_file=job.out / "r.json")
    assert job.results() == [".videoswap_done.jsonl", "a.png", "r.json"]
    named = tmp_path / "r.json"
    job(report_file=named)
    assert not (job.out / REPORT).exists()
    assert job(report_file=named).exit_code == 0
    named.write_text("{}")
    job.out.joinpath(REPORT).write_text("precious")
    for changes in ({"report_file": named}, {}):
        with pytest.raises(OutputError) as caught:
            job(**changes)
        assert caught.value.code == "output_exists"
    for path in (job.folder / "a.png", job.out / "a.png", job.me):
        with pytest.raises(OutputError) as caught:
            job(overwrite=True, report_file=path)
        assert caught.value.code == "output_is_input"


def test_a_record_that_cannot_be_written_costs_no_result(job, monkeypatch):
    job.picture("a.png")

    def full(*args):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("videoswap.jobs.folder_record.os.fsync", full)
    assert job().exit_code == 0
    assert any("later run will not know" in line for line in job.said)


def test_only_what_is_wanted_is_done(job):
    os.utime(job.picture("old.png"), (1000, 1000))
    job.picture("new.png")
    report = job(choice=FileFilter(newer_than=5000.0))
    assert job.worked == ["new.png"]
    assert report.left_out == ("old.png",)
    assert "1 of 1 done, 1 left out as asked; 0 other files skipped." in job.said
    assert job(choice=FileFilter(exclude=("*.png",))).exit_code == 0


def test_the_flags_of_a_folder(job, tmp_path, monkeypatch, capsys):
    seen = {}

    def swap_folder(*args, **kwargs):
        seen.update(kwargs)
        raise OutputError("stop", "Stopped.")

    monkeypatch.setattr("videoswap.api.swap_folder", swap_folder)
    old = tmp_path / "old"
    old.touch()
    os.utime(old, (1000, 1000))
    line = ["swap", "--source_paths", "me.png", "--target_dir", "in", "--out_dir", "out"]
    entry.main([*line, "--newer_than", str(old), "--exclude", "*.gif", "--exclude", "drafts/*"])
    assert seen["newer_than"] == 1000
    assert seen["exclude"] == ["*.gif", "drafts/*"]
    entry.main([*line, "--newer_than", "2026-01-02T03:04+00:00"])
    assert seen["newer_than"] == 1767323040
    assert entry.main([*line, "--newer_than", "yesterday"]) == 2
    assert "'yesterday' is neither a date" in capsys.readouterr().err


def test_files_of_names_that_are_not_utf_8(clip, photos, group_photo, tmp_path, monkeypatch):
    """The real thing: decoding, keys, encoding, the final check, messages, the report."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, source in ((b"v\xff.mp4", clip), (b"p\xff.jpg", group_photo)):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(source.read_bytes())
    line = ["swap", "--source_paths", str(photos["source"]), "--device", "cpu", "--end", "0.1"]
    line += ["--target_dir", str(folder), "--out_dir", str(out), "--swapper", "mesh"]
    monkeypatch.setenv("VIDEOSWAP_CACHE_DIR", str(tmp_path / "cache"))
    assert entry.main([*line, "--target_faces_paths", str(photos["left"])]) == 0
    made = {os.fsencode(path.name) for path in out.iterdir()}
    assert made == {b"v\xff.mp4", b"p\xff.jpg", REPORT.encode(), b".videoswap_done.jsonl"}


def test_what_is_not_well_is_said_on_stderr_too(photos, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(photos["nobody"].read_bytes())
    line = ["swap", "--source_paths", str(photos["source"]), "--device", "cpu", "--quiet"]
    line += ["--target_dir", str(tmp_path / "in"), "--out_dir", str(tmp_path / "out")]
    assert entry.main([*line, "--swapper", "mesh", "--no_cache"]) == 4
    assert capsys.readouterr().err.startswith("videoswap: 1 of 1 file failed, first a.png: No face")
