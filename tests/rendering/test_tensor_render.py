"""A whole render whose steps work on tensors is that of numpy: equal outside of the masks."""

from contextlib import contextmanager
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
import torch

from tests.engines.test_engines import Mirror, aei, blendface
from videoswap.compositing.finisher import TEMPORAL_RADIUS, Finisher
from videoswap.detection.appearance import FRAMED_SIZE, FRAMING
from videoswap.engines.base import Identity
from videoswap.engines.pixel_boost import PixelBoostEngine
from videoswap.engines.torch_runtime import Person
from videoswap.jobs.benchmark import BenchmarkSettings, draw_film
from videoswap.occlusion.segmenter import NetworkSegmenter, OutlineSegmenter
from videoswap.records import TrackSource
from videoswap.rendering.render import Renderer, plan_track
from videoswap.rendering.segments import plan_segments
from videoswap.rendering.tensor_render import TensorRenderer, faults_of
from videoswap.settings import BlendSettings
from videoswap.video.pixel_formats import samples
from videoswap.video.probe import probe
from videoswap.video.reader import VideoReader

FRAMES, SIZE = 7, (480, 272)
#: Levels that samples differ by at most, and masks: along an occluder the guided filter enlarges
#: what OpenCV rounds, and pixel boost draws one outline in place of the mean of several.
LEVELS = {"plain": 2, "boosted": 2, "own mask": 2}
MASK_LEVELS = {"plain": 12, "boosted": 30, "own mask": 12}


class Other(Mirror):
    """A generator whose faces are darker, redder and softer than what it gets."""

    def __init__(self, device="cpu"):
        super().__init__()
        self.device = torch.device(device)

    def __call__(self, target, identities):
        assert target.device.type == self.device.type
        soft = torch.nn.functional.avg_pool2d(target, 5, stride=1, padding=2)
        tint = target.new_tensor([0.12, -0.05, 0.0]).view(1, 3, 1, 1)
        return (0.8 * soft + tint).clamp(-1, 1)


class Masked(Other):
    """The same, with a mask of its own that is soft along some edges and full in the middle."""

    def __call__(self, target, identities):
        made = super().__call__(2.0 * target - 1.0, identities) / 2.0 + 0.5
        line = torch.linspace(-1.0, 1.0, target.shape[2], device=target.device)
        apart = (line[:, None] ** 2 + 1.4 * line**2).sqrt()
        mask = (2.5 - 3.2 * apart).clamp(0.005, 0.995).expand(len(target), 1, -1, -1)
        return torch.cat([made, mask], dim=1)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "drawn.mp4"
    faces = draw_film(path, BenchmarkSettings(size=SIZE, frames=FRAMES, faces=2))
    return probe(path), faces


@pytest.fixture(scope="module")
def crossed(film, tmp_path_factory):
    """The same film, in which a white thing comes before one of the faces, moves on and is gone."""
    info, faces = film
    path = tmp_path_factory.mktemp("film") / "crossed.mkv"
    with av.open(str(info.path)) as given, av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=given.streams.video[0].average_rate)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number, frame in enumerate(given.decode(video=0)):
            picture = frame.to_ndarray(format="rgb24")
            if 2 <= number <= 4:
                left = 60 + 20 * number
                picture[100:190, left : left + 24] = 250
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return probe(path), faces


class Kept:
    """Takes finished frames in place of an encoder."""

    masked = True

    def __init__(self):
        self.frames = []

    @contextmanager
    def open(self, segment, info):
        yield SimpleNamespace(write=self._write, finish=lambda: None)

    def _write(self, frame, mask, changed):
        planes = [samples(one)[:, : one.width].copy() for one in frame.image.planes]
        self.frames.append((frame.pts, planes, mask, changed))


def bar(framed):
    """Find a bar across every face."""
    mask = np.zeros(framed.shape[:2], np.float32)
    mask[70:82] = 1.0
    return cv2.GaussianBlur(mask, (0, 0), 1.5)


def bright(framed):
    """Find what is white."""
    return cv2.GaussianBlur((framed.min(axis=2) > 215.0).astype(np.float32), (0, 0), 1.0)


SEGMENTERS = {
    "nothing": OutlineSegmenter(),
    "bar": NetworkSegmenter("bar", FRAMING, FRAMED_SIZE, bar),
    "bright": NetworkSegmenter("bright", FRAMING, FRAMED_SIZE, bright),
}


def rendered(kind, film, engine, blend, segmenter, frames=FRAMES, failed=None):
    info, numbered = film
    pts = np.arange(frames) * round(1 / (info.average_rate * info.time_base))
    by_pts = {int(one): numbered[number] for number, one in enumerate(pts)}
    plans = {
        track: plan_track(
            [one[track][1] for one in by_pts.values()], (TrackSource(track, 0),), engine
        )
        for track in (0, 1)
    }
    renderer = kind(
        info,
        lambda first, last, tracks: {at: one for at, one in by_pts.items() if first <= at <= last},
        plans,
        engine,
        [Identity("a", Person(torch.ones(1, 8), None))],
        Finisher(blend),
        SEGMENTERS.get(segmenter, segmenter),
        3,
        failed=failed,
    )
    kept = Kept()
    segments = plan_segments(pts, np.zeros(frames, int), 4, TEMPORAL_RADIUS)
    times = renderer.run(segments, kept, lambda job: None)
    assert {one.name for one in times} >= {"crop", "segment_occlusion", "swap", "finish"}
    return kept.frames


def test_the_same_faces_are_looked_at_as_with_numpy(crossed):
    looks = []

    def predict(framed):
        looks[-1].append(float(framed.mean()))
        return bright(framed)

    made = []
    for kind in (Renderer, TensorRenderer):
        looks.append([])
        segmenter = NetworkSegmenter("counted", FRAMING, FRAMED_SIZE, predict)
        made.append(rendered(kind, crossed, engine_of("plain"), BlendSettings(), segmenter))
    # Both faces in 0, 3 and 6; one in 1, 2, 4 and 5: what is before it in 3 is not in 0 and 6.
    assert len(looks[0]) == 10
    np.testing.assert_allclose(sorted(looks[1]), sorted(looks[0]), atol=0.05)
    for (*_, one, _), (*_, other, _) in zip(*made, strict=True):
        assert np.abs(one.astype(int) - other).max() <= MASK_LEVELS["plain"]


def original(film):
    with VideoReader(film[0]) as reader:
        return [
            [samples(one)[:, : one.width].copy() for one in frame.image.planes]
            for frame in reader.frames()
        ]


def engine_of(name, device="cpu"):
    if name == "own mask":
        return blendface(Masked(device), None)
    inner = aei(Other(device), None)
    return PixelBoostEngine(inner, 2, always=True) if name == "boosted" else inner


ROWS = {
    "as usual": ("plain", BlendSettings(), "nothing"),
    "behind a bar": ("plain", BlendSettings(strength=0.8), "bar"),
    "a thing comes and goes": ("plain", BlendSettings(), "bright"),
    "neither steady nor grain": ("plain", BlendSettings(steady=False, grain=False), "bar"),
    "pixel boost": ("boosted", BlendSettings(), "nothing"),
    "the engine's own mask": ("own mask", BlendSettings(), "bar"),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_whole_render_is_that_of_numpy(film, crossed, row):
    name, blend, segmenter = ROWS[row]
    engine = engine_of(name)
    film = crossed if segmenter == "bright" else film
    frames = 2 if name == "boosted" else FRAMES
    wanted = rendered(Renderer, film, engine, blend, segmenter, frames)
    made = rendered(TensorRenderer, film, engine, blend, segmenter, frames)
    assert [one[0] for one in made] == [one[0] for one in wanted]
    assert all(one[3] for one in made)
    decoded = original(film)[:frames]
    for (_, new, mask, _), (_, old, other, _), before in zip(made, wanted, decoded, strict=True):
        apart = np.abs(mask.astype(int) - other)
        assert apart.max() <= MASK_LEVELS[name]
        assert apart.mean() < 1.0
        cover = np.maximum(mask, other)
        for one, two, three in zip(new, old, before, strict=True):
            seen = cv2.resize(cover, one.shape[::-1], interpolation=cv2.INTER_AREA)
            difference = np.abs(one.astype(int) - two)
            assert difference.max() <= LEVELS[name]
            assert difference[seen > 0].mean() < 0.1
            assert np.array_equal(one[seen == 0], three[seen == 0])
        assert np.abs(new[0].astype(int) - before[0]).max() > 25  # there is a swap to see


@pytest.mark.needs_cuda
@pytest.mark.parametrize("row", ROWS)
def test_a_whole_render_on_cuda_is_that_of_the_cpu(film, crossed, row):
    name, blend, segmenter = ROWS[row]
    film = crossed if segmenter == "bright" else film
    wanted, made = (
        rendered(TensorRenderer, film, engine_of(name, device), blend, segmenter)
        for device in ("cpu", "cuda")
    )
    for (_, new, mask, _), (_, old, other, _) in zip(made, wanted, strict=True):
        assert np.abs(mask.astype(int) - other).max() <= MASK_LEVELS["plain"]
        for one, two in zip(new, old, strict=True):
            difference = np.abs(one.astype(int) - two)
            assert difference.max() <= 2
            assert difference.mean() < 0.1


FAULTS = {None: 0.5, "not_finite": torch.nan, "black": 0.0, "white": 1.0}


def test_swaps_that_come_out_wrong_are_known():
    targets = torch.full((len(FAULTS), 3, 64, 64), 120.0)
    swaps = 255.0 * torch.tensor(list(FAULTS.values())).view(-1, 1, 1, 1).expand_as(targets)
    masks = torch.zeros(len(FAULTS), 1, 64, 64)
    masks[:, :, 8:-8, 8:-8] = 1.0
    assert faults_of(targets, swaps, masks) == list(FAULTS)
    night = torch.zeros_like(targets)
    assert faults_of(night, torch.zeros_like(targets), masks) == [None] * len(FAULTS)


def test_a_wrong_swap_is_made_again_and_then_keeps_its_original(film):
    class Torn(Other):
        """Gives black for a batch of three, and again for two of them."""

        calls = 0

        def __call__(self, target, identities):
            self.calls += 1
            made = super().__call__(target, identities)
            return torch.full_like(made, -1.0) if self.calls in (1, 3, 4) else made

    told = []
    engine = aei(Torn(), None)
    rendered(
        TensorRenderer, film, engine, BlendSettings(), "nothing", 2, lambda *what: told.append(what)
    )
    assert [why for *_, why in told] == ["black", "black"]
