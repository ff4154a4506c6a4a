"""Questions about paths never fail."""

from pathlib import Path

from videoswap.paths import is_file, is_folder, is_link, real_path


def test_a_name_too_long_is_neither_file_nor_folder(tmp_path):
    for path in (tmp_path / ("n" * 300), tmp_path / ("x/" * 2500), Path("a\0b")):
        assert not is_folder(path) and not is_file(path)
    (tmp_path / "file").touch()
    assert is_folder(tmp_path) and is_file(tmp_path / "file")


def test_a_link_to_itself_is_a_link_and_leads_nowhere(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    assert is_link(loop) and not is_folder(loop) and not is_file(loop)
    assert real_path(loop / "x") == loop / "x"
    assert not is_link(tmp_path / ("n" * 300))
