"""The table of what was measured: for the terminal and, as Markdown, for docs/performance.md."""
import re

from goals import GOALS

BEGIN, END = "<!-- measured: bench/run --write -->", "<!-- end -->"
UNSAID = ("wall", "ready", "peak", "decode", "by_cell", "by_gene", "both")  # said by the goal
HEAD = ("goal", "what", "measured", "target", "met", "× floor", "peer", "× peer", "runs")


def short(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rows(results, floors):
    """A row for each measure of each goal; results: (goal, measure) → figures, ours and peers'."""
    for goal in GOALS:
        for measure in goal.measures:
            ours, peers = results.get((goal.number, measure.name), (None, []))
            floor = measure.floor_at(floors)
            kind = measure.name.rsplit("_", 1)[0]
            what = goal.what if kind in UNSAID else f"{goal.what}: {kind}"
            target = f"{'≥' if measure.more_is_better else '≤'} {measure.target:g} {measure.unit}"
            if ours is None:
                yield (goal.number, what, "not measured", target, "", "", "", "", "")
                continue
            value = ours["value"]

            if measure.elsewhere and not peers:
                who, figure = measure.elsewhere
                peers = [{"who": f"{who} (reference)", "value": figure}]

            def times(other):
                return value / other if measure.more_is_better else other / value
            yield (goal.number, what, f"{short(value)} {measure.unit}", target,
                   "yes" if measure.is_met(value) else "**no**",
                   f"{1 / times(floor):.2g}" if floor else "",
                   "; ".join(f"{p['who']} {short(p['value'])} {measure.unit}" for p in peers),
                   "; ".join(f"{times(p['value']):.3g}×" for p in peers),
                   " / ".join(str(f.get("runs", "")) for f in (ours, *peers)))


def terminal(results, floors, is_asked):
    table = [HEAD, *(row for row in rows(results, floors) if is_asked(row[0]))]
    widths = [max(len(row[i]) for row in table) for i in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in table)


def markdown(results, floors, remarks):
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(results, floors)]
    return "\n".join([*lines, "", *(f"- {remark}" for remark in remarks)])


def write(page, results, floors, remarks):
    """Puts the table between its marks in the page."""
    text = page.read_text(encoding="utf-8")
    table = markdown(results, floors, remarks)
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    assert re.search(pattern, text, re.S), f"{page} has lost its marks"
    text = re.sub(pattern, lambda _: f"{BEGIN}\n{table}\n{END}", text, count=1, flags=re.S)
    page.write_text(text, encoding="utf-8")
