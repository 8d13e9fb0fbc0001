"""A pipeline with a stage in Python that does what its parameters say, for tests from outside."""
import threading
import time

WAIT_SECONDS_MAX = 120

# A stage that does what its parameters say; "times" counts its attempts in a folder of the test.
STAGE = """
import json, os, pathlib, select, sys, time
task = json.loads(pathlib.Path(sys.argv[-1]).read_text())
said = task["parameters"]
notes = pathlib.Path(said["notes"])
text = "".join(pathlib.Path(p).read_text() for files in task["inputs"].values() for p in files)
number = len(list(notes.glob("began-*")))
(notes / f"began-{time.time_ns()}-{os.getpid()}").write_text(text)
if "hold" in said:
    while not pathlib.Path(said["hold"]).exists():
        select.select([], [], [], 0.02)
if number < said.get("fails", 0):
    print(json.dumps({"code": "x", "message": said.get("message", "not yet")}), file=sys.stderr)
    sys.exit(said.get("code", 75))
if "take_mib" in said and task["memory_bytes"] < said["take_mib"] << 20:
    taken = bytearray(said["take_mib"] << 20)
    select.select([], [], [])
out = pathlib.Path(task["output"])
(out / "text.txt").write_text(said.get("put", "") + text.upper())
(out / "outputs.json").write_text(json.dumps({"outputs": {"text": ["text.txt"]}}))
"""


class Bench:
    """A folder with a pipeline, its stage, two inputs, and what the stage notes."""

    def __init__(self, folder, run_stroma, run_json):
        self.folder, self.run_stroma, self.run_json = folder, run_stroma, run_json
        self.data, self.slides, self.notes = folder / "data", folder / "slides", folder / "notes"
        for path in (self.slides, self.notes):
            path.mkdir()
        (folder / "stage.py").write_text(STAGE)
        for name in ("a", "b"):
            (self.slides / f"{name}.txt").write_text(name)

    def pipeline(self, parameters="", stage="", rest=""):
        file = self.folder / "p.yaml"
        file.write_text(f"""
pipeline: p
inputs: {{images: "*.txt"}}
stages:
  first:
    command: [python3, stage.py]
    inputs: {{text: images}}
    scatter: images
    outputs: [text]
    resources: {{memory: 64MiB}}
    parameters: {{notes: {self.notes}{parameters}}}
{stage}{rest}""")
        return file

    def begun(self):
        return len(list(self.notes.glob("began-*")))

    def run(self, file, *more, fails=False):
        return self.run_stroma("pipeline", "run", file, "--input", self.slides, *more, "--set",
                               "pipeline.first_retry=10ms", "--json", data=self.data, fails=fails)


def wait_until(what, seconds=WAIT_SECONDS_MAX):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about"
        threading.Event().wait(0.05)


def read_or_nothing(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
