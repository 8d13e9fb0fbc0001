"""The mean of each pixel's neighbourhood."""
import stage

TASK = stage.task()
ROWS = stage.read_pgm(TASK["inputs"]["image"][0])
RADIUS = TASK["parameters"]["radius"]


def mean(row, column):
    near = [value for line in ROWS[max(0, row - RADIUS):row + RADIUS + 1]
            for value in line[max(0, column - RADIUS):column + RADIUS + 1]]
    return sum(near) // len(near)


SMOOTH = []
for at in range(len(ROWS)):
    SMOOTH.append([mean(at, column) for column in range(len(ROWS[at]))])
    stage.progress(at + 1, len(ROWS), "rows", "smoothing")
stage.write_pgm(TASK["output"] + "/smooth.pgm", SMOOTH)
stage.finish(TASK, {"image": ["smooth.pgm"]})
