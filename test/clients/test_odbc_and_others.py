"""Clients of the PostgreSQL port that bring ways of their own: ODBC (psqlODBC), asyncpg, R's
RPostgreSQL, Perl's DBD::Pg."""
import asyncio
import datetime
import decimal
import json
import pathlib
import subprocess

import pytest

asyncpg = pytest.importorskip("asyncpg")
pyodbc = pytest.importorskip("pyodbc")
DRIVER = pathlib.Path("/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so")
TIME = datetime.datetime(2024, 1, 2, 3, 4, 5, 678000)
ROW = (1, "x", TIME, datetime.date(2020, 2, 3), decimal.Decimal("3.25"), 2.5, True, 1.5, 3, 2**40)
COLUMNS = ("id INT, name VARCHAR(20), at TIMESTAMP, d DATE, n NUMERIC(10,2), f FLOAT8, b BOOL, "
           "r REAL, s SMALLINT, l BIGINT")


def address(server):
    """host, number, password of a server that was started with the port."""
    told = json.loads((pathlib.Path(server.data) / "server.json").read_text())
    return (*told["postgres"].rsplit(":", 1), told["token"])


@pytest.fixture(scope="module")
def port(start_module_server, tmp_path_factory):
    return address(start_module_server(tmp_path_factory.mktemp("others") / "data", "--postgres",
                                       "127.0.0.1:0"))


@pytest.mark.parametrize("options", ["", "UseDeclareFetch=1;Fetch=7", "UseServerSidePrepare=0",
                                     "Protocol=7.4-0"])
def test_odbc_prepares_reads_and_rolls_back(port, options):
    host, number, password = port
    connection = pyodbc.connect(f"Driver={DRIVER};Server={host};Port={number};Database=dev;"
                                f"Uid=admin;Pwd={password};BoolsAsChar=0;{options}",
                                autocommit=False)
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS probe")
    cursor.execute(f"CREATE TABLE probe ({COLUMNS})")
    connection.commit()
    marks = ",".join("?" * len(ROW))
    assert cursor.execute(f"INSERT INTO probe VALUES ({marks})", *ROW).rowcount == 1
    cursor.executemany("INSERT INTO probe (id, name) VALUES (?, ?)",
                       [(i, f"é{i}") for i in range(2, 32)])
    assert tuple(cursor.execute("SELECT * FROM probe WHERE id = ?", 1).fetchone()) == ROW
    rows = cursor.execute("SELECT id, name FROM probe WHERE id > ? ORDER BY id", 1).fetchall()
    assert [tuple(row) for row in rows] == [(i, f"é{i}") for i in range(2, 32)]
    connection.commit()
    cursor.execute("DELETE FROM probe")
    connection.rollback()
    # A failed statement fails its transaction, and nothing of it stays.
    cursor.execute("DELETE FROM probe WHERE id = 1")
    with pytest.raises(pyodbc.Error, match="42P01"):
        cursor.execute("SELECT * FROM absent")
    connection.rollback()
    assert cursor.execute("SELECT count(*) FROM probe").fetchone()[0] == 31
    assert [row.table_name for row in cursor.tables(schema="public")] == ["probe"]
    columns = [(row.column_name, row.type_name) for row in cursor.columns(table="probe")]
    assert columns[:5] == [("id", "int4"), ("name", "varchar"), ("at", "timestamp"),
                           ("d", "date"), ("n", "numeric")]
    assert cursor.primaryKeys(table="probe").fetchall() == []
    assert cursor.foreignKeys(table="probe").fetchall() == []
    connection.close()


def test_asyncpg_binds_copies_and_pools(port):
    host, number, password = port
    options = {"host": host, "port": int(number), "user": "admin", "password": password,
               "database": "dev"}

    async def probe():
        connection = await asyncpg.connect(**options)
        await connection.execute("DROP TABLE IF EXISTS awaited")
        await connection.execute(f"CREATE TABLE awaited ({COLUMNS})")
        marks = ",".join(f"${i + 1}" for i in range(len(ROW)))
        await connection.execute(f"INSERT INTO awaited VALUES ({marks})", *ROW)
        await connection.executemany("INSERT INTO awaited (id, name) VALUES ($1, $2)",
                                     [(i, str(i)) for i in range(2, 52)])
        assert tuple(await connection.fetchrow("SELECT * FROM awaited WHERE id = $1", 1)) == ROW
        assert await connection.fetchval("SELECT at - TIMESTAMP '2024-01-01' FROM awaited WHERE "
                                         "id = 1") == TIME - datetime.datetime(2024, 1, 1)
        copied = await connection.copy_records_to_table(
            "awaited", records=[(i, f"c{i}") for i in range(52, 102)], columns=["id", "name"])
        assert copied == "COPY 50"
        async with connection.transaction():
            async with connection.transaction():  # a savepoint
                await connection.execute("INSERT INTO awaited (id) VALUES (102)")
            ids = [row[0] async for row in
                   connection.cursor("SELECT id FROM awaited ORDER BY id", prefetch=7)]
        assert ids == list(range(1, 103))

        class Dropped(Exception):
            pass
        with pytest.raises(asyncpg.FeatureNotSupportedError, match="savepoint"):
            async with connection.transaction():
                await connection.execute("DELETE FROM awaited WHERE id = 1")
                try:
                    async with connection.transaction():
                        await connection.execute("DELETE FROM awaited")
                        raise Dropped
                except Dropped:
                    pytest.fail("it can't go back to a savepoint")
        assert await connection.fetchval("SELECT count(*) FROM awaited") == 102
        lines = []

        async def keep(piece):
            lines.append(piece)
        await connection.copy_from_query("SELECT id, name FROM awaited WHERE id < 4 ORDER BY id",
                                         output=keep, format="csv", header=True)
        assert b"".join(lines) == b"id,name\n1,x\n2,2\n3,3\n"
        await connection.close()
        async with asyncpg.create_pool(min_size=2, max_size=4, **options) as pool:
            async def double(number):
                async with pool.acquire() as one:
                    return await one.fetchval("SELECT $1::int * 2", number)
            assert await asyncio.gather(*map(double, range(20))) == list(range(0, 40, 2))
    asyncio.run(probe())


NPGSQL_TYPES = """
SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid
FROM (
    SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull,
        typ.relkind, elemtyp.oid AS elemtypoid, elemtyp.typname AS elemtypname,
        elemcls.relkind AS elemrelkind,
        CASE WHEN elemproc.proname='array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype
    FROM (
        SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid,
            CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype,
            CASE WHEN proc.proname='array_recv' THEN typ.typelem
                WHEN typ.typtype='r' THEN rngsubtype
                WHEN typ.typtype='d' THEN typ.typbasetype END AS elemtypoid
        FROM pg_type AS typ
        LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid)
        LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
        LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)
    ) AS typ
    LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemtypoid
    LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid)
    LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive
) AS t JOIN pg_namespace AS ns ON (ns.oid = typnamespace)
WHERE typtype IN ('b', 'r', 'm', 'e', 'd') OR (typtype = 'c' AND relkind='c') OR
    (typtype = 'p' AND typname IN ('record', 'void')) OR
    (typtype = 'a' AND elemtyptype IN ('b', 'r', 'm', 'e', 'd'))
ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'a' THEN 5 END, oid"""


def test_asyncpg_reads_the_types_of_the_catalog(port):
    host, number, password = port

    async def probe():
        one = await asyncpg.connect(host=host, port=int(number), user="admin", password=password,
                                    database="dev")
        for kind, values in {"int": [1, 2], "text": ["a", "b c", None, 'q"'], "bigint": [2**40],
                             "float8": [1.5], "oid": [23, 4294967295], "bool": [True, False],
                             "date": [datetime.date(2020, 2, 3)], "timestamp": [TIME],
                             "varchar": ["x"], "smallint": []}.items():
            assert await one.fetchval(f"SELECT $1::{kind}[]", values) == values, kind
        await one.execute("CREATE TABLE typed (id INT, name VARCHAR(20), PRIMARY KEY (id))")
        # Named columns of pg_catalog have PostgreSQL's types; numbers stay comparable.
        statement = await one.prepare(
            "SELECT c.oid, relname, relkind AS k, relfrozenxid, count(*) OVER (), "
            "i.indkey, i.indclass FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid "
            "WHERE c.oid = 'typed'::regclass AND c.oid = any($1) AND relnamespace <> 0")
        types = [each.type.oid for each in statement.get_attributes()]
        assert types == [26, 19, 18, 28, 20, 22, 30]
        relation = await one.fetchval("SELECT 'typed'::regclass::oid")
        row = await statement.fetchrow([relation, 1])
        assert tuple(row)[:4] == (relation, "typed", b"r", 0)
        assert await one.fetch("SELECT a.atttypid, a.atttypid::regtype, attname FROM pg_attribute "
                               "a WHERE attrelid = $1 ORDER BY attnum", relation) == [
            (23, "integer", "id"), (1043, "character varying", "name")]
        assert await one.fetchrow("SELECT oid, typname FROM pg_type WHERE oid = '26'") == (
            26, "oid")
        # Every array has its element, and the element its array.
        assert await one.fetch(
            "SELECT a.typname FROM pg_type a LEFT JOIN pg_type e ON e.oid = a.typelem AND "
            "e.typarray = a.oid WHERE a.typname LIKE '\\_%' AND e.oid IS NULL") == []
        types = {row["oid"]: tuple(row)[2:] for row in await one.fetch(NPGSQL_TYPES)}
        assert types[23] == ("int4", b"b", False, None)
        assert types[1007] == ("_int4", b"a", False, 23)
        assert types[1009] == ("_text", b"a", False, 25)
        assert all(each[3] in types for each in types.values() if each[1] == b"a")
        # A parameter is of the type that it is cast to first; SHOW gives rows as a SELECT does.
        assert await one.fetchval("SELECT quote_literal($1::\"pg_catalog\".\"int4\"::text)",
                                  3) == "'3'"
        assert await one.fetchval("SHOW transaction_isolation") == "serializable"
        assert [dict(row)["schema_name"] for row in
                await one.fetch("SHOW SCHEMAS FROM DATABASE dev LIKE 'public'")] == ["public"]
        assert await one.fetchval("SELECT $1::_int4", [1, 2]) == [1, 2]
        await one.execute("ALTER TABLE typed ALTER COLUMN name SET DATA TYPE varchar(40)")
        with pytest.raises(asyncpg.UndefinedTableError, match='"nothing" does not') as failure:
            await one.execute("SELECT * FROM public.nothing")
        assert failure.value.position == "15"
        await one.close()
    asyncio.run(probe())


R_PROBE = """
suppressMessages(library(RPostgreSQL))
at <- commandArgs(TRUE)
one <- dbConnect(PostgreSQL(), host = at[1], port = as.integer(at[2]), user = 'admin',
                 password = at[3], dbname = 'dev')
stopifnot(dbWriteTable(one, 'flowers', iris, row.names = FALSE), dbExistsTable(one, 'flowers'))
back <- dbReadTable(one, 'flowers')
stopifnot(all.equal(back[, 1:4], iris[, 1:4], check.attributes = FALSE),
          identical(as.character(back[, 5]), as.character(iris[, 5])),
          identical(dbListFields(one, 'flowers')[1], 'Sepal.Length'))
means <- dbGetQuery(one, 'SELECT "Species", avg("Sepal.Length") m FROM flowers
                          GROUP BY 1 ORDER BY 1')
stopifnot(all.equal(means$m, as.numeric(tapply(iris$Sepal.Length, iris$Species, mean))))
rows <- dbSendQuery(one, 'SELECT * FROM flowers')
stopifnot(nrow(fetch(rows, 3)) == 3, nrow(fetch(rows, -1)) == 147)
invisible(dbClearResult(rows))
invisible(dbBegin(one)); invisible(dbGetQuery(one, 'DELETE FROM flowers'))
invisible(dbRollback(one))
stopifnot(dbGetQuery(one, 'SELECT count(*) n FROM flowers')$n == 150,
          dbRemoveTable(one, 'flowers'))
cat('all is well')
"""


def test_r_writes_a_data_frame_and_reads_it_back(port, tmp_path):
    (tmp_path / "probe.R").write_text(R_PROBE)
    done = subprocess.run(["Rscript", tmp_path / "probe.R", *port], capture_output=True,
                          text=True, timeout=120, check=False)
    if "there is no package" in done.stderr:
        pytest.skip("r-cran-rpostgresql is not installed")
    assert done.stdout.endswith("all is well"), done.stdout + done.stderr


PERL_PROBE = """
use strict; use warnings; use DBI;
my ($host, $port, $password) = @ARGV;
my $one = DBI->connect("dbi:Pg:dbname=dev;host=$host;port=$port", 'admin', $password,
                       {RaiseError => 1, PrintError => 0});
sub count { ($one->selectrow_array('SELECT count(*) FROM pearls'))[0] }
$one->do('CREATE TABLE pearls (id int, name varchar(20), n numeric(8,2))');
my $insert = $one->prepare('INSERT INTO pearls VALUES (?, ?, ?)');
$insert->execute($_, "n$_", $_ / 4) for 1 .. 20;
my $rows = $one->selectall_arrayref('SELECT * FROM pearls WHERE id < ? ORDER BY id', undef, 3);
print join('|', map { @$_ } @$rows), "\\n";
$one->begin_work; $one->do('DELETE FROM pearls'); $one->rollback; print count(), "\\n";
$one->do('COPY pearls FROM STDIN'); $one->pg_putcopydata("21\\tx\\t1.5\\n"); $one->pg_putcopyend;
$one->do('COPY (SELECT id FROM pearls WHERE id > 18 ORDER BY id) TO STDOUT');
my $line = ''; while ($one->pg_getcopydata($line) >= 0) { chomp $line; print "$line," }
print "\\n", join(',', map { $_->[3] } @{$one->column_info(undef, 'public', 'pearls', '%')
                                           ->fetchall_arrayref}), "\\n";
$one->begin_work; $one->do('DELETE FROM pearls'); $one->pg_savepoint('a');
eval { $one->pg_rollback_to('a') }; print $one->state, "\\n"; $one->rollback; print count(), "\\n";
"""


def test_perl_binds_copies_and_is_told_that_nothing_goes_back_to_a_savepoint(port, tmp_path):
    (tmp_path / "probe.pl").write_text(PERL_PROBE)
    done = subprocess.run(["perl", tmp_path / "probe.pl", *port], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.stdout.splitlines() == ["1|n1|0.25|2|n2|0.50", "20", "19,20,21,", "id,name,n",
                                        "0A000", "21"], done.stderr


def test_tls_by_a_certificate_from_files_is_verified_by_its_issuer(start_server, tmp_path):
    key, certificate = tmp_path / "server.key", tmp_path / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = start_server(None, "--postgres", "127.0.0.1:0",
                          environment={"STROMA_POSTGRES_TLS": "files",
                                       "STROMA_POSTGRES_TLS_CERTIFICATE": str(certificate),
                                       "STROMA_POSTGRES_TLS_KEY": str(key)})
    host, number, password = address(server)
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=other", "-keyout", tmp_path / "other.key", "-out", other],
                   check=True, capture_output=True)

    def asked(issuer):
        return subprocess.run(
            ["psql", "-XAtc", "SELECT 7", f"host={host} port={number} user=admin dbname=dev "
             f"sslmode=verify-full sslrootcert={issuer}"], capture_output=True, text=True,
            timeout=60, check=False, env={"PATH": "/usr/bin:/bin", "PGPASSWORD": password})
    assert asked(certificate).stdout == "7\n"
    refused = asked(other)
    assert refused.returncode == 2 and "certificate verify failed" in refused.stderr
