"""Groups of touching pixels above the threshold."""
import json
import pathlib

import stage

TASK = stage.task()
ROWS = stage.read_pgm(TASK["inputs"]["image"][0])
THRESHOLD = TASK["parameters"]["threshold"]
LEFT = {(row, column) for row, line in enumerate(ROWS)
        for column, value in enumerate(line) if value > THRESHOLD}
SIZES = []
while LEFT:
    group = [LEFT.pop()]
    for row, column in group:
        for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if near in LEFT:
                LEFT.remove(near)
                group.append(near)
    SIZES.append(len(group))
SIZES.sort(reverse=True)
pathlib.Path(TASK["output"], "spots.json").write_text(json.dumps(SIZES), encoding="utf-8")
SHAPES = "".join(f'<rect x="{5 + 12 * at}" y="{60 - size}" width="10" height="{size}"/>'
                 for at, size in enumerate(SIZES[:20]))
pathlib.Path(TASK["output"], "sizes.svg").write_text(
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 250 60">{SHAPES}</svg>',
    encoding="utf-8")
stage.finish(TASK, {"spots": ["spots.json"]}, {"spots": len(SIZES)}, ["sizes.svg"])
