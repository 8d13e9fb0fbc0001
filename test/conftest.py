"""What the tests from outside share: the binary, the shared data, a running server.

Run by /usr/bin/python3 -m pytest test (Debian's own packages). STROMA_BINARY names another binary
than build/release/stroma, STROMA_SHARED another folder than ../shared.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import types

import pytest
import requests

PROJECT = pathlib.Path(__file__).resolve().parent.parent
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30


def skip_loudly(reason):
    """Skips, says so on standard error, and adds a line to what make test prints at its end."""
    print(f"SKIPPED: {reason}", file=sys.stderr)
    listed = os.environ.get("STROMA_SKIPS")
    if listed:
        with open(listed, "a", encoding="utf-8") as file:
            file.write(f"{os.environ.get('PYTEST_CURRENT_TEST', '').split(' ')[0]}: {reason}\n")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def skip():
    """skip(reason), for what only a test itself finds absent."""
    return skip_loudly


@pytest.fixture(scope="session")
def stroma_binary():
    """The program under test."""
    path = pathlib.Path(os.environ.get("STROMA_BINARY", PROJECT / "build/release/stroma"))
    if not path.is_file():
        pytest.fail(f"{path} isn't there: run make build, or set STROMA_BINARY")
    return path.resolve()


@pytest.fixture(scope="session")
def shared_data():
    """The folder of shared example data; the test is skipped loudly where there is none."""
    folder = pathlib.Path(os.environ.get("STROMA_SHARED", PROJECT.parent / "shared")) / "data"
    if not folder.is_dir():
        skip_loudly(f"the shared data ({folder}) is absent; set STROMA_SHARED")
    return folder


@pytest.fixture(scope="session")
def chromium():
    """A browser for tests of pages; they are skipped loudly where there is none."""
    path = shutil.which("chromium")
    if path is None:
        skip_loudly("there is no chromium; tools/setup installs it")
    return path


@pytest.fixture
def browse(chromium):
    """browse(server, name, steps, …): what a browser saw, see explorer/browser.mjs; pictures are
    kept in build/pictures/ for people to look at. `refused` names the ends of addresses
    whose refusal belongs to the test."""
    pictures = PROJECT / "build/pictures"
    pictures.mkdir(parents=True, exist_ok=True)

    def in_browser(server, name, steps, url=None, refused=(), **order):
        order = {"name": name, "steps": steps, "url": url or server.url, "token": server.token,
                 "chromium": chromium, "pictures": str(pictures), **order}
        command = [PROJECT / "tools/node", PROJECT / "test/explorer/browser.mjs",
                   PROJECT / "build/clients", json.dumps(order)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        assert "failure" not in seen, f"{seen['failure']}; see {pictures}/{name}-failed.png"
        assert not seen["errors"], seen["errors"]
        surprises = [one for one in seen["refusals"]
                     if not one.endswith(("/favicon.ico", *refused))
                     and not (one.startswith("404 ") and "/v1/ontology/terms?" in one)]
        assert not surprises, surprises
        broken = {place: rules for place, rules in seen["violations"].items() if rules}
        assert not broken, broken
        return seen
    return in_browser


@pytest.fixture(scope="session")
def run(stroma_binary):
    """run("sql", "SELECT 1", data=folder): the completed process. fails=True expects an error."""
    def run_stroma(*arguments, data=None, fails=False, timeout=300, **options):
        command = [str(stroma_binary), *map(str, arguments)]
        if data is not None:
            command += ["--data", str(data)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout,
                              check=False, **options)
        assert (done.returncode != 0) == fails, (
            f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done
    return run_stroma


@pytest.fixture(scope="session")
def run_json(run):
    """The same with --json, parsed."""
    def run_stroma(*arguments, **options):
        return json.loads(run(*arguments, "--json", **options).stdout)
    return run_stroma


class Server:
    """A stroma serve of a test's own. Its words are in `log`, a file."""

    def __init__(self, binary, data, folder, arguments=(), environment=None):
        self.data = data
        self.log = folder / "serve.log"
        self._errors = open(self.log, "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(binary), "serve", "--data", str(data), "--http", "127.0.0.1:0", *arguments],
            stdout=subprocess.PIPE, stderr=self._errors, text=True,
            env={**os.environ, **(environment or {})})
        try:
            self.url, self.token = self._read_address()
            self.wait_for_health()
        except BaseException:
            self.kill()
            raise

    def _read_address(self):
        """Reads what serve prints until it names its address; the administrator's token of the run
        lies in the data directory from before that moment."""
        for line in self.process.stdout:
            found = re.search(r"http://[\w.:\[\]]+", line)
            if found:
                told = json.loads((pathlib.Path(self.data) / "server.json").read_text())
                return found[0], told["token"]
        pytest.fail(f"stroma serve ended with {self.process.wait()} before it named its address:\n"
                    f"{self.log.read_text()}")

    def wait_for_health(self):
        answer = requests.get(self.url + "/health", timeout=START_SECONDS_MAX)
        assert answer.status_code == 200, answer.text

    def headers(self):
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def request(self, method, path, **options):
        """A request as the administrator whose token serve printed."""
        options.setdefault("timeout", 120)
        options["headers"] = {**self.headers(), **options.get("headers", {})}
        return requests.request(method, self.url + path, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def stop(self):
        """Ends as an operator would; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        finally:
            self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._errors.close()


def start_servers(binary, parent):
    """Gives a function that starts servers, and ends them all afterwards."""
    servers = []

    def start(data=None, *arguments, environment=None):
        folder = parent / f"server{len(servers)}"
        folder.mkdir()
        servers.append(Server(binary, data or parent / "data", folder, arguments, environment))
        return servers[-1]
    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def start_server(stroma_binary, tmp_path):
    """start_server(data): a running server; all end with the test."""
    yield from start_servers(stroma_binary, tmp_path)


@pytest.fixture(scope="module")
def start_module_server(stroma_binary, tmp_path_factory):
    """The same for servers that a file's tests share."""
    yield from start_servers(stroma_binary, tmp_path_factory.mktemp("module"))


@pytest.fixture
def server(start_server):
    """A server on an empty data directory."""
    return start_server()


@pytest.fixture(scope="session")
def demo_data(run, tmp_path_factory):
    """A small demo dataset, as a file and imported: .file and .data."""
    folder = tmp_path_factory.mktemp("demo")
    file, data = folder / "blood.h5ad", folder / "data"
    run("demo", "--cells", "500", "--genes", "300", "-o", file)
    run("import", file, "--name", "blood", data=data)
    return types.SimpleNamespace(file=file, data=data)
