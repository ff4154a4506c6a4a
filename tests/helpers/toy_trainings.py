"""Small trainings that take milliseconds: a regression, and a pair of adversaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from videoswap.training.loop_settings import LoopSettings
from videoswap.training.ordering import AUGMENTATION, EpochOrder, generator
from videoswap.training.recipe import Batch, Phase, Recipe, warmup_stable_decay


@dataclass(frozen=True)
class ToySettings:
    width: int = 8
    samples: int = 10
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            steps=12, batch=4, precision="float32", log_every=3, checkpoint_every=4,
            evaluate_every=6, ema_decay=0.9, threads=1,
        )
    )  # fmt: skip


class Toy(Recipe):
    """A generator with dropout and batch norm that meets targets, and a critic of it."""

    name = "toy"
    averaged = ("generator",)

    def __init__(self, settings=None, data_key="data", explodes_at=None):
        self.settings = settings or ToySettings()
        self.loop = self.settings.loop
        self.data_key, self._explodes_at = data_key, explodes_at
        torch.manual_seed(self.loop.seed)
        width = self.settings.width
        self.networks = {
            "generator": nn.Sequential(
                nn.Linear(3, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.3),
                nn.Linear(width, 2),
            ),
            "critic": nn.Linear(2, 1),
        }  # fmt: skip
        self.phases = tuple(
            Phase(name, (name,), optimizer, warmup_stable_decay(self, optimizer, 3))
            for name, optimizer in (
                ("generator", torch.optim.AdamW(self.networks["generator"].parameters(), 0.02)),
                ("critic", torch.optim.SGD(self.networks["critic"].parameters(), 0.02, 0.9)),
            )
        )
        rows = torch.arange(self.settings.samples).numpy()
        self._order = EpochOrder(rows, self.loop.batch, self.loop.seed)
        self.running = 1.0

    def batch(self, step, part, parts):
        rows = self._order.rows(step, part, parts)
        noise = generator(AUGMENTATION, self.loop.seed, step, part).normal(size=(len(rows), 3))
        x = torch.from_numpy(rows[:, None] / 10 + 0.1 * noise).float()
        return Batch({"x": x, "y": x[:, :2] ** 2}, step)

    def losses(self, phase, batch):
        if phase == "critic":
            judged = self.networks["critic"](batch.kept["made"])
            real = self.networks["critic"](batch["y"])
            return {"total": judged.mean() - real.mean() + 0.1 * real.square().mean()}
        made = self.networks["generator"](batch["x"])
        batch.kept["made"] = made.detach()
        error = (made - batch["y"]).square().mean()
        self.running = 0.9 * self.running + 0.1 * float(error.detach())
        total = error - 0.01 * self.networks["critic"](made).mean() * self.running
        if batch.step == self._explodes_at:
            total = total * float("nan")
        return {"total": total, "error": error}

    def evaluate(self, networks):
        x = torch.linspace(0, 1, 5)[:, None].expand(5, 3)
        return {"spread": float(networks["generator"](x).std())}

    def state(self):
        return {"running": self.running}

    def load_state(self, state):
        self.running = state["running"]


class Plain(Toy):
    """Without norm and dropout, and its noise by sample: parts add up to the whole."""

    def __init__(self, settings=None):
        super().__init__(settings)
        generator: Any = self.networks["generator"]
        generator[1] = torch.nn.Identity()
        generator[3] = torch.nn.Identity()
        self.running = 0.0

    def batch(self, step, part, parts):
        whole = super().batch(step, 0, 1)
        size = self.loop.batch // parts
        for name, tensor in whole.tensors.items():
            whole.tensors[name] = tensor[part * size : (part + 1) * size]
        return whole

    def losses(self, phase, batch):
        losses = super().losses(phase, batch)
        return {"total": losses.get("error", losses["total"])}
