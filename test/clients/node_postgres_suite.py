"""node-postgres's own tests against a server of this program's.

    npm install --prefix MODULES MODULES_WANTED
    python3 test/clients/node_postgres_suite.py CHECKOUT MODULES [--binary PROGRAM] [WORD…]

CHECKOUT is a clone of github.com/brianc/node-postgres; MODULES_WANTED stands below. The integration
tests of its packages pg and pg-cursor and the tests of pg-pool run but for those of LEFT_OUT, each
group of which says what it needs that isn't here; with WORDs only files whose path has one of them.
A file that isn't made of named tests counts as one. What fails is told with its reason; the last
line tells how many passed.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import psycopg_suite

MODULES_WANTED = """async@2.6.4 bluebird@3.7.2 co@4.6.0 expect.js@0.3.1 lodash@4 mocha@11 pg@8.23.1
    pg-copy-streams@0.3.0 pg-cursor@2.22.0""".split()
TEST_TIMEOUT = "50000"

# Why, and what of "file: test" says so.
LEFT_OUT = {
    "pg_sleep, which isn't for users": [
        r"api-tests.js: (query (no timeout|timeout|recover)|query with timeout)",
        r"pipelining-tests.js: query_timeout on sent", r"query killed during query execution",
        r"query-error-handling-tests.js: error during query execution",
        r"statement_timeout actually cancels", r"destroys it immediately",
        r"pg-pool/(error-handling|lifetime-timeout).js$"],
    "arrays as columns": [
        r"array-tests.js: (numbers|parses string arrays|nested|integer nested|JS array|.after)",
        r"131-tests.js"],
    "json, where Redshift has SUPER": [r"normalizes parameter values"],
    "NOTIFY, blocks of PL/pgSQL": [r"emits notify message", r"emits notice message"],
    "numeric without a precision is numeric(18,0); 38 digits": [
        r"huge-numeric", r"test type coercion numeric"],
    "settings with units": [r"statement_timeout (integer|float|string) is used"],
    "another database, template1": [r"130-tests.js"],
}

PRELOADED = pathlib.Path(__file__).resolve().with_suffix(".cjs")


def reason_to_leave_out(name):
    """Why a test isn't run, or None."""
    return next((why for why, patterns in LEFT_OUT.items()
                 if any(re.search(pattern, name) for pattern in patterns)), None)


class Counts:
    """What became of the tests."""

    def __init__(self):
        self.passed, self.failed, self.left = 0, [], {}

    def tell(self, name, problem=None):
        """One that ran."""
        if problem is None:
            self.passed += 1
        else:
            self.failed.append(name)
            lines = problem.strip().splitlines()[:12]
            print("\n    ".join([f"FAILED {name}", *lines]), flush=True)

    def leave(self, name):
        """Whether it is left out."""
        why = reason_to_leave_out(name)
        if why:
            self.left.setdefault(why, set()).add(name)
        return bool(why)


def run_file(path, name, environment, counts):
    """One file of pg's. One that ends the process is run again without the test that did it."""
    if counts.leave(name):
        return
    skipped = set()
    ended = {}
    for _ in range(20):
        with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as told:
            try:
                done = subprocess.run(
                    ["node", "--require", str(PRELOADED), path.name], cwd=path.parent, check=False,
                    env={**environment, "TOLD": told.name, "SKIPPED": json.dumps(sorted(skipped))},
                    capture_output=True, text=True, timeout=110)
                status, words = done.returncode, done.stdout + done.stderr
            except subprocess.TimeoutExpired as late:
                status, words = -1, f"it didn't end: {late.stdout}"
            lines = [json.loads(line) for line in told]
        running = None
        for end, test, problem in lines:
            running = test if end == "begun" else running if end == "skipped" else None
            if end in ("passed", "failed"):
                ended[test] = problem
        named = {test for _, test, _ in lines}
        again = {test for test in named - skipped if counts.leave(f"{name}: {test}")}
        if status == 0 and not again:
            break
        if not named:
            ended[""] = words
            break
        if not again and running is None:
            ended["(after all)"] = words
            break
        if running is not None and running not in again:
            ended[running] = words
            again.add(running)
        skipped |= again
    if not ended and not skipped:
        ended[""] = None
    for test, problem in ended.items():
        if not counts.leave(f"{name}: {test}"):
            counts.tell(f"{name}: {test}" if test else name, problem)


def run_mocha(checkout, package, modules, environment, counts):
    """A package whose tests run by mocha, file by file: one that ends the process ends no other."""
    folder = checkout / "packages" / package
    for path in sorted((folder / "test").glob("*.js")):
        if counts.leave(f"{package}/{path.name}"):
            continue
        with tempfile.NamedTemporaryFile("r", suffix=".json") as told:
            done = subprocess.run(
                ["node", str(modules / "node_modules/mocha/bin/mocha.js"), "--exit", "--timeout",
                 TEST_TIMEOUT, "--reporter", "json", "--reporter-option", f"output={told.name}",
                 f"test/{path.name}"],
                cwd=folder, env=environment, check=False, timeout=280, capture_output=True,
                text=True)
            text = told.read()
        if not text:
            counts.tell(f"{package}/{path.name}", done.stdout + done.stderr)
            continue
        for test in json.loads(text)["tests"]:
            name = f"{package}/{path.name}: {test['fullTitle']}"
            if not counts.leave(name):
                problem = test["err"].get("stack") or test["err"].get("message")
                counts.tell(name, problem)


def main():
    arguments = sys.argv[1:]
    binary = "build/release/stroma"
    if "--binary" in arguments:
        at = arguments.index("--binary")
        binary = arguments[at + 1]
        del arguments[at:at + 2]
    if len(arguments) < 2:
        sys.exit(f"{__doc__}\nMODULES_WANTED: {' '.join(MODULES_WANTED)}")
    checkout, modules = (pathlib.Path(argument).resolve() for argument in arguments[:2])
    words = arguments[2:]
    tests = checkout / "packages/pg/test/integration"
    counts = Counts()
    with tempfile.TemporaryDirectory(prefix="stroma-node-postgres-") as folder:
        os.environ["STROMA_POSTGRES_TLS"] = "self-signed"
        process, dsn = psycopg_suite.serve(str(pathlib.Path(binary).resolve()), f"{folder}/data")
        told = dict(part.split("=", 1) for part in dsn.split())
        environment = {**os.environ, "NODE_PATH": str(modules / "node_modules"),
                       "PGHOST": told["host"], "PGPORT": told["port"], "PGUSER": told["user"],
                       "PGPASSWORD": told["password"], "PGDATABASE": told["dbname"],
                       "TEST_TIMEOUT": TEST_TIMEOUT}
        try:
            for path in sorted(tests.rglob("*-tests.js")):
                name = str(path.relative_to(tests))
                if not words or any(word in name for word in words):
                    run_file(path, name, environment, counts)
            for package in ("pg-cursor", "pg-pool"):
                if not words or package in words:
                    run_mocha(checkout, package, modules, environment, counts)
        finally:
            process.terminate()
            process.wait()
    for why, names in sorted(counts.left.items()):
        print(f"left out {len(names):4}: {why}")
    print(f"{counts.passed} of {counts.passed + len(counts.failed)} passed")
    sys.exit(bool(counts.failed))


if __name__ == "__main__":
    main()
