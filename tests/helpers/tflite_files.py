"""Small TFLite files, built field by field, for tests of the converter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import flatbuffers
import numpy as np

Options = dict[int, tuple[str, int]]

TYPES = {"float32": 0, "float16": 1, "int32": 2, "int64": 4}


@dataclass
class TfliteFile:
    """A graph in the making; tensors are numbered as they are added."""

    tensors: list[tuple[tuple[int, ...], str, bytes, str]] = field(default_factory=list)
    operators: list[tuple[int, str, list[int], int, Options | None, bytes]] = field(
        default_factory=list
    )

    def tensor(self, shape: Sequence[int], name: str = "") -> int:
        self.tensors.append((tuple(shape), "float32", b"", name))
        return len(self.tensors) - 1

    def constant(self, values: np.ndarray) -> int:
        raw = np.ascontiguousarray(values).tobytes()
        self.tensors.append((values.shape, values.dtype.name, raw, ""))
        return len(self.tensors) - 1

    def operator(
        self,
        code: int,
        inputs: Sequence[int],
        out: int,
        options: Options | None = None,
        custom: str = "",
        custom_options: bytes = b"",
    ) -> int:
        """Add an operator; options are (kind, value) by field, kind is "byte" or "int"."""
        self.operators.append((code, custom, list(inputs), out, options, custom_options))
        return out

    def data(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        builder = flatbuffers.Builder(1024)
        codes = sorted({(code, custom) for code, custom, *_ in self.operators})

        def integers(values):
            return builder.CreateNumpyVector(np.asarray(values, np.int32))

        def offsets(values):
            builder.StartVector(4, len(values), 4)
            for value in reversed(values):
                builder.PrependUOffsetTRelative(value)
            return builder.EndVector()

        def table(count, fields):
            builder.StartObject(count)
            for index, (kind, value) in fields.items():
                if kind == "offset":
                    builder.PrependUOffsetTRelativeSlot(index, value, 0)
                elif kind == "byte":
                    builder.PrependInt8Slot(index, value, 0)
                else:
                    builder.PrependInt32Slot(index, value, 0)
            return builder.EndObject()

        buffers = [table(1, {})]
        made = []
        for shape, dtype, raw, name in self.tensors:
            number = 0
            if raw:
                number = len(buffers)
                vector = builder.CreateByteVector(raw)
                buffers.append(table(1, {0: ("offset", vector)}))
            fields = {0: ("offset", integers(shape)), 3: ("offset", builder.CreateString(name))}
            made.append(table(4, fields | {1: ("byte", TYPES[dtype]), 2: ("int", number)}))
        operators = []
        for code, custom, operands, out, options, extra in self.operators:
            fields = {1: ("offset", integers(operands)), 2: ("offset", integers([out]))}
            fields[0] = ("int", codes.index((code, custom)))
            if options is not None:
                fields[4] = ("offset", table(8, options))
            if extra:
                fields[5] = ("offset", builder.CreateByteVector(extra))
            operators.append(table(6, fields))
        kinds = []
        for code, custom in codes:
            fields = {0: ("byte", code), 3: ("int", code)}
            if custom:
                fields[1] = ("offset", builder.CreateString(custom))
            kinds.append(table(4, fields))
        graph = {0: ("offset", offsets(made)), 3: ("offset", offsets(operators))}
        graph |= {1: ("offset", integers(inputs)), 2: ("offset", integers(outputs))}
        subgraphs = offsets([table(5, graph)])
        root = {1: ("offset", offsets(kinds)), 2: ("offset", subgraphs)}
        root |= {4: ("offset", offsets(buffers)), 0: ("int", 3)}
        builder.Finish(table(5, root), file_identifier=b"TFL3")
        return bytes(builder.Output())
