"""What the README promises, measured: the right face, bounded memory, nothing else changed."""

import sys
from dataclasses import replace

import av
import numpy as np
import pytest

from tests.helpers.locations import ROOT, SHARED
from videoswap import EncodeSettings, SwapSettings, swap_video
from videoswap.timerange import TimeRange

sys.path.insert(0, str(ROOT / "benchmarks"))

import identity
import memory
from speed import loop


def test_on_a_generated_clip_the_face_becomes_the_source(solo_clip, photos, tmp_path):
    (row,) = identity.measure(solo_clip, [photos["left"]], [], 3, tmp_path)
    assert row.frames >= 5
    assert row.nearer == 1.0
    assert row.to_source < 0.6  # what dlib calls the same person


@pytest.mark.needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("source", ["beckham.jpg", "mark.jpg"])
def test_one_person_of_a_real_clip(source, tmp_path):
    media = SHARED / "media"
    (row,) = identity.measure(media / "nggyup.mp4", [media / source], [], 12, tmp_path)
    assert row.frames >= 20
    assert row.nearer >= 0.95
    assert row.to_source < 0.5


@pytest.mark.needs_shared
@pytest.mark.slow
def test_two_people_of_a_real_clip_keep_their_own_sources_across_cuts(tmp_path):
    media = SHARED / "media"
    rows = identity.measure(
        media / "dirtydancing.mp4",
        [media / "elon_musk.jpg", media / "mark.jpg"],
        [media / "tgt1.png", media / "tgt2.png"],
        10,
        tmp_path,
    )
    assert len(rows) == 2
    for row in rows:
        assert row.frames >= 10
        assert row.right == 1.0


@pytest.mark.needs_shared
@pytest.mark.slow
def test_on_a_real_clip_nothing_but_the_masks_changes(tmp_path):
    media = SHARED / "media"
    out, masks = tmp_path / "out.mkv", tmp_path / "masks.mkv"
    settings = SwapSettings(cache_dir=None, encode=EncodeSettings(encoder="ffv1"))
    settings = replace(settings, time_range=TimeRange(end=1))
    swap_video(
        [media / "mark.jpg"],
        media / "nggyup.mp4",
        out,
        target_faces=(),
        settings=settings,
        save_masks=masks,
    )
    with (
        av.open(str(media / "nggyup.mp4")) as before,
        av.open(str(out)) as after,
        av.open(str(masks)) as covers,
    ):
        frames = 0
        triples = zip(
            before.decode(video=0), after.decode(video=0), covers.decode(video=0), strict=False
        )
        for old, new, cover in triples:
            mask = cover.to_ndarray(format="gray")
            coarse = mask.reshape(mask.shape[0] // 2, 2, -1, 2).max(axis=(1, 3))
            for index in range(3):
                under = mask if index == 0 else coarse
                one, other = (
                    np.frombuffer(f.planes[index], np.uint8).reshape(f.planes[index].height, -1)[
                        :, : f.planes[index].width
                    ]
                    for f in (old, new)
                )
                assert np.array_equal(one[under == 0], other[under == 0])
            frames += 1
    assert frames == 30


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(clip, photos, tmp_path):
    peaks = []
    for times in (8, 32):
        video = tmp_path / f"{times}.mp4"
        loop(clip, video, times)
        command = [sys.executable, str(ROOT / "inference.py"), "--no_cache"]
        command += ["--source_paths", str(photos["source"]), "--target_video", str(video)]
        command += ["--target_faces_paths", str(photos["left"])]
        command += ["--out_video_name", str(tmp_path / f"out{times}.mp4")]
        peaks.append(memory.peak(command))
    assert peaks[1] <= 1.05 * peaks[0], peaks
    assert peaks[1] < 1200
