"""What both trainings share: batches without end, the loop, the weights that are kept."""

from __future__ import annotations

import argparse
import copy
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from hands import Array
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

BATCH = 32
HELD_OUT = 25  # every so manieth photo is for the check only
SAVED = 240  # seconds between two checkpoints
LATER = 25  # batches after which one comes again

#: One sample of a photo, as arrays.
Draw = Callable[[np.random.Generator, int], tuple[Array, ...]]


class Batches(torch.utils.data.IterableDataset):
    """Batches of samples without end.

    Args:
        draw: Makes a sample of the photo of a number.
        numbers: The photos to choose from.
        seed: Seed of all chance.
        again: Every batch comes once more, a little later, as this makes it.
    """

    def __init__(
        self,
        draw: Draw,
        numbers: Array,
        seed: int,
        again: Callable[[tuple[Array, ...]], tuple[Array, ...]],
    ) -> None:
        self._draw, self._numbers, self._seed = draw, numbers, seed
        self._again = again

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        """Yield batches."""
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        waiting: deque[tuple[Array, ...]] = deque()
        while True:
            batch = [self._draw(rng, int(rng.choice(self._numbers))) for _ in range(BATCH)]
            made = tuple(np.stack(column) for column in zip(*batch, strict=True))
            yield made
            waiting.append(self._again(made))  # drawing one costs as much as learning from it
            if len(waiting) > LATER:
                yield waiting.popleft()

    def loaded(self, workers: int) -> torch.utils.data.DataLoader[Any]:
        """Return what makes them in other processes."""
        return torch.utils.data.DataLoader(
            self, batch_size=None, num_workers=workers, prefetch_factor=6
        )


def options_of(description: str) -> argparse.ArgumentParser:
    """Return a parser of the flags that both trainings have."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--bare", type=Path, help="network that chooses the photos")
    parser.add_argument("--hand_model", type=Path, help="a mesh, see modelled_hands.py")
    parser.add_argument("--textures", type=Path, help="folder of pictures of anything but faces")
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def trained(
    network: nn.Module,
    batches: torch.utils.data.DataLoader[Any],
    loss_of: Callable[..., Tensor],
    options: argparse.Namespace,
    check: Callable[[nn.Module], str],
) -> nn.Module:
    """Train for some minutes.

    Args:
        network: The network, in the channels-last layout.
        batches: Gives pictures and what belongs to them.
        loss_of: From the network and a batch to a number.
        options: See ``options_of``.
        check: Says how good a network is.

    Returns:
        The mean of the latest weights, which is steadier than any of them.
    """
    if options.resume:
        # What a network has more than those weights is made so that it changes nothing at first.
        odd = network.load_state_dict(load_file(options.resume), strict=False).unexpected_keys
        if odd:
            raise SystemExit(f"{options.resume} is of another network: {odd[0]}")
    mean = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    began = saved = time.monotonic()
    for step, batch in enumerate(batches, 1):
        done = (time.monotonic() - began) / (60 * options.minutes)
        if done >= 1:
            break
        for group in optimizer.param_groups:  # up at first, down at last
            group["lr"] = options.rate * min(1, step / 200) * min(1, (1 - done) / 0.45)
        network.train()
        loss = loss_of(network, *map(torch.as_tensor, batch))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        keep = min(0.998, step / (step + 20))
        for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(keep).add_(new, alpha=1 - keep)
        if time.monotonic() - saved > SAVED:
            saved = time.monotonic()
            save_weights(mean, options.out)
            print(step, f"{loss.item():.3f}", check(mean.eval()), flush=True)
    save_weights(mean, options.out)
    mean.load_state_dict(load_file(options.out.with_suffix(".safetensors")))  # as rounded there
    print(check(mean.eval()))
    return mean


def as_input(pictures: Array | Tensor) -> Tensor:
    """Turn (B, S, S, C), 0 to 255, into a network's input."""
    moved = torch.as_tensor(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    return moved.contiguous(memory_format=torch.channels_last)


def save_weights(network: nn.Module, out: Path) -> None:
    """Write the weights, to go on from there: matrices in half precision, the rest as it is."""
    packed = {
        name: (value.half() if value.ndim > 1 else value).contiguous()
        for name, value in network.state_dict().items()
    }
    save_file(packed, out.with_suffix(".safetensors"))


def save_graph(
    exported: nn.Module, inputs: dict[str, tuple[int, ...]], outputs: tuple[str, ...], out: Path
) -> None:
    """Write an ONNX file of a network whose inputs have these names and shapes.

    Its matrices are in half precision, too, and made single again when it is loaded.
    """
    path = out.with_suffix(".onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, that it is the older one
        torch.onnx.export(
            exported.eval(),
            tuple(torch.zeros(shape) for shape in inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load(path)
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT and len(weight.dims) > 1:
            name, half = weight.name, f"{weight.name}_half"
            values = onnx.numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(onnx.numpy_helper.from_array(values, half))
            casts.append(onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)
