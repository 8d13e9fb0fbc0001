"""Signing in by browser: passwords, sessions, invitations, throttling, CSRF."""
import sqlite3

import pytest
import requests

from browser import Browser, first_administrator, new_user, setup_secret

PASSWORD = "correct horse battery"


@pytest.fixture
def site(start_server, tmp_path):
    return start_server(tmp_path / "data")


def cookies_set(answer):
    return {line.split("=")[0]: line for line in answer.raw.headers.getlist("Set-Cookie")}


def test_the_first_administrator_takes_the_invitation_that_serve_prints(site, start_server):
    assert Browser(site.url).me()["sign_in"]["setup"] is True
    secret = setup_secret(site)
    stranger = Browser(site.url)
    assert stranger.set_up("invite_nonsense", PASSWORD, name="eve").status_code == 401
    assert stranger.set_up(secret, "short", name="ada").status_code == 400
    browser = Browser(site.url)
    answer = browser.set_up(secret, PASSWORD, name="ada", email="Ada@Lab.example")
    assert answer.status_code == 200, answer.text
    me = browser.me()
    assert me["signed_in"] and me["by"] == "session"
    assert (me["user"]["name"], me["user"]["role"]) == ("ada", "administrator")
    assert me["user"]["has_password"] and me["sign_in"]["setup"] is False
    assert stranger.set_up(secret, PASSWORD, name="eve").status_code == 401  # it was for once
    site.stop()
    again = start_server(site.data)
    assert setup_secret(again) is None
    assert Browser(again.url).sign_in("ada@lab.EXAMPLE", PASSWORD).status_code == 200


def test_a_session_begins_with_the_password_and_ends_with_signing_out(site):
    first_administrator(site)
    browser = Browser(site.url)
    assert browser.get("/v1/principals").status_code == 401
    assert browser.me() == {
        "signed_in": False, "by": "nothing", "user": None, "csrf": None, "session": None,
        "links": [], "sign_in": {"password": True, "setup": False, "oidc": None}}
    wrong = browser.sign_in("ada", "not the password")
    assert wrong.status_code == 401 and not cookies_set(wrong)
    right = browser.sign_in("ada", PASSWORD)
    assert right.status_code == 200
    cookie = cookies_set(right)["stroma_session"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
    assert browser.get("/v1/principals").status_code == 200
    secret = browser.session.cookies["stroma_session"]
    assert browser.post("/account/sign-out").status_code == 204
    assert "stroma_session" not in browser.session.cookies
    browser.session.cookies.set("stroma_session", secret)  # a kept copy is worth nothing
    assert browser.get("/v1/principals").status_code == 401
    assert browser.me()["signed_in"] is False


def test_signing_in_gives_a_new_secret_whatever_cookie_came_with_it(site):
    first_administrator(site)
    browser = Browser(site.url)
    browser.session.cookies.set("stroma_session", "0" * 64)
    assert browser.sign_in("ada", PASSWORD).status_code == 200
    secrets = {cookie.value for cookie in browser.session.cookies
               if cookie.name == "stroma_session"}
    assert secrets and secrets != {"0" * 64}


def test_no_secret_lies_in_the_database(site):
    browser = first_administrator(site)
    secret = browser.session.cookies["stroma_session"]
    token = browser.post("/account/tokens", {"label": "notebook"}).json()["secret"]
    site.stop()
    content = b"".join(path.read_bytes() for path in site.data.rglob("*")
                       if path.is_file() and path.name != "server.json")
    assert PASSWORD.encode() not in content
    assert secret.encode() not in content and token.encode() not in content
    control = next(path for path in site.data.glob("*.db")
                   if b"accounts" in path.read_bytes())
    with sqlite3.connect(control) as database:
        [(hashed,)] = database.execute("SELECT password_hash FROM accounts")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=2,p=1$")


def test_wrong_user_and_wrong_password_are_told_in_the_same_words(site):
    first_administrator(site)
    def words(user):
        answer = Browser(site.url).sign_in(user, "not the password")
        body = answer.json()
        del body["request_id"]
        return answer.status_code, body, sorted(answer.headers)
    assert words("ada") == words("nobody-of-that-name")
    assert words("ada")[0] == 401


def test_after_five_wrong_passwords_a_stranger_waits_and_the_user_does_not(start_server, tmp_path):
    site = start_server(tmp_path / "data")
    known = first_administrator(site)
    known.post("/account/sign-out")
    stranger = Browser(site.url)
    stranger.session.headers["X-Forwarded-For"] = "203.0.113.7"  # loopback is a trusted proxy
    tried = [stranger.sign_in("ada", f"guess number {i}").status_code for i in range(7)]
    assert tried == [401] * 5 + [429] * 2
    throttled = stranger.sign_in("ada", PASSWORD)  # also the right one, from there
    assert throttled.status_code == 429 and throttled.headers["Retry-After"] == "60"
    known.csrf = None
    known.session.headers["X-Forwarded-For"] = "198.51.100.9"  # the browser is known, not the place
    assert known.sign_in("ada", PASSWORD).status_code == 200
    elsewhere = Browser(site.url)  # the address is known, not the browser
    assert elsewhere.sign_in("ada", PASSWORD).status_code == 200


@pytest.mark.parametrize("trusted, address", [("", "127.0.0.1"), ("127.0.0.1", "203.0.113.9")])
def test_only_a_trusted_peer_names_another_address(start_server, tmp_path, trusted, address):
    site = start_server(tmp_path / "data", environment={"STROMA_HTTP_TRUSTED_PROXIES": trusted})
    administrator = first_administrator(site)
    guesser = Browser(site.url)
    guesser.session.headers["X-Forwarded-For"] = "6.6.6.6, 203.0.113.9"
    assert guesser.sign_in("ada", "not the password").status_code == 401
    [denied] = administrator.get("/v1/audit?action=sign-in&outcome=denied").json()["entries"]
    assert denied["address"] == address


def test_a_new_password_ends_the_other_sessions(site):
    here = first_administrator(site)
    there = Browser(site.url)
    assert there.sign_in("ada", PASSWORD).status_code == 200
    assert here.post("/account/password",
                     {"old": "wrong old password", "new": "x" * 20}).status_code == 403
    assert here.post("/account/password",
                     {"old": PASSWORD, "new": "the second password"}).status_code == 204
    assert here.get("/account/sessions").status_code == 200
    assert there.get("/account/sessions").status_code == 401
    assert Browser(site.url).sign_in("ada", PASSWORD).status_code == 401
    assert Browser(site.url).sign_in("ada", "the second password").status_code == 200


@pytest.mark.parametrize("password", ["x" * 20, "elevenbytes", "y" * 1025, "rosalind-franklin",
                                      "with a \x07 bell in it"])
def test_weak_passwords_are_refused(site, password):
    administrator = first_administrator(site)
    administrator.post("/v1/principals", {"name": "rosalind-franklin"})
    secret = administrator.post("/v1/principals/rosalind-franklin/invitation", {}).json()["secret"]
    refused = Browser(site.url).set_up(secret, password)
    assert refused.status_code == 400, refused.text
    assert Browser(site.url).set_up(secret, "good enough for this").status_code == 200


def test_sessions_are_listed_and_ended_one_by_one(site):
    here = first_administrator(site)
    there, third = Browser(site.url), Browser(site.url)
    there.session.headers["User-Agent"] = "Mozilla/5.0 (elsewhere)"
    assert there.sign_in("ada", PASSWORD).ok and third.sign_in("ada", PASSWORD).ok
    sessions = here.get("/account/sessions").json()["sessions"]
    assert len(sessions) == 3 and [s["current"] for s in sessions].count(True) == 1
    [other] = [s for s in sessions if s["agent"] == "Mozilla/5.0 (elsewhere)"]
    assert here.delete(f"/account/sessions/{other['id']}").status_code == 204
    assert there.get("/account/sessions").status_code == 401
    assert third.get("/account/sessions").status_code == 200
    assert here.delete("/account/sessions").status_code == 204
    assert third.get("/account/sessions").status_code == 401
    assert here.get("/account/sessions").status_code == 200


def test_nobody_ends_the_session_of_another(site):
    administrator = first_administrator(site)
    user = new_user(administrator, "rosalind")
    theirs = administrator.get("/account/sessions").json()["sessions"][0]["id"]
    assert user.delete(f"/account/sessions/{theirs}").status_code == 404
    assert administrator.get("/account/sessions").status_code == 200


def test_a_disabled_user_is_out_at_once(site):
    administrator = first_administrator(site)
    user = new_user(administrator, "rosalind")
    token = user.post("/account/tokens", {"label": "x"}).json()["secret"]
    assert administrator.ask("PATCH", "/v1/principals/rosalind",
                             {"disabled": True}).status_code == 200
    assert user.get("/account/sessions").status_code == 401
    assert Browser(site.url).sign_in("rosalind", "a long enough password").status_code == 401
    assert requests.get(site.url + "/v1/me", headers={"Authorization": f"Bearer {token}"},
                        timeout=60).status_code == 401


def test_sessions_end_when_unused_and_when_old(start_server, tmp_path, run):
    data = tmp_path / "data"
    site = start_server(data)
    browser = first_administrator(site)
    site.stop()
    [control] = [path for path in data.glob("*.db") if b"accounts" in path.read_bytes()]
    def moved(change):
        with sqlite3.connect(control) as database:
            database.execute(f"UPDATE sessions SET {change}")
        server = start_server(data)
        browser.url = server.url
        status = browser.get("/account/sessions").status_code
        server.stop()
        return status
    assert moved("used_ms = used_ms - 3600000 * 23") == 200
    assert moved("expires_ms = expires_ms - 86400000 * 14") == 401


FORGED = {
    "no origin": {"Origin": None, "Sec-Fetch-Site": None},
    "null origin": {"Origin": "null", "Sec-Fetch-Site": None},
    "look-alike origin": {"Origin": "http://127.0.0.1.evil.example", "Sec-Fetch-Site": None},
    "another port": {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": None},
    "another site": {"Origin": None, "Sec-Fetch-Site": "cross-site"},
    "a sibling site": {"Origin": None, "Sec-Fetch-Site": "same-site"},
    "own origin, another site": {"Sec-Fetch-Site": "cross-site"},
    "no token": {"X-Stroma-CSRF": None},
    "another's token": {"X-Stroma-CSRF": "0" * 32},
    "plain text": {"X-Stroma-CSRF": None, "Content-Type": "text/plain"},
    "method override": {"X-Stroma-CSRF": None, "X-HTTP-Method-Override": "GET"},
}


@pytest.mark.parametrize("how", FORGED)
def test_what_a_foreign_page_could_send_changes_nothing(site, how):
    browser = first_administrator(site)
    forged = browser.post("/v1/collections", {"name": "forged"}, headers=FORGED[how])
    assert forged.status_code == 403, forged.text
    assert browser.delete("/account/sessions", headers=FORGED[how]).status_code == 403
    assert browser.get("/v1/collections").json()["collections"] == []
    assert browser.post("/v1/collections", {"name": "meant"}).status_code == 201


def test_a_foreign_page_signs_nobody_in(site):
    first_administrator(site)
    body = {"user": "ada", "password": PASSWORD}
    for headers in ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
                    {"Origin": "null", "Sec-Fetch-Site": None}):
        answer = Browser(site.url).post("/account/sign-in", body, headers=headers)
        assert answer.status_code == 400 and not cookies_set(answer)
    as_form = requests.post(site.url + "/account/sign-in", timeout=60,
                            data='{"user":"ada","password":"' + PASSWORD + '"}',
                            headers={"Content-Type": "text/plain"})
    assert as_form.status_code == 400 and not cookies_set(as_form)


def test_a_token_needs_no_csrf_and_beats_a_cookie(site):
    administrator = first_administrator(site)
    user = new_user(administrator, "rosalind")
    token = user.post("/account/tokens", {"label": "x"}).json()["secret"]
    bearer = {"Authorization": f"Bearer {token}", "Origin": None, "X-Stroma-CSRF": None,
              "Sec-Fetch-Site": None}
    made = administrator.post("/v1/collections", {"name": "by-token"}, headers=bearer)
    assert made.status_code == 201
    assert administrator.get("/v1/me", headers=bearer).json()["name"] == "rosalind"


def test_behind_https_cookies_are_secure_and_bound_to_the_host(start_server, tmp_path):
    site = start_server(tmp_path / "data")
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "stroma.example",
                 "Origin": "https://stroma.example"}
    answer = Browser(site.url).post(
        "/account/setup", {"secret": setup_secret(site), "password": PASSWORD, "name": "ada"},
        headers=forwarded)
    assert answer.status_code == 200, answer.text
    cookies = cookies_set(answer)
    assert set(cookies) == {"__Host-stroma_session", "__Host-stroma_browser"}
    for cookie in cookies.values():
        assert "; Secure" in cookie and "; Path=/" in cookie and "Domain" not in cookie
    secret = cookies["__Host-stroma_session"].split(";")[0].split("=")[1]
    def me(name):
        return requests.get(site.url + "/account/me", timeout=60,
                            headers={**forwarded, "Cookie": f"{name}={secret}"}).json()
    assert me("__Host-stroma_session")["signed_in"]
    assert not me("stroma_session")["signed_in"]  # a page of a sibling host could set that one


def test_passwords_by_the_command_line(run, start_server, tmp_path):
    data = tmp_path / "data"
    run("user", "add", "ada", "--administrator", "--password", "--email", "ada@lab.example",
        data=data, input=PASSWORD + "\n")
    run("user", "add", "eve", "--password", data=data, input="short\n", fails=True)
    listed = run("user", "list", data=data).stdout
    assert "ada" in listed and "eve" not in listed
    run("user", "passwd", "ada", data=data, input="another good password\n")
    site = start_server(data)
    assert setup_secret(site) is None
    assert Browser(site.url).sign_in("ada", PASSWORD).status_code == 401
    assert Browser(site.url).sign_in("ada@lab.example", "another good password").status_code == 200


def test_own_tokens_are_narrow_when_asked_shown_once_and_revocable(site):
    administrator = first_administrator(site)
    user = new_user(administrator, "rosalind")
    made = user.post("/account/tokens", {"label": "read only", "scopes": ["read"],
                                         "expires_in_seconds": 3600}).json()
    bearer = {"Authorization": f"Bearer {made['secret']}"}
    def status(method, path, **options):
        return requests.request(method, site.url + path, headers=bearer, timeout=60,
                                **options).status_code
    assert status("GET", "/v1/me") == 200
    assert status("POST", "/v1/collections", json={"name": "n"}) == 403
    assert status("POST", "/account/tokens", json={"label": "wider"}) == 403
    [listed] = user.get("/account/tokens").json()["tokens"]
    assert listed["id"] == made["id"] and "secret" not in listed and listed["expires"]
    assert administrator.delete(f"/account/tokens/{made['id']}").status_code == 404
    assert user.delete(f"/account/tokens/{made['id']}").status_code == 204
    assert status("GET", "/v1/me") == 401
