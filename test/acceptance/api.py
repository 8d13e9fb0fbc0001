"""What the tests of the HTTP API share: requests without a token, jobs followed to their end."""
import json
import urllib.error
import urllib.parse
import urllib.request


class Answer:
    """Status, headers and bytes of one answer."""

    def __init__(self, status, headers, content):
        self.status, self.headers, self.content = status, headers, content

    def json(self):
        return json.loads(self.content)


def ask(url, method="GET", body=None, headers=None):
    """One request as anybody makes it; any status is an answer."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


class MatrixApi:
    """The matrix service of a running server, used without a token."""

    def __init__(self, server):
        self.server, self.url = server, server.url

    def get(self, path):
        return ask(self.url + path)

    def post(self, path, body):
        return ask(self.url + path, "POST", body, {"Content-Type": "application/json"})

    def follow_job(self, job):
        """Reads the job's events to their end, as the administrator."""
        ask(f"{self.url}/v1/jobs/{job}/events", headers=self.server.headers())

    def finished(self, request_id, version="v1"):
        """The request's description once it isn't in progress."""
        asked = self.get(f"/{version}/matrix/{request_id}")
        assert asked.status == 200, asked.content
        if asked.json()["status"] == "In Progress":
            self.follow_job(asked.json()["job"])
            asked = self.get(f"/{version}/matrix/{request_id}")
        return asked.json()

    def matrix(self, cells, version="v1", **more):
        """The finished request for a filter (v1) or for what v0 takes."""
        body = {"filter": cells, **more} if version == "v1" else {**cells, **more}
        accepted = self.post(f"/{version}/matrix", body)
        assert accepted.status == 202, accepted.content
        return self.finished(accepted.json()["request_id"], version)

    def cells(self, cells):
        """How many cells a filter finds; 0 has no file."""
        done = self.matrix(cells, format="mtx")
        assert done["status"] == "Complete", done
        return done["cells"] if done["matrix_url"] else 0

    def sql(self, statement, headers=None):
        answer = ask(self.url + "/v1/sql", "POST", {"statement": statement}, headers)
        assert answer.status == 200, answer.content
        return answer.json()["rows"]

    def metric(self, name):
        """The sum over all labels."""
        lines = self.get("/metrics").content.decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.split("{")[0].split(" ")[0] == name)


def compare(op, field, value):
    return {"op": op, "field": field, "value": value}


def join(op, *operands):
    return {"op": op, "value": list(operands)}
