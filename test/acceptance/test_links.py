"""Capability links and the audit, as browsers and operators meet them."""
import json

import pytest
import requests

from browser import Browser, first_administrator, new_user


@pytest.fixture(scope="module")
def home(start_module_server, run, tmp_path_factory):
    """A site with two private datasets of the administrator; gives server, administrator's browser
    and the datasets' ids by name."""
    folder = tmp_path_factory.mktemp("links")
    for name in ("blood", "liver"):
        run("demo", "--cells", "100", "--genes", "100", "-o", folder / f"{name}.h5ad")
        run("import", folder / f"{name}.h5ad", "--name", name, data=folder / "data")
    server = start_module_server(folder / "data")
    administrator = first_administrator(server)
    listed = administrator.get("/v1/datasets").json()["datasets"]
    return server, administrator, {dataset["name"]: dataset["id"] for dataset in listed}


def make(browser, thing, kind="dataset", seconds=3600, **more):
    answer = browser.post("/v1/links", {"kind": kind, "thing": thing,
                                        "expires_in_seconds": seconds, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def opened(server, link):
    """An anonymous browser that followed the link."""
    browser = Browser(server.url)
    path = link["url"].removeprefix(server.url)
    answer = browser.get(path, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    return browser, answer


def test_a_link_opens_exactly_its_thing_to_whoever_has_it(home):
    server, administrator, ids = home
    link = make(administrator, "blood")
    browser, answer = opened(server, link)
    assert answer.headers["Location"] == f"../#/datasets/{ids['blood']}"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert browser.get(f"/v1/datasets/{ids['blood']}").status_code == 200
    assert browser.get(f"/d/{ids['blood']}/schema").status_code == 200
    assert browser.get(f"/v1/datasets/{ids['liver']}").status_code == 404
    assert Browser(server.url).get(f"/v1/datasets/{ids['blood']}").status_code == 404
    # It reads, and nothing else; SQL over everything that one may read doesn't hold it.
    browser.me()
    assert browser.ask("PATCH", f"/v1/datasets/{ids['blood']}", {"title": "x"}).status_code == 401
    assert browser.delete(f"/v1/datasets/{ids['blood']}").status_code == 401
    assert [each["name"] for each in browser.get("/v1/datasets").json()["datasets"]] == ["blood"]
    counted = browser.post("/v1/sql", {"statement": "SELECT count(*) FROM cells"})
    assert counted.json()["rows"] == [[0]], counted.text


def test_a_link_that_says_so_lets_a_stranger_comment(home):
    server, administrator, ids = home
    path = f"/v1/portal/datasets/{ids['blood']}/comments"
    reader, _ = opened(server, make(administrator, "blood"))
    guest, _ = opened(server, make(administrator, "blood", rights="comment", label="Reviewer 2"))
    reader.me(), guest.me()
    assert guest.me()["links"][0]["rights"] == "comment"
    assert reader.get(path).json() == {"may_comment": False, "comments": []}
    assert reader.post(path, {"text": "Nice"}).status_code == 401
    said = guest.post(path, {"text": "Which donors?", "name": "R2"})
    assert said.status_code == 201, said.text
    assert said.json()["name"] == "R2" and said.json()["by_link"] and said.json()["own"]
    answer = administrator.post(path, {"text": "Ours."}).json()
    assert answer["name"] == administrator.me()["user"]["name"]
    seen = reader.get(path).json()["comments"]
    assert [one["text"] for one in seen] == ["Which donors?", "Ours."]
    assert not any(one["own"] or one["may_remove"] for one in seen)
    assert reader.delete(f"{path}/{said.json()['id']}").status_code == 401
    assert guest.delete(f"{path}/{answer['id']}").status_code == 401, "somebody else's"
    assert guest.delete(f"{path}/{said.json()['id']}").status_code == 204
    assert administrator.delete(f"{path}/{answer['id']}").status_code == 204
    assert reader.get(path).json()["comments"] == []
    for wrong in ({"text": ""}, {"text": "x" * 10_001}, {"words": "x"},
                  {"text": "x", "name": "Bob"}):
        assert administrator.post(path, wrong).status_code == 400, wrong
    assert Browser(server.url).get(path).status_code == 404
    liver = f"/v1/portal/datasets/{ids['liver']}/comments"
    assert guest.post(liver, {"text": "x"}).status_code == 404


def test_a_link_to_a_view_opens_it_and_what_it_shows(home):
    server, administrator, ids = home
    revision = administrator.get("/v1/datasets/blood").json()["current_revision"]
    view = administrator.post("/u/views", {"revision": revision, "name": "Figure 1",
                                           "state": {"genes": ["G1"]}}).json()["id"]
    assert Browser(server.url).get(f"/u/views/{view}").status_code == 404, "it is private"
    guest, answer = opened(server, make(administrator, view, kind="view"))
    assert answer.headers["Location"] == f"../#/explore/{ids['blood']}?view={view}"
    assert guest.get(f"/u/views/{view}").json()["state"] == {"genes": ["G1"]}
    assert guest.get(f"/d/{revision}/schema").status_code == 200
    other = administrator.post("/u/views", {"revision": revision, "name": "Other",
                                            "state": {}}).json()["id"]
    assert guest.get(f"/u/views/{other}").status_code == 404
    # It looks at the dataset, and says nothing of it nor of the view.
    comments = f"/v1/portal/datasets/{ids['blood']}/comments"
    assert guest.get(comments, params={"view": view}).json()["may_comment"] is False
    guest.me()
    assert guest.post(comments, {"text": "x", "view": view}).status_code == 401
    absent = administrator.post("/v1/links", {"kind": "view", "thing": "view-none",
                                              "expires_in_seconds": 60})
    assert absent.status_code == 404


def test_comments_on_a_view_are_for_who_sees_it(home):
    server, administrator, ids = home
    revision = administrator.get("/v1/datasets/blood").json()["current_revision"]
    view, other = (administrator.post("/u/views", {"revision": revision, "name": name, "state": {}})
                   .json()["id"] for name in ("Figure 1", "Figure 2"))
    path = f"/v1/portal/datasets/{ids['blood']}/comments"
    guest, _ = opened(server, make(administrator, view, kind="view", rights="comment"))
    guest.me()
    said = guest.post(path, {"text": "Why so few?", "view": view, "name": "Reviewer"})
    assert said.status_code == 201, said.text
    assert said.json()["view"] == view and said.json()["name"] == "Reviewer"
    on_view = {"view": view}
    assert [one["text"] for one in guest.get(path, params=on_view).json()["comments"]] == \
        ["Why so few?"]
    assert administrator.get(path, params=on_view).json()["comments"][0]["may_remove"]
    assert administrator.get(path).json()["comments"] == [], "of the dataset as a whole"
    assert guest.post(path, {"text": "x"}).status_code == 401, "the view, not the dataset"
    assert guest.post(path, {"text": "x", "view": other}).status_code == 404
    assert guest.get(path, params={"view": other}).status_code == 404
    liver = f"/v1/portal/datasets/{ids['liver']}/comments"
    assert administrator.get(liver, params=on_view).status_code == 404, "of another dataset"
    reader, _ = opened(server, make(administrator, "blood", rights="comment"))
    assert reader.get(path, params=on_view).status_code == 404, "a private view"
    assert guest.delete(f"{path}/{said.json()['id']}").status_code == 204


def test_a_link_holder_may_ask_questions_that_are_posts(home):
    server, administrator, ids = home
    browser, _ = opened(server, make(administrator, "blood"))
    assert browser.me()["csrf"] and browser.me()["signed_in"] is False
    revision = browser.get(f"/d/{ids['blood']}").json()["revision"]["id"]
    asked = browser.post(f"/d/{revision}/expression/mean", {"genes": []})
    assert asked.status_code in (200, 400)  # understood, not turned away
    forged = browser.post(f"/d/{revision}/expression/mean", {"genes": []},
                          headers={"X-Stroma-CSRF": None})
    assert forged.status_code == 403


def test_a_link_ends_when_it_is_revoked_and_says_so(home):
    server, administrator, ids = home
    link = make(administrator, "blood", label="for the reviewers")
    browser, _ = opened(server, link)
    assert browser.get(f"/v1/datasets/{ids['blood']}").status_code == 200
    [listed] = [each for each in administrator.get("/v1/links").json()["links"]
                if each["id"] == link["id"]]
    assert (listed["label"], listed["uses"], listed["rights"]) == ("for the reviewers", 1, "read")
    assert "url" not in listed and "secret" not in listed
    assert administrator.delete(f"/v1/links/{link['id']}").status_code == 204
    assert browser.get(f"/v1/datasets/{ids['blood']}").status_code == 404
    path = link["url"].removeprefix(server.url)
    assert browser.get(path).status_code == 410
    assert browser.get("/l/link_nonsense").status_code == 404


@pytest.mark.parametrize("change", [{"expires_in_seconds": 0}, {"expires_in_seconds": -1},
                                    {"expires_in_seconds": 10 ** 9}, {"kind": "job"},
                                    {"rights": "write"}, {"surprise": 1}])
def test_a_link_without_an_end_or_with_other_rights_is_refused(home, change):
    _, administrator, ids = home
    body = {"kind": "dataset", "thing": ids["blood"], "expires_in_seconds": 60, **change}
    assert administrator.post("/v1/links", body).status_code == 400


def test_only_who_may_share_makes_and_ends_links(home):
    server, administrator, ids = home
    user = new_user(administrator, "reader")
    body = {"kind": "dataset", "thing": ids["blood"], "expires_in_seconds": 60}
    assert user.post("/v1/links", body).status_code == 404
    path = f"/v1/datasets/{ids['blood']}/grants/{user.me()['user']['id']}"
    granted = administrator.ask("PUT", path, {"access": "read"})
    assert granted.status_code == 200, granted.text
    assert user.post("/v1/links", body).status_code == 403
    assert Browser(server.url).post("/v1/links", body).status_code == 401
    link = make(administrator, "blood")
    assert user.delete(f"/v1/links/{link['id']}").status_code == 404
    assert user.get(f"/v1/links?thing={ids['blood']}").json()["links"] == []


def test_a_grant_is_lowered_and_taken_back(home):
    _, administrator, ids = home
    user = new_user(administrator, "lowered")
    place = f"/v1/datasets/{ids['blood']}"
    path = f"{place}/grants/{user.me()['user']['id']}"

    def change():
        return user.ask("PATCH", place, {"title": "Blood"}).status_code

    for access, changed, read in (("write", 200, 200), ("read", 403, 200)):
        assert administrator.ask("PUT", path, {"access": access}).status_code == 200
        assert (change(), user.get(place).status_code) == (changed, read)
    assert administrator.delete(path).status_code == 204
    assert (change(), user.get(place).status_code) == (404, 404)
    assert administrator.delete(path).status_code == 404


def test_a_link_to_a_collection_gives_its_datasets(home):
    server, administrator, ids = home
    made = administrator.post("/v1/collections", {"name": "shelf"})
    assert made.status_code == 201, made.text
    shelf = made.json()["id"]
    moved = administrator.ask("PATCH", f"/v1/datasets/{ids['liver']}", {"collection": shelf})
    assert moved.status_code == 200, moved.text
    browser, answer = opened(server, make(administrator, "shelf", kind="collection"))
    assert answer.headers["Location"] == f"../#/collections/{shelf}"
    assert browser.get(f"/v1/collections/{shelf}").status_code == 200
    assert browser.get(f"/v1/datasets/{ids['liver']}").status_code == 200
    assert browser.get(f"/v1/datasets/{ids['blood']}").status_code == 404


def test_a_link_to_a_result_gives_the_file_and_not_its_dataset(home):
    server, administrator, ids = home
    ordered = administrator.post("/v1/matrix", {
        "where": "dataset = 'blood'", "format": "loom"})
    assert ordered.status_code == 202, ordered.text
    job = administrator.get(f"/v1/matrix/{ordered.json()['request_id']}").json()
    if job["status"] == "In Progress":
        administrator.get(f"/v1/jobs/{job['job']}/events")
        job = administrator.get(f"/v1/matrix/{ordered.json()['request_id']}").json()
    assert job["status"] == "Complete", job
    result = f"{job['query_hash']}.loom" if "." not in job["query_hash"] else job["query_hash"]
    whole = administrator.get(f"/v1/results/{result}")
    assert whole.status_code == 200
    browser, answer = opened(server, make(administrator, result, kind="result"))
    assert answer.headers["Location"] == f"../v1/results/{result}"
    assert browser.get(f"/v1/results/{result}").content == whole.content
    assert browser.get(f"/v1/datasets/{ids['blood']}").status_code == 404
    assert Browser(server.url).get(f"/v1/results/{result}").status_code == 404


def audit(browser, **query):
    answer = browser.get("/v1/audit", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_change_denial_and_use_of_a_link_is_in_the_audit(home):
    server, administrator, ids = home
    link = make(administrator, "blood")
    browser, _ = opened(server, link)
    browser.get(f"/v1/datasets/{ids['blood']}")
    user = new_user(administrator, "curious")
    assert user.get(f"/v1/datasets/{ids['liver']}").status_code == 404
    renamed = administrator.ask("PATCH", f"/v1/datasets/{ids['blood']}", {"title": "renamed"})
    entries = audit(administrator, limit=1000)["entries"]
    def found(**wanted):
        return [entry for entry in entries
                if all(entry[name] == value for name, value in wanted.items())]
    [change] = found(request_id=renamed.headers["X-Request-Id"])
    assert (change["name"], change["action"], change["kind"], change["thing"], change["outcome"],
            change["by"], change["address"], change["request"]) == (
        "ada", "change", "dataset", ids["blood"], "allowed", "session", "127.0.0.1",
        f"PATCH /v1/datasets/{ids['blood']}")
    assert found(name="curious", action="read", thing=ids["liver"], outcome="denied")
    assert found(action="open", by="link", proof=link["id"], outcome="allowed")
    assert found(action="read", by="link", proof=link["id"], thing=ids["blood"])
    assert found(name="curious", action="sign-in", outcome="allowed")
    Browser(server.url).sign_in("ada", "a wrong password")
    [failed] = audit(administrator, action="sign-in", outcome="denied", who="ada")["entries"]
    assert failed["who"] == "anonymous" and failed["address"] == "127.0.0.1"
    assert link["url"].rsplit("/", 1)[1] not in json.dumps(entries)
    assert user.get("/v1/audit").status_code == 403
    assert Browser(server.url).get("/v1/audit").status_code == 401


def test_the_audit_is_read_page_by_page_and_by_the_command_line(home, run):
    server, administrator, _ = home
    numbers, before = [], 0
    while before is not None:
        page = audit(administrator, limit=7, before=before, who="ada", until=4102444800)
        numbers += [entry["number"] for entry in page["entries"]]
        before = page["next"]
    assert len(numbers) > 7 and numbers == sorted(set(numbers), reverse=True)
    listed = json.loads(run("audit", "--who", "ada", "--limit", "3", "--json",
                            data=server.data).stdout)
    assert len(listed) == 3 and {entry["name"] for entry in listed} == {"ada"}
    assert "OUTCOME" in run("audit", data=server.data).stdout.upper()
    assert administrator.get("/v1/audit?limit=0").status_code == 400


def test_secrets_are_in_no_log(home):
    server, administrator, _ = home
    link = make(administrator, "blood")
    opened(server, link)
    requests.get(server.url + "/l/link_guess-of-somebody", timeout=60)
    log = server.log.read_text()
    assert "/l/{secret}" in log
    for secret in (link["url"].rsplit("/", 1)[1], "link_guess-of-somebody",
                   administrator.session.cookies["stroma_session"]):
        assert secret not in log
