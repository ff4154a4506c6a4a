"""Settings of GHOST's training; importing them needs no torch.

Source: GHOST (Groshev et al., IEEE Access 2022; ai-forever/ghost, train.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ...errors import UsageError
from ..swapper.settings import SwapperSettings, SwapperWeights

#: Options of GHOST's train.py by the settings that they are here, with the kind of their values.
#: Those without a setting are settings of the same name.
GHOST_OPTIONS: dict[str, tuple[str, type]] = {
    "dataset_path": ("data", Path),
    "G_path": ("initial_generator", Path),
    "D_path": ("initial_discriminator", Path),
    "vgg": ("identities", bool),
    "weight_adv": ("weights.adversarial", float),
    "weight_attr": ("weights.attributes", float),
    "weight_id": ("weights.identity", float),
    "weight_rec": ("weights.reconstruction", float),
    "weight_eyes": ("weights.eyes", float),
    "backbone": ("", str),
    "num_blocks": ("", int),
    "same_person": ("", float),
    "same_identity": ("", bool),
    "diff_eq_same": ("", bool),
    "pretrained": ("", bool),
    "discr_force": ("", bool),
    "scheduler": ("", bool),
    "scheduler_step": ("", int),
    "scheduler_gamma": ("", float),
    "eye_detector_loss": ("", bool),
    "use_wandb": ("loop.wandb", bool),
    "run_name": ("loop.run_name", str),
    "wandb_project": ("loop.wandb_project", str),
    "wandb_entity": ("loop.wandb_entity", str),
    "batch_size": ("loop.batch", int),
    "lr_G": ("generator_rate", float),
    "lr_D": ("discriminator_rate", float),
    "max_epoch": ("", int),
    "show_step": ("loop.evaluate_every", int),
    "save_epoch": ("", int),
    "optim_level": ("", str),
}
OPTIM_LEVELS = ("O0", "O1", "O2", "O3")


@dataclass(frozen=True, slots=True)
class GhostWeights(SwapperWeights):
    """How much each term counts.

    Attributes:
        eyes: Of the difference between the pupils' heatmaps of target and result; GHOST trains
            without at first.
    """

    eyes: float = 0.0


@dataclass(frozen=True, slots=True)
class GhostSettings(SwapperSettings):
    """How GHOST is trained: every option of its train.py, by its own name too.

    Attributes:
        pretrained: Whether to begin with ``initial_generator`` and ``initial_discriminator``.
        diff_eq_same: Whether every result has to be the target again, and not only those of one
            person.
        discr_force: Whether the discriminator learns only while the running adversarial loss of
            the generator is small.
        eye_detector_loss: Whether to look for pupils at all.
        eye_detector: Weights of the network that finds them, the face alignment network of
            AdaptiveWingLoss for WFLW (``WFLW_4HG.pth``), which does not come with this project.
        max_epoch: Ends the training after so many epochs, if ``loop.steps`` are not done earlier.
        save_epoch: Epochs between two checkpoints, if ``loop.checkpoint_every`` does not come
            earlier.
        optim_level: ``O0`` trains in float32; ``O1`` to ``O3``, which are levels of apex, leave it
            to ``loop.precision``.
    """

    ALIASES: ClassVar[dict[str, str]] = {
        name: setting for name, (setting, _) in GHOST_OPTIONS.items() if setting
    }

    initial_generator: Path | None = Path("saved_models/G.pth")
    initial_discriminator: Path | None = Path("saved_models/D.pth")
    weights: GhostWeights = field(default_factory=GhostWeights)
    pretrained: bool = True
    diff_eq_same: bool = False
    discr_force: bool = False
    eye_detector_loss: bool = False
    eye_detector: Path | None = None
    max_epoch: int = 2000
    save_epoch: int = 1
    optim_level: str = "O2"

    def __post_init__(self) -> None:
        SwapperSettings.__post_init__(self)
        if min(self.max_epoch, self.save_epoch) < 1:
            raise UsageError("wrong_setting", "max_epoch and save_epoch must be at least 1.")
        if self.optim_level not in OPTIM_LEVELS:
            words = ", ".join(OPTIM_LEVELS)
            raise UsageError("wrong_setting", f"optim_level must be one of {words}.")
        if not self.identities and self.same_identity:
            raise UsageError(
                "wrong_setting",
                "same_identity needs photos whose person is known.",
                "Set identities (vgg) to true, or same_identity to false.",
            )
        if self.weights.eyes and not self.eye_detector_loss:
            problem = "weights.eyes counts only with eye_detector_loss."
            raise UsageError("wrong_setting", problem, "Set eye_detector_loss to true.")
        if self.eye_detector_loss and self.eye_detector is None:
            raise UsageError(
                "wrong_setting",
                "eye_detector_loss needs eye_detector, the weights of the network of pupils.",
                "They are WFLW_4HG.pth of AdaptiveWingLoss, which is not part of this project.",
            )
