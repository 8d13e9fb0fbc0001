"""Signing in by a provider that we didn't write: npm's oidc-provider, on loopback."""
import html
import pathlib
import re
import subprocess
import sys
import urllib.parse

import pytest
import requests

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
MODULES = PROJECT / "build/oidc"
sys.path.insert(0, str(PROJECT / "test/acceptance"))

from browser import Browser, first_administrator  # noqa: E402


@pytest.fixture(scope="module")
def modules(skip):
    """oidc-provider by its lockfile."""
    done = subprocess.run([PROJECT / "tools/npm_ci", HERE, MODULES], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        skip(f"oidc-provider can't be installed: {done.stderr.strip()[-300:]}")
    return MODULES


class Provider:
    def __init__(self, modules, algorithm):
        self.process = subprocess.Popen(
            [PROJECT / "tools/node", HERE / "provider.mjs", modules, algorithm],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.issuer = self.process.stdout.readline().strip()

    def trust(self, site):
        self.process.stdin.write(site + "/account/oidc/callback\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "ready"

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start_site(modules, start_server, tmp_path):
    """start_site(algorithm, setting=value…): (site, provider), which know each other."""
    providers = []

    def start(algorithm="RS256", **settings):
        provider = Provider(modules, algorithm)
        providers.append(provider)
        secret = tmp_path / "client_secret"
        secret.write_text("secret of the site: a/b+c\n")
        environment = {"STROMA_OIDC_ISSUER": provider.issuer, "STROMA_OIDC_CLIENT_ID": "stroma",
                       "STROMA_OIDC_CLIENT_SECRET_FILE": str(secret),
                       **{f"STROMA_OIDC_{name.upper()}": value for name, value in settings.items()}}
        site = start_server(tmp_path / f"data{len(providers)}", environment=environment)
        provider.trust(site.url)
        return site, provider
    yield start
    for provider in providers:
        provider.stop()


def form_in(page):
    """Where a page's form goes and its hidden fields."""
    action = html.unescape(re.search(r'action="([^"]+)"', page)[1])
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return action, dict(hidden)


def way_back(browser, login, start="/account/oidc/start?to=/%23/mine"):
    """Begins at the site, signs in at the provider as a person would; the callback's URL."""
    begun = browser.get(start, allow_redirects=False)
    assert begun.status_code == 303, begun.text
    person = requests.Session()
    answer = person.get(begun.headers["Location"], timeout=60)
    for _ in range(4):
        action, fields = form_in(answer.text)
        if fields.get("prompt") == "login":
            fields.update(login=login, password="any")
        url = urllib.parse.urljoin(answer.url, action)
        answer = person.post(url, data=fields, timeout=60, allow_redirects=False)
        while answer.is_redirect:
            to = urllib.parse.urljoin(answer.url, answer.headers["Location"])
            if to.startswith(browser.url + "/"):
                return to.removeprefix(browser.url)
            answer = person.get(to, timeout=60, allow_redirects=False)
    pytest.fail(f"the provider didn't lead back: {answer.text}")


def signed_in(site, login):
    browser = Browser(site.url)
    answer = browser.get(way_back(browser, login), allow_redirects=False)
    assert answer.status_code == 303, answer.text
    return browser, answer.headers["Location"]


def problem(location):
    assert location.startswith("../../#/sign-in?problem="), location
    return urllib.parse.unquote(location.split("problem=")[1])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_who_signs_in_at_the_provider_is_the_same_user_each_time(start_site, algorithm):
    site, _ = start_site(algorithm)
    first, location = signed_in(site, "rosalind")
    assert location == "../../#/mine"
    me = first.me()
    assert me["signed_in"] and me["by"] == "session"
    assert (me["user"]["name"], me["user"]["email"], me["user"]["role"],
            me["user"]["has_password"]) == ("rosalind-of-the-lab", "rosalind@lab.example", "user",
                                            False)
    assert me["sign_in"]["oidc"]["url"] == "/account/oidc/start"
    again, _ = signed_in(site, "rosalind")
    other, _ = signed_in(site, "barbara")
    assert again.me()["user"]["id"] == me["user"]["id"] != other.me()["user"]["id"]


def test_a_way_back_is_for_once_and_for_the_browser_that_began(start_site):
    site, _ = start_site()
    browser, thief = Browser(site.url), Browser(site.url)
    back = way_back(browser, "rosalind")
    answer = thief.get(back, allow_redirects=False)
    assert "begin again" in problem(answer.headers["Location"])
    assert not thief.me()["signed_in"]
    forged = re.sub(r"state=\w+", "state=" + "0" * 64, back)
    assert "begin again" in problem(
        browser.get(forged, allow_redirects=False).headers["Location"])
    browser = Browser(site.url)
    back = way_back(browser, "rosalind")
    cookie = browser.session.cookies["stroma_sign_in"]
    assert browser.get(back, allow_redirects=False).status_code == 303 and browser.me()["signed_in"]
    replayer = Browser(site.url)
    replayer.session.cookies.set("stroma_sign_in", cookie)
    assert "begin again" in problem(replayer.get(back, allow_redirects=False).headers["Location"])


def test_another_issuer_a_wrong_code_and_a_refusal_let_nobody_in(start_site):
    site, _ = start_site()
    for change in (lambda back: re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.example", back),
                   lambda back: re.sub(r"code=[^&]+", "code=made-up", back),
                   lambda back: back + "&error=access_denied"):
        browser = Browser(site.url)
        answer = browser.get(change(way_back(browser, "rosalind")), allow_redirects=False)
        assert problem(answer.headers["Location"])
        assert not browser.me()["signed_in"]


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "/\\evil.example",
                                "evil.example", "javascript:alert(1)"])
def test_nobody_is_led_elsewhere_after_signing_in(start_site, to):
    site, _ = start_site()
    answer = Browser(site.url).get("/account/oidc/start", params={"to": to},
                                   allow_redirects=False)
    assert answer.status_code == 400


def test_roles_follow_the_providers_claim_at_each_sign_in(start_site):
    site, _ = start_site(role_claim="groups", administrator_values="stroma-admins wheel",
                         user_values="lab")
    ada, _ = signed_in(site, "ada")
    assert ada.me()["user"]["role"] == "administrator"
    assert ada.me()["sign_in"]["setup"] is False  # the provider's administrator is enough
    rosalind, _ = signed_in(site, "rosalind")
    assert rosalind.me()["user"]["role"] == "user"
    mallory, location = signed_in(site, "mallory")
    assert "no part in this site" in problem(location) and not mallory.me()["signed_in"]
    assert [user["name"] for user in ada.get("/v1/principals").json()["principals"]] == [
        "ada-of-the-lab", "local", "rosalind-of-the-lab"]
    user = rosalind.me()["user"]["id"]
    assert ada.ask("PATCH", f"/v1/principals/{user}", {"disabled": True}).status_code == 200
    out, location = signed_in(site, "rosalind")
    assert problem(location) and not out.me()["signed_in"]


def test_an_identity_is_linked_to_the_account_that_is_signed_in(start_site):
    site, _ = start_site(create_users="false")
    stranger, location = signed_in(site, "ada")
    assert "no account here" in problem(location)
    administrator = first_administrator(site, name="countess")
    assert Browser(site.url).get("/account/oidc/start?link=true",
                                 allow_redirects=False).status_code == 401
    back = way_back(administrator, "ada", "/account/oidc/start?link=true&to=/")
    assert administrator.get(back, allow_redirects=False).status_code == 303
    stranger, _ = signed_in(site, "ada")
    assert stranger.me()["user"]["name"] == "countess"
    assert administrator.me()["user"]["has_password"]


def test_an_address_that_is_anothers_or_not_verified_links_nothing(start_site):
    site, _ = start_site()
    administrator = first_administrator(site, name="countess")
    me = administrator.me()["user"]
    administrator.ask("PATCH", f"/v1/principals/{me['id']}", {"email": "ada@lab.example"})
    ada, _ = signed_in(site, "ada")  # the provider says ada@lab.example too
    assert ada.me()["user"]["id"] != me["id"] and ada.me()["user"]["email"] is None
    mallory, _ = signed_in(site, "mallory")
    assert mallory.me()["user"]["email"] is None


def test_a_provider_that_is_gone_is_told_in_plain_words(start_site):
    site, provider = start_site()
    provider.stop()
    answer = Browser(site.url).get("/account/oidc/start", allow_redirects=False)
    assert "could not be asked" in problem(answer.headers["Location"])
    log = site.log.read_text()
    assert "secret of the site" not in log


def test_the_button_of_the_page_leads_to_the_provider_and_back(start_site, browse):
    site, _ = start_site()
    seen = browse(site, "provider", ["providerSignIn"], login="rosalind")
    assert seen["user"] == "rosalind-of-the-lab"
    assert seen["back_at"].startswith(site.url + "/")
