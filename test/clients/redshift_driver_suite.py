"""The own tests of Amazon's driver for Python against a server of this program's.

    python3 test/clients/redshift_driver_suite.py CHECKOUT [--binary PROGRAM] [pytest's options]

CHECKOUT is a clone of github.com/aws/amazon-redshift-python-driver; Debian's python3-pytest, bs4,
boto3, lxml, packaging, pandas, tz and psql are needed. The driver's password exchange lies in a
package that needn't be there: the server lets anybody in, and what asks for passwords is left out.
The integration tests of FILES run but for those of LEFT_OUT, each group of which says what it needs
that isn't here. The last lines tell how many passed. The same file is the plugin that leaves them
out, and that lets psql find the port.
"""
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import psycopg_suite

FILES = """test_connection test_cursor test_dbapi20 test_pandas test_paramstyle test_query
    test_prepared_statements_cache test_redshift_property test_unsupported_datatypes
    datatype/test_datatypes datatype/test_system_table_queries""".split()

# Why, and what of a test's name says so.
LEFT_OUT = {
    "a plugin of pytest that isn't there (mocker)": [
        r"too_large_is_lowered", r"do_parsing_bind", r"skip_parse_bind", r"closed_ps",
        r"test_max_prepared_statement"],
    "users made by SQL, passwords, TLS": [
        r"auth_req_digest", r"test_ssl\b", r"bytes_password"],
    "Redshift's own binary forms of results": [
        r"client_protocol_version_is_used\[[12]", r"test_datatype_recv_support\[[12]"],
    "a connection whose end the driver finds out by writing": [r"test_broken_pipe"],
    "procedures": [r"test_get_procedures", r"test_callproc"],
    "two-phase commit": [r"_tpc"],
    "types that CREATE TABLE takes here, for clients of PostgreSQL": [
        r"unsupported_datatype_fails\[(bytea|interval|json|uuid|oid|\w*serial)",
        r"array_datatype_fails"],
    "abstime": [r"test_abstime"],
    "intervals of two kinds": [r"test_redshift_interval_(insert|prep_stmt)"],
    "dates, times and moments in the many ways of older PostgreSQLs": [
        r"test_datatype_recv_support\[0-Datatypes\.(date|time)"],
}


def reason_to_leave_out(item):
    """Why a test isn't run, or None."""
    name = item.nodeid
    call = getattr(item, "callspec", None)
    given = call.params.get("_input") if call else None
    if "specific_recv_support" in name and given:
        for kind, why in (("geo", "geometry and geography"),
                          ("interval", "intervals of two kinds")):
            if str(given[0]).startswith(kind):
                return why
    return next((why for why, patterns in LEFT_OUT.items()
                 if any(re.search(pattern, name) for pattern in patterns)), None)


def pytest_collection_modifyitems(config, items):
    """Leaves the tests of LEFT_OUT out."""
    counts, kept, left = collections.Counter(), [], []
    for item in items:
        reason = reason_to_leave_out(item)
        (left if reason else kept).append(item)
        counts[reason] += 1
    items[:] = kept
    config.hook.pytest_deselected(items=left)
    for reason, count in counts.items():
        if reason:
            print(f"left out {count:4}: {reason}")


def main():
    arguments = sys.argv[1:]
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    checkout, binary = pathlib.Path(arguments.pop(0)).resolve(), "build/release/stroma"
    if arguments[:1] == ["--binary"]:
        binary = arguments[1]
        del arguments[:2]
    here = pathlib.Path(__file__).resolve().parent
    settings = checkout / "test/config.ini"
    with tempfile.TemporaryDirectory(prefix="stroma-redshift-driver-") as folder:
        process, dsn = psycopg_suite.serve(str(pathlib.Path(binary).resolve()), f"{folder}/data",
                                           "--insecure-any-credentials")
        told = dict(part.split("=", 1) for part in dsn.split())
        stub = pathlib.Path(folder) / "stub/scramp/__init__.py"
        stub.parent.mkdir(parents=True)
        stub.write_text("class ScramClient:\n    pass\n")
        # The suite's psql has a fixed port.
        psql = pathlib.Path(folder) / "bin/psql"
        psql.parent.mkdir()
        psql.write_text("#!/bin/sh\nexec /usr/bin/psql \"$@\" --port " + told["port"] + "\n")
        psql.chmod(0o755)
        settings.write_text(
            f"[ci-cluster]\ndatabase=dev\nhost={told['host']}\ntest_user=admin\n"
            f"test_password={told['password']}\nregion=us-east-1\ncluster_identifier=none\n"
            f"[default-test]\nport={told['port']}\nssl=False\nsslmode=prefer\n")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "redshift_driver_suite",
                 "-p", "no:xdist", "-c", os.devnull, "--rootdir", str(checkout),
                 "-o", f"cache_dir={folder}/cache", "--tb=line", *arguments,
                 *(f"test/integration/{name}.py" for name in FILES)], cwd=checkout, check=False,
                env={**os.environ, "PATH": f"{psql.parent}{os.pathsep}{os.environ['PATH']}",
                     "PYTHONPATH": os.pathsep.join([str(checkout), f"{folder}/stub", str(here)])})
        finally:
            process.terminate()
            process.wait()
            settings.unlink()
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
