"""Private data is invisible to who may not read it, on every route that names data."""
import types

import pytest
import requests

from api import ask

ROUTES = ["list", "dataset", "revisions", "sql", "sql by relation", "filters", "fields", "v1",
          "v1 by sql", "v0", "download", "other format", "result", "diff", "diff of a result",
          "origin", "change", "remove", "grants", "jobs"]
SECRET = "secret-cell"  # every id and value of the private dataset begins so


@pytest.fixture(scope="module")
def site(start_module_server, run, tmp_path_factory):
    """A private dataset of `owner`, a public one, and their ids; `stranger` is somebody else."""
    import anndata
    import numpy
    import pandas
    import scipy.sparse

    folder = tmp_path_factory.mktemp("private")
    for name, start in [("hidden", SECRET), ("open", "open-cell")]:
        obs = pandas.DataFrame({"cell_type": [f"{start}-type"] * 3, "sex": [f"{start}-sex"] * 3},
                               index=[f"{start}-{i}" for i in range(3)])
        var = pandas.DataFrame(index=["ENSG00000000001", f"{start}-gene"])
        anndata.AnnData(scipy.sparse.csr_matrix(numpy.ones((3, 2), numpy.float32)), obs=obs,
                        var=var, dtype=numpy.float32).write_h5ad(folder / f"{name}.h5ad")
    server = start_module_server(folder / "data")
    tokens = {}
    for name in ("owner", "stranger"):
        server.post("/v1/principals", json={"name": name}).raise_for_status()
        made = server.post("/v1/tokens", json={"principal": name})
        made.raise_for_status()
        tokens[name] = {"Authorization": f"Bearer {made.json()['secret']}"}
    for name in ("hidden", "open"):
        content = (folder / f"{name}.h5ad").read_bytes()
        upload = requests.post(server.url + "/v1/uploads", headers=tokens["owner"], timeout=60,
                               json={"name": f"{name}.h5ad", "size": len(content)}).json()
        assert "id" in upload, upload
        requests.put(f"{server.url}/v1/uploads/{upload['id']}", content, headers=tokens["owner"],
                     timeout=60).raise_for_status()
        job = requests.post(server.url + "/v1/imports", headers=tokens["owner"], timeout=60, json={
            "upload": upload["id"], "dataset": name,
            "visibility": "public" if name == "open" else "private"}).json()
        finish(server, job["id"])
    listed = ask(server.url + "/v1/datasets", headers=tokens["owner"]).json()["datasets"]
    hidden = next(d for d in listed if d["name"] == "hidden")
    made = types.SimpleNamespace(server=server, url=server.url, tokens={**tokens, "anonymous": {}},
                                 id=hidden["id"])
    made.request = matrix(made, "owner", {"where": "true", "format": "h5ad"})
    return made


def finish(server, job):
    ask(f"{server.url}/v1/jobs/{job}/events", headers=server.headers())
    done = ask(f"{server.url}/v1/jobs/{job}", headers=server.headers()).json()
    assert done["state"] == "succeeded", done


def matrix(site, who, body, version="v1"):
    """The finished request's description, or the refusal."""
    posted = ask(f"{site.url}/{version}/matrix", "POST", body,
                 {"Content-Type": "application/json", **site.tokens[who]})
    if posted.status != 202:
        return posted.json()
    path = f"{site.url}/{version}/matrix/{posted.json()['request_id']}"
    done = ask(path, headers=site.tokens[who]).json()
    if done["status"] == "In Progress":
        ask(f"{site.url}/v1/jobs/{done['job']}/events", headers=site.server.headers())
        done = ask(path, headers=site.tokens[who]).json()
    return done


def sql(site, who, statement):
    return ask(site.url + "/v1/sql", "POST", {"statement": statement},
               {"Content-Type": "application/json", **site.tokens[who]}).content.decode()


def answer_of(site, who, route):
    """All that the route tells that principal, as text."""
    def get(path, method="GET", body=None):
        answer = ask(site.url + path, method, body,
                     {"Content-Type": "application/json", **site.tokens[who]})
        return answer.content.decode(errors="replace")

    request, result = site.request["request_id"], site.request["query_hash"]
    cells = {"op": "=", "field": "cell_id", "value": f"{SECRET}-0"}
    actions = {
        "list": lambda: get("/v1/datasets"),
        "dataset": lambda: get("/v1/datasets/hidden"),
        "revisions": lambda: get(f"/v1/datasets/{site.id}/revisions"),
        "sql": lambda: sql(site, who, "select dataset, cell_id, cell_type from cells"),
        "sql by relation": lambda: "".join(
            sql(site, who, f"select * from {relation}") for relation in
            ["dataset", "obs", "var", "cell_all", "expression_all", "provenance", "feature",
             "stl_load_commits"]),
        "filters": lambda: get("/v1/filters/donor_organism.sex"),
        "fields": lambda: get("/v1/fields/donor_organism.sex"),
        "v1": lambda: str(matrix(site, who, {"filter": cells, "format": "h5ad"})),
        "v1 by sql": lambda: str(matrix(site, who, {
            "sql": f"select cellkey from cells where cell_id = '{SECRET}-0'", "format": "h5ad"})),
        "v0": lambda: str(matrix(site, who, {"bundle_fqids": [f"{site.id}.1"]}, "v0")),
        "download": lambda: get(site.request["matrix_url"].removeprefix(site.url)),
        "other format": lambda: get(f"/v1/matrix/{request}.csv"),
        "result": lambda: get(f"/v1/results/{result}"),
        "diff": lambda: get("/v1/diff?from=hidden&to=open"),
        "diff of a result": lambda: get(f"/v1/diff?from=open&to={result}"),
        "origin": lambda: get(f"/v1/origin?cell={SECRET}-0&gene={SECRET}-gene"),
        "change": lambda: get("/v1/datasets/hidden", "PATCH", {}) if who != "owner" else SECRET,
        "remove": lambda: get("/v1/datasets/hidden", "DELETE") if who != "owner" else SECRET,
        "grants": lambda: get(f"/v1/datasets/{site.id}/grants"),
        "jobs": lambda: get("/v1/jobs"),
    }
    return actions[route]()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_private_data_is_invisible_to_others(site, route, who):
    text = answer_of(site, who, route)
    asked = text.replace(f"{SECRET}-0'", "")  # what the question itself said
    if route == "origin":
        asked = text.replace(f"'{SECRET}-0'", "")
    assert SECRET not in asked and site.id not in asked.replace(f"'{site.id}'", ""), text
    if route in ("dataset", "diff", "origin", "download", "result", "change", "remove"):
        assert '"not_found"' in text, text
    if route in ("v1", "v1 by sql"):
        assert "No cells match" in text, text


@pytest.mark.parametrize("route", ["dataset", "revisions", "diff", "grants"])
@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_a_private_dataset_looks_as_one_that_is_not_there(site, route, who):
    """Byte for byte, but for the name asked for and the request's id."""
    def told(name):
        path = {"dataset": f"/v1/datasets/{name}", "revisions": f"/v1/datasets/{name}/revisions",
                "diff": f"/v1/diff?from={name}&to=open", "grants": f"/v1/datasets/{name}/grants"}
        answer = ask(site.url + path[route], headers=site.tokens[who])
        body = answer.json()
        body.pop("request_id")
        return answer.status, str(body).replace(name, "NAME")
    assert told("hidden") == told("absent")


@pytest.mark.parametrize("route", [r for r in ROUTES if r not in ("v0", "grants", "jobs")])
def test_its_owner_sees_it(site, route):
    text = answer_of(site, "owner", route)
    seen = {"list": "hidden", "dataset": "hidden", "revisions": "ready",
            "v1": "Complete", "v1 by sql": "Complete", "diff": "removed", "diff of a result":
            "added", "download": "HDF", "result": "HDF"}
    if route == "other format":
        assert "not_found" not in text
    else:
        assert seen.get(route, SECRET) in text, text
    if route.startswith("v1"):
        assert "'cells': 1" in text, text
