"""What the stages beside it share: the task they are given, and outputs.json."""
import json
import os
import pathlib
import sys

BAD_INPUT, FOR_THE_TIME_BEING = 65, 75


def task():
    """The task whose file is the last argument."""
    return json.loads(pathlib.Path(sys.argv[-1]).read_text(encoding="utf-8"))


def progress(done, total, unit, step):
    print(json.dumps({"done": done, "total": total, "unit": unit, "step": step}), flush=True)


def fail(code, message):
    print(json.dumps({"code": "invalid_input", "message": message}), file=sys.stderr)
    sys.exit(code)


def finish(of, outputs, summary=None, pictures=()):
    """Says what was made: names of files within the task's output folder. Last of all."""
    folder = pathlib.Path(of["output"])
    made = {"outputs": outputs, "summary": summary, "pictures": list(pictures)}
    part = folder / "outputs.json.part"
    part.write_text(json.dumps(made), encoding="utf-8")
    os.replace(part, folder / "outputs.json")


def read_pgm(path):
    """Rows of a plain PGM picture (P2)."""
    words = pathlib.Path(path).read_text(encoding="ascii", errors="replace").split()
    if words[:1] != ["P2"] or len(words) < 4:
        fail(BAD_INPUT, f"{path} is no plain PGM picture")
    width, height = int(words[1]), int(words[2])
    values = [int(word) for word in words[4:]]
    if len(values) != width * height:
        fail(BAD_INPUT, f"{path} holds {len(values)} pixels in place of {width * height}")
    return [values[row * width:(row + 1) * width] for row in range(height)]


def write_pgm(path, rows):
    lines = [f"P2\n{len(rows[0])} {len(rows)}\n255"]
    lines += [" ".join(str(value) for value in row) for row in rows]
    pathlib.Path(path).write_text("\n".join(lines) + "\n", encoding="ascii")
