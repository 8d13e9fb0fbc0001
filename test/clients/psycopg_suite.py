"""psycopg 3's own tests against a server of this program's: what Redshift's protocol has of them.

    python3 test/clients/psycopg_suite.py CHECKOUT [--binary PROGRAM] [pytest's options]

CHECKOUT is a clone of github.com/psycopg/psycopg (python3-pytest and python3-anyio are needed). The
files of FILES run but for the tests of LEFT_OUT, each group of which says what it needs that isn't
here. The last line tells how many passed. The same file is the plugin that leaves them out.
"""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

FILES = """test_adapt test_column test_connection test_connection_async test_connection_info
    test_conninfo test_copy test_copy_async test_cursor test_cursor_async test_cursor_client
    test_cursor_client_async test_cursor_common test_cursor_common_async test_cursor_raw
    test_cursor_raw_async test_cursor_server test_cursor_server_async test_encodings test_errors
    test_generators test_module test_pipeline test_pipeline_async test_prepared
    test_prepared_async test_psycopg_dbapi20 test_query test_rows test_sql types/test_array
    types/test_bool types/test_datetime types/test_json types/test_none types/test_numeric
    types/test_numpy types/test_string types/test_uuid pq""".split()

# Why, and what of a test's name says so.
LEFT_OUT = {
    "json and jsonb: Redshift has SUPER": [
        r"types.test_json", r"test_untyped_json", r"test_set_types\b", r"test_return_untyped",
        r"test_clean_buffer_on_error", r"test_no_cast_needed"],
    "two-phase commit": [r"PsycopgTPCTests"],
    "types made by CREATE TYPE": [
        r"test_change_type", r"test_string\W.*test_dump_enum", r"test_invalid_name"],
    "arrays of several dimensions, with bounds, of boxes and of composites": [
        r"test_load_list_str", r"test_dump_list_str", r"test_(dump|load)_list_int",
        r"nested_array", r"with_bounds", r"no_comma_separator", r"test_load_cursor_ctx_nested"],
    "numeric without a precision is numeric(18,0); no NaN, no infinity, 38 digits": [
        r"test_(dump|load)_numeric_binary", r"test_roundtrip_numeric", r"test_quote_numeric",
        r"test_numeric_as_float", r"test_copy_by_oid", r"test_dump_int_subtypes.*numeric"],
    "bits, scales below zero, texts beyond 65,535 bytes": [
        r"test_details\[(text-None|bit|varbit|numeric\((2,-3|3,5|1,|1000)|varchar\(10485760)"],
    "keys that are enforced, at once or at the end": [
        r"test_commit_error", r"test_diag_from_commit", r"test_diag_attr_values",
        r"error_on_commit", r"buffers(_with)?_pg_error", r"uniqviol"],
    "cursors that go back or outlive their transaction": [
        r"test_cursor_server(_async)?(.py)?::test_(scroll|scrollable|non_scrollable|hold|"
        r"row_factory)\b"],
    "SELECT and CREATE TABLE without columns": [
        r"test_no_col", r"test_stream_no_col", r"test_no_column", r"test_statusmessage"],
    "blocks of PL/pgSQL, NOTIFY": [r"test_notice", r"test_misc_statement"],
}


def pytest_collection_modifyitems(config, items):
    """Leaves the tests of LEFT_OUT out."""
    counts, kept, left = collections.Counter(), [], []
    for item in items:
        reason = next((why for why, patterns in LEFT_OUT.items()
                       if any(re.search(pattern, item.nodeid) for pattern in patterns)), None)
        (left if reason else kept).append(item)
        counts[reason] += 1
    items[:] = kept
    config.hook.pytest_deselected(items=left)
    for reason, count in counts.items():
        if reason:
            print(f"left out {count:4}: {reason}")


def serve(binary, folder, *more):
    """Starts a server; it, and where its PostgreSQL port is."""
    process = subprocess.Popen(
        [binary, "serve", "--data", folder, "--http", "127.0.0.1:0", "--postgres", "127.0.0.1:0",
         *more],
        stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    told = {}
    end = time.monotonic() + 60
    while not told.get("postgres") and time.monotonic() < end:
        try:
            told = json.loads((pathlib.Path(folder) / "server.json").read_text())
        except (OSError, ValueError):
            told = {}
    host, port = told["postgres"].rsplit(":", 1)
    return process, f"host={host} port={port} dbname=dev user=admin password={told['token']}"


def main():
    arguments = sys.argv[1:]
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    checkout, binary = pathlib.Path(arguments.pop(0)).resolve(), "build/release/stroma"
    if arguments[:1] == ["--binary"]:
        binary = arguments[1]
        del arguments[:2]
    here = pathlib.Path(__file__).resolve().parent
    files = [f"tests/{name}" + ("" if name == "pq" else ".py") for name in FILES]
    with tempfile.TemporaryDirectory(prefix="stroma-psycopg-") as folder:
        process, dsn = serve(str(pathlib.Path(binary).resolve()), f"{folder}/data")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "psycopg_suite", "-p", "no:xdist",
                 "-o", f"cache_dir={folder}/cache", "-m", "not slow", "--tb=line",
                 "--test-dsn", dsn, *arguments, *files], cwd=checkout, check=False,
                env={**os.environ, "PSYCOPG_IMPL": "python",
                     "PYTHONPATH": f"{checkout}/psycopg{os.pathsep}{here}"})
        finally:
            process.terminate()
            process.wait()
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
