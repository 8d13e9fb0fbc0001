"""This machine's limits by ../shared/bench/floors.cpp, and the floors that follow from them."""
import subprocess


def measure(shared, build, folder, runs):
    """Compiles and runs floors.cpp; its Floors. What it prints stays in `build`."""
    build.mkdir(parents=True, exist_ok=True)
    program = build / "floors"
    subprocess.run(
        ["g++", "-std=c++20", "-O3", "-march=native", "-pthread", shared / "bench/floors.cpp",
         "-lzstd", "-llz4", "-lz", "-o", program], check=True)
    printed = subprocess.run([program, folder, str(runs)], check=True, capture_output=True,
                             text=True).stdout
    (build / "floors.txt").write_text(printed, encoding="utf-8")
    return Floors(parse(printed))


def last(build):
    """The Floors of the last run, or None."""
    printed = build / "floors.txt"
    return Floors(parse(printed.read_text(encoding="utf-8"))) if printed.exists() else None


def parse(printed):
    """name → (median, best, best per processor second)."""
    limits = {}
    for line in printed.splitlines()[1:]:
        if not line.startswith("#"):
            limits[line[:44].strip()] = tuple(float(word) for word in line[44:].split()[:3])
    return limits


class Floors:
    """Rates in units a second: nonzeros, bytes, commits."""

    def __init__(self, limits):
        def rate(name, column=0):
            return limits[name][column]
        gaps = rate("the same + scalar prefix sum") * 1e6
        counts = rate("bit-unpack counts, into cache") * 1e6
        self.decode = 1 / (1 / gaps + 1 / counts)
        self.page_write = rate("disk write 1 GiB + fsync", 2) * 1e9
        self.disk_write = rate("disk write 1 GiB + fsync") * 1e9
        self.copy = rate("memory copy, bytes copied (1 thread)") * 1e9
        self.inflate = rate("deflate -4 decode (zlib), bytes out") * 1e9
        self.commits = rate("4 KiB append + fdatasync")

    def export(self, nonzeros, written):
        """Seconds to decode on two cores and write to the page cache."""
        return nonzeros / (2 * self.decode) + written / self.page_write
