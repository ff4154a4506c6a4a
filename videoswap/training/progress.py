"""What a run says while it trains: lines with the time left, a history, TensorBoard, W&B."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, OutputError, reason_of
from ..records import Array
from .loop_settings import LoopSettings

HISTORY = "history.jsonl"
BOARD = "tensorboard"


class Meters:
    """Means of losses since they were last asked for; nothing waits for the device before."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Take in scalars of a step."""
        for name, value in values.items():
            value = value.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def are_finite(self) -> bool:
        """Whether no value has been infinite or no number since they were last asked for."""
        return all(bool(torch.isfinite(value).all()) for value in self._sums.values())

    def take(self) -> dict[str, float]:
        """Return the means by name and begin anew."""
        means = {name: float(value) / self._counts[name] for name, value in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        return means


class Clock:
    """Speed and time left of a run.

    Args:
        seconds: What earlier parts of the run took.
        limit: Seconds that this part may take; None for no limit.
    """

    def __init__(self, seconds: float = 0.0, limit: float | None = None) -> None:
        self._before, self._limit = seconds, limit
        self._began = self._marked = time.monotonic()
        self._steps = 0

    @property
    def seconds(self) -> float:
        """Seconds of training over all parts."""
        return self._before + time.monotonic() - self._began

    @property
    def is_up(self) -> bool:
        """Whether this part has used its time."""
        return self._limit is not None and time.monotonic() - self._began >= self._limit

    def speed(self, steps: int) -> float:
        """Return steps a second since the last call, of ``steps`` done since then."""
        now = time.monotonic()
        elapsed, self._marked = now - self._marked, now
        return steps / max(elapsed, 1e-9)


def eta(seconds: float) -> str:
    """Return a duration as 5 s, 12 min or 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


class Journal:
    """Writes the history of a run and tells whoever listens.

    Args:
        folder: The run's folder; the history is appended to.
        settings: Which boards are wanted.
        say: Takes each line.

    Raises:
        InputError: ``missing_package`` for a board that is wanted and not installed.
    """

    def __init__(self, folder: Path, settings: LoopSettings, say: Callable[[str], None]) -> None:
        self._path, self._say = folder / HISTORY, say
        self._board = _tensorboard(folder) if settings.tensorboard else None
        self._wandb = _wandb(folder, settings) if settings.wandb else None

    def write(self, kind: str, step: int, values: Mapping[str, float | str], line: str) -> None:
        """Keep numbers of a step and say a line about them.

        Args:
            kind: ``train``, ``evaluate``, or what else happened.
            step: Steps done.
            values: Numbers by name, texts only in the history.
            line: What is said.

        Raises:
            OutputError: ``cannot_write_history``.
        """
        entry = {"kind": kind, "step": step, **values}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            problem = f"The history {self._path} cannot be written: {reason_of(error)}."
            raise OutputError("cannot_write_history", problem) from None
        numbers = {f"{kind}/{n}": v for n, v in values.items() if not isinstance(v, str)}
        if self._board is not None:
            for name, value in numbers.items():
                self._board.add_scalar(name, value, step)
        if self._wandb is not None and numbers:
            self._wandb.log(numbers, step=step)
        self._say(line)

    def picture(self, step: int, sheet: Array) -> None:
        """Give a sample sheet (H, W, 3) uint8 RGB to the boards."""
        if self._board is not None:
            self._board.add_image("samples", sheet, step, dataformats="HWC")
        if self._wandb is not None:
            import wandb

            self._wandb.log({"samples": wandb.Image(sheet)}, step=step)

    def close(self) -> None:
        """Finish the boards."""
        if self._board is not None:
            self._board.close()
        if self._wandb is not None:
            self._wandb.finish()


def rounded(values: Mapping[str, float]) -> str:
    """Return numbers by name in one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items())


def memory_used(device: torch.device) -> str:
    """Return the largest memory so far: of the GPU, or of the process on a CPU."""
    if device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB on the GPU"
    import resource

    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB"


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise _missing("tensorboard") from None
    return SummaryWriter(str(folder / BOARD))


def _wandb(folder: Path, settings: LoopSettings) -> Any:
    try:
        import wandb
    except ImportError:
        raise _missing("wandb") from None
    return wandb.init(
        dir=str(folder),
        mode="offline",
        project=settings.wandb_project,
        entity=settings.wandb_entity or None,
        name=settings.run_name or folder.name,
    )


def _missing(name: str) -> InputError:
    return InputError(
        "missing_package", f"{name} is not installed.", f"pip install {name}, or switch it off."
    )
