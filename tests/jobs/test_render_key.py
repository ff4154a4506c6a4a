"""Unfinished renders: what decides the result decides whether they are gone on with."""

from dataclasses import replace

import pytest

import videoswap.jobs.video
from videoswap import EncodeSettings
from videoswap.engines.mesh.engine import MeshEngine, MeshSettings
from videoswap.jobs.context import load_context
from videoswap.settings import BlendSettings


def test_another_wish_is_another_render(solo_clip, photos, settings, tmp_path, monkeypatch, card):
    """Nothing is rendered: the key is asked for first."""

    def stopped(cache, key, *others):
        raise KeyboardInterrupt(key)

    monkeypatch.setattr(videoswap.jobs.video, "open_segment_folder", stopped)
    plain = replace(settings, swapper="mesh")
    context = load_context([photos["source"]], [], plain, lambda line: None)

    def key(**changes):
        with pytest.raises(KeyboardInterrupt) as caught:
            videoswap.jobs.video.swap_one_video(
                replace(context, **changes), solo_clip, tmp_path / "out.mp4", None, False
            )
        return caught.value.args[0]

    keys = [
        key(),
        key(settings=replace(plain, blend=BlendSettings(strength=0.5))),
        key(settings=replace(plain, encode=EncodeSettings(crf=30))),
        key(settings=replace(plain, segment_frames=4)),
        key(engine=MeshEngine(MeshSettings(feather=0.1))),
        key(device=replace(context.device, name="cuda")),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]
    assert key(settings=replace(plain, decoder="nvdec")) == keys[0]  # its frames are the same
    assert card.opened == 3  # once, and at the beginning and in the middle
