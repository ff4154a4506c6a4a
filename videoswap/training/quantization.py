"""ONNX models whose convolutions count in 8 bits, for processors that are quicker with them.

Weights are scaled channel by channel, maps by what they are on some samples. Processors with VNNI
(x86 since 2019 to 2021) take half of the time for it. Weights have 7 bits: of 8, sums of two
products can be too large for the instructions of older processors, which would answer otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from ..records import Array

# What is between two convolutions has to count in 8 bits too, or the maps would go to and fro.
_OPERATORS = ("Conv", "Add", "Relu", "MaxPool", "AveragePool", "Pad")


def quantize_onnx(path: Path, name: str, samples: Iterable[Array]) -> None:
    """Turn the convolutions of a model to 8 bits; the file is replaced.

    Args:
        path: The ONNX file.
        name: Of its only input.
        samples: What that may be, by which the maps are scaled; some hundreds.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Samples(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest = iter(samples)

        def get_next(self) -> dict[str, Array] | None:
            one = next(self._rest, None)
            return None if one is None else {name: one}

    said = logging.root.level
    logging.root.setLevel(logging.ERROR)  # it advises what is done here, once for each call
    try:
        with TemporaryDirectory(prefix="videoswap-") as folder:
            folded = Path(folder, "folded.onnx")
            quant_pre_process(path, folded, skip_symbolic_shape=True)
            quantize_static(
                folded,
                path,
                Samples(),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                reduce_range=True,
                op_types_to_quantize=list(_OPERATORS),
            )
    finally:
        logging.root.setLevel(said)
