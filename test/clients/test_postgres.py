"""SQL clients of PostgreSQL on the port of `stroma serve --postgres`: psql, psycopg2, pgjdbc."""
import datetime
import decimal
import gzip
import io
import json
import pathlib
import shutil
import socket
import struct
import subprocess
import threading
import types

import boto3
import botocore.config
import pytest

psycopg2 = pytest.importorskip("psycopg2")
PROJECT = pathlib.Path(__file__).resolve().parents[2]
DRIVER = pathlib.Path("/usr/share/java/postgresql.jar")
META_COMMANDS = [r"\d", r"\dt", r"\dt+", r"\d probe", r"\d+ probe", r"\d probe_view", r"\dn",
                 r"\du", r"\df", r"\l", r"\l+", r"\dv", r"\di", r"\dT", r"\dx", r"\dp", r"\ds",
                 r"\dm", r"\db", r"\dn+", r"\dt public.*", r"\dC", r"\dD", r"\drds", r"\d pg_class"]


@pytest.fixture(scope="module")
def port(start_module_server, tmp_path_factory):
    """A server with the port open: .host, .number, .password of the user admin."""
    data = tmp_path_factory.mktemp("postgres")
    server = start_module_server(data / "data", "--postgres", "127.0.0.1:0", "--aws",
                                 "127.0.0.1:0")
    told = json.loads((data / "data" / "server.json").read_text())
    server.host, number = told["postgres"].rsplit(":", 1)
    server.number, server.password, server.aws = int(number), told["token"], told["aws"]
    return server


@pytest.fixture
def connect(port):
    """connect(): a psycopg2 connection as the administrator."""
    opened = []

    def connection(**options):
        options = {"user": "admin", "password": port.password, "dbname": "dev", **options}
        opened.append(psycopg2.connect(host=port.host, port=port.number, connect_timeout=60,
                                       **options))
        return opened[-1]
    yield connection
    for one in opened:
        one.close()


def psql(port, *arguments, password=None, fails=False, **options):
    command = ["psql", "-X", "-v", "ON_ERROR_STOP=1", *arguments,
               f"host={port.host} port={port.number} user=admin dbname=dev"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                          env={"PATH": "/usr/bin:/bin", "PGPASSWORD": password or port.password},
                          **options)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done


def test_psql_is_let_in_by_scram_with_the_right_password_only(port):
    assert psql(port, "-Atc", "SELECT 1, 'two', 3.5").stdout == "1|two|3.5\n"
    refused = psql(port, "-c", "SELECT 1", password="wrong", fails=True)
    assert 'password authentication failed for user "admin"' in refused.stderr


def test_an_access_key_is_its_users_password(port, run_json, run, connect):
    made = run_json("user", "add", "rosalind", data=port.data)
    assert made
    key = run_json("key", "create", "rosalind", data=port.data)
    for user in ("rosalind", key["id"]):
        connection = connect(user=user, password=key["secret"])
        assert connection.get_parameter_status("session_authorization") == "rosalind"
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(user="rosalind", password=port.password)


@pytest.fixture(scope="module")
def account(port, run, run_json):
    """account(name): a new user's access key, as .id and .secret, and .s3, boto3's client."""
    def make(name):
        run("user", "add", name, data=port.data)
        key = types.SimpleNamespace(**run_json("key", "create", name, data=port.data))
        key.s3 = boto3.client(
            "s3", endpoint_url=port.aws, region_name="us-east-1", aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
            config=botocore.config.Config(retries={"max_attempts": 0}))
        return key
    return make


@pytest.mark.parametrize("user", ["nobody", "anonymous", "", "administrator"])
def test_strangers_are_not_let_in(connect, user):
    for password in ("", "anonymous", "admin"):
        with pytest.raises(psycopg2.OperationalError):
            connect(user=user, password=password)


def test_any_credentials_are_for_loopback_only(run, tmp_path):
    refused = run("serve", "--http", "127.0.0.1:0", "--postgres", "0.0.0.0:0",
                  "--insecure-any-credentials", data=tmp_path / "data", fails=True, timeout=60)
    assert "--insecure-any-credentials works on a loopback address only" in refused.stderr
    refused = run("serve", "--http", "127.0.0.1:0", "--postgres", "0.0.0.0:0",
                  data=tmp_path / "data", fails=True, timeout=60)
    assert "needs TLS" in refused.stderr


def test_by_tls_the_password_is_bound_to_the_certificate(start_server):
    server = start_server(None, "--postgres", "127.0.0.1:0",
                          environment={"STROMA_POSTGRES_TLS": "self-signed"})
    told = json.loads((pathlib.Path(server.data) / "server.json").read_text())
    host, number = told["postgres"].rsplit(":", 1)
    for options in ({"sslmode": "require", "channel_binding": "require"}, {"sslmode": "disable"}):
        connection = psycopg2.connect(host=host, port=number, user="admin", dbname="dev",
                                      password=told["token"], connect_timeout=60, **options)
        assert connection.info.ssl_in_use == (options["sslmode"] == "require")
        connection.close()


CHANGES = ["INSERT INTO guarded VALUES(2)", "UPDATE guarded SET a = 2", "DELETE FROM guarded",
           "DELETE guarded", "TRUNCATE guarded", "DROP TABLE guarded", "CREATE TABLE own(a INT)",
           "CREATE TEMP TABLE own(a INT)", "CREATE TABLE own AS SELECT 1 a", "SELECT 1 a INTO own",
           "WITH x AS (SELECT 1) INSERT INTO guarded SELECT * FROM x", "CREATE SCHEMA own",
           "WITH x AS (SELECT 1) DELETE FROM guarded", "CREATE VIEW own AS SELECT 1 a",
           "ALTER TABLE guarded ADD COLUMN b INT", "ALTER TABLE guarded RENAME TO other",
           "MERGE INTO guarded USING guarded o ON guarded.a = o.a REMOVE DUPLICATES",
           "COPY guarded FROM 's3://somewhere/x' CSV", "VACUUM guarded", "LOCK guarded",
           "GRANT ALL ON guarded TO reader", "EXPLAIN ANALYZE DELETE FROM guarded",
           "EXPLAIN (ANALYZE) DELETE FROM guarded", "COMMENT ON TABLE guarded IS 'x'",
           "UNLOAD ('DELETE FROM guarded RETURNING a') TO 's3://somewhere/x'",
           "WITH x AS (DELETE FROM guarded RETURNING a) SELECT * FROM x",
           "SELECT * FROM (DELETE FROM guarded RETURNING a) x", "(DELETE FROM guarded)",
           "PREPARE p AS DELETE FROM guarded; EXECUTE p",
           "PREPARE q AS DROP TABLE guarded; EXECUTE q", "BEGIN; DELETE FROM guarded; COMMIT",
           "BEGIN; DECLARE c CURSOR FOR DELETE FROM guarded"]


def test_who_was_granted_reading_reads_only(port, account, connect):
    key = account("reader")
    psql(port, "-c", "CREATE TABLE guarded(a INTEGER)", "-c", "INSERT INTO guarded VALUES(1)",
         "-c", "GRANT SELECT ON guarded TO reader")
    connection = connect(user="reader", password=key.secret)
    connection.autocommit = True
    for statement in CHANGES:
        with pytest.raises(psycopg2.Error) as failure, connection.cursor() as cursor:
            cursor.execute(statement)
        assert failure.value.pgcode in ("42501", "42601", "0A000"), statement
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
    with pytest.raises(psycopg2.Error) as failure, connection.cursor() as cursor:
        cursor.copy_expert("COPY guarded FROM STDIN CSV", io.StringIO("3\n"))
    assert failure.value.pgcode == "42501"
    with pytest.raises(psycopg2.Error) as failure, connection.cursor() as cursor:
        cursor.copy_expert("COPY (DELETE FROM guarded RETURNING a) TO STDOUT", io.StringIO())
    assert failure.value.pgcode == "42601"
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM guarded")
        assert cursor.fetchall() == [(1,)]
        cursor.execute("SELECT count(*) FROM information_schema.tables WHERE table_name = 'own'")
        assert cursor.fetchall() == [(0,)]


def test_who_was_granted_a_schema_makes_and_loads_tables(port, account, connect):
    """Owners, GRANT and REVOKE by psql and psycopg2; what a COPY of a bucket needs beside."""
    lab, guest = account("grace"), account("guest")
    psql(port, "-c", "GRANT CREATE ON DATABASE dev TO grace")
    lab.s3.create_bucket(Bucket="grace")
    lab.s3.put_object(Bucket="grace", Key="in/a.csv", Body="1,one\n2,two\n")
    mine, theirs = connect(user="grace", password=lab.secret), connect(
        user="guest", password=guest.secret)

    def run(connection, statement, refused=None):
        connection.autocommit = True
        with connection.cursor() as cursor:
            if refused is None:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else None
            with pytest.raises(psycopg2.Error, match=refused) as failure:
                cursor.execute(statement)
            assert failure.value.pgcode == "42501"
        return None

    run(mine, "CREATE TABLE public.rows(id INT)", "permission denied for schema public")
    run(mine, "CREATE SCHEMA grace")
    run(mine, "CREATE TABLE grace.rows(id INTEGER, name VARCHAR(9))")
    run(mine, "COPY grace.rows FROM 's3://grace/in/' IAM_ROLE DEFAULT CSV")
    with mine.cursor() as cursor:
        cursor.copy_expert("COPY grace.rows FROM STDIN CSV", io.StringIO("3,three\n"))
    assert run(mine, "SELECT count(*) FROM grace.rows") == [(3,)]
    run(theirs, "SELECT * FROM grace.rows", "permission denied for schema grace")
    run(mine, "GRANT USAGE ON SCHEMA grace TO guest")
    run(theirs, "SELECT * FROM grace.rows", "permission denied for relation rows")
    run(mine, "GRANT SELECT ON grace.rows TO guest")
    assert run(theirs, "SELECT max(id) FROM grace.rows") == [(3,)]
    run(theirs, "COPY grace.rows FROM 's3://grace/in/' IAM_ROLE DEFAULT CSV",
        "permission denied for relation rows")
    with pytest.raises(psycopg2.Error) as failure, theirs.cursor() as cursor:
        cursor.copy_expert("COPY grace.rows FROM STDIN CSV", io.StringIO("4,four\n"))
    assert failure.value.pgcode == "42501"
    # A right to the table is none to the bucket.
    run(mine, "GRANT INSERT ON grace.rows TO guest")
    run(theirs, "COPY grace.rows FROM 's3://grace/in/' IAM_ROLE DEFAULT CSV", "")
    run(theirs, "UNLOAD ('SELECT * FROM grace.rows') TO 's3://grace/out/' IAM_ROLE DEFAULT CSV", "")
    told = psql(port, "-Atc", r"\dp grace.*").stdout
    assert "grace=arwdDxAP/grace" in told and "guest=ar/grace" in told
    assert psql(port, "-Atc", "SELECT privilege_type FROM svv_relation_privileges WHERE "
                "namespace_name = 'grace' ORDER BY 1").stdout == "INSERT\nSELECT\n"
    assert run(theirs, "SELECT has_table_privilege('grace.rows', 'SELECT'), "
                       "has_table_privilege('grace.rows', 'DELETE')") == [(True, False)]
    run(mine, "REVOKE ALL ON grace.rows FROM guest")
    run(theirs, "SELECT * FROM grace.rows", "permission denied for relation rows")
    run(theirs, "DROP TABLE grace.rows", "permission denied for relation rows")
    run(mine, "DROP SCHEMA grace CASCADE")


def test_copy_in_binary(port, connect, tmp_path):
    """What \\copy and copy_expert write in binary, read back in binary, is the same."""
    psql(port, "-c", "CREATE TABLE every(i SMALLINT, n INTEGER, b BIGINT, f REAL, "
                     "d DOUBLE PRECISION, m DECIMAL(9,3), t BOOLEAN, v VARCHAR(30), day DATE, "
                     "at TIMESTAMP, tz TIMESTAMPTZ, y VARBYTE)")
    psql(port, "-c", "INSERT INTO every VALUES(-7, 70000, 5000000000, 0.5, 1e300, -12.340, true, "
                     "'tab' || chr(9) || 'and \\ and ä', '2026-11-22', '2026-11-22 12:34:56.789', "
                     "'2026-11-22 12:34:56+02', 'abc')",
         "-c", "INSERT INTO every(v) VALUES(''), (null), ('\\N')")
    psql(port, "-c", "CREATE TABLE every_again(LIKE every)")
    file = tmp_path / "rows.bin"
    psql(port, "-c", rf"\copy every TO '{file}' (FORMAT binary)")
    content = file.read_bytes()
    assert content.startswith(b"PGCOPY\n\xff\r\n\0") and content.endswith(b"\xff\xff")
    psql(port, "-c", rf"\copy every_again FROM '{file}' (FORMAT binary)")
    same = "SELECT count(*) FROM (SELECT * FROM every EXCEPT SELECT * FROM every_again) x"
    assert psql(port, "-Atc", same).stdout == "0\n"
    assert psql(port, "-Atc", "SELECT count(*), count(v) FROM every_again").stdout == "4|3\n"
    connection = connect()
    with connection.cursor() as cursor:
        out = io.BytesIO()
        cursor.copy_expert("COPY (SELECT n, v FROM every WHERE n IS NOT NULL) TO STDOUT BINARY",
                           out)
        assert struct.pack(">hii", 2, 4, 70000) in out.getvalue()
        cursor.execute("CREATE TABLE pairs(n INTEGER, v VARCHAR(30))")
        cursor.copy_expert("COPY pairs FROM STDIN WITH (FORMAT binary)", io.BytesIO(out.getvalue()))
        cursor.execute("SELECT n, v FROM pairs")
        assert cursor.fetchall() == [(70000, "tab\tand \\ and ä")]
    connection.commit()
    whole = out.getvalue()
    for wrong in (b"PGDUMP" + whole[6:], whole[:40], whole[:19] + b"\0\3" + whole[21:],
                  whole[:23] + b"\0\0\0\3" + whole[27:], whole + b"more"):
        with pytest.raises(psycopg2.Error) as failure, connection.cursor() as cursor:
            cursor.copy_expert("COPY pairs FROM STDIN BINARY", io.BytesIO(wrong))
        assert failure.value.pgcode == "22P03", wrong
        connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pairs")
        assert cursor.fetchall() == [(1,)]


def test_objects_are_loaded_and_unloaded(port, account, connect):
    key, other = account("lab"), account("other")
    key.s3.create_bucket(Bucket="lab")
    for part, rows in (("a", "1,one\n2,\"two, too\"\n"), ("b", "3,three\n")):
        key.s3.put_object(Bucket="lab", Key=f"in/{part}.csv.gz", Body=gzip.compress(rows.encode()))
    key.s3.put_object(Bucket="lab", Key="manifest", Body=json.dumps({"entries": [
        {"url": f"s3://lab/in/{part}.csv.gz", "mandatory": True} for part in "ab"]}))
    key.s3.put_object(Bucket="lab", Key="bad.csv", Body="4,four\nfive,5\n6,six\n")
    copy = "COPY items FROM 's3://lab/{}' IAM_ROLE DEFAULT CSV "
    psql(port, "-c", "CREATE TABLE items(id INTEGER, name VARCHAR(10))",
         "-c", copy.format("manifest") + "GZIP MANIFEST")
    assert psql(port, "-Atc", "SELECT * FROM items ORDER BY id").stdout == (
        "1|one\n2|two, too\n3|three\n")
    # UNLOAD, and what was written loaded again is the same.
    psql(port, "-c", "UNLOAD ('SELECT * FROM items ORDER BY id') TO 's3://lab/out/' "
                     "IAM_ROLE DEFAULT FORMAT CSV PARALLEL OFF MANIFEST")
    listed = key.s3.list_objects_v2(Bucket="lab", Prefix="out/")["Contents"]
    written = [each["Key"] for each in listed if not each["Key"].endswith("manifest")]
    assert len(written) == 1 and len(listed) == 2
    assert key.s3.get_object(Bucket="lab", Key=written[0])["Body"].read() == (
        b'1,one\n2,"two, too"\n3,three\n')
    psql(port, "-c", "CREATE TABLE again(id INTEGER, name VARCHAR(10))",
         "-c", "COPY again FROM 's3://lab/out/manifest' IAM_ROLE DEFAULT CSV MANIFEST")
    same = "SELECT count(*) FROM again JOIN items USING(id, name)"
    assert psql(port, "-Atc", same).stdout == "3\n"
    # As in Redshift a second COPY adds the rows again; each has its lines in stl_load_commits.
    psql(port, "-c", copy.format("manifest") + "GZIP MANIFEST")
    assert psql(port, "-Atc", "SELECT count(*) FROM items").stdout == "6\n"
    assert psql(port, "-Atc", "SELECT count(*), count(DISTINCT query) FROM stl_load_commits "
                              "WHERE filename LIKE 's3://lab/in/%'").stdout == "4|2\n"
    failed = psql(port, "-c", copy.format("bad.csv"), fails=True)
    assert "Check 'stl_load_errors' system table" in failed.stderr
    assert psql(port, "-Atc", "SELECT count(*) FROM items").stdout == "6\n"
    psql(port, "-c", copy.format("bad.csv") + "MAXERROR 2")
    assert psql(port, "-Atc", "SELECT count(*) FROM items").stdout == "8\n"
    errors = psql(port, "-Atc", "SELECT line_number, trim(colname), err_code FROM stl_load_errors "
                                "WHERE filename LIKE '%bad.csv'").stdout
    assert errors.splitlines() == ["2|id|1207"] * 2
    # Buckets of others stay theirs.
    connection = connect(user="other", password=other.secret)
    connection.autocommit = True
    with connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error, match="Access Denied"):
            cursor.execute("UNLOAD ('SELECT 1') TO 's3://lab/stolen' IAM_ROLE DEFAULT CSV")
        with pytest.raises(psycopg2.Error, match="there is no bucket"):
            cursor.execute("UNLOAD ('SELECT 1') TO 's3://none/x' IAM_ROLE DEFAULT CSV")
        other.s3.create_bucket(Bucket="others")
        cursor.execute("UNLOAD ('SELECT 7') TO 's3://others/x' IAM_ROLE DEFAULT CSV PARALLEL OFF")
    assert other.s3.list_objects_v2(Bucket="others")["KeyCount"] == 1


def test_psql_copies_from_and_to_its_own_files(port):
    psql(port, "-c", "CREATE TABLE copied(id INTEGER, name VARCHAR(20))")
    rows = '1,one\n2,"two, too"\n3,\n'
    loaded = psql(port, "-c", r"\copy copied FROM pstdin CSV", input=rows)
    assert loaded.stdout == "COPY 3\n"
    shown = psql(port, "-c", r"\copy (SELECT * FROM copied ORDER BY id) TO pstdout CSV")
    assert shown.stdout == rows
    failed = psql(port, "-c", r"\copy copied FROM pstdin CSV", input="4,four\nx,y\n", fails=True)
    assert failed.stderr
    assert psql(port, "-Atc", "SELECT count(*) FROM copied").stdout == "3\n"


def test_the_backslash_commands_of_psql_find_what_is_there(port):
    psql(port, "-c", "CREATE TABLE probe(id INTEGER NOT NULL, name VARCHAR(20) DEFAULT 'x', "
                     "amount DECIMAL(12,2), PRIMARY KEY(id))",
         "-c", "CREATE VIEW probe_view AS SELECT id FROM probe")
    psql(port, *(part for command in META_COMMANDS for part in ("-c", command)))
    tables = psql(port, "-Atc", r"\dt").stdout
    assert "public|probe|table|admin" in tables
    assert "probe_view" not in tables
    assert "public|probe_view|view" in psql(port, "-Atc", r"\dv").stdout
    described = psql(port, "-Atc", r"\d probe").stdout
    assert "id|integer||not null|" in described
    assert "name|character varying(20)|||'x'" in described
    assert "amount|numeric(12,2)" in described
    assert '"probe_pkey" PRIMARY KEY' in psql(port, "-c", r"\d probe").stdout


SCRIPT = r"""\set ON_ERROR_STOP off
CREATE TABLE turned(id INTEGER, k VARCHAR(9), v INTEGER);
INSERT INTO turned VALUES (1, 'a', 10), (2, 'b', 20);
CREATE VIEW turned_view AS SELECT k, sum(v) AS s FROM turned GROUP BY k;
\sv turned_view
SELECT 1::int c, 'x'::varchar(5) a, 2::oid b \gdesc
SELECT 'SELECT ' || id || ' + 40' FROM turned ORDER BY id \gexec
SELECT id, k, v FROM turned ORDER BY id \crosstabview
SELECT 5 AS five \gset
\echo :five
SELECT * FROM absent;
\errverbose
\do
\des
\dy
"""


def test_psql_describes_runs_and_turns_what_it_is_given(port, tmp_path):
    (tmp_path / "script.sql").write_text(SCRIPT)
    done = psql(port, "-At", "-f", str(tmp_path / "script.sql"))
    lines = done.stdout.splitlines()
    assert "CREATE OR REPLACE VIEW public.turned_view AS" in lines
    assert "SELECT k, sum(v) AS s FROM turned GROUP BY k" in lines  # as it was written
    at = lines.index("c|integer")
    assert lines[at:] == ["c|integer", "a|character varying(5)", "b|oid", "41", "42", "1|10|",
                          "2||20", "5"]
    assert "42P01: relation \"absent\" does not exist" in done.stderr
    assert "LINE 1: SELECT * FROM absent;\n                      ^" in done.stderr
    assert done.stderr.count("ERROR") == 2, done.stderr


def test_numbers_of_tables_stay_over_sessions(port, connect):
    psql(port, "-c", "CREATE TABLE numbered(a INTEGER)")
    numbers = set()
    for _ in range(2):
        with connect().cursor() as cursor:
            cursor.execute("SELECT oid FROM pg_class WHERE relname = 'numbered'")
            numbers.add(cursor.fetchone()[0])
            cursor.execute("SELECT 'numbered'::regclass::oid")
            numbers.add(int(cursor.fetchone()[0]))
    assert len(numbers) == 1


def test_several_statements_of_one_query_are_there_together_or_not_at_all(port):
    psql(port, "-c", "CREATE TABLE whole(a INTEGER)")
    failed = psql(port, "-c", "INSERT INTO whole VALUES(1); SELECT nothing", fails=True)
    assert "nothing" in failed.stderr
    assert psql(port, "-Atc", "SELECT count(*) FROM whole").stdout == "0\n"
    psql(port, "-c", "INSERT INTO whole VALUES(1); INSERT INTO whole VALUES(2)")
    assert psql(port, "-Atc", "SELECT count(*) FROM whole").stdout == "2\n"


def test_psycopg2_writes_reads_and_is_told_sqlstates(connect):
    connection = connect()
    moment = datetime.datetime(2026, 11, 22, 4, 5, 6, 500000)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE typed(i INTEGER, b BIGINT, d DECIMAL(12,2), t VARCHAR(20), "
                       "m TIMESTAMP, day DATE, yes BOOLEAN, f FLOAT8)")
        cursor.execute("INSERT INTO typed VALUES(%s, %s, %s, %s, %s, %s, %s, %s)",
                       (1, 2 ** 40, decimal.Decimal("12.50"), "it's", moment, moment.date(), True,
                        0.1))
        assert cursor.rowcount == 1
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM typed")
        assert cursor.fetchall() == [(1, 2 ** 40, decimal.Decimal("12.50"), "it's", moment,
                                      moment.date(), True, 0.1)]
    for statement, state in (("SELECT 1 FROM nowhere", "42P01"),
                             ("SELECT nothing FROM typed", "42703"), ("SELEC 1", "42601")):
        with pytest.raises(psycopg2.Error) as failure, connection, connection.cursor() as cursor:
            cursor.execute(statement)
        assert failure.value.pgcode == state


def test_a_failed_transaction_takes_nothing_but_its_end(connect):
    connection = connect()
    with connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error):
            cursor.execute("SELECT nothing")
        with pytest.raises(psycopg2.Error) as failure:
            cursor.execute("SELECT 1")
        assert failure.value.pgcode == "25P02"
        cursor.execute("COMMIT")
        assert cursor.statusmessage == "ROLLBACK"
        cursor.execute("SELECT 1")


def test_a_statement_can_be_cancelled_from_outside(connect):
    connection = connect()
    failures = []

    def run_long():
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM generate_series(1, 100000) a(a), "
                               "generate_series(1, 10000000) b(b) WHERE a.a * b.b % 7 = 8")
        except psycopg2.Error as failure:
            failures.append(failure.pgcode)
    running = threading.Thread(target=run_long)
    running.start()
    # Cancelling what hasn't begun does nothing, so it is asked again until it has.
    while running.is_alive():
        connection.cancel()
        running.join(0.2)
    assert failures == ["57014"]


@pytest.mark.skipif(shutil.which("java") is None or not DRIVER.is_file(),
                    reason="there is no Java, or no driver; tools/setup installs them")
def test_jdbc_reads_values_metadata_and_rows_in_pieces(port):
    psql(port, "-c", "DROP VIEW IF EXISTS probe_view", "-c", "DROP TABLE IF EXISTS probe CASCADE",
         "-c", "DROP TABLE IF EXISTS part_of_probe")
    done = subprocess.run(["java", "-cp", str(DRIVER), PROJECT / "test/clients/JdbcProbe.java",
                           f"jdbc:postgresql://{port.host}:{port.number}/dev", "admin",
                           port.password],
                          capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    expected = {
        "batch": "250", "row1": "1|name 1|1.25|2026-11-22 04:05:06.5",
        "row12": "12|name 12|12.25|2026-11-22 04:05:06.5", "fetched": "31375",
        "catalogs": "dev", "schemas": "public", "tables": "probe|TABLE",
        "columns": "id|4|int4|10|0|1 name|12|varchar|20|1|2 amount|2|numeric|12|1|3 "
                   "seen|93|timestamp|29|1|4",
        "primary": "id|probe_pkey",
        "imported": "probe|id|probe_id|part_of_probe_probe_id_fkey",
        "no_column": "42703", "no_table": "42P01", "done": "true"}
    assert {name: seen.get(name) for name in expected} == expected


class Wire:
    """The protocol by hand, for what drivers don't send. Needs --insecure-any-credentials."""

    def __init__(self, host, number):
        self.socket = socket.create_connection((host, number), 60)
        start = struct.pack(">I", 196608) + b"user\0admin\0database\0dev\0\0"
        self.socket.sendall(struct.pack(">I", len(start) + 4) + start)
        self.until(b"Z")

    def send(self, *messages):
        self.socket.sendall(b"".join(kind + struct.pack(">I", len(body) + 4) + body
                                     for kind, body in messages))

    def read(self, size):
        taken = b""
        while len(taken) < size:
            more = self.socket.recv(size - len(taken))
            assert more, "the server hung up"
            taken += more
        return taken

    def until(self, last):
        """Messages up to the first of that type: (type, body) each."""
        seen = []
        while not seen or seen[-1][0] != last:
            head = self.read(5)
            seen.append((head[:1], self.read(struct.unpack(">I", head[1:])[0] - 4)))
        return seen


@pytest.fixture
def wire(start_server):
    """A connection of the raw protocol."""
    server = start_server(None, "--postgres", "127.0.0.1:0", "--insecure-any-credentials")
    told = json.loads((pathlib.Path(server.data) / "server.json").read_text())
    host, number = told["postgres"].rsplit(":", 1)
    opened = Wire(host, int(number))
    yield opened
    opened.socket.close()


def parse(text, name=b"", types=()):
    return b"P", name + b"\0" + text + b"\0" + struct.pack(f">H{len(types)}I", len(types), *types)


def bind(*values, portal=b"", name=b"", formats=(), results=()):
    body = portal + b"\0" + name + b"\0"
    body += struct.pack(f">H{len(formats)}HH", len(formats), *formats, len(values))
    body += b"".join(struct.pack(">I", len(value)) + value for value in values)
    return b"B", body + struct.pack(f">H{len(results)}H", len(results), *results)


def execute(rows=0, portal=b""):
    return b"E", portal + b"\0" + struct.pack(">I", rows)


SYNC = (b"S", b"")


def test_the_extended_protocol_by_hand(wire):
    # Binary results, and a portal that is read in pieces.
    wire.send(parse(b"SELECT g::integer FROM generate_series(1, 5) g"), bind(results=[1]),
              execute(2), execute(2), execute(2), SYNC)
    seen = wire.until(b"Z")
    assert b"".join(kind for kind, _ in seen) == b"12DDsDDsDCZ"
    rows = [struct.unpack(">HIi", body)[2] for kind, body in seen if kind == b"D"]
    assert rows == [1, 2, 3, 4, 5]
    # What follows an error is passed over up to Sync, and what came before it is taken back.
    wire.send((b"Q", b"CREATE TABLE piped(a INTEGER)\0"))
    wire.until(b"Z")
    wire.send(parse(b"INSERT INTO piped VALUES(1)"), bind(), execute(), parse(b"SELECT nothing"),
              bind(), execute(), parse(b"INSERT INTO piped VALUES(2)"), bind(), execute(), SYNC)
    assert b"".join(kind for kind, _ in wire.until(b"Z")) == b"12CEZ"
    wire.send((b"Q", b"SELECT count(*) FROM piped\0"))
    rows = [body for kind, body in wire.until(b"Z") if kind == b"D"]
    assert rows == [struct.pack(">HI", 1, 1) + b"0"]
    # A named statement is kept, described, run with a parameter, closed.
    wire.send(parse(b"SELECT $1::integer + 1", b"s1"), (b"D", b"Ss1\0"), bind(b"41", name=b"s1"),
              execute(), (b"C", b"Ss1\0"), SYNC)
    seen = wire.until(b"Z")
    assert b"".join(kind for kind, _ in seen) == b"1tT2DC3Z"
    assert dict(seen)[b"D"] == struct.pack(">HI", 1, 2) + b"42"
    wire.send(bind(b"1", name=b"s1"), SYNC)
    assert b"C26000\0" in wire.until(b"Z")[0][1]
    # A message that isn't one ends the connection, told why.
    wire.send((b"!", b""))
    assert b"C08P01\0" in wire.until(b"E")[-1][1]


def test_a_cursor_of_sql_is_a_portal_and_takes_parameters(wire):
    wire.send((b"Q", b"BEGIN\0"))
    wire.until(b"Z")
    wire.send(parse(b"DECLARE c CURSOR FOR SELECT g AS n FROM generate_series(1, $1::integer) g"),
              bind(b"3"), execute(), (b"D", b"Pc\0"), SYNC)
    seen = wire.until(b"Z")
    assert b"".join(kind for kind, _ in seen) == b"12CTZ", seen
    assert dict(seen)[b"T"].startswith(struct.pack(">H", 1) + b"n\0")
    wire.send(parse(b'FETCH FORWARD 2 FROM "c"'), bind(), (b"D", b"P\0"), execute(), SYNC)
    seen = wire.until(b"Z")
    assert b"".join(kind for kind, _ in seen) == b"12TDDCZ", seen
    assert [body[6:] for kind, body in seen if kind == b"D"] == [b"1", b"2"]
    wire.send((b"Q", b"FETCH ALL FROM c\0"))
    assert [body[6:] for kind, body in wire.until(b"Z") if kind == b"D"] == [b"3"]
    # A table function that is asked by a parameter tells its columns before it has one.
    wire.send(parse(b"SELECT g, g::text FROM generate_series(1, $1::integer) g"), (b"D", b"S\0"),
              bind(b"2"), execute(), SYNC)
    seen = wire.until(b"Z")
    assert b"".join(kind for kind, _ in seen) == b"1tT2DDCZ", seen
    assert dict(seen)[b"T"].startswith(struct.pack(">H", 2) + b"g\0")
    wire.send((b"D", b"Pnone\0"), SYNC)
    assert b"C34000\0" in wire.until(b"Z")[0][1]


INET, FLOAT4_ARRAY, TEXT, BINARY = 869, 1021, 25, 1


def test_bytes_that_are_no_value_of_their_type_are_refused_and_the_server_goes_on(wire):
    for declared, value, code in ((TEXT, b"a\xbf\x80", b"22021"), (0, b"a\xbf\x80", b"22021"),
                                  (INET, b"\2\x20\0\4\x7f\0\0\1", b"0A000"),
                                  (FLOAT4_ARRAY, b"\xbf\x80\0\0", b"22P02")):
        wire.send(parse(b"SELECT $1", types=[declared]), bind(value, formats=[BINARY]), execute(),
                  SYNC)
        seen = wire.until(b"Z")
        assert b"".join(kind for kind, _ in seen) == b"1EZ", (declared, seen)
        assert b"C" + code + b"\0" in seen[1][1], (declared, seen[1][1])
    wire.send(parse(b"SELECT $1", types=[TEXT]), bind(b"a\xbf"), execute(), SYNC)  # as a text, too
    assert b"C22021\0" in wire.until(b"Z")[1][1]
    # An array of reals goes in and comes out as it is.
    array = struct.pack(">IIIII", 1, 1, 700, 3, 1) + b"".join(
        struct.pack(">if", 4, number) for number in (1, 0, -1.5))
    wire.send(parse(b"SELECT $1", types=[FLOAT4_ARRAY]), bind(array, formats=[BINARY], results=[1]),
              execute(), SYNC)
    rows = [body for kind, body in wire.until(b"Z") if kind == b"D"]
    assert [row[6:] for row in rows] == [array[:4] + struct.pack(">I", 0) + array[8:]]
