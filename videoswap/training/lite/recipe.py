"""The training of the generator that corrects mesh swaps, on packed triplets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...networks.correction import CORRECTION_SIZE, CorrectionNetwork, corrected
from ...networks.discriminator import MultiscaleDiscriminator
from ...records import Array
from ..augment import Augmentation, change_look
from ..encoder.export import write_safetensors
from ..losses import adversarial, discriminator
from ..muon import muon_phase
from ..ordering import AUGMENTATION, EpochOrder, generator
from ..recipe import Batch, Phase, Recipe, as_input, load_initial
from ..shards import PackedPictures
from ..sheets import grid
from .export import write_correction_onnx
from .identity import IdentityJudge
from .prepare import unstrip
from .settings import LiteSettings

#: Held-out samples that an evaluation takes, and those on a sheet.
MEASURED, SHEET_ROWS = 240, 24
PICTURES = ("target", "swap", "answer")
_STILL = Augmentation(**dict.fromkeys(Augmentation.__slots__, 0.0))


class LiteRecipe(Recipe):
    """Builds networks, data and optimizers of the generator's training.

    Args:
        settings: All of its settings.

    Raises:
        InputError: ``no_shards``, ``damaged_shard``, or why weights cannot be used.
    """

    name = "lite"
    averaged = ("generator",)
    settings: LiteSettings

    def __init__(self, settings: LiteSettings) -> None:
        self.settings, self.loop = settings, settings.loop
        self._packed = PackedPictures(settings.data)
        self.data_key = self._packed.key
        columns = self._packed.columns
        held = np.flatnonzero(columns["held"])
        self._held: list[int] = held[:: max(1, len(held) // MEASURED)][:MEASURED].tolist()
        rows = np.flatnonzero(~columns["held"])
        self._order = EpochOrder(rows, self.loop.batch, self.loop.seed)
        torch.manual_seed(self.loop.seed)
        network = CorrectionNetwork().train()
        mean = columns["descriptor"][rows].astype(np.float32).mean(axis=0)
        network.descriptor_mean.copy_(torch.from_numpy(mean))
        if settings.initial is not None:
            load_initial(network, settings.initial, "the correction")
        self.networks = {"generator": network}
        self._judge = None if settings.encoder is None else IdentityJudge(settings.encoder)
        last = [network.last.weight]
        self.phases = (muon_phase(self, "generator", self.networks, settings, last),)
        if settings.adversarial:
            critic = MultiscaleDiscriminator(width=24, n_layers=3, scales=2).train()
            optimizer = torch.optim.AdamW(
                critic.parameters(), settings.discriminator_rate, (0.0, 0.99)
            )
            self.networks["discriminator"] = critic
            self.phases += (Phase("discriminator", ("discriminator",), optimizer),)
        for one in self.networks.values():
            one.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def batch(self, step: int, part: int, parts: int) -> Batch:
        """Decode and augment the samples of a part of a step."""
        rows = self._order.rows(step, part, parts)
        made = [
            sample(
                self._packed.picture(int(row)),
                self.settings.augmentation,
                generator(AUGMENTATION, self.loop.seed, step, part, number),
            )
            for number, row in enumerate(rows)
        ]
        return self._batch(made, rows, step)

    def _batch(self, made: list[dict[str, Array]], rows: Array, step: int) -> Batch:
        tensors = {
            name: as_input(np.stack([one[name] for one in made])) for name in (*PICTURES, "seen")
        }
        tensors["mask"] = torch.from_numpy(np.stack([one["mask"] for one in made])[:, None])
        descriptors = self._packed.columns["descriptor"][rows].astype(np.float32)
        tensors["descriptor"] = torch.from_numpy(descriptors)
        return Batch(tensors, step)

    def losses(self, phase: str, batch: Batch) -> dict[str, Tensor]:
        """Compute the losses of the generator or of the discriminator."""
        if phase == "discriminator":
            return self._discriminator_losses(batch)
        settings, answer = self.settings, batch["answer"]
        maps, made = self._made(self.networks["generator"], batch)
        if settings.adversarial:
            batch.kept["made"] = made.detach()
        with torch.autocast(answer.device.type, enabled=False):
            weight = batch["mask"] / batch["mask"].mean().clamp(min=0.01)
            terms = {
                "pixels": ((made - answer).abs() * weight).mean(),
                "gradients": _edge_difference(made, answer, weight),
                "smooth": _variation(maps),
            }
        if self._judge is not None:
            terms |= self._judge.terms(made, answer, batch["target"])
        if settings.adversarial:
            critic = self.networks["discriminator"]
            terms["adversarial"] = adversarial([one.float() for one in critic(made)])
        total = torch.stack([getattr(settings, name) * one for name, one in terms.items()]).sum()
        return {"total": total, **terms}

    def _discriminator_losses(self, batch: Batch) -> dict[str, Tensor]:
        critic = self.networks["discriminator"]
        if "made" not in batch.kept:  # where a step is only timed
            batch.kept["made"] = self._made(self.networks["generator"], batch)[1].detach()
        both = critic(torch.cat([batch["answer"], batch.kept["made"]]))
        halves = [one.float().chunk(2) for one in both]
        return {"total": discriminator([one for one, _ in halves], [one for _, one in halves])}

    def _made(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the maps and the corrected swap on its target."""
        maps = network(batch["seen"], batch["swap"], batch["mask"], batch["descriptor"])
        with torch.autocast(maps.device.type, enabled=False):
            swap = corrected(batch["swap"], maps)
            made = batch["target"] + batch["mask"] * (swap.clamp(-1.1, 1.1) - batch["target"])
        return maps, made

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Measure held-out triplets, each number also for the swap as it came.

        Returns:
            ``error``: mean difference from the answer inside the mask, in levels of 255.
            ``identity``: mean cosine to the answer's identity. ``target``: that to the target's.
        """
        if not self._held:
            return {}
        found: dict[str, list[float]] = {}
        for rows, batch, made in self._held_out(networks):
            swap = batch["target"] + batch["mask"] * (batch["swap"] - batch["target"])
            for suffix, picture in ((" before", swap), ("", made)):
                away = (picture.clamp(-1, 1) - batch["answer"]).abs().mean(dim=1, keepdim=True)
                error = (away * batch["mask"]).sum() / batch["mask"].sum() * 127.5
                measured = {"error": float(error)}
                if self._judge is not None:
                    for name in ("answer", "target"):
                        alike = self._judge.cosines(picture, batch[name])
                        measured["identity" if name == "answer" else name] = float(alike.mean())
                for name, value in measured.items():
                    found.setdefault(name + suffix, []).append(value * len(rows))
        return {name: sum(values) / len(self._held) for name, values in found.items()}

    def sheet(self, networks: Mapping[str, nn.Module]) -> Array | None:
        """Show held-out triplets: source, target, swap, corrected swap, answer."""
        if not self._held:
            return None
        lines: list[list[Array]] = []
        shown = set(self._held[:: max(1, len(self._held) // SHEET_ROWS)][:SHEET_ROWS])
        for rows, batch, made in self._held_out(networks):
            swap = batch["target"] + batch["mask"] * (batch["swap"] - batch["target"])
            for number, row in enumerate(rows):
                if row in shown:
                    source = unstrip(self._packed.picture(row))["source"]
                    size = (CORRECTION_SIZE, CORRECTION_SIZE)
                    cells = [cv2.resize(source, size, interpolation=cv2.INTER_AREA)]
                    pictures = (batch["target"], swap, made, batch["answer"])
                    lines.append([*cells, *(_in_bytes(one[number]) for one in pictures)])
        pairs = zip(lines[::2], lines[1::2], strict=False)
        return grid([[*one, *other] for one, other in pairs] or lines)

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
        """Write ``correction.safetensors`` in half precision and ``correction.onnx``."""
        network = cast("CorrectionNetwork", networks["generator"])
        paths = (folder / "correction.safetensors", folder / "correction.onnx")
        write_safetensors(network, paths[0])
        write_correction_onnx(network, paths[1])
        return paths

    def _held_out(self, networks: Mapping[str, nn.Module]) -> list[tuple[list[int], Batch, Tensor]]:
        device = next(networks["generator"].parameters()).device
        found = []
        for first in range(0, len(self._held), 32):
            rows = self._held[first : first + 32]
            made = [
                sample(self._packed.picture(row), _STILL, generator(AUGMENTATION, 0, row))
                for row in rows
            ]
            batch = self._batch(made, np.array(rows), 0)
            batch.tensors = {name: one.to(device) for name, one in batch.tensors.items()}
            found.append((rows, batch, self._made(networks["generator"], batch)[1]))
        return found


def sample(picture: Array, settings: Augmentation, random: np.random.Generator) -> dict[str, Array]:
    """Make a sample of a packed strip.

    Args:
        picture: (128, 640, 3) uint8 RGB, see `prepare`.
        settings: How often and how much is changed.
        random: The sample's random numbers.

    Returns:
        ``target``, ``swap``, ``answer`` and ``seen`` (the target as the network sees it), each
        (96, 96, 3) float32 in [0, 1], and ``mask`` (96, 96) float32.
    """
    parts = unstrip(picture)
    matrix = _framing(len(picture), settings, random)
    side = (CORRECTION_SIZE, CORRECTION_SIZE)
    framed: dict[str, Array] = {
        name: np.asarray(
            cv2.warpAffine(
                parts[name], matrix, side, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
        )
        for name in PICTURES
    }
    mask = cv2.warpAffine(parts["mask"], matrix, side, flags=cv2.INTER_LINEAR)
    mask = mask.astype(np.float32) / 255
    if random.random() < settings.occluder:
        front = _occluder(random)
        color = random.integers(0, 256, 3)
        for name in ("target", "answer"):
            framed[name] = np.where(front[..., None] > 0, color, framed[name]).astype(np.uint8)
        mask *= front == 0
    worse = replace(settings, tone=0.0, slope=0.0, contrast=0.0, grey=0.0, saturation=0.0)
    seen = np.clip(change_look(framed["target"], worse, random), 0, 1)
    framed["seen"] = np.asarray(255 * seen + 0.5, np.uint8)
    light = replace(settings, small=0.0, blur=0.0, jpeg=0.0, contrast=0.0, grain=0.0)
    seed = int(random.integers(2**31))
    made = {
        name: np.clip(change_look(one, light, np.random.default_rng(seed)), 0, 1)
        for name, one in framed.items()
    }
    return {**made, "mask": np.asarray(mask, np.float32)}


def _framing(side: int, settings: Augmentation, random: np.random.Generator) -> Array:
    """Return the (2, 3) matrix from a kept picture to a sample."""
    scale = CORRECTION_SIZE / side * np.exp(random.normal() * settings.zoom)
    angle = random.normal() * settings.roll
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if random.random() < settings.mirror:
        linear = linear @ np.diag([-1.0, 1.0])
    middle = np.full(2, (side - 1) / 2)
    shift = random.normal(size=2) * settings.shift * CORRECTION_SIZE
    return np.column_stack([linear, (CORRECTION_SIZE - 1) / 2 + shift - linear @ middle])


def _occluder(random: np.random.Generator) -> Array:
    """Draw an ellipse or a bar somewhere; (96, 96) uint8, 0 or 1."""
    canvas = np.zeros((CORRECTION_SIZE, CORRECTION_SIZE), np.uint8)
    center = random.integers(0, CORRECTION_SIZE, 2).tolist()
    axes = random.integers(3, CORRECTION_SIZE // 3, 2).tolist()
    cv2.ellipse(canvas, (center, axes, float(random.uniform(0, 180))), (1,), -1)
    return canvas


def _edge_difference(one: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    """Return the mean difference of neighbors' differences, one and two pixels apart."""
    apart = one - other
    terms = []
    for step in (1, 2):
        across = (apart[..., step:] - apart[..., :-step]).abs() * weight[..., step:]
        down = (apart[..., step:, :] - apart[..., :-step, :]).abs() * weight[..., step:, :]
        terms += [across.mean(), down.mean()]
    return torch.stack(terms).mean()


def _variation(maps: Tensor) -> Tensor:
    """Return the mean square of neighbors' differences of all maps.

    Motion counts in pixels.
    """
    scale = maps.new_tensor([*[1.0] * 6, *[CORRECTION_SIZE] * 2])[:, None, None]
    scaled = maps * scale
    across, down = scaled[..., 1:] - scaled[..., :-1], scaled[..., 1:, :] - scaled[..., :-1, :]
    return F.mse_loss(across, torch.zeros_like(across)) + F.mse_loss(down, torch.zeros_like(down))


def _in_bytes(picture: Tensor) -> Array:
    level = (picture.clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8)
    return np.ascontiguousarray(level.permute(1, 2, 0).cpu().numpy())
