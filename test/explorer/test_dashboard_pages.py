"""Dashboards in a browser: made, drawn in every way, shared; and the live demo's line, growing."""
import json
import re
import subprocess

import pytest

TYPES = "SELECT cell_type, count(*) AS cells FROM obs GROUP BY 1 ORDER BY 2 DESC"
# Made-up measurements: three lines over an hour, by the minute.
LINES = """SELECT TIMESTAMP '2026-11-22 08:00:00' + to_minutes(m) AS at, 'sensor ' || s AS sensor,
  round(20 + 3 * s + 4 * sin((m + 7 * s) / 9.0), 2) AS temperature
FROM range(60) r(m), range(3) t(s) ORDER BY 1, 2"""


def panel(title, kind, statement, place, **more):
    return {"id": re.sub(r"\W+", "-", title.lower()), "title": title, "kind": kind,
            "statement": statement, **more,
            "place": dict(zip(("x", "y", "width", "height"), place))}


GALLERY = {
    "title": "Everything that can be drawn", "refresh_seconds": 0,
    "description": "Made-up cells and made-up temperatures.",
    "parameters": [{"name": "kind", "label": "Cell type", "kind": "choice",
                    "statement": "SELECT DISTINCT cell_type FROM obs ORDER BY 1"},
                   {"name": "since", "label": "Since", "kind": "date", "default": "2026-11-22"}],
    "panels": [
        panel("Temperature now", "number", LINES.replace("range(3)", "range(1)"), (0, 0, 3, 3),
              unit="°C"),
        panel("Cells", "number", "SELECT count(*) AS cells FROM obs WHERE cell_type = :kind OR "
              ":kind IS NULL", (3, 0, 3, 3)),
        {"id": "words", "kind": "text", "text": "# Words\nWith **bold** ones, `code` and\n- a list",
         "place": {"x": 6, "y": 0, "width": 6, "height": 3}},
        panel("Temperatures", "line", LINES, (0, 3, 6, 5), x="at", y=["temperature"],
              series="sensor", unit="°C"),
        panel("Heat", "area", LINES, (6, 3, 6, 5), x="at", y=["temperature"], series="sensor"),
        panel("Cells of each type", "bar", TYPES, (0, 8, 6, 5)),
        panel("Donors", "bar", "SELECT cell_type, donor_id, count(*) AS cells FROM obs GROUP BY 1, "
              "2 ORDER BY 1, 2", (6, 8, 6, 5), series="donor_id", layout="grouped"),
        panel("Points", "scatter", "SELECT i AS dose, sin(i / 30.0) + (i * 7919 % 100) / 100.0 AS "
              "response FROM range(200) t(i)", (0, 13, 6, 5)),
        panel("Rows", "table", TYPES, (6, 13, 6, 5)),
        panel("Nothing", "line", "SELECT 1 AS a WHERE false", (0, 18, 4, 3)),
        panel("Wrong", "line", "SELECT nonsense FROM obs", (4, 18, 4, 3)),
        panel("Gaps", "line", "SELECT i AS x, CASE WHEN i NOT IN (3, 5) THEN i END AS y FROM "
              "range(9) t(i)", (8, 18, 4, 3)),
        panel("Long names", "bar", "SELECT repeat('the same words ', 3) || i AS name, i + 1 AS y "
              "FROM range(9) t(i)", (0, 21, 4, 4)),
        panel("Wide number", "number", "SELECT 12345678901234.5 AS n", (4, 21, 2, 4))]}
CHARTS = ["Temperatures", "Heat", "Cells of each type", "Donors", "Points"]


@pytest.fixture(scope="module")
def bloody(run, start_module_server, blood, tmp_path_factory):
    data = tmp_path_factory.mktemp("dashboards") / "data"
    run("import", blood, "--name", "blood", "--public", data=data)
    return start_module_server(data)


def test_a_dashboard_is_made_arranged_and_shared(browse, bloody):
    seen = browse(bloody, "dashboard-made", ["signIn", "makeDashboard", "sharedDashboard"],
                  statement=TYPES)
    assert seen["preview"] == seen["bars"] == seen["shared_bars"] == 8
    assert seen["wider"] and seen["copied"] == 2
    assert seen["tops"][0] < seen["tops"][1]
    assert seen["shared_buttons"] == ["Full screen", "Export as JSON"]


def test_every_kind_of_panel_is_drawn_in_both_sizes_and_colours(browse, bloody):
    seen = browse(bloody, "dashboard", ["signIn", "gallery", "parameter"],
                  gallery=GALLERY, charts=CHARTS, refused=("/panels/wrong/rows",))
    assert seen["made"] == 201
    assert re.fullmatch(r"[\d.]+ °C", seen["number"]) and "%" in seen["change"]
    assert seen["empty"] == "No rows." and "nonsense" in seen["problem"]
    assert re.fullmatch(r"2026-11-22 08:\d\d:00", seen["tip"]) and seen["tip_rows"] == 3
    assert seen["hidden"] == 1 and seen["too_wide"] == 0
    assert seen["gaps"] == {"runs": 3, "dots": 1}
    assert len(set(seen["names"])) == 9 and seen["names_outside"] == 0
    assert seen["wide"] == {"words": "12,345,678,901,234.5", "cut": False}
    assert seen["Rows as CSV"]["begin"].startswith("at,sensor,temperature\r\n2026-11-22 08:00:00,")
    assert seen["Chart as SVG"]["begin"].startswith("<svg ")
    assert "PNG" in seen["Chart as PNG"]["begin"] and seen["Chart as PNG"]["size"] > 5000
    assert "v.kind=" in seen["address"]


def test_parameters_of_an_address_are_checked_and_followed(browse, bloody):
    """And a statement that takes long is called off."""
    place = {"x": 0, "y": 0, "width": 6, "height": 4}
    long = "SELECT count(*) AS n FROM range(300000) a(x), range(300000) b(y) WHERE x * y % 7 = 3"
    asked = {"title": "Asked", "parameters": [{"name": "n", "kind": "number", "label": "A number"}],
             "panels": [{"id": "p", "title": "Given", "kind": "table", "statement":
                         "SELECT CAST(:n AS INTEGER) * 2 AS twice", "place": place},
                        {"id": "q", "title": "Long", "kind": "number", "statement": long,
                         "place": {**place, "x": 6}}]}
    seen = browse(bloody, "dashboard-asked", ["signIn", "askedByAddress"], asked=asked,
                  refused=("/panels/p/rows", "/panels/q/rows"))
    assert seen["wrong"] == "Parameter n: 'many' is no number" and seen["rows_beside"] == 0
    assert (seen["typed"], seen["followed"]) == ("14", "18")
    assert seen["stopped"] == "Stopped before there was an answer."


def test_the_live_demo_draws_a_line_that_grows(browse, stroma_binary, start_server, tmp_path):
    server = start_server(None, "--aws", "127.0.0.1:0")
    with subprocess.Popen([str(stroma_binary), "demo", "stream", "--live", "--rate", "100",
                           "--data", str(server.data)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as demo:
        try:
            address = demo.stdout.readline().strip()
            assert address.startswith(f"{server.url}/#/dashboards/dashboard-"), address
            seen = browse(server, "dashboard-live", ["liveQuotes"],
                          live=f"{address}?token={server.token}")
        finally:
            demo.terminate()
            assert demo.wait(60) == 0, "a stop is a good end"
    first, later = seen["grown"]
    assert later >= first + 20
    assert 0 <= float(seen["age"].split()[0]) < 60
    assert int(seen["rows"].replace(",", "")) > 0
    assert 0 <= float(seen["lag"].split()[0]) < 60
    definition = server.get("/v1/dashboards").json()["dashboards"]
    assert json.dumps(definition).count('"Quotes"') == 1
