"""asyncpg's own tests against a server of this program's: what Redshift's protocol has of them.

    python3 test/clients/asyncpg_suite.py CHECKOUT [--binary PROGRAM] [pytest's options]

CHECKOUT is a clone of github.com/MagicStack/asyncpg at the version that is installed (asyncpg
and python3-pytest are needed). The files of FILES run but for the tests of LEFT_OUT, each group of
which says what it needs that isn't here. The last lines tell how many passed. The same file is the
plugin that leaves them out.
"""
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import psycopg_suite

FILES = """test_adversity test_cache_invalidation test_cancellation test_codecs test_connect
    test_copy
    test_cursor test_exceptions test_execute test_introspection test_pool test_prepare test_record
    test_timeout test_transaction test_types test_utils""".split()

# Why, and what of a test's name says so.
LEFT_OUT = {
    "types made by CREATE TYPE and CREATE DOMAIN, extensions": [
        r"type_cache_invalidation", r"::test_composites", r"::test_domains", r"::test_enum",
        r"custom_codec_(binary|text|on_domain|on_enum)", r"extra_codec_alias",
        r"unhandled_type_fallback", r"unknown_type_text_fallback"],
    "users, databases and functions made by SQL, PL/pgSQL": [
        r"relacl_array_type", r"TestIntrospection", r"exceptions_str", r"prepare_09_raise_error",
        r"prepare_16_command_result", r"prepare_31_pgbouncer_note"],
    "ranges, bits, tid, rows as values, arrays of several dimensions": [
        r"range_types", r"test_arrays$", r"stdsql_types", r"test_standard_codecs",
        r"table_as_composite", r"mogrify_simple"],
    "json, where Redshift has SUPER": [r"json_text_codec"],
    "pg_sleep, which isn't for users": [
        r"cancellation_0[134]", r"::test_void", r"interrupted_", r"max_inactive_time",
        r"::test_timeout_0", r"command_timeout_01", r"timeout_covers_prepare_01",
        r"concurrent_calls", r"cancellation_while_waiting", r"no_acquire_deadlock"],
    "numeric without a precision is numeric(18,0); text is varchar(256)": [
        r"::test_numeric", r"large_rows", r"from_bytes_like", r"prepare_03"],
    "keys that are enforced, and texts of 32,768 letters": [
        r"executemany_(client|server)_", r"executemany_(timeout|error_in_input_gen)"],
    "options of PostgreSQL's COPY, which Redshift hasn't": [r"table_basics"],
    "going back to a savepoint; cursors that move": [r"transaction_nested", r"test_cursor_0[24]"],
    "EXPLAIN in JSON, SELECT without columns": [r"prepare_14_explain", r"prepare_22_empty"],
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


def main():
    arguments = sys.argv[1:]
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    checkout, binary = pathlib.Path(arguments.pop(0)).resolve(), "build/release/stroma"
    if arguments[:1] == ["--binary"]:
        binary = arguments[1]
        del arguments[:2]
    here = pathlib.Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory(prefix="stroma-asyncpg-") as folder:
        # The tests alone: beside the checkout's modules, which aren't built, they'd find those.
        shutil.copytree(checkout / "tests", f"{folder}/tests")
        for file in pathlib.Path(folder, "tests").glob("*.py"):
            # The database that everybody has is called otherwise.
            file.write_text(file.read_text().replace("database='postgres'", "database='dev'"))
        process, dsn = psycopg_suite.serve(str(pathlib.Path(binary).resolve()), f"{folder}/data")
        told = dict(part.split("=", 1) for part in dsn.split())
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "asyncpg_suite", "-p", "no:xdist",
                 "-p", "no:cacheprovider", "--tb=line", *arguments,
                 *(f"tests/{name}.py" for name in FILES)], cwd=folder, check=False,
                env={**os.environ, "PYTHONPATH": str(here), "PGHOST": told["host"],
                     "PGPORT": told["port"], "PGUSER": told["user"],
                     "PGPASSWORD": told["password"], "PGDATABASE": told["dbname"]})
        finally:
            process.terminate()
            process.wait()
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
