"""Runs operations of ../shared/bench/peers.py one at a time, when told to by a line on its input.

    peer_child.py PEERS_PY DATA_FOLDER OPERATION...      (or bench/statistics_peers.py)

Each line of input does every operation once; the answer is one line of JSON with the seconds of
all, the peak memory so far, and the last one's nonzeros and path.
"""
import importlib.util
import json
import resource
import sys
import time

spec = importlib.util.spec_from_file_location("peers_of_shared", sys.argv[1])
peers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(peers)
works = [peers.OPERATIONS[name](sys.argv[2]) for name in sys.argv[3:]]
for _ in sys.stdin:
    wall, cpu, sizes = 0.0, 0.0, []
    for work in works:
        start, used = time.perf_counter(), time.process_time()
        nonzeros, path = work()
        wall += time.perf_counter() - start
        cpu += time.process_time() - used
        sizes.append(peers.size_of(path) if path else 0)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "rss_MiB": memory, "nnz": int(nonzeros),
                      "path": path, "sizes": sizes}), flush=True)
