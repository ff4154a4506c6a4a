from pathlib import Path

import pytest

from videoswap.errors import OutputError
from videoswap.jobs.outputs import check_output, default_output, default_video_output


def test_default_names(clip, clips):
    assert default_output(Path("a/b.jpg")) == Path("b_swapped.jpg")
    assert default_video_output(clip) == Path("two people_swapped.mp4")
    assert default_video_output(clips["yuv444p"]) == Path("yuv444p_swapped.mkv")


def test_a_link_to_an_input_is_the_input(tmp_path):
    source = tmp_path / "a.mp4"
    source.write_text("video")
    link = tmp_path / "b.mp4"
    link.symlink_to(source)
    hard = tmp_path / "c.mp4"
    hard.hardlink_to(source)
    for out in (source, link, hard):
        with pytest.raises(OutputError) as caught:
            check_output(out, [source], overwrite=True)
        assert caught.value.code == "output_is_input"
