"""Small trainings of swappers: drawn faces of some people, a random identity encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.helpers.drawn_faces import drawn
from videoswap import networks
from videoswap.geometry.affine import TEMPLATES
from videoswap.training.faces.dataset import add_face
from videoswap.training.loop_settings import LoopSettings
from videoswap.training.shards import pack
from videoswap.training.swapper.settings import (
    ColorJitter,
    DiscriminatorSettings,
    IdentitySettings,
)

LOOP = LoopSettings(
    steps=4, batch=4, clip_norm=0, ema_decay=0.9, precision="float32", log_every=2,
    checkpoint_every=2, evaluate_every=0, threads=1,
)  # fmt: skip
STILL = ColorJitter(0, 0, 0, 0)


def pack_people(folder, people=4, photos=2, held=3):
    """Pack photos of people to learn from, and one of each of ``held`` others."""
    points = TEMPLATES["arcface_112_v2"] * 64

    def fill(name, shard):
        for number in range(people * photos + held):
            known = number < people * photos
            person = number // photos if known else people + number
            shade = 0.1 * (number % photos) if known else 0.0
            add_face(
                shard,
                drawn(person, shade, size=64),
                framing="arcface",
                size=64,
                name=f"p{number}",
                identity=f"person {person}",
                held=not known,
                points5=points,
                landmarks=np.resize(points, (68, 2)),
            )

    pack(folder, ["faces-0"], fill)
    return folder


@torch.no_grad()
def random_encoder(path):
    """Write the small encoder with random weights; drawn faces are far apart in its numbers."""
    from safetensors.torch import save_file

    torch.manual_seed(5)
    encoder: Any = networks.build("lite_encoder")
    faces = np.stack([drawn(person, size=96) for person in range(24)]).astype(np.float32) / 127.5
    numbers = encoder.body(torch.from_numpy(faces - 1).permute(0, 3, 1, 2))
    encoder.body[-1].bias -= numbers.mean(dim=0)
    save_file(encoder.state_dict(), path)
    return path


def small_settings(kind, folder, **changed):
    """Return settings of a swapper of 32 pixels, with data and encoder in a folder."""
    data, encoder = folder / "data", folder / "encoder.safetensors"
    if not encoder.is_file():
        pack_people(data)
        random_encoder(encoder)
    usual = {
        "data": data,
        "framing": "arcface",
        "identity": IdentitySettings("lite_encoder", encoder),
        "size": 32,
        "width": 0.125,
        "num_blocks": 1,
        "discriminator": DiscriminatorSettings(8, 2, 2),
        "initial_generator": None,
        "initial_discriminator": None,
        "loop": LOOP,
    }
    return kind(**usual | changed)


def checkpoint_of(folder):
    """Return all of a checkpoint but what a clock decides."""
    from videoswap.training.checkpoint import NAME

    state = torch.load(folder / NAME, weights_only=True)
    state["totals"].pop("seconds")
    return state


def assert_same(one, other, where=""):
    """Compare checkpoints, bit for bit."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for name in one:
            assert_same(one[name], other[name], f"{where}/{name}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}/{number}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where
