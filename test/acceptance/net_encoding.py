"""Reads cellxgene's NetEncoding from the published layout alone: no code is shared with the writer.

A little-endian FlatBuffer; root table Matrix {n_rows, n_cols, columns, col_index}, each column a
table with a union of typed arrays.
"""
import json
import struct

import numpy as np

NUMBERS = {1: np.float32, 2: np.int32, 3: np.uint32, 4: np.float64}
CODES = {6: np.int8, 7: np.int16, 8: np.int32}
JSON_TEXT, QUANTISED = 5, 9


class Table:
    """One table of the buffer: its fields by slot."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]
        self.size = struct.unpack_from("<H", data, self.vtable)[0]

    def place(self, slot):
        """Where the field lies; None when it is absent."""
        entry = 4 + 2 * slot
        if entry >= self.size:
            return None
        offset = struct.unpack_from("<H", self.data, self.vtable + entry)[0]
        return self.at + offset if offset else None

    def number(self, slot, form, default=0):
        at = self.place(slot)
        return default if at is None else struct.unpack_from("<" + form, self.data, at)[0]

    def follow(self, slot):
        at = self.place(slot)
        return at + struct.unpack_from("<I", self.data, at)[0]

    def table(self, slot):
        return Table(self.data, self.follow(slot))

    def vector(self, slot, dtype):
        at = self.follow(slot)
        count = struct.unpack_from("<I", self.data, at)[0]
        assert (at + 4) % np.dtype(dtype).itemsize == 0, "a vector that isn't aligned"
        return np.frombuffer(self.data, dtype, count, at + 4)

    def tables(self, slot):
        at = self.follow(slot)
        count = struct.unpack_from("<I", self.data, at)[0]
        for i in range(count):
            entry = at + 4 + 4 * i
            yield Table(self.data, entry + struct.unpack_from("<I", self.data, entry)[0])


def values_of(kind, table):
    """A typed array as numpy has it; texts as a list."""
    if kind in NUMBERS:
        return table.vector(0, NUMBERS[kind])
    if kind == JSON_TEXT:
        return json.loads(table.vector(0, np.uint8).tobytes())
    if kind in CODES:
        words = json.loads(table.vector(1, np.uint8).tobytes())
        return [words[str(code)] for code in table.vector(0, CODES[kind])]
    assert kind == QUANTISED, f"union type {kind}"
    high, low, bins = table.number(1, "f"), table.number(2, "f"), table.number(3, "i")
    return low + table.vector(0, np.int16) / bins * (high - low)


def decode(data):
    """{column name or number: values}, in order."""
    matrix = Table(data, struct.unpack_from("<I", data, 0)[0])
    rows, count = matrix.number(0, "I"), matrix.number(1, "I")
    assert matrix.place(5) is None or matrix.number(5, "B") == 0, "a row index"
    columns = [values_of(column.number(0, "B"), column.table(1)) for column in matrix.tables(2)]
    names = values_of(matrix.number(3, "B"), matrix.table(4))
    assert len(columns) == count == len(names)
    assert all(len(column) == rows for column in columns)
    return {name if isinstance(name, str) else int(name): column
            for name, column in zip(names, columns)}
