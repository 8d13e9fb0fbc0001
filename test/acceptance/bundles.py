"""Made-up bundles: the metadata of the shared CellRanger fixture under ids of their own, with a
small matrix."""
import re
import uuid

import numpy as np

CELLS, GENES = 100, 200
SHARED_BY_ALL = ("project_0.json",)
OWN_ID = re.compile(r'"document_id": "([0-9a-f-]{36})"')


def make_bundle(shared_data, parent, seed, number):
    """The folder of bundle `number`: 100 cells with at least 100 molecules each."""
    fixture = shared_data / "hca-bundles/matrix-service-history/etl/cellranger_bundle.version"
    rng = np.random.default_rng([seed, number])
    own = uuid.uuid5(uuid.NAMESPACE_URL, f"bundle {seed} {number}")
    folder = parent / f"{own}.2020-01-01T000000.000000Z"
    folder.mkdir(parents=True)
    texts = {path.name: path.read_text() for path in fixture.glob("*.json")
             if not path.name.startswith("analysis_file")}
    ids = {found: str(uuid.uuid5(own, found)) for name, text in texts.items()
           if name not in SHARED_BY_ALL for found in OWN_ID.findall(text)}
    for name, text in texts.items():
        for old, new in ids.items():
            text = text.replace(old, new)
        (folder / name).write_text(text)
    write_cellranger(folder, rng)
    return folder


def write_cellranger(folder, rng):
    counts = rng.poisson(1.5, (GENES, CELLS)) + (np.arange(GENES) == 0)[:, None]
    counts[0] += 100
    genes, cells = np.nonzero(counts)
    with open(folder / "matrix.mtx", "w", encoding="ascii") as file:
        file.write("%%MatrixMarket matrix coordinate integer general\n%\n")
        file.write(f"{GENES} {CELLS} {len(genes)}\n")
        np.savetxt(file, np.c_[genes + 1, cells + 1, counts[genes, cells]], "%d")
    (folder / "genes.tsv").write_text(
        "".join(f"ENSG{i:011}\tGENE{i}\n" for i in range(GENES)))
    (folder / "barcodes.tsv").write_text(
        "".join(f"{code}-1\n" for code in barcodes(CELLS)))


def barcodes(count):
    return ["".join("ACGT"[i // 4**place % 4] for place in range(16)) for i in range(count)]
