"""Who gets what on every route of the OpenAPI document: every kind of principal, on things of every
state, against one table of rules. A route without a rule fails the test."""
import collections
import json
import re
import sqlite3

import h5py
import numpy as np
import pytest
import requests

from browser import Browser, first_administrator, new_user

PASSWORD = "a long enough password"
LEVELS = {"none": 0, "reader": 1, "writer": 2, "owner": 3, "administrator": 4}
NEEDED = {"read": 1, "comment": 1, "change": 2, "remove": 3, "share": 3}

# name, relation to the things that aren't foreign, how it comes in
Kind = collections.namedtuple("Kind", "name relation by")
KINDS = [
    Kind("anonymous", "none", "nothing"),
    Kind("stranger", "none", "session"),
    Kind("reader", "reader", "session"),
    Kind("writer", "writer", "session"),
    Kind("owner", "owner", "session"),
    Kind("administrator", "administrator", "session"),
    Kind("owner's token", "owner", "token"),
    Kind("owner's token to read", "owner", "read token"),
    Kind("expired token", "owner", "bad token"),
    Kind("revoked token", "owner", "bad token"),
    Kind("revoked session", "none", "nothing"),  # which was the administrator's
    Kind("link", "reader", "link"),
]
STATES = ["private", "public", "foreign", "withdrawn", "absent"]

# Routes by method and path: a rule, and what more is needed. "{thing}" in targets is the dataset's
# id, "{revision}" its revision's.
Rule = collections.namedtuple("Rule", "rule target body ok", defaults=(None, None, None))
OPEN, ADMINISTER, SESSION, SOMEBODY = (Rule(rule) for rule in
                                       ("open", "administer", "session", "somebody"))
RULES = {
    "GET /": OPEN, "GET /health": OPEN, "GET /internal/health": OPEN, "GET /version": OPEN,
    "GET /openapi.json": OPEN, "GET /metrics": OPEN, "GET /v1/filters": OPEN,
    "GET /v1/filters/{filter_name}": Rule("open", "/v1/filters/barcode"),
    "GET /v1/fields": OPEN, "GET /v1/fields/{field_name}": Rule("open", "/v1/fields/barcode"),
    "GET /v1/formats": OPEN, "GET /v1/formats/{format_name}": Rule("open", "/v1/formats/loom"),
    "GET /v1/features": OPEN, "GET /v1/features/{feature_name}": Rule("open", "/v1/features/gene"),
    "GET /v0/matrix/formats": OPEN,
    "POST /v1/matrix": Rule("open", body={}), "POST /v0/matrix": Rule("open", body={}),
    "GET /v1/matrix/{request_id}": Rule("own request", "/v1/matrix/{request}"),
    "GET /v0/matrix/{request_id}": Rule("own request", "/v0/matrix/{request}"),
    "GET /v1/matrix/{request_id}/files/{name}": Rule("own request",
                                                     "/v1/matrix/{request}/files/{file}"),
    "GET /v1/matrix/{request_id}/stream": Rule("own request", "/v1/matrix/{request}/stream"),
    "GET /v1/results/{result}": Rule("read private", "/v1/results/{result}"),
    "GET /v1/diff": Rule("read private", "/v1/diff?from={thing}&to={thing}"),
    "GET /v1/origin": Rule("search private", "/v1/origin?cell={cell}&gene={gene}&dataset={thing}"),
    "POST /v1/sql": Rule("open", body={"statement": "SELECT 1"}),
    "POST /dss/notification": Rule("refused", body={}),
    "GET /v1/datasets": OPEN,
    "GET /v1/datasets/{dataset}": Rule("read", "/v1/datasets/{thing}"),
    "PATCH /v1/datasets/{dataset}": Rule("change", "/v1/datasets/{thing}", {}),
    "DELETE /v1/datasets/{dataset}": Rule("remove", "/v1/datasets/{fresh}"),
    "GET /v1/datasets/{dataset}/revisions": Rule("read", "/v1/datasets/{thing}/revisions"),
    "GET /v1/datasets/{dataset}/grants": Rule("share", "/v1/datasets/{thing}/grants"),
    "PUT /v1/datasets/{dataset}/grants/{principal}":
        Rule("share", "/v1/datasets/{thing}/grants/local", {"access": "read"}),
    "DELETE /v1/datasets/{dataset}/grants/{principal}":
        Rule("share", "/v1/datasets/{thing}/grants/nobody", ok=(404,)),
    "DELETE /v1/datasets/{dataset}/images/{image}":
        Rule("change", "/v1/datasets/{thing}/images/none", ok=(404,)),
    "GET /v1/collections": OPEN,
    "POST /v1/collections": Rule("create", body={}),
    "GET /v1/collections/{collection}": Rule("own", "/v1/collections/{collection}"),
    "POST /v1/uploads": Rule("create", body={}),
    "GET /v1/uploads/{upload}": Rule("own", "/v1/uploads/{upload}"),
    "PUT /v1/uploads/{upload}": Rule("own change", "/v1/uploads/{upload}", ok=(200, 400, 409)),
    "DELETE /v1/uploads/{upload}": Rule("own change", "/v1/uploads/{fresh_upload}"),
    "POST /v1/imports": Rule("administer", body={"path": "/no/such/file.h5ad"},
                             ok=(202, 400, 404)),
    # Whose dashboards are whose: test/acceptance/test_dashboards.py.
    "GET /v1/dashboards": OPEN, "POST /v1/dashboards": Rule("create", body={}, ok=(400,)),
    "POST /v1/dashboards/preview": Rule("open", body={"statement": "SELECT 1"}),
    "GET /v1/dashboards/{dashboard}": Rule("absent", "/v1/dashboards/none"),
    "PUT /v1/dashboards/{dashboard}": Rule("absent", "/v1/dashboards/none", {}),
    "PATCH /v1/dashboards/{dashboard}": Rule("absent", "/v1/dashboards/none", {}),
    "DELETE /v1/dashboards/{dashboard}": Rule("absent", "/v1/dashboards/none"),
    "GET /v1/dashboards/{dashboard}/versions": Rule("absent", "/v1/dashboards/none/versions"),
    "GET /v1/dashboards/{dashboard}/versions/{version}":
        Rule("absent", "/v1/dashboards/none/versions/1"),
    "GET /v1/dashboards/{dashboard}/grants": Rule("absent", "/v1/dashboards/none/grants"),
    "PUT /v1/dashboards/{dashboard}/grants/{principal}":
        Rule("absent", "/v1/dashboards/none/grants/local", {"access": "read"}),
    "DELETE /v1/dashboards/{dashboard}/grants/{principal}":
        Rule("absent", "/v1/dashboards/none/grants/local"),
    "POST /v1/dashboards/{dashboard}/panels/{panel}/rows":
        Rule("absent", "/v1/dashboards/none/panels/a/rows", {}),
    "POST /v1/dashboards/{dashboard}/parameters/{parameter}/choices":
        Rule("absent", "/v1/dashboards/none/parameters/a/choices", {}),
    "GET /v1/flows": Rule("somebody"),
    "GET /v1/flows/events": Rule("somebody", "/v1/flows/events?seconds=0"),
    # Runs are started by administrators; whose they are: test/tissue/test_pipeline_run.py.
    "GET /v1/runs": OPEN, "POST /v1/runs": Rule("administer", body={}, ok=(400,)),
    "GET /v1/runs/{run}": Rule("absent", "/v1/runs/none"),
    "GET /v1/runs/{run}/events": Rule("absent", "/v1/runs/none/events"),
    "GET /v1/runs/{run}/tasks": Rule("absent", "/v1/runs/none/tasks"),
    "GET /v1/runs/{run}/tasks/{task}/log": Rule("absent", "/v1/runs/none/tasks/1/log"),
    "GET /v1/runs/{run}/tasks/{task}/file": Rule("absent", "/v1/runs/none/tasks/1/file?name=x"),
    "GET /v1/runs/{run}/why": Rule("absent", "/v1/runs/none/why"),
    "GET /v1/runs/{run}/report": Rule("absent", "/v1/runs/none/report"),
    "GET /v1/runs/{run}/graph": Rule("absent", "/v1/runs/none/graph"),
    "GET /v1/runs/{run}/pictures": Rule("absent", "/v1/runs/none/pictures"),
    "GET /v1/runs/{run}/pictures/{picture}": Rule("absent", "/v1/runs/none/pictures/in-0"),
    "GET /v1/runs/{run}/pictures/{picture}/tiles/{level}/{channel}/{y}/{x}":
        Rule("absent", "/v1/runs/none/pictures/in-0/tiles/0/0/0/0"),
    "GET /v1/runs/{run}/pictures/{picture}/thumbnail":
        Rule("absent", "/v1/runs/none/pictures/in-0/thumbnail"),
    "GET /v1/runs/{run}/pictures/{picture}/difference":
        Rule("absent", "/v1/runs/none/pictures/in-0/difference?other=in-1"),
    "GET /v1/runs/{run}/pictures/{picture}/edits":
        Rule("absent", "/v1/runs/none/pictures/1-0/edits"),
    "POST /v1/runs/{run}/pictures/{picture}/edits":
        Rule("absent", "/v1/runs/none/pictures/1-0/edits", {}),
    "POST /v1/runs/{run}/cancel": Rule("absent", "/v1/runs/none/cancel", {}),
    "POST /v1/runs/{run}/retry": Rule("absent", "/v1/runs/none/retry", {}),
    "POST /v1/runs/{run}/reviews": Rule("absent", "/v1/runs/none/reviews", {}),
    "GET /v1/runs/{run}/archive": Rule("absent", "/v1/runs/none/archive"),
    "POST /v1/runs/{run}/archive": Rule("absent", "/v1/runs/none/archive", {}),
    "POST /v1/runs/{run}/restore": Rule("absent", "/v1/runs/none/restore", {}),
    "POST /v1/runs/{run}/verify": Rule("absent", "/v1/runs/none/verify", {}),
    "POST /v1/pipelines/estimate": Rule("administer", body={}, ok=(400,)),
    "POST /v1/pipelines/check": Rule("somebody", body={}),
    "GET /v1/pipelines/standing": ADMINISTER,
    "GET /v1/pipelines/intakes": ADMINISTER, "GET /v1/pipelines/arrivals": ADMINISTER,
    "POST /v1/pipelines/intakes": Rule("administer", body={}, ok=(400,)),
    "DELETE /v1/pipelines/intakes/{intake}":
        Rule("administer", "/v1/pipelines/intakes/none", ok=(404,)),
    "GET /v1/pipelines/pilots": ADMINISTER,
    "POST /v1/pipelines/pilots/{job}/cancel":
        Rule("administer", "/v1/pipelines/pilots/1/cancel", {}, (404,)),
    "POST /v1/tasks/lease": Rule("administer", body={}, ok=(400,)),
    "POST /v1/tasks/{task}/beat": Rule("administer", "/v1/tasks/1/beat", {}, (404,)),
    "POST /v1/tasks/{task}/finish": Rule("administer", "/v1/tasks/1/finish", {}, (404,)),
    "GET /v1/jobs": OPEN, "GET /v1/jobs/events": Rule("somebody", "/v1/jobs/events?seconds=0"),
    "GET /v1/jobs/{job}": Rule("own", "/v1/jobs/{job}"),
    "GET /v1/jobs/{job}/events": Rule("own", "/v1/jobs/{job}/events"),
    "GET /v1/jobs/{job}/log": Rule("own", "/v1/jobs/{job}/log"),
    "POST /v1/jobs/{job}/cancel": Rule("own change", "/v1/jobs/{job}/cancel", ok=(200, 409)),
    "POST /v1/jobs/{job}/retry": Rule("own change", "/v1/jobs/{job}/retry", ok=(200, 409)),
    "GET /v1/me": OPEN,
    "GET /v1/principals": ADMINISTER, "POST /v1/principals": Rule("administer", body={}),
    "GET /v1/tokens": ADMINISTER, "POST /v1/tokens": Rule("administer", body={}),
    "DELETE /v1/tokens/{token}": Rule("administer", "/v1/tokens/none", ok=(404,)),
    "PATCH /v1/principals/{principal}": Rule("administer", "/v1/principals/stranger", {}),
    "POST /v1/principals/{principal}/invitation":
        Rule("administer", "/v1/principals/stranger/invitation", {}),
    "POST /v1/clusterings": Rule("read", body={"revision": "{revision}", "genes": 1}),
    "GET /v1/clusterings/{clustering}": Rule("absent", "/v1/clusterings/none"),
    "DELETE /v1/clusterings/{clustering}": Rule("absent", "/v1/clusterings/none"),
    "POST /v1/comparisons": Rule("read", body={"revision": "{revision}", "set1": {}, "set2": {}}),
    "GET /v1/comparisons/{comparison}": Rule("absent", "/v1/comparisons/none"),
    "DELETE /v1/comparisons/{comparison}": Rule("absent", "/v1/comparisons/none"),
    "GET /v1/comparisons/{comparison}/table": Rule("absent", "/v1/comparisons/none/table"),
    "GET /d/{revision}": Rule("read", "/d/{revision}"),
    "POST /d/{revision}/api/{version}/diffexp/obs":
        Rule("read", "/d/{revision}/api/v0.3/diffexp/obs", {"mode": "topN"}),
    "GET /d/{revision}/clusterings/{clustering}":
        Rule("read", "/d/{revision}/clusterings/none", ok=(404,)),
    # The image isn't one of labels; that is found after who asks.
    "GET /d/{revision}/images/{image}/cells":
        Rule("read", "/d/{revision}/images/{image}/cells", ok=(404,)),
    "GET /v1/portal/search": OPEN, "GET /v1/portal/profiles": OPEN,
    "GET /v1/ontology": OPEN, "GET /v1/ontology/terms": OPEN,
    "GET /v1/ontology/terms/{term}": Rule("open", "/v1/ontology/terms/CL:0000236"),
    "POST /v1/ontology": Rule("administer", body={}),
    "DELETE /v1/ontology/{prefix}": Rule("administer", "/v1/ontology/none", ok=(404,)),
    "GET /v1/portal/genes": Rule("open", "/v1/portal/genes?gene=A"),
    "GET /v1/portal/expression": Rule("open", "/v1/portal/expression?gene=A"),
    "GET /v1/portal/doi": Rule("create"),
    "GET /v1/portal/datasets/{dataset}": Rule("read", "/v1/portal/datasets/{thing}"),
    "GET /v1/portal/datasets/{dataset}/report": Rule("read", "/v1/portal/datasets/{thing}/report"),
    "PATCH /v1/portal/datasets/{dataset}/card":
        Rule("change", "/v1/portal/datasets/{thing}/card", {}),
    "POST /v1/portal/datasets/{dataset}/tombstone":
        Rule("remove", "/v1/portal/datasets/{thing}/tombstone", {}),
    "POST /v1/portal/datasets/{dataset}/links":
        Rule("read", "/v1/portal/datasets/{thing}/links", {}),
    "GET /v1/portal/datasets/{dataset}/comments":
        Rule("read", "/v1/portal/datasets/{thing}/comments"),
    "POST /v1/portal/datasets/{dataset}/comments":
        Rule("comment", "/v1/portal/datasets/{thing}/comments", {"text": "Good"}),
    "DELETE /v1/portal/datasets/{dataset}/comments/{comment}":
        Rule("read", "/v1/portal/datasets/{thing}/comments/none", ok=(404,)),
    "GET /v1/portal/files/{secret}": Rule("absent", "/v1/portal/files/none"),
    "GET /v1/portal/jobs/{job}/report": Rule("own", "/v1/portal/jobs/{job}/report", ok=(200, 404)),
    "GET /v1/portal/collections": OPEN,
    "GET /v1/portal/collections/{collection}": Rule("own", "/v1/portal/collections/{collection}"),
    "PATCH /v1/portal/collections/{collection}":
        Rule("own change", "/v1/portal/collections/{collection}", {}),
    "POST /v1/portal/collections/{collection}/publish":
        Rule("own change", "/v1/portal/collections/{fresh_collection}/publish"),
    "POST /v1/portal/collections/{collection}/revision":
        Rule("own change", "/v1/portal/collections/{collection}/revision"),
    "DELETE /v1/portal/collections/{collection}/revision":
        Rule("own change", "/v1/portal/collections/{collection}/revision", ok=(204, 404)),
    "POST /v1/portal/collections/{collection}/tombstone":
        Rule("own change", "/v1/portal/collections/{collection}/tombstone", {}),
    "GET /account/me": OPEN,
    "POST /account/sign-in": Rule("open", body={}), "POST /account/setup": Rule("open", body={}),
    "POST /account/sign-out": Rule("sign-out"),
    "GET /account/oidc/start": Rule("absent"), "GET /account/oidc/callback": Rule("absent"),
    "POST /account/password": Rule("session", body={}),
    "GET /account/sessions": SESSION, "DELETE /account/sessions": SESSION,
    "DELETE /account/sessions/{session}": Rule("session", "/account/sessions/none", ok=(404,)),
    "GET /account/tokens": SESSION, "POST /account/tokens": Rule("session", body={}),
    "DELETE /account/tokens/{token}": Rule("session", "/account/tokens/none", ok=(404,)),
    "POST /v1/links": Rule("share signed in", body={"kind": "dataset", "thing": "{thing}",
                                                    "expires_in_seconds": 60}),
    "GET /v1/links": SOMEBODY,
    "DELETE /v1/links/{link}": Rule("own link", "/v1/links/{fresh_link}"),
    "GET /l/{secret}": Rule("absent", "/l/none"),
    "GET /v1/audit": ADMINISTER,
    "GET /u/spaces": OPEN, "POST /u/spaces": Rule("create", body={}),
    "GET /u/spaces/{space}": Rule("own"), "DELETE /u/spaces/{space}":
        Rule("own change", "/u/spaces/{fresh_space}"),
    "GET /u/spaces/{space}/grants": Rule("own change"),
    "PUT /u/spaces/{space}/grants/{principal}":
        Rule("own change", "/u/spaces/{space}/grants/local", {"access": "read"}),
    "DELETE /u/spaces/{space}/grants/{principal}":
        Rule("own change", "/u/spaces/{space}/grants/local", ok=(204,)),
    "GET /u/labels/{column}": Rule("own"),
    "DELETE /u/labels/{column}": Rule("own change", "/u/labels/{fresh_column}"),
    "GET /u/labels/{column}/history": Rule("own"),
    "POST /u/labels/{column}/history": Rule("own change", body={}),
    "GET /u/labels/{column}/changes": Rule("own", "/u/labels/{column}/changes?since=1"),
    "GET /u/labels/{column}/values": Rule("own"),
    "GET /u/views": OPEN, "POST /u/views": Rule("create", body={}),
    "GET /u/views/{id}": Rule("own", "/u/views/{view}"),
    "DELETE /u/views/{id}": Rule("own change", "/u/views/{fresh_view}"),
    "GET /u/selections": OPEN, "POST /u/selections": Rule("create", body={}),
    "GET /u/selections/{id}": Rule("own", "/u/selections/{selection}"),
    "DELETE /u/selections/{id}": Rule("own change", "/u/selections/{fresh_selection}"),
}
# Of a space and a revision: what writes labels or gene sets changes the space, all else reads it.
BELOW_SPACE = "/u/spaces/{space}/revisions/{revision}/"
WRITES_IN_SPACE = {"POST labels", "POST labels.csv", "POST carry", "PUT genesets/{geneset}",
                   "DELETE genesets/{geneset}", "POST genesets-history", "POST genesets.csv",
                   "PUT api/{version}/annotations/obs", "PUT api/{version}/genesets"}
# What is asked of a revision reads its dataset; a wrong parameter is found after that.
BELOW_REVISION = Rule("read")
PLACES = {"{embedding}": "X_umap", "{version}": "v0.3", "{geneset}": "none", "{level}": "0",
          "{channel}": "0", "{x}": "0", "{y}": "0"}


def rule_of(operation):
    method, path = operation.split(" ", 1)
    if operation in RULES:
        rule = RULES[operation]
        return rule._replace(target=rule.target or path)
    if path.startswith("/d/{revision}/"):
        for name, value in PLACES.items():
            path = path.replace(name, value)
        return BELOW_REVISION._replace(target=path, body={} if method != "GET" else None)
    if path.startswith(BELOW_SPACE):
        is_write = f"{method} {path.removeprefix(BELOW_SPACE)}" in WRITES_IN_SPACE
        for name, value in PLACES.items():
            path = path.replace(name, value)
        # A gene set that isn't there is found after who asks.
        missing = (404,) if method == "DELETE" else None
        body = {"mode": "topN"} if "diffexp" in path else {} if method != "GET" else None
        return Rule("own change" if is_write else "own", path, body, missing)
    pytest.fail(f"{operation} has no rule: say in RULES who may use it")


def level(kind, state):
    if kind.relation == "administrator":
        return LEVELS["administrator"] if state != "absent" else 0
    own = {"foreign": "none", "absent": "none"}.get(state, kind.relation)
    if kind.by == "link" and state != "private":
        own = "none"  # it is a link to the private one
    if state == "withdrawn":
        return LEVELS["reader"] if own == "owner" else 0
    return max(LEVELS[own], LEVELS["reader"] if state == "public" else 0)


def expected(rule, kind, state):
    """"ok", or the status of the refusal."""
    is_nobody = kind.by in ("nothing", "link")
    reads_only = kind.by == "read token"
    if kind.by == "bad token":
        return 401
    if rule in ("open", "sign-out"):
        return "ok"
    if rule in ("refused", "absent"):
        return 401 if rule == "refused" else 404
    if rule == "administer":
        return "ok" if kind.relation == "administrator" else 401 if is_nobody else 403
    if rule == "session":
        return "ok" if kind.by == "session" else 401 if is_nobody else 403
    if rule in ("somebody", "create"):
        return 401 if is_nobody else 403 if reads_only and rule == "create" else "ok"
    if rule in ("own", "own change", "own request", "own link"):
        if is_nobody and rule == "own link":
            return 401
        if kind.relation not in ("owner", "administrator") or (reads_only and rule == "own link"):
            return 404
        return 403 if reads_only and rule == "own change" else "ok"
    if rule == "share signed in" and is_nobody:
        return 401
    action = {"read private": "read", "search private": "read",
              "share signed in": "share"}.get(rule, rule)
    have = level(kind, state)
    if rule == "comment" and is_nobody and have > 0:
        return 401  # a link that lets comment: test_links.py
    if rule == "search private" and kind.by == "link":
        have = 0  # a link opens its thing; a search of everything doesn't find it
    if have >= NEEDED[action] and not (reads_only and action != "read"):
        return "ok"
    if have >= NEEDED["read"] and action != "read":
        return 401 if is_nobody else 403
    return 404


def put_picture_under(file):
    """A small tissue image, the way Visium's files bring it."""
    with h5py.File(file, "a") as data:
        data["obsm/spatial"] = data["obsm/X_umap"][:]
        library = data.create_group("uns/spatial/library")
        library["images/hires"] = np.zeros((20, 30, 3), np.uint8)
        library["scalefactors/tissue_hires_scalef"] = 0.5


class Site:
    """A running server with users, datasets in every state, and whoever asks."""

    def __init__(self, server, run, folder):
        self.server, self.run, self.folder, self.made = server, run, folder, 0
        self.administrator = first_administrator(server, "administrator", PASSWORD)
        self.browsers = {"administrator": self.administrator, "anonymous": Browser(server.url)}
        for name in ("stranger", "reader", "writer", "owner"):
            self.browsers[name] = new_user(self.administrator, name, PASSWORD)
        self.ids = {name: browser.me()["user"]["id"] for name, browser in self.browsers.items()
                    if name != "anonymous"}
        self.datasets = {state: self.new_dataset("owner", state)
                         for state in ("private", "public", "withdrawn")}
        self.datasets["foreign"] = self.new_dataset("administrator", "private", grants=False)
        assert self.browsers["owner"].delete(
            f"/v1/datasets/{self.datasets['withdrawn']['thing']}").status_code == 204
        self.datasets["absent"] = {"thing": "none", "revision": "none", "image": "none"}
        self.places = self.own_things()
        self.tokens = self.make_tokens()
        link = self.new_link("owner")
        self.browsers["link"] = Browser(server.url)
        self.browsers["link"].get(link["url"].removeprefix(server.url), allow_redirects=False)
        revoked = Browser(server.url)
        revoked.sign_in("administrator", PASSWORD)
        secret = revoked.session.cookies["stroma_session"]
        revoked.post("/account/sign-out")
        revoked.session.cookies.set("stroma_session", secret)
        self.browsers["revoked session"] = revoked

    def new_dataset(self, owner, state, grants=True):
        self.made += 1
        browser, file = self.browsers[owner], self.folder / f"{self.made}.h5ad"
        self.run("demo", "--cells", "100", "--genes", "100", "--seed", str(self.made), "-o", file)
        put_picture_under(file)
        content = file.read_bytes()
        upload = browser.post("/v1/uploads", {"name": file.name, "size": len(content)}).json()["id"]
        put = browser.ask("PUT", f"/v1/uploads/{upload}", data=content,
                          headers={"Upload-Offset": "0"})
        assert put.status_code == 200, put.text
        order = browser.post("/v1/imports", {"upload": upload, "dataset": f"set-{self.made}"})
        assert order.status_code == 202, order.text
        job = order.json()["id"]
        browser.get(f"/v1/jobs/{job}/events")
        listed = browser.get("/v1/datasets").json()["datasets"]
        [dataset] = [each for each in listed if each["name"] == f"set-{self.made}"]
        if state == "public":
            browser.ask("PATCH", f"/v1/datasets/{dataset['id']}", {"visibility": "public"})
        for name, access in (("reader", "read"), ("writer", "write")) if grants else ():
            granted = browser.ask("PUT", f"/v1/datasets/{dataset['id']}/grants/{self.ids[name]}",
                                  {"access": access})
            assert granted.status_code == 200, granted.text
        [image] = browser.get(f"/d/{dataset['current_revision']}/images").json()["images"]
        return {"thing": dataset["id"], "revision": dataset["current_revision"], "job": job,
                "name": dataset["name"], "image": image["id"]}

    def own_things(self):
        """Things of the owner that belong to nobody else, and names for queries."""
        owner, thing = self.browsers["owner"], self.datasets["private"]
        order = owner.post("/v1/matrix", {"where": f"dataset = '{thing['name']}'",
                                          "format": "loom"})
        assert order.status_code == 202, order.text
        request = order.json()["request_id"]
        state = owner.get(f"/v1/matrix/{request}").json()
        if state["status"] == "In Progress":
            owner.get(f"/v1/jobs/{state['job']}/events")
            state = owner.get(f"/v1/matrix/{request}").json()
        assert state["status"] == "Complete", state
        cells = owner.post("/v1/sql", {"statement": "SELECT cell_id FROM obs WHERE dataset = "
                                                    f"'{thing['name']}' LIMIT 1"})
        genes = owner.post("/v1/sql", {"statement": "SELECT gene_id FROM var LIMIT 1"})
        result = state["query_hash"]
        return {"collection": self.new_collection(), "job": thing["job"], "request": request,
                "file": state["matrix_url"].rsplit("/", 1)[1],
                "result": result if "." in result else result + ".loom",
                "cell": cells.json()["rows"][0][0], "gene": genes.json()["rows"][0][0],
                "upload": self.new_upload(), **self.new_space(), "view": self.new_kept("views"),
                "selection": self.new_kept("selections")}

    def new_space(self):
        """A space of the owner with a column of labels."""
        owner = self.browsers["owner"]
        made = owner.post("/u/spaces", {"title": "labels"})
        assert made.status_code == 201, made.text
        space = made.json()["id"]
        column = owner.post(f"/u/spaces/{space}/revisions/"
                            f"{self.datasets['private']['revision']}/labels", {"name": "kind"})
        assert column.status_code == 201, column.text
        return {"space": space, "column": column.json()["column"]["id"]}

    def new_kept(self, what):
        cells = {"cells": [[0, 3]]} if what == "selections" else {"state": {}}
        made = self.browsers["owner"].post(f"/u/{what}", {
            "revision": self.datasets["private"]["revision"], "name": "n", "access": "private",
            **cells})
        assert made.status_code == 201, made.text
        return made.json()["id"]

    def new_collection(self):
        self.made += 1
        made = self.browsers["owner"].post("/v1/collections", {"name": f"shelf-{self.made}"})
        return made.json()["id"]

    def new_upload(self):
        return self.browsers["owner"].post("/v1/uploads", {"name": "x", "size": 9}).json()["id"]

    def new_link(self, creator):
        return self.browsers[creator].post("/v1/links", {
            "kind": "dataset", "thing": self.datasets["private"]["thing"],
            "expires_in_seconds": 3600}).json()

    def make_tokens(self):
        owner, tokens = self.browsers["owner"], {}
        for name, more in (("owner's token", {}), ("owner's token to read", {"scopes": ["read"]}),
                           ("expired token", {}), ("revoked token", {})):
            made = owner.post("/account/tokens", {"label": name, **more}).json()
            tokens[name] = made["secret"]
            if name == "revoked token":
                assert owner.delete(f"/account/tokens/{made['id']}").status_code == 204
        return tokens

    def move_to(self, server):
        """The same site, served anew: sessions, tokens and links go on."""
        self.server = server
        for browser in self.browsers.values():
            browser.url = server.url
            browser.me()

    def ask(self, kind, method, target, body):
        # What may be stale is changed whatever it is now.
        headers = {"If-Match": "*"} if target.startswith("/u/") and method != "GET" else {}
        if kind.name in self.tokens:
            return requests.request(
                method, self.server.url + target, json=body, timeout=120, allow_redirects=False,
                headers={"Authorization": f"Bearer {self.tokens[kind.name]}", **headers})
        browser = self.browsers[kind.name]
        return browser.ask(method, target, body, allow_redirects=False, headers=headers)


@pytest.fixture(scope="module")
def site(start_module_server, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    server = start_module_server(folder / "data")
    site = Site(server, run, folder)
    server.stop()
    [control] = [path for path in server.data.glob("*.db") if b"tokens" in path.read_bytes()]
    with sqlite3.connect(control) as database:
        database.execute("UPDATE tokens SET expires_ms = 1 WHERE label = 'expired token'")
    site.move_to(start_module_server(server.data))
    return site


@pytest.fixture(scope="module")
def operations(site):
    document = requests.get(site.server.url + "/openapi.json", timeout=60).json()
    return [f"{method.upper()} {path}" for path, methods in document["paths"].items()
            for method in methods]


def test_every_route_has_a_rule_and_every_rule_a_route(operations):
    assert len(operations) > 80
    for operation in operations:
        rule_of(operation)
    assert set(RULES) <= set(operations)


def states_of(rule):
    if rule.rule in ("read private", "search private"):
        return ["private"]
    return STATES if rule.rule in (*NEEDED, "share signed in") else ["any"]


def fill(site, text, state, is_allowed):
    """The text with its places filled; what an allowed request uses up is made for it."""
    if "{fresh_upload}" in text:
        text = text.replace("{fresh_upload}",
                            site.new_upload() if is_allowed else site.places["upload"])
    if "{fresh_collection}" in text:
        text = text.replace("{fresh_collection}", site.new_collection() if is_allowed
                            else site.places["collection"])
    for name, make in (("space", lambda: site.new_space()["space"]),
                       ("column", lambda: site.new_space()["column"]),
                       ("view", lambda: site.new_kept("views")),
                       ("selection", lambda: site.new_kept("selections"))):
        if f"{{fresh_{name}}}" in text:
            text = text.replace(f"{{fresh_{name}}}", make() if is_allowed else site.places[name])
    if "{fresh_link}" in text:
        text = text.replace("{fresh_link}", site.new_link("owner")["id"])
    if "{fresh}" in text:
        fresh = site.datasets[state]["thing"]
        if is_allowed and state in ("private", "public"):
            fresh = site.new_dataset("owner", state)["thing"]
        text = text.replace("{fresh}", fresh)
    for name, value in {**site.places, **site.datasets.get(state, {})}.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def is_right(want, rule, state, status):
    if state == "withdrawn" and status == 410 and want in ("ok", 403):
        return True  # whoever may know it is told that it is gone, and nothing is done
    if want != "ok":
        return status == want
    if rule.ok:
        return status in rule.ok
    # Of a withdrawn dataset those who may read it learn that it is gone.
    return status < 500 and status not in (401, 403) and (status != 404 or state == "withdrawn")


def test_every_principal_gets_what_the_rules_say(site, operations):
    wrong, asked = [], 0
    for operation in operations:
        rule = rule_of(operation)
        method = operation.split(" ")[0]
        for state in states_of(rule):
            for kind in KINDS:
                # Destroyed for good by whoever may; nothing is left for the next to try.
                if "{fresh}" in rule.target and kind.name == "administrator" and \
                        state in ("foreign", "withdrawn"):
                    continue
                thing_state = "private" if state == "any" else state
                want = expected(rule.rule, kind, thing_state)
                target = fill(site, rule.target, thing_state, want == "ok")
                body = rule.body
                if body is not None:
                    body = json.loads(fill(site, json.dumps(body), thing_state, want == "ok"))
                answer = site.ask(kind, method, target, body)
                asked += 1
                if not is_right(want, rule, state, answer.status_code):
                    wrong.append(f"{operation} [{state}] as {kind.name}: {answer.status_code}, "
                                 f"expected {want}: {answer.text[:120]}")
                if rule.rule == "sign-out" and kind.by == "session":
                    site.browsers[kind.name].csrf = None
                    assert site.browsers[kind.name].sign_in(kind.name, PASSWORD).status_code == 200
    assert not wrong, f"{len(wrong)} of {asked}:\n" + "\n".join(wrong)
    assert asked > 1500


def test_a_hidden_thing_and_an_absent_one_are_told_in_the_same_words(site):
    stranger = site.browsers["stranger"]
    for path in ("/v1/datasets/{}", "/d/{}", "/v1/datasets/{}/revisions", "/d/{}/schema"):
        def told(name):
            answer = stranger.get(path.format(name))
            body = answer.text.replace(name, "X")
            body = re.sub(r'"(request_id|instance)": ?"[^"]*"', "", body)
            return answer.status_code, body, sorted(answer.headers)
        assert told(site.datasets["private"]["thing"]) == told("0" * 36)


def test_a_token_that_is_no_token_is_refused_everywhere_and_is_never_anonymous(site, operations):
    for operation in operations:
        method, path = operation.split(" ", 1)
        answer = requests.request(method, site.server.url + re.sub(r"{\w+}", "x", path), timeout=60,
                                  headers={"Authorization": "Bearer stroma_nonsense"},
                                  allow_redirects=False)
        assert answer.status_code == 401, operation
