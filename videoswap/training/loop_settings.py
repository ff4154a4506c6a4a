"""Settings that every training has; importing them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError
from ..fieldtypes import conform

PRECISIONS = ("auto", "bfloat16", "float32")
#: Settings of the loop that may change when a run is resumed.
CHANGEABLE = (
    *("steps", "minutes", "threads", "workers", "log_every", "checkpoint_every", "evaluate_every"),
    *("tensorboard", "wandb", "wandb_project", "wandb_entity", "run_name"),
)


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How long, how much at once, how exact: what every recipe has.

    Attributes:
        steps: Steps of the optimizers in all, at most.
        minutes: The training ends after so many, without pauses between its parts; rates that fall
            towards its end follow the time then. 0 leaves it to the steps.
        batch: Samples a step, over all processes and parts.
        accumulate: Parts that a process divides its share into, to need less memory.
        clip_norm: Largest norm of a phase's gradient; 0 for no limit.
        precision: ``bfloat16`` multiplies in it and keeps weights and sums in float32; ``auto``
            measures which of the two is quicker.
        ema_decay: Share of the moving average of the weights that a step leaves, near 1; 0 for no
            average. At first it is smaller, so that the average forgets the beginning.
        seed: Decides weights, order and augmentation.
        threads: Of torch; 0 leaves the number to it.
        workers: Threads that make batches.
        log_every: Steps between two lines of the log.
        checkpoint_every: Steps between two checkpoints.
        evaluate_every: Steps between two evaluations, each with a sample sheet.
        tensorboard: Whether to write for TensorBoard.
        wandb: Whether to write for Weights & Biases, offline.
        wandb_project: Its project.
        wandb_entity: Whose project it is; empty for one's own.
        run_name: What the boards call the run; empty for the name of its folder.
    """

    steps: int = 100_000
    minutes: float = 0.0
    batch: int = 64
    accumulate: int = 1
    clip_norm: float = 5.0
    precision: str = "auto"
    ema_decay: float = 0.999
    seed: int = 0
    threads: int = 0
    workers: int = 1
    log_every: int = 100
    checkpoint_every: int = 1000
    evaluate_every: int = 1000
    tensorboard: bool = False
    wandb: bool = False
    wandb_project: str = "videoswap"
    wandb_entity: str = ""
    run_name: str = ""

    def __post_init__(self) -> None:
        conform(self)
        for name in ("steps", "batch", "accumulate", "log_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise UsageError("wrong_setting", f"loop.{name} must be at least 1.")
        for name in ("minutes", "clip_norm", "seed", "threads", "workers", "evaluate_every"):
            if getattr(self, name) < 0:
                raise UsageError("wrong_setting", f"loop.{name} must not be negative.")
        if self.batch % self.accumulate:
            parts = f"loop.batch {self.batch} cannot be divided into {self.accumulate} parts."
            raise UsageError("wrong_setting", parts)
        if not 0 <= self.ema_decay < 1:
            raise UsageError("wrong_setting", "loop.ema_decay must be from 0 to less than 1.")
        if self.precision not in PRECISIONS:
            words = ", ".join(PRECISIONS)
            raise UsageError("wrong_setting", f"loop.precision must be one of {words}.")
