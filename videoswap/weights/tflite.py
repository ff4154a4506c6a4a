"""Float TFLite graphs as ONNX models: MediaPipe publishes its face networks in no other form.

Covers the operators of those networks, their three custom ones included (MediaPipe's
``landmarks_to_transform_matrix``, ``transform_tensor_bilinear`` and ``transform_landmarks``), in
float16 and float32 without quantisation. Field numbers are those of TFLite's ``schema.fbs``.
Pictures are (1, H, W, C) in TFLite and (1, C, H, W) inside the model, which keeps TFLite's inputs
and gives every output flat, (1, N), in TFLite's order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from flatbuffers import flexbuffers, number_types
from flatbuffers.table import Table

from ..errors import InputError
from ..records import Array
from .onnx_graph import OnnxGraph, float_value

TO_CHANNELS_FIRST = [0, 3, 1, 2]
TO_CHANNELS_LAST = [0, 2, 3, 1]
DTYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f2"),
    2: np.dtype("<i4"),
    4: np.dtype("<i8"),
}
OPERATORS = {
    0: "add",
    3: "conv",
    4: "depthwise_conv",
    6: "dequantize",
    17: "max_pool",
    18: "mul",
    22: "reshape",
    32: "custom",
    34: "pad",
    45: "strided_slice",
    54: "prelu",
}
CUSTOM = {
    "Landmarks2TransformMatrix": "transform_matrix",
    "TransformTensorBilinear": "warp_tensor",
    "TransformLandmarks": "warp_points",
}
RELU, RELU6 = 1, 3
FAR = 2**31 - 1
MOST_SIDE = 1024  # pixels of what a warp makes
# What reading beyond the end, or of nonsense, raises.
_DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, TypeError),
    *(ValueError, struct.error, onnx.checker.ValidationError),
)


@dataclass(frozen=True, slots=True)
class TfliteGraph:
    """What became of a TFLite file.

    Attributes:
        model: The ONNX model.
        subsets: Index lists of the parts that the network refines (lips, left eye, right eye in
            MediaPipe's attention mesh), in the order of the file; empty without such parts.
    """

    model: onnx.ModelProto
    subsets: tuple[Array, ...]


def convert_tflite(data: bytes) -> TfliteGraph:
    """Turn a TFLite file into an ONNX model.

    Args:
        data: The file.

    Raises:
        InputError: ``damaged_model`` if it is cut short, is no TFLite file, or holds operators
            that are not known here.
    """
    if data[4:8] != b"TFL3":
        raise InputError("damaged_model", "This is not a TFLite file.")
    try:
        converter = _Converter(_Fields.root(data))
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            model = converter.converted()
        onnx.checker.check_model(model)
    except _DAMAGE as error:
        raise InputError(
            "damaged_model",
            f"The TFLite file is damaged, or of a kind not known here: {type(error).__name__}, "
            f"{str(error).splitlines()[0] if str(error) else ''}.",
        ) from error
    return TfliteGraph(model, tuple(converter.subsets))


class _Fields:
    """The fields of a FlatBuffers table, by number."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @classmethod
    def root(cls, data: bytes) -> _Fields:
        buffer = bytearray(data)
        start = int.from_bytes(buffer[:4], "little")
        return cls(Table(buffer, start))

    def number(self, index: int, flags: Any = number_types.Int32Flags, default: int = 0) -> int:
        at = self._table.Offset(4 + 2 * index)
        return int(self._table.Get(flags, self._table.Pos + at)) if at else default

    def byte(self, index: int) -> int:
        return self.number(index, number_types.Int8Flags)

    def has(self, index: int) -> bool:
        return bool(self._table.Offset(4 + 2 * index))

    def table(self, index: int) -> _Fields:
        at = self._table.Offset(4 + 2 * index)
        return _Fields(Table(self._table.Bytes, self._table.Indirect(self._table.Pos + at)))

    def tables(self, index: int) -> list[_Fields]:
        at = self._table.Offset(4 + 2 * index)
        start, count = self._table.Vector(at), self._table.VectorLen(at)
        places = (self._table.Indirect(start + 4 * number) for number in range(count))
        return [_Fields(Table(self._table.Bytes, place)) for place in places]

    def raw(self, index: int, width: int = 1) -> bytes:
        at = self._table.Offset(4 + 2 * index)
        if not at:
            return b""
        start, size = self._table.Vector(at), self._table.VectorLen(at) * width
        return bytes(self._table.Bytes[start : start + size])

    def integers(self, index: int) -> Array:
        return np.frombuffer(self.raw(index, 4), "<i4")


@dataclass(frozen=True, slots=True)
class _Frame:
    """The turned box around a part of the face, as ONNX values, and the operator's options."""

    centre: str
    scale: str
    axes: str
    options: dict[str, Any]


@dataclass(slots=True)
class _Operator:
    """One operator of the graph: its options, inputs and output."""

    fields: _Fields
    inputs: list[int]
    out: int

    @property
    def options(self) -> _Fields | None:
        return self.fields.table(4) if self.fields.has(4) else None

    def needed(self) -> _Fields:
        options = self.options
        if options is None:
            raise ValueError("an operator has no options")
        return options

    def custom(self) -> dict[str, Any]:
        options: dict[str, Any] = flexbuffers.GetRoot(bytearray(self.fields.raw(5))).Value
        return options


@dataclass(slots=True)
class _Converter:
    """Collects the nodes of the ONNX graph while it walks over the operators."""

    root: _Fields
    subsets: list[Array] = field(default_factory=list)
    _onnx: OnnxGraph = field(default_factory=OnnxGraph)
    _constants: dict[int, Array] = field(default_factory=dict)
    _shapes: list[Array] = field(default_factory=list)
    _frames: dict[int, _Frame] = field(default_factory=dict)

    def converted(self) -> onnx.ModelProto:
        codes = [
            (max(code.byte(0), code.number(3)), code.raw(1).decode())
            for code in self.root.tables(1)
        ]
        graph, buffers = self.root.tables(2)[0], self.root.tables(4)
        tensors = graph.tables(0)
        self._shapes = [tensor.integers(0) for tensor in tensors]
        for number, tensor in enumerate(tensors):
            raw = buffers[tensor.number(2, number_types.Uint32Flags)].raw(0)
            if raw:
                values = np.frombuffer(raw, DTYPES[tensor.byte(1)])
                self._constants[number] = values.reshape(self._shapes[number])
        inputs = [int(number) for number in graph.integers(1)]
        for number in inputs:
            kind = "Transpose" if len(self._shapes[number]) == 4 else "Identity"
            how = {"perm": TO_CHANNELS_FIRST} if kind == "Transpose" else {}
            self._onnx.add(kind, f"in{number}", out=_name(number), **how)
        for fields in graph.tables(3):
            code, custom = codes[fields.number(0, number_types.Uint32Flags)]
            kind = CUSTOM[custom] if OPERATORS[code] == "custom" else OPERATORS[code]
            make: Callable[[_Operator], None] = getattr(self, f"_{kind}")
            operands = [int(number) for number in fields.integers(1)]
            make(_Operator(fields, operands, int(fields.integers(2)[0])))
        outputs = []
        for number in map(int, graph.integers(2)):
            name = tensors[number].raw(3).decode()
            value = _name(number)
            if len(self._shapes[number]) == 4:
                value = self._onnx.add("Transpose", value, perm=TO_CHANNELS_LAST)
            self._onnx.add("Flatten", value, out=name)
            outputs.append(float_value(name, [1, int(np.prod(self._shapes[number]))]))
        described = [float_value(f"in{n}", [int(side) for side in self._shapes[n]]) for n in inputs]
        return self._onnx.model("tflite", described, outputs)

    def _slice(self, value: str, start: int, end: int, axis: int, out: str = "") -> str:
        bounds = [self._onnx.weight([one], np.int64) for one in (start, end, axis)]
        return self._onnx.add("Slice", value, *bounds, out=out)

    def _activated(
        self, code: int, kind: str, inputs: Sequence[str], out: str, **more: Any
    ) -> None:
        """Add a node and the activation that TFLite fuses with it."""
        if code == 0:
            self._onnx.add(kind, *inputs, out=out, **more)
            return
        plain = self._onnx.add(kind, *inputs, **more)
        if code == RELU:
            self._onnx.add("Relu", plain, out=out)
        elif code == RELU6:
            self._onnx.add("Clip", plain, self._onnx.weight(0.0), self._onnx.weight(6.0), out=out)
        else:
            raise ValueError(f"activation {code}")

    def _operand(self, number: int) -> str:
        """Return the name of an input, which may be a constant."""
        if number not in self._constants:
            return _name(number)
        values = self._constants[number]
        return self._onnx.weight(
            values.transpose(TO_CHANNELS_FIRST) if values.ndim == 4 else values
        )

    def _dequantize(self, operator: _Operator) -> None:
        values = self._constants[operator.inputs[0]]
        self._constants[operator.out] = values.astype(np.float32)

    def _conv(self, operator: _Operator) -> None:
        weights = self._constants[operator.inputs[1]].transpose(0, 3, 1, 2)
        self._convolution(operator, weights, 1, 3)

    def _depthwise_conv(self, operator: _Operator) -> None:
        weights = self._constants[operator.inputs[1]].transpose(3, 0, 1, 2)
        self._convolution(operator, weights, len(weights), 4)

    def _convolution(
        self, operator: _Operator, weights: Array, groups: int, activation: int
    ) -> None:
        options = operator.needed()
        inputs = [_name(operator.inputs[0]), self._onnx.weight(weights)]
        inputs.append(self._onnx.weight(self._constants[operator.inputs[2]]))
        self._activated(
            options.byte(activation),
            "Conv",
            inputs,
            _name(operator.out),
            strides=[options.number(2), options.number(1)],
            dilations=[
                options.number(activation + 2, default=1),
                options.number(activation + 1, default=1),
            ],
            group=groups,
            kernel_shape=weights.shape[2:],
            auto_pad=_padding(options),
        )

    def _max_pool(self, operator: _Operator) -> None:
        options = operator.needed()
        self._onnx.add(
            "MaxPool",
            _name(operator.inputs[0]),
            out=_name(operator.out),
            kernel_shape=[options.number(4), options.number(3)],
            strides=[options.number(2), options.number(1)],
            auto_pad=_padding(options),
        )

    def _prelu(self, operator: _Operator) -> None:
        """(1 - s) max(x, 0) + s x: onnxruntime's own PRelu takes three times as long.

        Factors are convolutions over one pixel, which keep onnxruntime's layout of channels.
        """
        value = _name(operator.inputs[0])
        slope = self._constants[operator.inputs[1]].astype(np.float32).reshape(-1, 1, 1, 1)
        above, line = (
            self._onnx.add("Conv", one, self._onnx.weight(factor), group=len(slope))
            for one, factor in ((self._onnx.add("Relu", value), 1 - slope), (value, slope))
        )
        self._onnx.add("Add", above, line, out=_name(operator.out))

    def _add(self, operator: _Operator) -> None:
        self._arithmetic("Add", operator)

    def _mul(self, operator: _Operator) -> None:
        self._arithmetic("Mul", operator)

    def _arithmetic(self, kind: str, operator: _Operator) -> None:
        options = operator.options
        code = options.byte(0) if options is not None else 0
        inputs = [self._operand(number) for number in operator.inputs]
        self._activated(code, kind, inputs, _name(operator.out))

    def _pad(self, operator: _Operator) -> None:
        sides = self._constants[operator.inputs[1]][TO_CHANNELS_FIRST]
        pads = self._onnx.weight(np.concatenate([sides[:, 0], sides[:, 1]]), np.int64)
        self._onnx.add("Pad", _name(operator.inputs[0]), pads, out=_name(operator.out))

    def _reshape(self, operator: _Operator) -> None:
        value, out = _name(operator.inputs[0]), _name(operator.out)
        if len(self._shapes[operator.inputs[0]]) == 4:
            value = self._onnx.add("Transpose", value, perm=TO_CHANNELS_LAST)
        shape = self._shapes[operator.out]
        wanted = self._onnx.weight(shape, np.int64)
        if len(shape) != 4:
            self._onnx.add("Reshape", value, wanted, out=out)
            return
        made = self._onnx.add("Reshape", value, wanted)
        self._onnx.add("Transpose", made, out=out, perm=TO_CHANNELS_FIRST)

    def _strided_slice(self, operator: _Operator) -> None:
        options = operator.needed()
        begin_open, end_open, *special = (options.number(index) for index in range(5))
        begin, end, step = (self._constants[number] for number in operator.inputs[1:4])
        if any(special) or np.any(step != 1):
            raise ValueError("a slice with steps or dropped axes")
        rank = range(len(begin))
        begin = np.where([begin_open >> axis & 1 for axis in rank], 0, begin)
        end = np.where([end_open >> axis & 1 for axis in rank], FAR, end)
        if len(begin) == 4:
            begin, end = begin[TO_CHANNELS_FIRST], end[TO_CHANNELS_FIRST]
        bounds = [self._onnx.weight(one, np.int64) for one in (begin, end, np.arange(len(begin)))]
        self._onnx.add("Slice", _name(operator.inputs[0]), *bounds, out=_name(operator.out))

    def _transform_matrix(self, operator: _Operator) -> None:
        """The affine matrix of a part of the face: a box around some points, turned with it."""
        options = operator.custom()
        subset = np.asarray(options["subset_idxs"], np.int64)
        self.subsets.append(subset)
        points = self._slice(_name(operator.inputs[0]), 0, 2, 2)
        left, right = (
            self._onnx.add("Gather", points, self._onnx.weight([options[key]], np.int64), axis=1)
            for key in ("left_rotation_idx", "right_rotation_idx")
        )
        across = self._onnx.add("Sub", right, left)
        length = self._onnx.add("ReduceL2", across, axes=[2], keepdims=1)
        along = self._onnx.add("Div", across, length)  # (1, 1, 2): cosine, sine
        turned = self._onnx.add("Gather", along, self._onnx.weight([1, 0], np.int64), axis=2)
        turned = self._onnx.add("Mul", turned, self._onnx.weight([[[-1, 1]]]))
        axes = self._onnx.add("Concat", along, turned, axis=1)  # (1, 2, 2), rows
        chosen = self._onnx.add("Gather", points, self._onnx.weight(subset, np.int64), axis=1)
        back = self._onnx.add("Transpose", axes, perm=[0, 2, 1])
        upright = self._onnx.add("MatMul", chosen, back)
        high = self._onnx.add("ReduceMax", upright, axes=[1], keepdims=1)
        low = self._onnx.add("ReduceMin", upright, axes=[1], keepdims=1)
        middle = self._onnx.add("Mul", self._onnx.add("Add", high, low), self._onnx.weight([0.5]))
        centre = self._onnx.add("MatMul", middle, axes)
        size = [options["output_width"], options["output_height"]]
        grown = np.array([options["scale_x"], options["scale_y"]]) / size
        scale = self._onnx.add("Mul", self._onnx.add("Sub", high, low), self._onnx.weight(grown))
        self._frames[operator.out] = _Frame(centre, scale, axes, options)
        rows = self._onnx.add("Mul", self._onnx.add("Transpose", scale, perm=[0, 2, 1]), axes)
        linear = self._onnx.add("Transpose", rows, perm=[0, 2, 1])
        half = self._onnx.weight([[[size[0] / 2], [size[1] / 2]]])
        shift = self._onnx.add("Transpose", centre, perm=[0, 2, 1])
        shift = self._onnx.add("Sub", shift, self._onnx.add("MatMul", linear, half))
        top = self._onnx.add(
            "Concat", linear, self._onnx.weight(np.zeros((1, 2, 1))), shift, axis=2
        )
        rest = self._onnx.weight([[[0, 0, 1, 0], [0, 0, 0, 1]]])
        self._onnx.add("Concat", top, rest, out=_name(operator.out), axis=1)

    def _warp_tensor(self, operator: _Operator) -> None:
        """Features sampled inside that box, bilinearly."""
        frame = self._frames[operator.inputs[1]]
        rows, columns = frame.options["output_height"], frame.options["output_width"]
        if not (0 < rows <= MOST_SIDE and 0 < columns <= MOST_SIDE):
            raise ValueError(f"a warp to {columns} x {rows}")
        height, width = (int(side) for side in self._shapes[operator.inputs[0]][1:3])
        y, x = np.mgrid[:rows, :columns]
        grid = np.stack([x + 0.5 - columns / 2, y + 0.5 - rows / 2], -1).reshape(1, -1, 2)
        places = self._onnx.add("Mul", self._onnx.weight(grid), frame.scale)
        places = self._onnx.add("MatMul", places, frame.axes)
        places = self._onnx.add("Add", places, frame.centre)
        places = self._onnx.add("Mul", places, self._onnx.weight([2 / width, 2 / height]))
        places = self._onnx.add("Sub", places, self._onnx.weight([1.0]))
        shape = self._onnx.weight([1, rows, columns, 2], np.int64)
        places = self._onnx.add("Reshape", places, shape)
        self._onnx.add(
            "GridSample",
            _name(operator.inputs[0]),
            places,
            out=_name(operator.out),
            mode="bilinear",
            padding_mode="zeros",
            align_corners=0,
        )

    def _warp_points(self, operator: _Operator) -> None:
        """Points of the box back in the whole picture."""
        top = self._slice(_name(operator.inputs[1]), 0, 2, 1)
        linear = self._onnx.add("Transpose", self._slice(top, 0, 2, 2), perm=[0, 2, 1])
        shift = self._onnx.add("Transpose", self._slice(top, 3, 4, 2), perm=[0, 2, 1])
        turned = self._onnx.add("MatMul", self._operand(operator.inputs[0]), linear)
        self._onnx.add("Add", turned, shift, out=_name(operator.out))


def _name(number: int) -> str:
    return f"t{number}"


def _padding(options: _Fields) -> str:
    return "VALID" if options.byte(0) else "SAME_UPPER"
