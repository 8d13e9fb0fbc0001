"""The Redshift Data API as its clients use it: boto3, awscli, and the call sequence of the loader
utilities whose handlers are the acceptance of the SQL side."""
import json
import pathlib
import signal
import subprocess
import sys
import threading
import types
import urllib.parse
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "acceptance"))
import aws  # pylint: disable=wrong-import-position

WHERE = {"ClusterIdentifier": "lab", "Database": "dev", "DbUser": "u"}
ROLE = "arn:aws:iam::000000000000:role/copy"
ARGUMENTS = ("--aws", "127.0.0.1:0", "--insecure-any-credentials")
ANY_KEY = types.SimpleNamespace(id="any", secret="any", user="any")


class Api:
    """boto3 at a server, and what newer SDKs send that Debian's doesn't know."""

    def __init__(self, server, key=ANY_KEY):
        self.server, self.key = server, key
        self.client = aws.client(server, key, "redshift-data")

    def newer(self, operation, **members):
        request = botocore.awsrequest.AWSRequest(
            "POST", aws.address_of(self.server) + "/", data=json.dumps(members),
            headers={"Content-Type": "application/x-amz-json-1.1",
                     "X-Amz-Target": "RedshiftData." + operation})
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(self.key.id, self.key.secret),
                                "redshift-data", aws.REGION).add_auth(request)
        ready = request.prepare()
        return requests.post(ready.url, data=ready.body, headers=dict(ready.headers), timeout=120)

    def over(self, statement):
        """Its description, once it is over."""
        while True:
            said = self.newer("DescribeStatement", Id=statement, WaitTimeSeconds=30).json()
            if said["Status"] in ("FINISHED", "FAILED", "ABORTED"):
                return self.client.describe_statement(Id=statement)

    def execute(self, sql, **members):
        return self.over(self.client.execute_statement(Sql=sql, **{**WHERE, **members})["Id"])

    def batch(self, *sqls, **members):
        return self.over(self.client.batch_execute_statement(Sqls=list(sqls),
                                                             **{**WHERE, **members})["Id"])

    def done(self, sql, **members):
        said = self.execute(sql, **members)
        assert said["Status"] == "FINISHED", said
        return said

    def rows(self, sql):
        records = self.client.get_statement_result(Id=self.done(sql)["Id"])["Records"]
        return [[None if "isNull" in field else next(iter(field.values())) for field in row]
                for row in records]


@pytest.fixture(scope="module")
def api(start_module_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("redshift_data")
    return Api(start_module_server(folder / "data", *ARGUMENTS, "--postgres", "127.0.0.1:0"))


@pytest.fixture(scope="module")
def s3(api):
    client = aws.client(api.server, ANY_KEY)
    client.create_bucket(Bucket="lake")
    return client


def test_awscli_runs_a_statement(api):
    made = json.loads(aws.awscli(api.server, ANY_KEY, "redshift-data", "execute-statement",
                                 "--database", "dev", "--cluster-identifier", "x", "--db-user",
                                 "u", "--sql", "select 1"))
    assert (made["ClusterIdentifier"], made["Database"], made["DbUser"]) == ("x", "dev", "u")
    assert api.over(made["Id"])["Status"] == "FINISHED"
    told = json.loads(aws.awscli(api.server, ANY_KEY, "redshift-data", "get-statement-result",
                                 "--id", made["Id"]))
    assert told["Records"] == [[{"longValue": 1}]]


def test_what_is_told_of_a_statement_and_of_its_rows(api):
    said = api.done("SELECT 7::int AS a, 1.25::decimal(10,2) AS b, 'x'::varchar(9) AS c, "
                    "DATE '2026-11-22' AS d, NULL AS e, 0.5::float8 AS f, false AS g",
                    StatementName="dev/shown")
    assert said["HasResultSet"] and said["ResultRows"] == 1 and said["ResultSize"] > 0
    assert said["RedshiftQueryId"] > 0 and said["RedshiftPid"] > 0 and said["Duration"] >= 0
    told = api.client.get_statement_result(Id=said["Id"])
    assert told["TotalNumRows"] == 1
    assert told["Records"] == [[{"longValue": 7}, {"stringValue": "1.25"}, {"stringValue": "x"},
                                {"stringValue": "2026-11-22"}, {"isNull": True},
                                {"doubleValue": 0.5}, {"booleanValue": False}]]
    columns = {one["name"]: one for one in told["ColumnMetadata"]}
    assert [columns[name]["typeName"] for name in "abcdfg"] == [
        "int4", "numeric", "varchar", "date", "float8", "bool"]
    assert (columns["b"]["precision"], columns["b"]["scale"]) == (10, 2)
    listed = api.client.list_statements(StatementName="dev/sh")["Statements"]
    assert [one["Id"] for one in listed] == [said["Id"]]
    failed = api.execute("SELECT * FROM nowhere")
    assert failed["Status"] == "FAILED"
    assert failed["Error"].startswith('ERROR: relation "nowhere" does not exist')
    with pytest.raises(api.client.exceptions.ResourceNotFoundException,
                       match="Query does not have result"):
        api.client.get_statement_result(Id=failed["Id"])
    with pytest.raises(api.client.exceptions.ResourceNotFoundException):
        api.client.describe_statement(Id=str(uuid.uuid4()))
    with pytest.raises(api.client.exceptions.ValidationException):
        api.client.execute_statement(Sql="SELECT 1; SELECT 2", **WHERE)
    with pytest.raises(api.client.exceptions.ValidationException, match="100 KB|102400"):
        api.client.execute_statement(Sql="SELECT '" + "x" * 102400 + "'", **WHERE)
    with pytest.raises(api.client.exceptions.ValidationException, match="FINISHED"):
        api.client.cancel_statement(Id=said["Id"])


def test_large_results_come_in_pages(api):
    said = api.done("SELECT g, repeat('x', 1000) FROM generate_series(1, 3000) AS t(g)")
    seen, pages, token = [], 0, {}
    while pages == 0 or token:
        told = api.client.get_statement_result(Id=said["Id"], **token)
        seen += [row[0]["longValue"] for row in told["Records"]]
        token = {"NextToken": told["NextToken"]} if "NextToken" in told else {}
        pages += 1
    assert seen == list(range(1, 3001)) and pages > 2
    with pytest.raises(api.client.exceptions.ValidationException):
        api.client.get_statement_result(Id=said["Id"], NextToken="YXQ6NQ==")


def test_a_batch_is_one_transaction(api):
    api.done("CREATE TABLE batched(a INTEGER)")
    said = api.batch("INSERT INTO batched VALUES(1)", "INSERT INTO batched VALUES(2)",
                     "INSERT INTO batched VALUES('no number')", "SELECT 1")
    assert said["Status"] == "FAILED"
    assert said["Error"].startswith("Query #3 failed with ERROR: ")
    parts = said["SubStatements"]
    assert [one["Status"] for one in parts] == ["FINISHED", "FINISHED", "FAILED", "ABORTED"]
    assert [one["Id"] for one in parts] == [f"{said['Id']}:{n}" for n in range(1, 5)]
    assert api.rows("SELECT count(*) FROM batched") == [[0]]
    said = api.batch("INSERT INTO batched VALUES(1)", "SELECT a FROM batched")
    told = api.client.get_statement_result(Id=said["Id"] + ":2")
    assert told["Records"] == [[{"longValue": 1}]]
    with pytest.raises(api.client.exceptions.ValidationException, match="one\\s+transaction"):
        api.client.batch_execute_statement(Sqls=["BEGIN", "SELECT 1"], **WHERE)


def test_parameters_are_values(api):
    said = api.execute("SELECT :n::int + 1, :word || '!', ':word'",
                       Parameters=[{"name": "n", "value": "41"},
                                   {"name": "word", "value": "it's; DROP TABLE x"}])
    assert said["Status"] == "FINISHED", said
    told = api.client.get_statement_result(Id=said["Id"])["Records"]
    assert told == [[{"longValue": 42}, {"stringValue": "it's; DROP TABLE x!"},
                     {"stringValue": ":word"}]]
    assert said["QueryParameters"][0] == {"name": "n", "value": "41"}
    with pytest.raises(api.client.exceptions.ValidationException, match="unused parameters"):
        api.client.execute_statement(Sql="SELECT 1", Parameters=[{"name": "n", "value": "1"}],
                                     **WHERE)


def test_a_token_sessions_waiting_and_csv(api):
    token = str(uuid.uuid4())
    made = [api.newer("ExecuteStatement", Sql="SELECT 1", Database="dev", WorkgroupName="lab",
                      ClientToken=token).json() for _ in range(2)]
    assert made[0]["Id"] == made[1]["Id"]
    first = api.newer("ExecuteStatement", Sql="CREATE TEMP TABLE own(a INTEGER, b VARCHAR)",
                      Database="dev", SessionKeepAliveSeconds=600, WaitTimeSeconds=30).json()
    assert first["Status"] == "FINISHED", first
    session = first["SessionId"]
    batch = api.newer("BatchExecuteStatement",
                      Sqls=["INSERT INTO own VALUES(1, 'a,\"b\"')",
                            "INSERT INTO own VALUES('no', '')"],
                      SessionId=session, ExecutionMode="AUTO_COMMIT", WaitTimeSeconds=30).json()
    assert batch["Status"] == "FAILED", batch
    asked = api.newer("ExecuteStatement", Sql="SELECT * FROM own", SessionId=session,
                      ResultFormat="CSV", WaitTimeSeconds=30).json()
    assert asked["HasResultSet"], asked
    told = api.newer("GetStatementResultV2", Id=asked["Id"]).json()
    assert told["Records"] == [{"CSVRecords": 'a,b\n1,"a,""b"""\n'}]
    assert api.newer("GetStatementResult", Id=asked["Id"]).status_code == 400
    other = api.newer("ExecuteStatement", Sql="SELECT 1", SessionId=str(uuid.uuid4())).json()
    assert "is not available" in other["message"]


def test_databases_schemas_tables_and_columns(api):
    api.done("CREATE SCHEMA shelf")
    api.done("CREATE TABLE shelf.books(id INTEGER NOT NULL, title VARCHAR(20))")
    client = api.client
    assert client.list_databases(**WHERE)["Databases"] == ["dev"]
    assert "shelf" in client.list_schemas(**WHERE)["Schemas"]
    assert client.list_tables(SchemaPattern="sh%", **WHERE)["Tables"] == [
        {"name": "books", "schema": "shelf", "type": "TABLE"}]
    columns = client.describe_table(Schema="shelf", Table="books", **WHERE)["ColumnList"]
    assert [(one["name"], one["typeName"], one["nullable"]) for one in columns] == [
        ("id", "int4", 0), ("title", "varchar", 1)]
    page = client.describe_table(Schema="shelf", Table="books", MaxResults=1, **WHERE)
    rest = client.describe_table(Schema="shelf", Table="books", NextToken=page["NextToken"],
                                 **WHERE)
    assert [one["name"] for one in page["ColumnList"] + rest["ColumnList"]] == ["id", "title"]
    # The system's own are among them.
    schemas = client.list_schemas(**WHERE)["Schemas"]
    assert schemas == sorted(schemas) and {"information_schema", "pg_catalog"} <= set(schemas)
    assert client.list_schemas(SchemaPattern="pg%", **WHERE)["Schemas"] == ["pg_catalog"]
    kinds = {one["name"]: one["type"] for one in client.list_tables(
        SchemaPattern="pg_catalog", **WHERE)["Tables"]}
    assert (kinds["pg_class"], kinds["stl_load_errors"], kinds["svv_table_info"]) == (
        "SYSTEM TABLE", "SYSTEM TABLE", "SYSTEM VIEW")
    assert {"name": "columns", "schema": "information_schema", "type": "SYSTEM VIEW"} in (
        client.list_tables(SchemaPattern="information_schema", **WHERE)["Tables"])
    columns = client.describe_table(Schema="pg_catalog", Table="stl_query", **WHERE)["ColumnList"]
    assert {"userid", "query", "querytxt", "starttime"} <= {one["name"] for one in columns}
    assert client.describe_table(Schema="shelf", Table="absent", **WHERE)["ColumnList"] == []


def test_statements_are_listed_by_where_they_ran(api):
    here = api.newer("ExecuteStatement", Sql="SELECT 1", WaitTimeSeconds=30, Database="here",
                     ClusterIdentifier="a-cluster").json()["Id"]
    there = api.newer("ExecuteStatement", Sql="SELECT 1", WaitTimeSeconds=30, Database="there",
                      WorkgroupName="a-group").json()["Id"]

    def listed(**which):
        told = api.newer("ListStatements", Status="ALL", **which).json()
        return [one["Id"] for one in told["Statements"]]
    assert listed(ClusterIdentifier="a-cluster") == listed(Database="here") == [here]
    assert listed(WorkgroupName="a-group", Database="there") == [there]
    assert listed(WorkgroupName="a-group", Database="here") == []


@pytest.fixture
def failures(api):
    """failures(): the next event that the rule for failed statements sent to its queue."""
    sqs, events = (aws.client(api.server, ANY_KEY, name) for name in ("sqs", "events"))
    url = sqs.create_queue(QueueName="failed")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    events.put_rule(Name="failed", EventPattern=json.dumps({
        "source": ["aws.redshift-data"],
        "detail-type": ["Redshift Data Statement Status Change"],
        "detail": {"state": ["FAILED"], "statementName": [{"prefix": "dev/"}]}}))
    events.put_targets(Rule="failed",
                       Targets=[{"Id": "1", "Arn": arn["Attributes"]["QueueArn"]}])

    def following():
        for _ in range(6):
            got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", [])
            for message in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                return json.loads(message["Body"])
        raise AssertionError("no event came")
    yield following
    events.remove_targets(Rule="failed", Ids=["1"])
    events.delete_rule(Name="failed")
    sqs.delete_queue(QueueUrl=url)


class Handlers:
    """What the three handlers of the loader utilities call, in their order."""

    def __init__(self, api, s3):
        self.api, self.s3 = api, s3

    def sqls(self, target, staging, copy, key, timestamp):
        return [f"create temp table {staging} (like {target})", copy,
                f"delete from {target} using {staging} where {target}.{key} = {staging}.{key} "
                f"and {target}.{timestamp} < {staging}.{timestamp}",
                f"delete from {staging} using {target} where {target}.{key} = {staging}.{key} "
                f"and {target}.{timestamp} >= {staging}.{timestamp}",
                f"insert into {target} select distinct {staging}.* from {staging} join (select "
                f"{key}, max({timestamp}) as {timestamp} from {staging} group by {key}) latest on "
                f"{staging}.{key} = latest.{key} and "
                f"{staging}.{timestamp} = latest.{timestamp}",
                f"drop table {staging}"]

    def loader(self, queue, bodies):
        config = json.loads(self.s3.get_object(Bucket="lake", Key=f"configs/{queue}.json")
                            ["Body"].read())
        entries = []
        for body in bodies:
            for record in json.loads(body)["Records"]:
                entries.append({
                    "url": f"s3://{record['s3']['bucket']['name']}/"
                           + urllib.parse.unquote_plus(record["s3"]["object"]["key"]),
                    "mandatory": True,
                    "meta": {"content_length": record["s3"]["object"]["size"]}})
        output = config["output"]
        manifest = f"{output['manifest_prefix']}{uuid.uuid4()}_1"
        self.s3.put_object(Bucket=output["manifest_bucket"], Key=manifest,
                           Body=json.dumps({"entries": entries}))
        target = config["copy"]["table_name"]
        copy = (f"COPY {target}_1 from 's3://{output['manifest_bucket']}/{manifest}' iam_role "
                f"'{config['copy']['role_arn']}' format as parquet manifest "
                f"{config['copy']['options']}")
        options = config["options"]
        made = self.api.client.batch_execute_statement(
            Sqls=self.sqls(target, f"{target}_1", copy, options["merge_pk"],
                           options["merge_timestamp"]),
            ClusterIdentifier=config["cluster"]["identifier"],
            Database=config["cluster"]["db_name"], DbUser="redshift_data_api_user",
            StatementName=f"{config['cluster']['db_name']}/{target}_1", WithEvent=True)
        return made["Id"]

    def retry(self, event):
        failed = self.api.client.describe_statement(Id=event["detail"]["statementId"])
        if "Serializable isolation violation" not in failed["Error"]:
            return None
        sqls = [part["QueryString"].replace("iam_role ''", f"iam_role '{ROLE}'")
                if part["QueryString"].startswith("COPY") else part["QueryString"]
                for part in failed["SubStatements"]]
        return self.api.client.batch_execute_statement(
            Sqls=sqls, ClusterIdentifier=failed["ClusterIdentifier"],
            Database=failed["Database"], DbUser="redshift_data_api_user", WithEvent=True,
            StatementName=f"{failed['Database']}/retry/{failed['Id']}")["Id"]

    def bulk(self, path, target):
        copy = f"copy staged from '{path}' iam_role '{ROLE}' format as parquet"
        made = self.api.client.batch_execute_statement(
            Sqls=[f"lock {target}", *self.sqls(target, "staged", copy, "id", "updated")],
            WithEvent=True, **WHERE)
        return made["Id"]


def parquet(api, s3, key, rows):
    """Rows (id, updated, status) as a Parquet object; gives the notification of it."""
    api.done("DROP TABLE IF EXISTS written")
    values = ", ".join(f"({one}, TIMESTAMP '{updated}', '{status}')"
                       for one, updated, status in rows)
    api.done("CREATE TABLE written(id INTEGER, updated TIMESTAMP, status VARCHAR)")
    api.done(f"INSERT INTO written VALUES {values}")
    api.done(f"UNLOAD ('SELECT * FROM written') TO 's3://lake/{key}' IAM_ROLE '{ROLE}' "
             "FORMAT PARQUET PARALLEL OFF ALLOWOVERWRITE")
    [made] = s3.list_objects_v2(Bucket="lake", Prefix=key)["Contents"]
    return json.dumps({"Records": [{"s3": {
        "bucket": {"name": "lake"},
        "object": {"key": urllib.parse.quote_plus(made["Key"]), "size": made["Size"]}}}]})


def test_the_loader_utilities_sequence_loads_retries_and_reloads(api, s3, failures, connection):
    handlers = Handlers(api, s3)
    s3.put_object(Bucket="lake", Key="configs/orders_queue.json", Body=json.dumps({
        "output": {"manifest_bucket": "lake", "manifest_prefix": "manifests/"},
        "copy": {"options": "statupdate on", "role_arn": ROLE, "table_name": "orders"},
        "cluster": {"identifier": "lab", "db_name": "dev"},
        "options": {"merge_duplicate_pks": True, "merge_pk": "id",
                    "merge_timestamp": "updated"}}))
    api.done("CREATE TABLE orders(id INTEGER, updated TIMESTAMP, status VARCHAR)")
    first = parquet(api, s3, "in/a b+c", [(1, "2026-01-01 00:00:00", "new"),
                                          (2, "2026-01-01 00:00:00", "new")])
    second = parquet(api, s3, "in/second", [(2, "2026-01-02 00:00:00", "paid"),
                                            (1, "2025-01-01 00:00:00", "old")])
    said = api.over(handlers.loader("orders_queue", [first]))
    assert said["Status"] == "FINISHED", said
    copy = said["SubStatements"][1]["QueryString"]
    assert "iam_role ''" in copy and ROLE not in copy
    # A conflict, made to happen: the table changes between the batch's first look at it and its
    # change of it.
    api.done("CREATE TABLE held(a INTEGER)")
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK held")
        batch = api.client.batch_execute_statement(
            Sqls=["SELECT count(*) FROM orders", "LOCK held",
                  "DELETE FROM orders WHERE status = 'old'"],
            StatementName="dev/orders_conflict", WithEvent=True, **WHERE)["Id"]
        while api.client.describe_statement(Id=batch)["SubStatements"][1]["Status"] != "STARTED":
            pass
        cursor.execute("INSERT INTO orders VALUES(3, '2026-01-01', 'old')")
        cursor.execute("COMMIT")
    event = failures()
    assert event["source"] == "aws.redshift-data"
    assert event["resources"] == ["arn:aws:redshift:us-east-1:000000000000:cluster:lab"]
    detail = event["detail"]
    assert set(detail) == {"principal", "statementName", "statementId", "redshiftQueryId", "state",
                           "rows", "expireAt"}
    assert (detail["statementName"], detail["statementId"], detail["state"]) == (
        "dev/orders_conflict", batch, "FAILED")
    again = api.over(handlers.retry(event))
    assert again["Status"] == "FINISHED", again
    assert api.rows("SELECT id FROM orders ORDER BY id") == [[1], [2]]
    # Whatever is repeated or reordered, each key's latest row is there once.
    for bodies in ([second, first], [first], [second]):
        assert api.over(handlers.loader("orders_queue", bodies))["Status"] == "FINISHED"
    assert api.rows("SELECT id, status FROM orders ORDER BY id") == [[1, "new"], [2, "paid"]]
    # A failure that isn't a conflict is told, and not tried again.
    s3.delete_object(Bucket="lake", Key=json.loads(first)["Records"][0]["s3"]["object"]["key"]
                     .replace("+", " ").replace("%2F", "/").replace("%2B", "+"))
    gone = handlers.loader("orders_queue", [first])
    assert api.over(gone)["Status"] == "FAILED"
    event = failures()
    assert event["detail"]["statementId"] == gone and handlers.retry(event) is None
    # The bulk loader's batch, by prefix, twice.
    for _ in range(2):
        said = api.over(handlers.bulk("s3://lake/in/second", "orders"))
        assert said["Status"] == "FINISHED", said
    assert api.rows("SELECT count(*), count(distinct id) FROM orders") == [[2, 2]]


@pytest.fixture
def connection(api):
    psycopg2 = pytest.importorskip("psycopg2")
    told = json.loads((pathlib.Path(api.server.data) / "server.json").read_text())
    host, number = told["postgres"].rsplit(":", 1)
    made = psycopg2.connect(host=host, port=number, user="admin", dbname="dev",
                            password=told["token"], connect_timeout=60)
    made.autocommit = True
    yield made
    made.close()


def loaded_by(api, job):
    return api.rows(f"SELECT file_name, rows_loaded FROM sys_copy_job_detail JOIN sys_copy_job "
                    f"USING (job_id) WHERE job_name = '{job}' AND status = 'loaded'")


def until(holds):
    """Asks until it holds; the test's own limit ends it else."""
    for _ in range(2000):
        if holds():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never held")


def test_a_copy_job_loads_each_object_once_over_a_kill(start_server):
    server = start_server(None, *ARGUMENTS)
    api, s3 = Api(server), aws.client(server, ANY_KEY)
    s3.create_bucket(Bucket="drops")
    s3.put_object(Bucket="drops", Key="in/0", Body=b"0,before\n")
    s3.put_object(Bucket="drops", Key="out/0", Body=b"no,number\n")
    api.done("CREATE TABLE dropped(n INTEGER, word VARCHAR(10))")
    copy = f"COPY dropped FROM 's3://drops/in/' IAM_ROLE '{ROLE}' CSV JOB CREATE"
    assert "already exists" in [api.done(f"{copy} taken"), api.execute(f"{copy} taken")][1]["Error"]
    until(lambda: len(loaded_by(api, "taken")) == 1)
    for _ in range(2):
        for n in range(1, 50):
            s3.put_object(Bucket="drops", Key=f"in/{n}", Body=f"{n},x\n".encode())
    s3.put_object(Bucket="drops", Key="in/bad", Body=b"no number,x\n")
    server.process.kill()
    server.process.wait()
    server = start_server(server.data, *ARGUMENTS)
    api, s3 = Api(server), aws.client(server, ANY_KEY)
    s3.put_object(Bucket="drops", Key="in/last", Body=b"50,last\n")
    until(lambda: len(loaded_by(api, "taken")) == 51)
    assert api.rows("SELECT count(*), count(DISTINCT n), max(n) FROM dropped") == [[51, 51, 50]]
    until(lambda: api.rows("SELECT file_name FROM sys_copy_job_detail WHERE status = 'failed'") ==
          [["s3://drops/in/bad"]])
    # What was put right is taken, once; nothing is after the job went.
    s3.put_object(Bucket="drops", Key="in/bad", Body=b"51,mended\n")
    until(lambda: len(loaded_by(api, "taken")) == 52)
    api.done("COPY JOB ALTER taken AUTO OFF")
    s3.put_object(Bucket="drops", Key="in/off", Body=b"52,by hand\n")
    assert api.done("COPY JOB RUN taken")["ResultRows"] == 1
    assert api.done("COPY JOB RUN taken")["ResultRows"] == 0
    assert api.rows("SELECT count(*), count(DISTINCT n) FROM dropped") == [[53, 53]]
    api.done("COPY JOB DROP taken")
    assert api.rows("SELECT count(*) FROM sys_copy_job") == [[0]]


def test_external_tables_are_read_where_they_lie(api, s3):
    for day, rows in (("01", "1,new\n2,paid\n"), ("02", "3,new\n"), ("03", "x,bad\n,none\n")):
        s3.put_object(Bucket="lake", Key=f"ext/sales/dt=2026-01-{day}/part", Body=rows.encode())
    s3.put_object(Bucket="lake", Key="ext/people/a.json",
                  Body=b'{"id": 1, "name": "Ada", "tags": [1, 2]}\n{"id": 3, "name": null}\n')
    api.done("CREATE TABLE written_out(id INTEGER, born DATE, price DECIMAL(10,2), note VARCHAR)")
    api.done("INSERT INTO written_out VALUES(1, '2001-02-03', 1.50, 'x'), (3, NULL, 2.25, 'y')")
    api.done(f"UNLOAD ('SELECT * FROM written_out') TO 's3://lake/ext/facts/' IAM_ROLE '{ROLE}' "
             "FORMAT PARQUET")
    api.done("CREATE EXTERNAL SCHEMA spectrum FROM DATA CATALOG DATABASE 'lab' "
             f"IAM_ROLE '{ROLE}' CREATE EXTERNAL DATABASE IF NOT EXISTS")
    api.done("CREATE EXTERNAL TABLE spectrum.sales(id INTEGER, state VARCHAR(10)) "
             "PARTITIONED BY (dt DATE) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
             "STORED AS TEXTFILE LOCATION 's3://lake/ext/sales/'")
    assert api.rows("SELECT count(*) FROM spectrum.sales") == [[0]]
    for day in ("01", "02", "03"):
        api.done(f"ALTER TABLE spectrum.sales ADD IF NOT EXISTS PARTITION(dt='2026-01-{day}') "
                 f"LOCATION 's3://lake/ext/sales/dt=2026-01-{day}/'")
    api.done("CREATE EXTERNAL TABLE spectrum.people(id INTEGER, name VARCHAR(20), tags SUPER) "
             "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' STORED AS TEXTFILE "
             "LOCATION 's3://lake/ext/people/'")
    api.done("CREATE EXTERNAL TABLE spectrum.facts(ID INTEGER, born DATE, price DECIMAL(10,2), "
             "missing VARCHAR(5)) STORED AS PARQUET LOCATION 's3://lake/ext/facts/'")
    # Joined with each other and with a table of our own; what a column can't hold is null.
    assert api.rows("SELECT s.id, p.name, f.price, w.note, f.missing, s.dt FROM spectrum.sales s "
                    "JOIN spectrum.people p ON s.id = p.id JOIN spectrum.facts f ON f.id = s.id "
                    "JOIN written_out w ON w.id = s.id ORDER BY 1") == [
        [1, "Ada", "1.50", "x", None, "2026-01-01"], [3, None, "2.25", "y", None, "2026-01-02"]]
    assert api.rows("SELECT count(*), count(id) FROM spectrum.sales") == [[5, 3]]
    assert api.rows("SELECT p.tags[1] FROM spectrum.people p WHERE id = 1") == [["2"]]
    # A condition on the partition leaves the others' objects alone, a column not asked for is not
    # read, and what was put is there at once.
    one = api.done("SELECT id FROM spectrum.sales WHERE dt = '2026-01-02'")
    read = (f"SELECT location, files, columns FROM svl_s3query_summary "
            f"WHERE query = {one['RedshiftQueryId']}")
    assert api.rows(read) == [["s3://lake/ext/sales/dt=2026-01-02/", 1, 1]]
    s3.put_object(Bucket="lake", Key="ext/sales/dt=2026-01-02/more", Body=b"4,late\n")
    assert api.rows("SELECT id FROM spectrum.sales WHERE dt = '2026-01-02' ORDER BY 1") == [
        [3], [4]]
    assert api.rows("SELECT tablename, split_part(input_format, '.', 4) FROM svv_external_tables "
                    "ORDER BY 1") == [["facts", "hive"], ["people", "mapred"], ["sales", "mapred"]]
    assert api.rows("SELECT columnname, external_type, part_key FROM svv_external_columns "
                    "WHERE tablename = 'sales' ORDER BY columnnum") == [
        ["id", "integer", 0], ["state", "character varying(10)", 0], ["dt", "date", 1]]
    assert api.rows("SELECT count(*) FROM svv_external_partitions") == [[3]]
    assert {"name": "sales", "schema": "spectrum", "type": "EXTERNAL TABLE"} in (
        api.client.list_tables(SchemaPattern="spectrum", **WHERE)["Tables"])
    api.done("ALTER TABLE spectrum.sales DROP PARTITION(dt='2026-01-03')")
    assert api.rows("SELECT count(*) FROM spectrum.sales") == [[4]]
    assert api.execute("INSERT INTO spectrum.people VALUES(1, 'x', null)")["Status"] == "FAILED"
    api.done("CREATE EXTERNAL TABLE spectrum.made PARTITIONED BY (dt) STORED AS PARQUET LOCATION "
             "'s3://lake/ext/made/' AS SELECT id, state, dt FROM spectrum.sales WHERE id > 2")
    api.done("INSERT INTO spectrum.made SELECT 9, 'nine', DATE '2026-02-01'")
    made = {"s3://lake/" + one["Key"]: one["Size"] for one in s3.list_objects_v2(
        Bucket="lake", Prefix="ext/made/")["Contents"]}
    told = api.rows('SELECT id, dt::VARCHAR, "$path", "$size" FROM spectrum.made ORDER BY id')
    assert [row[0] for row in told] == [3, 4, 9]
    assert {row[2]: row[3] for row in told} == made
    assert all(f"/dt={row[1]}/" in row[2] for row in told)
    assert "permission" in api.execute("SELECT * FROM stroma_external('{}')")["Error"]
    api.done("DROP TABLE spectrum.sales")
    assert api.execute("SELECT * FROM spectrum.sales")["Status"] == "FAILED"


def test_objects_uploaded_in_parts_of_any_size_are_loaded_and_scanned(api, s3):
    """Blocks that are read lie across the borders of parts, which are kept apart."""
    api.done("CREATE TABLE wide(a INTEGER, r DOUBLE PRECISION, s VARCHAR(40))")
    api.done("INSERT INTO wide SELECT g, sin(g), md5(CAST(g AS VARCHAR)) "
             "FROM generate_series(1, 300000) AS t(g)")
    check = "SELECT count(*), sum(a), round(sum(r), 6), count(DISTINCT s) FROM "
    expected = api.rows(check + "wide")
    for form, options in (("parquet", "FORMAT PARQUET"), ("csv", "FORMAT CSV")):
        api.done(f"UNLOAD ('SELECT * FROM wide') TO 's3://lake/whole/{form}' IAM_ROLE '{ROLE}' "
                 f"{options} PARALLEL OFF")
        listed = s3.list_objects_v2(Bucket="lake", Prefix=f"whole/{form}")["Contents"]
        content = b"".join(s3.get_object(Bucket="lake", Key=each["Key"])["Body"].read()
                           for each in listed)
        assert len(listed) == 1 and len(content) > 11 << 20
        upload = {"Bucket": "lake", "Key": f"parts/{form}/rows"}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        size = (5 << 20) + 12_345
        parts = [{"PartNumber": at // size + 1,
                  "ETag": s3.upload_part(PartNumber=at // size + 1, Body=content[at:at + size],
                                         **upload)["ETag"]}
                 for at in range(0, len(content), size)]
        s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
        api.done("TRUNCATE wide")
        api.done(f"COPY wide FROM 's3://lake/parts/{form}/' IAM_ROLE '{ROLE}' {options}")
        assert api.rows(check + "wide") == expected
    api.done("CREATE EXTERNAL SCHEMA in_parts FROM DATA CATALOG DATABASE 'parts' "
             f"IAM_ROLE '{ROLE}' CREATE EXTERNAL DATABASE IF NOT EXISTS")
    api.done("CREATE EXTERNAL TABLE in_parts.wide(a INTEGER, r DOUBLE PRECISION, s VARCHAR(40)) "
             "STORED AS PARQUET LOCATION 's3://lake/parts/parquet/'")
    assert api.rows(check + "in_parts.wide") == expected


COLUMNS = ["i", "n", "b", "f", "d", "t", "v", "c", "day", "at", "j"]
GOOD = [b"1", b"1", b"1", b"1.5", b"1.50", b"t", b"abc", b"abc", b"2026-01-01",
        b"2026-01-01 00:00:00", b'"{""a"":1}"']
# What is wrong in a row, and the code that Redshift has for it.
BAD = [("i", b"x", 1207), ("i", b"70000", 1204), ("i", b"1.5", 1207), ("n", b"", 1213),
       ("n", b"12a", 1207), ("n", b"99999999999", 1204), ("b", b"--1", 1207),
       ("b", b"99999999999999999999", 1204), ("f", b"x", 1208), ("f", b"1e999", 1208),
       ("f", b"1..2", 1208), ("d", b"x", 1207), ("d", b"12345", 1209), ("d", b"1.5.", 1207),
       ("t", b"maybe", 1210), ("t", b"2", 1210), ("v", b"abcdef", 1204),
       ("v", "äöü".encode(), 1204), ("c", b"abcd", 1204), ("c", "é".encode(), 1220),
       ("v", b"a\xff", 1220), ("v", b"a\xc3", 1220), ("v", b"\xed\xa0\x80", 1220),
       ("v", b"a\0b", 1218), ("day", b"2026-13-01", 1205), ("day", b"tomorrow", 1205),
       ("day", b"2026-02-30", 1205), ("at", b"2026-01-01 25:00:00", 1206),
       ("at", b"yesterday", 1206), ("j", b'"{""a"":"', 1224)]


def test_load_errors_of_thirty_kinds_of_bad_rows(api, s3):
    lines = [b",".join(value if name == column else good
                       for column, good in zip(COLUMNS, GOOD)) for name, value, _ in BAD]
    lines += [b",".join(GOOD), b"1,2", b",".join(GOOD) + b",more", b"", b",".join(GOOD),
              b'1,"open']
    s3.put_object(Bucket="lake", Key="thirty.csv", Body=b"\n".join(lines))
    api.done("CREATE TABLE thirty(i SMALLINT, n INTEGER NOT NULL, b BIGINT, f REAL, "
             "d DECIMAL(5,2), t BOOLEAN, v VARCHAR(5), c CHAR(3), day DATE, at TIMESTAMP, "
             "j SUPER)")
    copied = api.execute(f"COPY thirty FROM 's3://lake/thirty.csv' IAM_ROLE '{ROLE}' CSV")
    assert "Check 'stl_load_errors'" in copied["Error"]
    assert api.rows("SELECT count(*) FROM thirty") == [[0]]
    loaded = api.done(f"COPY thirty FROM 's3://lake/thirty.csv' IAM_ROLE '{ROLE}' CSV MAXERROR 99")
    assert loaded["ResultRows"] == 2
    told = api.rows("SELECT line_number, trim(colname), err_code, raw_line, raw_field_value, "
                    f"err_reason FROM stl_load_errors WHERE query = {loaded['RedshiftQueryId']} "
                    "ORDER BY line_number")
    found = [(line, column, code) for line, column, code, *_ in told]
    wanted = [(line, name, code) for line, (name, _, code) in enumerate(BAD, 1)]
    assert found[:len(BAD)] == wanted
    end = len(BAD)
    assert [(line, code) for line, _, code in found[end:]] == [
        (end + 2, 1214), (end + 3, 1202), (end + 4, 1211), (end + 6, 1216)]
    for line, _, code, raw, _, reason in told:
        assert reason and (raw or line == end + 4), line
    values = {line: value for line, _, _, _, value, _ in told}
    assert (values[1], values[13], values[15]) == ("x", "12345", "maybe")
    # Bytes that are no UTF-8, and a byte 0, are told apart.
    odd = {code: raw for _, _, code, raw, _, _ in told if code in (1218, 1220)}
    assert "\\x" in odd[1218] and "\\x" in odd[1220]


def test_sql_waits_for_its_end(api, run, s3):
    data = api.server.data
    s3.put_object(Bucket="lake", Key="waited/1", Body=b"1,a\n2,b\n")
    run("sql", "--wait", "CREATE TABLE waited(n INTEGER, word VARCHAR)", data=data)
    done = run("sql", "--wait", "COPY waited FROM 's3://lake/waited/' IAM_ROLE default CSV",
               data=data)
    assert done.stdout == "done, 2 rows\n"
    assert json.loads(run("sql", "--wait", "--json", "-p", "n=2",
                          "SELECT word FROM waited WHERE n = :n", data=data).stdout) == [
        {"word": "b"}]
    failed = run("sql", "--wait", "INSERT INTO waited VALUES(3, 'c'); SELECT 1/0 FROM nowhere",
                 data=data, fails=True)
    assert "Query #2 failed with ERROR: " in failed.stderr
    assert run("sql", "--wait", "SELECT 1; SELECT count(*) AS n FROM waited",
               data=data).stdout.split() == ["n", "2"]


def test_sql_that_waits_is_called_off_by_interrupt(api, stroma_binary):
    waiting = subprocess.Popen(
        [stroma_binary, "sql", "--data", api.server.data, "--wait",
         "SELECT count(*) AS called_off FROM generate_series(1, 1000000) a, "
         "generate_series(1, 1000000) b"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    found = []
    until(lambda: found.extend(
        one["Id"] for one in api.client.list_statements(Status="STARTED")["Statements"]
        if "called_off" in one["QueryString"]) or found)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(timeout=60) != 0
    assert api.over(found[0])["Status"] == "ABORTED"


def test_a_running_statement_is_cancelled(api):
    made = api.client.execute_statement(
        Sql="SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
        **WHERE)["Id"]
    assert api.client.cancel_statement(Id=made)["Status"] is True
    for _ in range(1000):
        said = api.newer("DescribeStatement", Id=made, WaitTimeSeconds=1).json()
        if said["Status"] == "ABORTED":
            break
        api.newer("CancelStatement", Id=made)
    assert said["Status"] == "ABORTED"


def test_statements_are_their_senders(start_server, run):
    server = start_server(None, "--aws", "127.0.0.1:0")
    alice, bob = (Api(server, aws.make_key(run, server, name)) for name in ("alice", "bob"))
    said = alice.done("SELECT 'secret'")
    with pytest.raises(bob.client.exceptions.ResourceNotFoundException):
        bob.client.get_statement_result(Id=said["Id"])
    with pytest.raises(bob.client.exceptions.ResourceNotFoundException):
        bob.client.cancel_statement(Id=said["Id"])
    assert bob.client.list_statements(Status="ALL")["Statements"] == []
    assert len(alice.client.list_statements()["Statements"]) == 1
    refused = alice.execute("CREATE TABLE t(a INTEGER)")
    assert refused["Status"] == "FAILED" and "permission denied" in refused["Error"]
    stranger = Api(server, types.SimpleNamespace(id="no", secret="no"))
    with pytest.raises(botocore.exceptions.ClientError, match="security token|UnrecognizedClient"):
        stranger.client.list_statements()


def test_kill_leaves_every_statement_with_a_true_end(start_server, run):
    server = start_server(None, *ARGUMENTS)
    api = Api(server)
    api.done("CREATE TABLE counted(a INTEGER)")
    sent = [api.client.execute_statement(Sql=f"INSERT INTO counted VALUES({n})", **WHERE)["Id"]
            for n in range(40)]
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    api = Api(start_server(server.data, *ARGUMENTS))
    ends = [api.over(one)["Status"] for one in sent]
    assert set(ends) <= {"FINISHED", "FAILED"}
    there = {row[0] for row in api.rows("SELECT a FROM counted")}
    assert there == {n for n, end in enumerate(ends) if end == "FINISHED"}
    assert api.rows("SELECT count(*) FROM counted") == [[len(there)]]


def test_a_backup_holds_users_tables_of_one_moment(start_server, run, tmp_path):
    server = start_server(None, *ARGUMENTS)
    api = Api(server)
    api.done("CREATE TABLE kept(a INTEGER, b VARCHAR(7)) SORTKEY(a)")
    api.done("INSERT INTO kept SELECT g, 'x' FROM generate_series(1, 5000) AS t(g)")
    sent = [api.client.execute_statement(Sql=f"INSERT INTO kept VALUES({n}, 'later')",
                                         **WHERE)["Id"] for n in range(5001, 5021)]
    run("backup", tmp_path / "backup", data=server.data)
    for one in sent:
        assert api.over(one)["Status"] == "FINISHED"
    api.done("DROP TABLE kept")
    run("restore", tmp_path / "backup", data=tmp_path / "again")
    again = Api(start_server(tmp_path / "again", *ARGUMENTS))
    [[rows, low, high]] = again.rows("SELECT count(*), min(a), max(a) FROM kept")
    assert 5000 <= rows <= 5020 and low == 1 and high <= 5020
    # Each insert is whole or not there; what the table is was kept, too.
    assert again.rows("SELECT count(*) FROM (SELECT a FROM kept GROUP BY a HAVING count(*) > 1)"
                      " twice") == [[0]]
    assert again.rows("SELECT sortkey1 FROM svv_table_info WHERE \"table\" = 'kept'") == [["a"]]
    again.done("INSERT INTO kept VALUES(0, 'new')")


def test_a_copy_that_is_killed_leaves_nothing(start_server):
    server = start_server(None, *ARGUMENTS)
    api, s3 = Api(server), aws.client(server, ANY_KEY)
    s3.create_bucket(Bucket="lake")
    block = b"".join(b"%d,some words to read\n" % n for n in range(100_000))
    for part in range(4):
        s3.put_object(Bucket="lake", Key=f"large/{part}", Body=block * 3)
    api.done("CREATE TABLE large(n INTEGER, words VARCHAR(40))")
    copying = api.client.execute_statement(
        Sql=f"COPY large FROM 's3://lake/large/' IAM_ROLE '{ROLE}' CSV", **WHERE)["Id"]
    until(lambda: api.client.describe_statement(Id=copying)["Status"] not in
          ("SUBMITTED", "PICKED"))
    server.process.kill()
    server.process.wait()
    api = Api(start_server(server.data, *ARGUMENTS))
    end = api.over(copying)["Status"]
    [[rows]] = api.rows("SELECT count(*) FROM large")
    [[noted]] = api.rows("SELECT count(*) FROM stl_load_commits")
    # The machine may be so slow to kill that it was done.
    assert (end, rows, noted) in (("FAILED", 0, 0), ("FINISHED", 1_200_000, 4))
