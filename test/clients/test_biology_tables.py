"""The datasets' own tables in the database `dev`: read, joined with users' tables, and each
principal sees the datasets that it may read, by psql and by the Data API."""
import json
import pathlib
import subprocess
import sys
import types

import pytest

psycopg2 = pytest.importorskip("psycopg2")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "acceptance"))
import aws  # noqa: E402 pylint: disable=wrong-import-position

GENES = ("NKG7", "CD79A")
NAMES = [f"{gene}, named" for gene in GENES]
NAMED = "'" + "', '".join(NAMES) + "'"


class Person:
    """A user of the port: .sql(statement, values), and .s3."""

    def __init__(self, lab, name, secret, key=None):
        self.lab, self.name = lab, name
        self.uri = f"host={lab.host} port={lab.port} user={name} dbname=dev"
        self.secret, self.key = secret, key
        self.connection = psycopg2.connect(self.uri, password=secret, connect_timeout=60)
        self.connection.autocommit = True

    def sql(self, statement, values=None):
        cursor = self.connection.cursor()
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else None

    def one(self, statement, values=None):
        [[value]] = self.sql(statement, values)
        return value

    def refused(self, statement, code="42501"):
        with pytest.raises(psycopg2.Error) as told:
            self.sql(statement)
        assert told.value.pgcode == code, told.value


@pytest.fixture(scope="module")
def lab(start_module_server, demo_data, run, run_json, tmp_path_factory):
    """A public dataset `open` and a private one `closed`; .admin and .rosalind, who may read the
    first only; .here(statement): the same asked by `stroma sql`."""
    data = tmp_path_factory.mktemp("biology") / "data"
    run("import", demo_data.file, "--name", "open", "--public", data=data)
    run("import", demo_data.file, "--name", "closed", data=data)
    names = data.parent / "names.gtf"
    names.write_text("".join(
        f'chr1\ttest\tgene\t1\t9\t.\t+\t.\tgene_id "{gene}"; gene_name "{name}"; '
        'gene_type "protein_coding";\n' for gene, name in zip(GENES, NAMES)))
    run("import", names, data=data)
    server = start_module_server(data, "--aws", "127.0.0.1:0", "--postgres", "127.0.0.1:0")
    told = json.loads((data / "server.json").read_text())
    host, port = told["postgres"].rsplit(":", 1)
    made = types.SimpleNamespace(server=server, host=host, port=int(port))
    run("user", "add", "rosalind", data=data)
    key = types.SimpleNamespace(**run_json("key", "create", "rosalind", data=data))
    made.admin = Person(made, "admin", told["token"])
    made.rosalind = Person(made, "rosalind", key.secret, key)
    made.admin.sql("GRANT CREATE ON SCHEMA public TO PUBLIC")

    def here(statement):
        rows = json.loads(run("sql", statement, "--format", "json", data=data).stdout)
        return [tuple(row.values()) for row in rows]
    made.here = here
    yield made
    made.admin.connection.close()
    made.rosalind.connection.close()


def test_each_relation_has_the_rows_that_sql_has(lab):
    relations = [name for [name] in lab.admin.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'biology' "
        "ORDER BY 1")]
    assert {"dataset", "cell", "cells", "obs", "var", "expression", "feature", "donor", "specimen",
            "cell_suspension", "analysis", "library_preparation", "project", "publication",
            "contributor", "provenance"} <= set(relations)
    for name in relations:
        [[count]] = lab.here(f"SELECT count(*) AS n FROM {name}")
        assert lab.admin.one(f"SELECT count(*) FROM biology.{name}") == count, name
    wanted = lab.here("SELECT dataset, cell_id, total_umis, genes_detected, called FROM cell "
                      "ORDER BY ALL")
    assert lab.admin.sql("SELECT dataset, cell_id, total_umis, genes_detected, called FROM "
                         "biology.cell ORDER BY 1, 2") == wanted
    assert len(wanted) > 900


def test_psql_describes_them(lab):
    done = subprocess.run(["psql", "-X", "-At", "-c", r"\d biology.expression", lab.admin.uri],
                          capture_output=True, text=True, timeout=60, check=True,
                          env={"PATH": "/usr/bin:/bin", "PGPASSWORD": lab.admin.secret})
    assert done.stdout.splitlines()[:4] == [
        "cellkey|character varying|||", "featurekey|character varying|||",
        "exprtype|character varying|||", "exrpvalue|double precision|||"]


def test_columns_of_a_dataset_lie_in_fields(lab):
    wanted = lab.here("SELECT cell_type, count(*) AS n FROM obs WHERE dataset = 'open' GROUP BY 1 "
                      "ORDER BY 1")
    given = lab.admin.sql("SELECT json_extract_path_text(o.fields, 'cell_type'), count(*) FROM "
                          "biology.obs o WHERE o.dataset = 'open' GROUP BY 1 ORDER BY 1")
    assert given == wanted and len(wanted) > 3


def test_nobody_sees_a_dataset_that_isnt_theirs(lab):
    one = lab.rosalind
    assert one.sql("SELECT DISTINCT dataset FROM biology.cell") == [("open",)]
    for name in ("dataset", "cell", "cells", "obs", "var", "expression", "expression_all"):
        both, own = (who.one(f"SELECT count(*) FROM biology.{name}") for who in (lab.admin, one))
        assert (both, own) == (2 * own, both // 2) and own > 0, name
    assert one.one("SELECT count(*) FROM biology.cell WHERE dataset = 'closed'") == 0
    assert one.one("SELECT count(*) FROM biology.expression WHERE dataset = 'closed'") == 0
    assert one.one("SELECT count(*) FROM biology.stl_load_commits WHERE dataset = 'closed'") == 0
    # A view of the administrator's shows everybody their own.
    lab.admin.sql("CREATE VIEW public.all_cells AS SELECT dataset, count(*) AS n FROM biology.cell "
                  "GROUP BY 1")
    lab.admin.sql("GRANT SELECT ON public.all_cells TO rosalind")
    assert {row[0] for row in lab.admin.sql("SELECT * FROM all_cells")} == {"open", "closed"}
    assert {row[0] for row in one.sql("SELECT * FROM all_cells")} == {"open"}
    # Nor by the function below the views, nor by changing them.
    one.refused("SELECT * FROM stroma_outside('cell')")
    for who in (lab.admin, one):
        who.refused("DROP VIEW biology.cell")
        who.refused("DROP SCHEMA biology CASCADE")
        with pytest.raises(psycopg2.Error):
            who.sql("DELETE FROM biology.cell")
    one.refused("CREATE VIEW biology.mine AS SELECT 1 AS a")


def test_they_are_joined_with_users_tables(lab):
    who = lab.rosalind
    who.sql("CREATE TABLE public.marked(cellkey VARCHAR(200), label VARCHAR(20)) DISTKEY(cellkey)")
    who.sql("INSERT INTO public.marked SELECT cellkey, CASE WHEN cell_index % 2 = 0 THEN 'even' "
            "ELSE 'odd' END FROM biology.cell")
    given = who.sql("SELECT m.label, f.featurename, count(*), sum(e.exrpvalue) FROM marked m "
                    "JOIN biology.expression e USING (cellkey) JOIN biology.feature f USING "
                    f"(featurekey) WHERE f.featurename IN ({NAMED}) GROUP BY 1, 2 ORDER BY 1, 2")
    wanted = lab.here(
        "SELECT CASE WHEN c.cell_index % 2 = 0 THEN 'even' ELSE 'odd' END AS label, featurename, "
        "count(*) AS n, sum(exrpvalue) AS s FROM cell c JOIN expression e USING (cellkey) JOIN "
        f"feature f USING (featurekey) WHERE f.featurename IN ({NAMED}) AND c.dataset = 'open' AND "
        "e.dataset = 'open' GROUP BY 1, 2 ORDER BY 1, 2")
    assert given == wanted and len(wanted) == 4
    who.sql("CREATE TABLE public.high AS SELECT cellkey, featurekey, exrpvalue FROM "
            "biology.expression WHERE featurekey IN (SELECT featurekey FROM biology.feature WHERE "
            f"featurename = '{NAMES[0]}')")
    assert who.one("SELECT count(*) FROM public.high") == sum(
        count for _, name, count, _ in wanted if name == NAMES[0])


def test_what_is_left_out_is_what_wasnt_asked(lab):
    """Genes that a statement names are read alone; nothing else may be missing for that."""
    who = lab.admin
    keys = [key for [key] in who.sql(
        f"SELECT featurekey FROM biology.feature WHERE featurename IN ({NAMED}) ORDER BY 1 DESC")]
    assert keys == list(GENES)
    counts = dict(who.sql("SELECT featurekey, count(*) FROM biology.expression GROUP BY 1"))
    counted = "SELECT count(*) FROM biology.expression"
    assert who.one(f"{counted} WHERE featurekey = '{keys[0]}'") == counts[keys[0]]
    assert who.one(f"{counted} WHERE featurekey IN (%s, %s)", keys) == counts[keys[0]] + counts[
        keys[1]]
    who.sql(f"PREPARE by_gene(VARCHAR) AS {counted} WHERE featurekey = $1")
    assert [who.one(f"EXECUTE by_gene('{key}')") for key in keys] == [counts[k] for k in keys]
    # Two mentions, of which one wants everything.
    assert who.sql(f"SELECT ({counted} WHERE featurekey = '{keys[0]}'), ({counted})") == [
        (counts[keys[0]], sum(counts.values()))]
    # A view reads what its own statement wants, whatever stands beside it.
    who.sql(f"CREATE VIEW public.other_gene AS SELECT * FROM biology.expression WHERE featurekey = "
            f"'{keys[1]}'")
    assert who.sql(f"SELECT (SELECT count(*) FROM other_gene), ({counted} WHERE featurekey = "
                   f"'{keys[0]}')") == [(counts[keys[1]], counts[keys[0]])]
    # A table that is called feature, with names of its own.
    who.sql("CREATE TABLE public.feature(featurekey VARCHAR(100), featurename VARCHAR(100))")
    who.sql(f"INSERT INTO public.feature VALUES ('{keys[0]}', 'CD79A, named'), ('{keys[1]}', 'x')")
    assert who.one("SELECT count(*) FROM biology.expression e JOIN public.feature f USING "
                   "(featurekey) WHERE f.featurename = 'CD79A, named'") == counts[keys[0]]
    assert who.one("SELECT count(*) FROM biology.expression e JOIN biology.feature f USING "
                   "(featurekey) WHERE f.featurename = 'CD79A, named'") == counts["CD79A"]
    who.sql("SET search_path TO biology, public")
    assert who.one("SELECT count(*) FROM expression JOIN feature USING (featurekey) WHERE "
                   "featurename = 'NKG7, named'") == counts["NKG7"]
    who.sql("SET search_path TO public")
    who.sql("DROP TABLE public.feature")


def test_the_data_api_reads_and_unloads_them(lab):
    client = aws.client(lab.server, lab.rosalind.key, "redshift-data")
    store = aws.client(lab.server, lab.rosalind.key)
    store.create_bucket(Bucket="rosalinds")
    where = {"ClusterIdentifier": "lab", "Database": "dev", "DbUser": "rosalind"}
    tables = client.list_tables(Database="dev", ClusterIdentifier="lab", SchemaPattern="biology")
    assert {"cell", "expression"} <= {one["name"] for one in tables["Tables"]}
    told = client.describe_table(Database="dev", ClusterIdentifier="lab", Schema="biology",
                                 Table="feature")
    assert "featurename" in [one["name"] for one in told["ColumnList"]]

    def over(statement):
        identity = client.execute_statement(Sql=statement, **where)["Id"]
        while True:
            said = client.describe_statement(Id=identity)
            if said["Status"] in ("FINISHED", "FAILED", "ABORTED"):
                assert said["Status"] == "FINISHED", said
                return identity
    rows = client.get_statement_result(Id=over("SELECT count(*) FROM biology.cell"))["Records"]
    assert rows == [[{"longValue": lab.rosalind.one("SELECT count(*) FROM biology.cell")}]]
    named = f"featurename = ''{NAMES[0]}''"
    over("UNLOAD ('SELECT cellkey, exrpvalue FROM biology.expression JOIN biology.feature USING "
         f"(featurekey) WHERE {named}') TO 's3://rosalinds/a/' IAM_ROLE DEFAULT FORMAT CSV")
    lines = b"".join(
        store.get_object(Bucket="rosalinds", Key=one["Key"])["Body"].read()
        for one in store.list_objects_v2(Bucket="rosalinds", Prefix="a/")["Contents"]).splitlines()
    [[wanted]] = lab.here("SELECT count(*) AS n FROM expression JOIN feature USING (featurekey) "
                          f"WHERE featurename = '{NAMES[0]}' AND dataset = 'open'")
    assert len(lines) == wanted > 0


def test_a_dataset_that_comes_and_goes_is_there_and_gone(lab, run, demo_data):
    def seen():
        return {name for [name] in lab.admin.sql("SELECT dataset FROM biology.dataset")}
    assert seen() == {"open", "closed"}
    run("import", demo_data.file, "--name", "third", data=lab.server.data)
    assert seen() == {"open", "closed", "third"}
    run("dataset", "remove", "third", data=lab.server.data)
    assert seen() == {"open", "closed"}
    lab.server.request("PATCH", "/v1/datasets/closed", json={"visibility": "public"})
    assert lab.rosalind.one("SELECT count(DISTINCT dataset) FROM biology.cell") == 2
    lab.server.request("PATCH", "/v1/datasets/closed", json={"visibility": "private"})
    assert lab.rosalind.one("SELECT count(DISTINCT dataset) FROM biology.cell") == 1
