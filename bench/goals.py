"""The goals of the performance page: number, what, target, floor.

A measure's name ends with its unit. Floors are computed from the limits of the machine at hand
where floors.cpp measures what they need; a plain number is the reference machine's.
"""
from dataclasses import dataclass
from typing import Callable, Union

UNITS = {"s": "s", "ms": "ms", "B": "B", "Gps": "G/s", "MiB": "MiB", "ps": "/s"}


@dataclass
class Measure:
    name: str
    target: float
    floor: Union[float, Callable, None] = None
    more_is_better: bool = False
    elsewhere: tuple = ()  # a peer that can't be run here, and the reference's figure of it

    @property
    def unit(self):
        return UNITS[self.name.rsplit("_", 1)[-1]]

    def floor_at(self, floors):
        if floors is None and callable(self.floor):
            return None
        return self.floor(floors) if callable(self.floor) else self.floor

    def is_met(self, value):
        return value >= self.target if self.more_is_better else value <= self.target


@dataclass
class Goal:
    number: str
    what: str
    measures: list


def h5ad(nonzeros, written, wall, durable):
    return [Measure("wall_s", wall, lambda f: f.export(nonzeros, written)),
            Measure("durable_s", durable, lambda f: written / f.disk_write)]


GOALS = [
    Goal("G1", "bytes a nonzero, by cell", [Measure("by_cell_B", 1.15, 0.61)]),
    Goal("G2", "bytes a nonzero, by gene", [Measure("by_gene_B", 1.05, 0.61)]),
    Goal("G3", "bytes a nonzero, both orders", [Measure("both_B", 2.2, 1.22)]),
    Goal("G4", "decode, nonzeros a second and core",
         [Measure("decode_Gps", 0.9, lambda f: f.decode / 1e9, True)]),
    Goal("G5", "25 % of 100k cells → h5ad", h5ad(38.2e6, 306e6, 0.25, 0.5)),
    Goal("G6", "3 % → h5ad", h5ad(4.4e6, 35e6, 0.035, 0.07)),
    Goal("G7", "all → h5ad", h5ad(153.6e6, 1.24e9, 0.8, 1.6)),
    Goal("G8", "25 % → mtx.gz", [Measure("wall_s", 1.9, 1.2)]),
    Goal("G9", "25 % of 10k cells → dense csv",
         [Measure("wall_s", 0.15, lambda f: 100e6 / f.page_write), Measure("zipped_s", 0.5, 0.25)]),
    Goal("G10", "25 % of 10k cells → loom", [Measure("wall_s", 0.6, 0.4)]),
    Goal("G11", "25 % of 100k cells → zarr (lz4)", [Measure("wall_s", 0.35, 0.12)]),
    Goal("G12", "t-test, 3 % of 100k cells against the rest", [Measure("wall_ms", 15, 3)]),
    Goal("G13", "t-test, 25 % against 75 %", [Measure("wall_ms", 90, 26)]),
    Goal("G14", "500k cells: t-test, 3 % against the rest",
         [Measure("wall_ms", 75, 15, elsewhere=("scanpy's kernel", 2900))]),
    Goal("G15", "rank test, 3 % against the rest", [Measure("wall_ms", 300, 70)]),
    Goal("G16", "rank test, 3 % against 8 %", [Measure("wall_ms", 400, 100)]),
    Goal("G17", "one gene of 100k cells",
         [Measure("p50_ms", 0.1, lambda f: 400e3 / f.copy * 1e3), Measure("p99_ms", 0.5),
          Measure("large_p50_ms", 0.4), Measure("large_p99_ms", 2)]),
    Goal("G18", "the same over HTTP, 32 clients in Python",
         [Measure("p50_ms", 3), Measure("p99_ms", 15), Measure("rate_ps", 2000, None, True)]),
    Goal("G19", "ids of a filter over metadata, 500k cells",
         [Measure("sql_ms", 15, 1, elsewhere=("DuckDB alone", 9))]),
    Goal("G21", "h5ad → store, both orders, durable", [Measure("wall_s", 4, 1.4)]),
    Goal("G22", "gzip h5ad → store",
         [Measure("wall_s", 5, lambda f: 1.24e9 / (2 * f.inflate))]),
    Goal("G23", "csv of integers → store (153.6 M rows)", [Measure("wall_s", 4, 1.3)]),
    Goal("G24", "10k psv with text keys → store", [Measure("wall_s", 1, 0.3)]),
    Goal("G25", "peak memory of any export", [Measure("peak_MiB", 256)]),
    Goal("G26", "commit of one bundle of 100 cells",
         [Measure("p50_ms", 3, lambda f: 2e3 / f.commits), Measure("p99_ms", 20),
          Measure("grouped_ps", 500, lambda f: f.commits / 2, True)]),
    Goal("G27", "start with 1,000 datasets", [Measure("ready_s", 0.5)]),
    Goal("E1", "columns, embedding, schema, gene search; 500k cells, the slowest",
         [Measure("p50_ms", 2, elsewhere=("cellxgene", 383)),
          Measure("p99_ms", 10, elsewhere=("cellxgene", 505))]),
    Goal("E2", "304 for an embedding", [Measure("p50_ms", 1, elsewhere=("cellxgene", 383))]),
    Goal("E3", "one gene of 500k cells",
         [Measure("p50_ms", 5, elsewhere=("cellxgene", 24)), Measure("first_p50_ms", 5)]),
    Goal("E4", "an eighth of 100k cells against the rest",
         [Measure("welch_s", 1, elsewhere=("cellxgene", 31.4)), Measure("wilcoxon_s", 1),
          Measure("memory_MiB", 500, elsewhere=("cellxgene", 15000))]),
    Goal("E5", "an eighth of 500k cells against the rest",
         [Measure("welch_s", 4), Measure("wilcoxon_s", 4), Measure("memory_MiB", 500)]),
    Goal("E6", "small routes beside four comparisons",
         [Measure("p99_ms", 20, elsewhere=("cellxgene", 235))]),
    Goal("E7", "5,000 of 500k cells get a label",
         [Measure("run_p50_ms", 5, elsewhere=("cellxgene", 378)),
          Measure("scattered_p50_ms", 5, elsewhere=("cellxgene", 378))]),
    Goal("E8", "500k cells opened after a restart",
         [Measure("open_ms", 200, elsewhere=("cellxgene", 10000))]),
    Goal("E9", "Portal pages over 1,000 datasets, a cold process",
         [Measure("p99_ms", 50, elsewhere=("the CELLxGENE portal", 20000))]),
    Goal("E10", "a million cells in a browser that draws by software",
         [Measure("first_s", 2), Measure("whole_s", 4)]),
    Goal("E11", "the longest frame at a million cells",
         [Measure(f"{what}_ms", 100) for what in ("hovering", "zooming", "panning", "selecting")]),
]
