"""What a browser does of HTTP, without one: cookies, its origin, and the site's CSRF token."""
import re

import requests


def setup_secret(server):
    """What serve tells the operator for the first administrator; None when there is one."""
    found = re.search(r"/#/setup\?secret=(\S+)", server.log.read_text())
    return found[1] if found else None


class Browser:
    """A browser on the pages of a running server: it keeps cookies and sends Origin."""

    def __init__(self, url):
        self.url, self.csrf = url, None
        self.session = requests.Session()

    def ask(self, method, path, body=None, **options):
        headers = {}
        if method not in ("GET", "HEAD"):
            headers = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
            if self.csrf:
                headers["X-Stroma-CSRF"] = self.csrf
        headers.update(options.pop("headers", {}))
        if body is not None:
            options["json"] = body
        return self.session.request(method, self.url + path, timeout=120, headers=headers,
                                    **options)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.ask("POST", path, body, **options)

    def delete(self, path, **options):
        return self.ask("DELETE", path, **options)

    def me(self):
        me = self.get("/account/me").json()
        self.csrf = me["csrf"]
        return me

    def sign_in(self, user, password):
        answer = self.post("/account/sign-in", {"user": user, "password": password})
        if answer.status_code == 200:
            self.csrf = answer.json()["csrf"]
        return answer

    def set_up(self, secret, password, **more):
        answer = self.post("/account/setup", {"secret": secret, "password": password, **more})
        if answer.status_code == 200:
            self.csrf = answer.json()["csrf"]
        return answer


def first_administrator(server, name="ada", password="correct horse battery"):
    """Takes the invitation that serve printed; the browser is signed in."""
    browser = Browser(server.url)
    answer = browser.set_up(setup_secret(server), password, name=name)
    assert answer.status_code == 200, answer.text
    return browser


def new_user(administrator, name, password="a long enough password", **more):
    """A user made and invited by an administrator's browser; their own browser, signed in."""
    made = administrator.post("/v1/principals", {"name": name, **more})
    assert made.status_code == 201, made.text
    invited = administrator.post(f"/v1/principals/{name}/invitation", {})
    assert invited.status_code == 201, invited.text
    browser = Browser(administrator.url)
    answer = browser.set_up(invited.json()["secret"], password)
    assert answer.status_code == 200, answer.text
    return browser
