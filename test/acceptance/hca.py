"""Bundles made by hand from the fixtures, and the files of finished requests."""
import hashlib
import shutil

from api import ask
from cli import unzip

SMARTSEQ2 = "fff34137-79cb-4187-a7d6-ea55be83fc83.2019-01-28T133948.543098Z"
CELL = "635badd5-7d62-4db3-b509-f290a12a1336"
GENE, OTHER_GENE = "ENSG00000000003", "ENSG00000000005"
TRANSCRIPT = "ENST00000373020"
# Two ids of the first gene, and of the first transcript, differ only after the dot.
GENES = [(f"{GENE}.14", 3.5), (f"{GENE}.15", 1.25), (f"{OTHER_GENE}.5", 2.0),
         (f"{OTHER_GENE}.5_PAR_Y", 8.0), ("ENSG00000000419.12", 0.0)]
TRANSCRIPTS = [(f"{TRANSCRIPT}.8", 2.5), (f"{TRANSCRIPT}.9", 1.0), ("ENST00000371582.8", 7.0)]


def copied(source, folder):
    """A copy of a fixture that may be written to."""
    shutil.copytree(source, folder)
    for path in [folder, *folder.iterdir()]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def make_smartseq2(shared_data, parent):
    """The Smart-seq2 fixture under its real name, with RSEM tables of a few lines."""
    folder = copied(shared_data / "hca-bundles/matrix-service/etl/ss2_bundle.version",
                    parent / SMARTSEQ2)
    sample = folder / CELL
    with open(f"{sample}_rsem.genes.results", "w", encoding="ascii") as file:
        file.write("gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\t"
                   "FPKM\n")
        for name, count in GENES:
            file.write(f"{name}\tx\t1000.00\t900.00\t{count}\t{2 * count}\t1.00\n")
    with open(f"{sample}_rsem.isoforms.results", "w", encoding="ascii") as file:
        file.write("transcript_id\tgene_id\tlength\teffective_length\texpected_count\tTPM\tFPKM\t"
                   "IsoPct\n")
        for name, count in TRANSCRIPTS:
            file.write(f"{name}\t{GENE}.14\t1000\t900.00\t{count}\t{2 * count}\t1.00\t50.00\n")
    return folder


def download(done, folder):
    """The file of a finished request, unpacked where it is a zip: a path for read_any."""
    assert done["status"] == "Complete", done
    url = done.get("matrix_url") or done["matrix_location"]
    answer = ask(url)
    assert answer.status == 200 and len(answer.content) == done["bytes"]
    assert hashlib.sha256(answer.content).hexdigest() == done["sha256"]
    path = folder / url.rsplit("/", 1)[1]
    path.write_bytes(answer.content)
    if path.suffix != ".zip":
        return path
    names = unzip(path, folder)
    return folder / names[0].split("/")[0]
