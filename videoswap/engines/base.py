"""What an engine is, before and after it is loaded: `EnginePlugin` and `Engine`.

An engine takes aligned crops of a target's face and gives swapped faces with masks. Nothing here
imports more than the standard library, since ``--help`` asks every plug-in for its options.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..fingerprint import digest_of, digest_of_files
from ..paths import AnyPath
from ..plugins import NoOptions

if TYPE_CHECKING:
    from ..crops import CropSpec
    from ..detection.appearance import Appearance
    from ..devices import Device
    from ..records import Crop, Fallback, Photo, SwappedCrop


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """What an engine keeps of one source person.

    Attributes:
        label: Name to show, usually the path of the photo.
        data: The engine's own; read by nobody else.
        leading: Label of the photo that gives the most; None where all count alike.
    """

    label: str
    data: Any
    leading: str | None = None


def engine_key(name: str, schema: int, *facts: object, files: Iterable[AnyPath | None] = ()) -> str:
    """Return the key of an engine: another one wherever results could differ.

    Args:
        name: Name of the engine.
        schema: Number that its code counts up whenever its results change.
        facts: Options and all else that results depend on, with a telling ``repr``.
        files: Its files, whose content counts; None stands for one that is not there.
    """
    paths = [None if file is None else Path(file) for file in files]
    return f"{name} {schema} {digest_of(*facts)} {digest_of_files(paths)}"


class EnginePlugin(ABC):
    """What is known of an engine before it is loaded.

    Attributes:
        name: Name on the command line: small letters, digits and underscores.
        summary: What it is, in a few words.
        options: Frozen dataclass of its options; every field has a default, and metadata from
            :func:`videoswap.option`.
        rank: Place in the order in which ``auto`` tries engines, the lowest first.
        automatic: Whether ``auto`` may take it.
        published: Whether its weights can be had; what nobody can have is not recommended.
        weights: Files of the manifest that it cannot do without, by name.
        packages: Packages that it cannot do without, by the name that is imported.
        download: What to give to ``videoswap models download``; the engine's name if empty.
        default_download: Whether ``videoswap models download`` fetches its files if nothing is
            named.
    """

    name: str
    summary: str
    options: type[Any] = NoOptions
    rank: int = 50
    automatic: bool = True
    published: bool = True
    weights: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    download: str = ""
    default_download: bool = False

    def missing(self, options: Any) -> str | None:
        """Return what keeps the engine from being loaded here, or None if nothing does.

        Args:
            options: An instance of :attr:`options`.

        Returns:
            Part of a sentence, such as "torch is not installed".
        """
        return self.missing_files(self.weights) or missing_packages(self.packages)

    def missing_files(self, names: Sequence[str], download: str = "") -> str | None:
        """Return which files of the manifest are not here as part of a sentence, or None."""
        from ..weights.store import missing_files

        return missing_files(names, download or self.download or self.name)

    @abstractmethod
    def load(self, device: Device, options: Any) -> Engine:
        """Load the engine.

        Args:
            device: Where to compute.
            options: An instance of :attr:`options`.

        Raises:
            InputError: If something that it needs is missing, damaged or another network's.
        """


def missing_packages(names: Sequence[str]) -> str | None:
    """Return which package is not installed as part of a sentence, or None; imports none."""
    from ..packages import OPTIONAL

    ways = {one.module: one.way for one in OPTIONAL}
    for name in names:
        if importlib.util.find_spec(name) is None:
            way = ways.get(name) or f"pip install {name}"
            return f"{name} is not installed ({way})"
    return None


class Engine(ABC):
    """Puts source identities onto aligned crops.

    Attributes:
        name: Name on the command line.
        key: Text that changes whenever results could, see :func:`engine_key`; part of the key of
            unfinished renders.
        spec: How crops are to be cut.
        batch_size: Crops that are best given at once.
        keeps: What it does not paint and the target keeps: regions of
            ``videoswap.compositing.kept_regions``.
        keeps_without_dense: What it does not paint, besides, where dense landmarks are not known.
        as_is: Why its results go onto the frame as they are, with no finishing; empty where they
            are finished, as usual.
        depends_on_past: Whether a swap depends on crops that were swapped before.
        notes: What it does otherwise than asked or expected.
        device: Where it really computes, cpu or cuda; None for the run's device.
    """

    def __init__(
        self,
        name: str,
        key: str,
        spec: CropSpec,
        *,
        batch_size: int = 1,
        keeps: frozenset[str] = frozenset(),
        keeps_without_dense: frozenset[str] = frozenset(),
        as_is: str = "",
        depends_on_past: bool = False,
        notes: tuple[Fallback, ...] = (),
        device: str | None = None,
    ) -> None:
        self.name = name
        self.key = key
        self.spec = spec
        self.batch_size = batch_size
        self.keeps = keeps
        self.keeps_without_dense = keeps_without_dense
        self.as_is = as_is
        self.depends_on_past = depends_on_past
        self.notes = notes
        self.device = device

    @abstractmethod
    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Prepare one person from one or more photos; done once per run.

        Raises:
            InputError: ``face_too_small``.
        """

    def swap(
        self, crops: Sequence[Crop], identity: Identity | Sequence[Identity]
    ) -> list[SwappedCrop]:
        """Swap a batch of crops of one size.

        Args:
            crops: Crops as ``spec`` wants them, possibly of several frames and people. All have
                one size.
            identity: The person who is put onto all crops; or all people of the run, of whom
                ``crop.source`` chooses one for each crop.

        Returns:
            The swapped crops, in the order and of the size of the crops.

        Raises:
            UsageError: ``wrong_crops`` if sizes differ or are not in ``spec.sizes``,
                ``wrong_identity`` if there is none for a crop.
            VideoswapError: ``out_of_memory`` or ``not_finite``.
        """
        if not crops:
            return []
        sizes = {crop.pixels.shape[0] for crop in crops}
        if len(sizes) > 1:
            raise UsageError(
                "wrong_crops", f"The crops of a batch have several sizes: {sorted(sizes)}."
            )
        if not sizes <= set(self.spec.sizes):
            raise UsageError(
                "wrong_crops",
                f"The engine {self.name} takes no crops of {sizes.pop()} pixels.",
                f"It takes {', '.join(map(str, self.spec.sizes))}.",
            )
        if isinstance(identity, Identity):
            return self.paint(crops, [identity.data] * len(crops))
        people = len(identity)
        missing = next((crop.source for crop in crops if not 0 <= crop.source < people), None)
        if missing is not None:
            raise UsageError(
                "wrong_identity", f"A crop wants identity {missing}; {people} were given."
            )
        return self.paint(crops, [identity[crop.source].data for crop in crops])

    def late_notes(self) -> tuple[Fallback, ...]:
        """Return what was done otherwise than expected in swaps since this was last asked."""
        return ()

    def for_video(self, appearances: Callable[[int], Sequence[Appearance]]) -> Engine:
        """Return the engine for the crops of one video.

        Args:
            appearances: Pictures of the face of a track, by the number of the track. An engine
                that decides nothing by whole tracks returns itself, as here.
        """
        return self

    def read_parts(self, crop: Crop) -> Crop:
        """Return a crop with the parts of its face (``Crop.parts``), or as it is.

        Asked for every crop of a video; where one is not read, it gets the parts of the frame
        before it or after it. An engine that parses no faces returns every crop as it is, as here.
        """
        return crop

    @abstractmethod
    def paint(self, crops: Sequence[Crop], people: Sequence[Any]) -> list[SwappedCrop]:
        """Swap crops of one size, at least one; ``people`` is ``Identity.data`` of each crop."""

    @property
    def paints_tensors(self) -> bool:
        """Whether `paint_tensors` does all that `paint` does.

        The mask of a swap is the outline of the target's landmarks, unless ``paints_masks``.
        """
        return False

    @property
    def paints_masks(self) -> bool:
        """Whether `paint_tensors` gives masks of the engine's own."""
        return False

    @property
    def tensor_device(self) -> Any:
        """Torch's device on which `paint_tensors` computes, if ``paints_tensors``.

        Raises:
            NotImplementedError: If not.
        """
        raise NotImplementedError

    def paint_tensors(self, pictures: Any, people: Sequence[Any]) -> Any:
        """Do what `paint` does with torch's tensors, if ``paints_tensors``.

        Args:
            pictures: (B, 3, S, S) float32 RGB, 0 to 255, on ``tensor_device``.
            people: ``Identity.data`` of each.

        Returns:
            The same shape; (B, 4, S, S) if ``paints_masks``, whose last channel is the mask of the
            swap, 0 to 1, and 0 along the border.

        Raises:
            NotImplementedError: If not ``paints_tensors``.
        """
        raise NotImplementedError


class EngineWrapper(Engine):
    """An engine around an engine; whatever it does not set itself is that of the inner one.

    Args:
        engine: The inner engine.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine  # and nothing of Engine.__init__, so that __getattr__ is asked

    def __getattr__(self, name: str) -> Any:
        """Return what the inner engine has."""
        if name == "engine":  # not set yet, as while it is copied
            raise AttributeError(name)
        return getattr(self.engine, name)

    def identity(self, photos: Sequence[Photo]) -> Identity:
        """Prepare one person as the inner engine does."""
        return self.engine.identity(photos)

    def late_notes(self) -> tuple[Fallback, ...]:
        """Return those of the inner engine."""
        return self.engine.late_notes()

    def read_parts(self, crop: Crop) -> Crop:
        """Do as the inner engine does."""
        return self.engine.read_parts(crop)

    def for_video(self, appearances: Callable[[int], Sequence[Appearance]]) -> Engine:
        """Return the same around the inner engine for the crops of one video."""
        inner = self.engine.for_video(appearances)
        if inner is self.engine:
            return self
        made = copy(self)
        made.engine = inner
        return made
