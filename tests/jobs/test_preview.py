"""A preview is the frame of the result, beside the original."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from videoswap import EncodeSettings, PeopleSettings, preview_swap, swap_image, swap_video
from videoswap.errors import InputError, OutputError, UsageError
from videoswap.jobs.context import load_context
from videoswap.jobs.preview import FrameRenderer, bar_rows, side_by_side
from videoswap.jobs.video import analyze_with_progress, match_in_video
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader, upright_picture


def halves(path):
    """Return both pictures of a preview, without the bar."""
    sheet = cv2.imread(str(path))[:, :, ::-1]
    height = next(rows for rows in range(1, len(sheet)) if rows + bar_rows(rows) == len(sheet))
    return np.split(sheet[-height:], 2, axis=1)


def shown(path):
    """Return every frame of a video as it is shown, by its number."""
    info = probe(path)
    with VideoReader(info) as reader:
        return [upright_picture(info, frame) for frame in reader.frames()]


@pytest.mark.parametrize("chosen", [PeopleSettings(all_faces=True), PeopleSettings(persons=(1,))])
def test_a_preview_is_the_frame_of_the_result(clip, photos, settings, tmp_path, chosen):
    settings = replace(settings, people=chosen)
    lossless = replace(settings, encode=EncodeSettings(encoder="ffv1"))
    swap_video([photos["source"]], clip, tmp_path / "out.mkv", settings=lossless)
    original, result = shown(clip), shown(tmp_path / "out.mkv")
    # The first frame, one beside the border of a segment (8 frames each), the last.
    for number, time in ((0, 0), (7, Fraction("0.27")), (23, Fraction("0.87"))):
        out = tmp_path / f"{number}.png"
        report = preview_swap([photos["source"]], clip, out, moment=time, settings=settings)
        before, after = halves(out)
        assert np.array_equal(before, original[number])
        assert np.array_equal(after, result[number])
        assert report.swapped_frames == 1 and report.analysis_cached
        assert (before != after).any()


def test_a_preview_of_a_picture(group_photo, photos, settings, tmp_path):
    settings = replace(settings, people=PeopleSettings(persons=(2,)))
    swap_image([photos["source"]], group_photo, tmp_path / "out.png", settings=settings)
    preview_swap([photos["source"]], group_photo, tmp_path / "p.png", settings=settings)
    before, after = halves(tmp_path / "p.png")
    assert np.array_equal(before, cv2.imread(str(group_photo))[:, :, ::-1])
    assert np.array_equal(after, cv2.imread(str(tmp_path / "out.png"))[:, :, ::-1])
    with pytest.raises(UsageError) as caught:
        preview_swap([photos["source"]], group_photo, tmp_path / "q.png", moment=Fraction(3))
    assert caught.value.code == "picture_without_times"


def test_a_preview_of_a_grey_picture_is_grey(photos, settings, tmp_path):
    target = tmp_path / "grey.png"
    Image.fromarray(skimage.data.astronaut()[:300, 80:380]).convert("L").save(target)
    preview_swap([photos["left"]], target, tmp_path / "p.png", settings=settings)
    before, after = halves(tmp_path / "p.png")
    assert (before != after).any() and np.ptp(after.astype(int), axis=2).max() == 0


def test_without_a_time_the_best_moment_is_shown(clip, photos, settings, tmp_path):
    report = preview_swap([photos["source"]], clip, tmp_path / "p.png", settings=settings)
    before, after = halves(tmp_path / "p.png")
    assert report.swapped_frames == 1 and (before != after).any()


def test_a_moment_that_is_not_there_leaves_nothing(solo_clip, photos, settings, tmp_path):
    with pytest.raises(InputError) as caught:
        preview_swap(
            [photos["left"]],
            solo_clip,
            tmp_path / "p.png",
            moment=Fraction(99),
            target_faces=(),
            settings=settings,
        )
    assert caught.value.code == "no_such_moment"
    assert not (tmp_path / "p.png").exists()


def test_an_input_is_never_replaced_by_its_preview(photos, settings, tmp_path):
    over = replace(settings, overwrite=True)
    with pytest.raises(OutputError) as caught:
        preview_swap([photos["source"]], photos["left"], photos["source"], settings=over)
    assert caught.value.code == "output_is_input"


def test_labels_leave_the_pictures_as_they_are():
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 256, (2, 60, 90, 3), np.uint8)
    sheet = side_by_side(before, after)
    assert sheet.shape == (60 + bar_rows(60), 180, 3)
    assert np.array_equal(sheet[-60:, :90], before) and np.array_equal(sheet[-60:, 90:], after)
    assert (sheet[: bar_rows(60)] > 150).any()


def test_a_moment_shows_where_it_was_changed(clip, photos, settings):
    info = probe(clip)
    context = load_context([photos["source"]], [], settings, lambda line: None)
    with analyze_with_progress(info, settings, context.tools) as found:
        _, matching = match_in_video(context, info, found)
        shown = FrameRenderer(info, found).render(context, matching, int(found.frames.pts[5]))
    assert shown.mask.shape == shown.before.shape[:2] == (320, 480)
    changed = (shown.before != shown.after).any(axis=2)
    assert shown.swapped and changed.any()
    # Half of the pixels' colors are shared by four of them.
    near = cv2.dilate(shown.mask, np.ones((3, 3), np.uint8)) > 0
    assert not (changed & ~near).any()
    ((track, face),) = shown.faces
    assert track in matching.sources
    left, top, right, bottom = face.box.astype(int)
    assert shown.mask[top:bottom, left:right].sum() > 0.6 * shown.mask.sum()
