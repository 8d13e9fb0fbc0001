"""Reads a sealed dataset, after docs/formats/expression.md. For checking the page, not for speed.

Needs numpy and a zstd that can decompress: the module `zstandard`, or the program `zstd`.
Checksums are not looked at: they need xxhash.
"""
import struct
import subprocess

import numpy as np

TYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float32", "float64"]


def decompress(packed):
    return subprocess.run(["zstd", "-dcq"], input=packed, stdout=subprocess.PIPE, check=True).stdout


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, code):
        return struct.unpack("<" + code, self.raw(struct.calcsize(code)))[0]

    def text(self):
        return self.raw(self.number("Q")).decode()

    def shape(self):
        return tuple(self.number("Q") for _ in range(self.number("B")))

    def array(self):
        dtype, shape = np.dtype(TYPES[self.number("B")]), self.shape()
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self.raw(count * dtype.itemsize), dtype).reshape(shape)

    def texts(self):
        ends = np.frombuffer(self.raw(8 * self.number("Q")), "<u8")
        data = self.raw(int(ends[-1]) if len(ends) else 0)
        return [data[begin:end].decode() for begin, end in zip([0, *ends[:-1]], ends)]

    def column(self):
        name, kind = self.text(), self.number("B")
        if kind == 2:
            ordered, numbers = self.number("B"), self.number("B")
            categories = self.array() if numbers else self.texts()
            values = (np.frombuffer(self.raw(4 * self.number("Q")), "<i4"), categories,
                bool(ordered))
        else:
            values = self.texts() if kind == 1 else self.array()
        mask = np.frombuffer(self.raw(self.number("Q")), bool) if self.number("B") else None
        return name, values, mask

    def columns(self):
        return [self.column() for _ in range(self.number("Q"))]

    def element(self):
        kind = self.number("B")
        if kind == 0:
            return None
        if kind == 1:
            return self.array()
        if kind == 2:
            shape = self.shape()
            return np.array(self.texts(), object).reshape(shape) if shape else self.texts()[0]
        if kind == 3:
            return self.text(), self.texts(), self.columns()
        if kind == 4:
            return (self.number("B"), self.number("Q"), self.number("Q"), self.array(),
                    self.array(), self.array())
        if kind == 5:
            return self.columns()
        if kind == 6:
            return self.column()
        return {self.text(): self.element() for _ in range(self.number("Q"))}


def unpack(data, count, width):
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[:count * width]
    return bits.reshape(count, width).astype(np.int64) @ (1 << np.arange(width, dtype=np.int64))


def read_line(data, length, coded):
    """Places and codes of one line."""
    chunks = -(-length // 64)
    cursor = Cursor(data[2 * chunks:])
    places, codes, before = [], [], -1
    for chunk in range(chunks):
        count = min(64, length - 64 * chunk)
        gap_width, code_header = data[2 * chunk], data[2 * chunk + 1]
        gaps = unpack(cursor.raw(-(-count * gap_width // 8)), count, gap_width)
        places.append(before + np.cumsum(gaps + 1))
        before = places[-1][-1]
        if coded:
            base, width = code_header >> 6, code_header & 63
            base = cursor.number("I") if base == 2 else base
            codes.append(base + unpack(cursor.raw(-(-count * width // 8)), count, width))
    joined = lambda parts: np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return joined(places), joined(codes)


class Sealed:
    def __init__(self, path):
        self.data = open(path, "rb").read()
        assert self.data[:8] == self.data[-16:-8] == b"STROMAX1"
        assert struct.unpack_from("<I", self.data, 8)[0] == 1
        offset, size = struct.unpack_from("<QQ", self.data, len(self.data) - 64)
        directory = Cursor(self.data[offset:offset + size])
        self.sections = {}
        for _ in range(directory.number("I")):
            name = directory.raw(directory.number("I")).decode()
            count = directory.number("Q")
            self.sections[name] = np.frombuffer(directory.raw(32 * count), "<u8").reshape(count, 4)
        self.meta = self.element("meta")

    def blocks(self, name):
        return [(int(first), self.data[int(at):int(at) + int(size)]) for at, size, first,
            _ in self.sections[name]]

    def bytes(self, name):
        out = b""
        for _, block in self.blocks(name):
            size = struct.unpack_from("<I", block)[0]
            out += block[4:] if len(block) - 4 == size else decompress(block[4:])
        return out

    def element(self, name):
        return Cursor(self.bytes(name)).element()

    def frame(self, name):
        index = Cursor(self.bytes(name + "/index")).texts()
        names = self.element(name)["columns"]
        return index, [Cursor(self.bytes(f"{name}/{i}")).column() for i in range(len(names))]

    def matrix(self, name, order="by_cell"):
        """(cells, genes, values) of all non-zeros, in the order that is stored."""
        number = list(self.meta["matrices"]).index(name)
        record, section = self.meta["matrices"][name], f"matrix/{number}/"
        dtype, coded = np.dtype(record["type"]), int(record["coding"]) == 0
        genes = np.frombuffer(self.bytes(section + "genes"), "<u4")
        dictionaries = self.dictionaries(section, dtype, int(record["cells"]))
        parts = []
        for first, block in self.blocks(section + order):
            lines, raw_size = struct.unpack_from("<I", block)[0], struct.unpack_from("<Q", block,
                8)[0]
            table = np.frombuffer(block, "<u4", 2 * lines, 16).reshape(lines, 2)
            body, end = block[16 + 8 * lines:], len(block) - raw_size
            if not coded:
                raw = np.frombuffer(decompress(block[end:]), np.uint8).reshape(dtype.itemsize,
                    -1).T.tobytes()
                raw, used = np.frombuffer(raw, dtype), 0
            begin = 0
            for i, (length, stop) in enumerate(table.tolist()):
                places, codes = read_line(body[begin:stop], length, coded)
                line, begin = np.full(length, first + i), stop
                cells, ranks = (line, places) if order == "by_cell" else (places, line)
                if coded:
                    values = [dictionaries[c][v] if len(dictionaries[c]) else v for c,
                        v in zip(cells, codes)]
                else:
                    values, used = raw[used:used + length], used + length
                parts.append((cells, genes[ranks], np.array(values, dtype)))
        return tuple(np.concatenate(part) for part in zip(*parts))

    def dictionaries(self, section, dtype, cells):
        out = [()] * cells
        blocks = self.blocks(section + "dictionary")
        for (first, block), (after, _) in zip(blocks, blocks[1:] + [(cells, b"")]):
            at = 4 * (after - first)
            for i, count in enumerate(np.frombuffer(block, "<u4", after - first) if block else ()):
                out[first + i] = np.frombuffer(block, dtype, count, at)
                at += int(count) * dtype.itemsize
        return out
