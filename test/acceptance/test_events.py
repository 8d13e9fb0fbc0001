"""EventBridge as boto3 1.26 and awscli 2.9 speak it. Rows of the feature list by number."""
import datetime
import hashlib
import hmac
import http.server
import json
import re
import threading
import time

import botocore.exceptions
import pytest

import aws

ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("events"), "--aws", "127.0.0.1:0",
                               "--set", "fetch.private_addresses=true")


@pytest.fixture(scope="module")
def key(run, served):
    return aws.make_key(run, served, "rosa")


@pytest.fixture(scope="module")
def events(served, key):
    return aws.client(served, key, "events")


@pytest.fixture(scope="module")
def sqs(served, key):
    return aws.client(served, key, "sqs")


class Inbox:
    """A queue to which rules lead."""

    def __init__(self, sqs, name):
        self.sqs, self.arn = sqs, f"arn:aws:sqs:{aws.REGION}:{ACCOUNT}:{name}"
        self.url = sqs.create_queue(QueueName=name)["QueueUrl"]

    def take(self, wait=20):
        """The next body as JSON; None when none comes in that time."""
        got = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=wait).get("Messages")
        if not got:
            return None
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=got[0]["ReceiptHandle"])
        return json.loads(got[0]["Body"])


@pytest.fixture
def name(request):
    return re.sub(r"\W", "-", request.node.name)[-40:].strip("-")


@pytest.fixture
def inbox(sqs, name):
    return Inbox(sqs, name)


def refused(code, words=""):
    return pytest.raises(botocore.exceptions.ClientError, match=rf"\({code}\).*{re.escape(words)}")


def tell(events, source, detail, **more):
    answer = events.put_events(Entries=[{"Source": source, "DetailType": "Told",
                                         "Detail": json.dumps(detail), **more}])
    assert answer["FailedEntryCount"] == 0
    return answer["Entries"][0]["EventId"]


def test_row_49_an_event_comes_to_the_queue_that_a_rule_names(events, inbox, name):
    made = events.put_rule(Name=name, EventPattern=json.dumps(
        {"source": [name], "detail": {"n": [{"numeric": [">", 1]}]}}))
    assert made["RuleArn"] == f"arn:aws:events:{aws.REGION}:{ACCOUNT}:rule/{name}"
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": inbox.arn}])
    tell(events, name, {"n": 1})
    told = tell(events, name, {"n": 2}, Resources=["arn:aws:s3:::b"])
    got = inbox.take()
    assert got["id"] == told and got["detail"] == {"n": 2} and got["detail-type"] == "Told"
    assert got["account"] == ACCOUNT and got["resources"] == ["arn:aws:s3:::b"]
    assert inbox.take(wait=0) is None
    events.disable_rule(Name=name)
    assert events.describe_rule(Name=name)["State"] == "DISABLED"
    tell(events, name, {"n": 3})
    assert inbox.take(wait=0) is None
    with refused("ValidationException", "Rule can't be deleted since it has targets."):
        events.delete_rule(Name=name)
    events.remove_targets(Rule=name, Ids=["q"])
    events.delete_rule(Name=name)
    with refused("ResourceNotFoundException", f"Rule {name} does not exist on EventBus default."):
        events.describe_rule(Name=name)


def test_what_is_no_event_is_refused_entry_by_entry(events):
    answer = events.put_events(Entries=[
        {"Source": "s", "DetailType": "t", "Detail": "{}"},
        {"Source": "s", "DetailType": "t"},
        {"Source": "s", "DetailType": "t", "Detail": "not json"},
        {"Source": "s", "DetailType": "t", "Detail": "{}", "EventBusName": "nowhere"}])
    assert answer["FailedEntryCount"] == 2
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [
        None, "InvalidArgument", "MalformedDetail", None]
    with refused("ValidationException"):
        events.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}] * 11)


def test_row_50_patterns_can_be_tried(served, key, events):
    event = {"id": "1", "source": "s", "detail-type": "t", "account": ACCOUNT, "region": "r",
             "time": "2022-07-13T13:48:01Z", "detail": {"a": ["x", "y"], "n": 300.0}}

    def fits(pattern):
        return events.test_event_pattern(Event=json.dumps(event),
                                         EventPattern=json.dumps(pattern))["Result"]

    assert fits({"detail": {"a": [{"prefix": "y"}], "n": [300]}})
    assert not fits({"detail": {"a": [{"anything-but": ["x", "y"]}]}})
    assert fits({"$or": [{"source": ["no"]}, {"detail": {"b": [{"exists": False}]}}]})
    with refused("InvalidEventPatternException",
                 'Event pattern is not valid. Reason: "source" must be an object or an array'):
        fits({"source": "s"})
    told = aws.awscli(served, key, "events", "test-event-pattern", "--event", json.dumps(event),
                      "--event-pattern", '{"source":["s"]}')
    assert json.loads(told) == {"Result": True}


def test_buses_pass_on_and_a_loop_is_suspended(events, inbox, name):
    side = events.create_event_bus(Name=f"{name}-side")["EventBusArn"]
    default = events.describe_event_bus()["Arn"]
    pattern = json.dumps({"source": [name]})
    events.put_rule(Name=name, EventPattern=pattern)
    events.put_targets(Rule=name, Targets=[{"Id": "b", "Arn": side}])
    events.put_rule(Name="in", EventBusName=f"{name}-side", EventPattern=pattern)
    events.put_targets(Rule="in", EventBusName=f"{name}-side",
                       Targets=[{"Id": "q", "Arn": inbox.arn, "InputPath": "$.detail"}])
    tell(events, name, {"n": 1})
    assert inbox.take() == {"n": 1}
    events.put_targets(Rule="in", EventBusName=f"{name}-side",
                       Targets=[{"Id": "loop", "Arn": default}])
    tell(events, name, {"n": 2})
    assert inbox.take() == {"n": 2}
    assert events.describe_rule(Name=name)["State"] == "DISABLED"
    events.delete_event_bus(Name=f"{name}-side")
    with refused("ResourceNotFoundException", f"Event bus {name}-side does not exist."):
        events.describe_event_bus(Name=f"{name}-side")


def test_a_webhook_is_signed(events, name):
    got, came = [], threading.Event()

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, dict(self.headers), body))
            self.send_response(500 if len(got) == 1 else 202)  # it is tried again
            self.end_headers()
            if len(got) == 2:
                came.set()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"}})
    destination = events.create_api_destination(
        Name=name, ConnectionArn=connection["ConnectionArn"], HttpMethod="POST",
        InvocationEndpoint=f"http://127.0.0.1:{server.server_port}/hook")
    assert "secret" not in json.dumps(events.describe_connection(Name=name), default=str)
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{
        "Id": "w", "Arn": destination["ApiDestinationArn"], "InputPath": "$.detail"}])
    tell(events, name, {"n": 1})
    assert came.wait(60)
    server.shutdown()
    path, headers, body = got[1]
    assert (path, body, headers["X-Key"]) == ("/hook", b'{"n":1}', "secret")
    signed = hmac.new(b"secret", f"{headers['X-Stroma-Timestamp']}.".encode() + body,
                      hashlib.sha256).hexdigest()
    assert headers["X-Stroma-Signature"] == f"sha256={signed}"


def test_row_51_what_was_archived_is_replayed(events, inbox, name):
    bus = events.describe_event_bus()["Arn"]
    events.create_archive(ArchiveName=name, EventSourceArn=bus,
                          EventPattern=json.dumps({"source": [name]}))
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=60)
    for n in range(5):
        tell(events, name, {"n": n})
    archive = events.describe_archive(ArchiveName=name)
    assert archive["EventCount"] == 5
    assert 5 * 200 < archive["SizeBytes"] < 5 * 1000
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": inbox.arn}])
    events.start_replay(ReplayName=name, EventSourceArn=archive["ArchiveArn"],
                        EventStartTime=start, EventEndTime=start + datetime.timedelta(hours=1),
                        Destination={"Arn": bus})
    replayed = [inbox.take() for _ in range(5)]
    assert sorted(event["detail"]["n"] for event in replayed) == [0, 1, 2, 3, 4]
    assert {event["replay-name"] for event in replayed} == {name}
    assert events.describe_archive(ArchiveName=name)["EventCount"] == 5
    with refused("ResourceAlreadyExistsException", f"Archive {name} already exists."):
        events.create_archive(ArchiveName=name, EventSourceArn=bus)


def test_tags_of_a_bus_that_isnt_there_are_refused_by_its_name(events):
    nowhere = events.describe_event_bus()["Arn"].replace("/default", "/nowhere")
    with refused("ResourceNotFoundException", "Event bus nowhere does not exist."):
        events.list_tags_for_resource(ResourceARN=nowhere)
    with refused("ResourceNotFoundException", "Event bus nowhere does not exist."):
        events.tag_resource(ResourceARN=nowhere, Tags=[{"Key": "a", "Value": "b"}])


def test_archives_and_replays_are_found_by_where_they_come_from(events, name):
    now = datetime.datetime.now(datetime.timezone.utc)
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    default = events.describe_event_bus()["Arn"]
    archive = events.create_archive(ArchiveName=name, EventSourceArn=bus)["ArchiveArn"]
    events.create_archive(ArchiveName=name + "-d", EventSourceArn=default)
    assert [one["ArchiveName"] for one in events.list_archives(EventSourceArn=bus)["Archives"]] \
        == [name]
    assert events.list_archives(NamePrefix=name, State="DISABLED")["Archives"] == []
    with refused("ResourceNotFoundException", "Event bus nobodys does not exist."):
        events.list_archives(EventSourceArn=bus.replace(name, "nobodys"))

    def replay(end, to):
        events.start_replay(ReplayName=name, EventSourceArn=archive, EventStartTime=now,
                            EventEndTime=end, Destination={"Arn": to})
    later = now + datetime.timedelta(hours=1)
    with refused("ValidationException", "EventStartTime must be before EventEndTime."):
        replay(now, default)
    with refused("ResourceNotFoundException", "Event bus nobodys does not exist."):
        replay(later, bus.replace(name, "nobodys"))
    with refused("ValidationException", "Cross event bus replay is not permitted."):
        replay(later, default)
    replay(later, bus)
    found, = events.list_replays(EventSourceArn=archive)["Replays"]
    assert found["ReplayName"] == name and "EventLastReplayedTime" not in found  # nothing was there
    assert events.list_replays(EventSourceArn=archive + "-d")["Replays"] == []


def test_who_may_put_events_on_a_bus_is_written_down_and_shown(events, name):
    events.create_event_bus(Name=name)
    for sid, principal in ("a", ACCOUNT), ("b", "*"), ("a", "111111111111"):
        events.put_permission(EventBusName=name, Action="events:PutEvents", StatementId=sid,
                              Principal=principal)
    statements = json.loads(events.describe_event_bus(Name=name)["Policy"])["Statement"]
    assert [(one["Sid"], one["Principal"]) for one in statements] == [
        ("b", "*"), ("a", {"AWS": "arn:aws:iam::111111111111:root"})]
    assert statements[0]["Resource"].endswith(f":event-bus/{name}")
    with refused("ResourceNotFoundException", "Statement with the provided id does not exist."):
        events.remove_permission(EventBusName=name, StatementId="c")
    with refused("ResourceNotFoundException", "Event bus nobodys does not exist."):
        events.put_permission(EventBusName="nobodys", Action="events:PutEvents", StatementId="a",
                              Principal="*")
    with refused("ValidationException", "'action'"):
        events.put_permission(EventBusName=name, Action="events:PutRule", StatementId="a",
                              Principal="*")
    events.remove_permission(EventBusName=name, StatementId="b")
    events.remove_permission(EventBusName=name, RemoveAllPermissions=True)
    assert "Policy" not in events.describe_event_bus(Name=name)


def test_an_event_inside_a_template_has_no_detail(events, inbox, name):
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": inbox.arn, "InputTransformer": {
        "InputTemplate": '{"head": <aws.events.event>, "whole": <aws.events.event.json>}'}}])
    events.put_events(Entries=[{"Source": name, "DetailType": "Told", "Detail": '{"n": 1}'}])
    told = inbox.take()
    assert told["head"]["detailType"] == "Told" and told["whole"]["detail-type"] == "Told"
    assert told["whole"]["detail"] == {"n": 1}
    assert not {"detail", "detail-type"} & set(told["head"])


def test_members_of_other_types_are_refused_and_nobody_waits_for_them(served, key, inbox, name):
    """What once made every write of the server wait for ever, or ended it."""
    loose = aws.client(served, key, "events", config={"parameter_validation": False})
    pattern = json.dumps({"source": [name]})
    bus = loose.describe_event_bus()["Arn"]
    for state in (5, "SOMETIMES", ["ENABLED"]):
        with refused(".*Exception"):
            loose.put_rule(Name=name, EventPattern=pattern, State=state)
    for days in ("x", 1.5, {}):
        with refused("SerializationException"):
            loose.create_archive(ArchiveName=name, EventSourceArn=bus, RetentionDays=days)
    loose.create_archive(ArchiveName=name, EventSourceArn=bus, RetentionDays=1 << 62)
    loose.put_rule(Name=name, EventPattern=pattern)
    hook = loose.create_connection(Name=name, AuthorizationType="BASIC", AuthParameters={
        "BasicAuthParameters": {"Username": 1, "Password": 2}})["ConnectionArn"]
    gone = loose.create_api_destination(Name=name, ConnectionArn=hook, HttpMethod="POST",
                                        InvocationEndpoint="http://127.0.0.1:1/")
    loose.put_targets(Rule=name, Targets=[
        {"Id": "q", "Arn": inbox.arn},
        {"Id": "h", "Arn": gone["ApiDestinationArn"],
         "RetryPolicy": {"MaximumRetryAttempts": "x", "MaximumEventAgeInSeconds": 1 << 62}}])
    tell(loose, name, {"n": 1})
    assert inbox.take()["detail"] == {"n": 1}
    loose.remove_targets(Rule=name, Ids=["q", "h"])


def test_row_51_schedules_are_checked(events, name):
    events.put_rule(Name=name, ScheduleExpression="cron(0 12 ? * MON-FRI *)")
    assert events.describe_rule(Name=name)["ScheduleExpression"] == "cron(0 12 ? * MON-FRI *)"
    with refused("ValidationException", "Parameter ScheduleExpression is not valid."):
        events.put_rule(Name=name, ScheduleExpression="rate(1 minutes)")


def test_an_object_put_over_s3_is_an_event(served, key, events, inbox, name):
    s3 = aws.client(served, key)
    bucket = name.lower().replace("_", "-")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    events.put_rule(Name=name, EventPattern=json.dumps({
        "source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]},
                                         "object": {"key": [{"suffix": ".h5ad"}]}}}))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": inbox.arn}])
    s3.put_object(Bucket=bucket, Key="a b+c.h5ad", Body=b"x")
    s3.put_object(Bucket=bucket, Key="other.txt", Body=b"x")
    told = inbox.take()
    assert told["detail-type"] == "Object Created"
    assert told["detail"]["object"]["key"] == "a b+c.h5ad"
    assert inbox.take(wait=0) is None


def test_jobs_and_datasets_tell_of_their_states(run, served, events, inbox, name, tmp_path):
    events.put_rule(Name=name, EventPattern=json.dumps(
        {"source": ["stroma.jobs", "stroma.datasets"],
         "detail": {"state": ["succeeded", "failed", "published"]}}))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": inbox.arn}])
    broken = tmp_path / "broken.h5ad"
    broken.write_bytes(b"nothing of the kind")
    run("import", broken, data=served.data, fails=True)
    told = inbox.take(wait=20)
    assert told["source"] == "stroma.jobs" and told["detail-type"] == "Job State Change"
    assert told["detail"]["stage"] == "import" and told["detail"]["state"] == "failed"
    assert told["detail"]["errorCode"]
    events.disable_rule(Name=name)


def test_datasets_tell_when_they_come_and_when_they_go(run, served, events, inbox, name,
                                                       make_h5ad):
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["stroma.datasets"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": inbox.arn}])
    made = make_h5ad("few.h5ad", ["A", "B"], ["c1", "c2"], [[1, 0], [0, 2]])
    for removing in (lambda: run("dataset", "remove", "few", data=served.data),
                     lambda: served.request("DELETE", f"/v1/datasets/{dataset}")):
        run("import", made, "--name", "few", data=served.data)
        told = inbox.take()
        assert told["detail-type"] == "Dataset State Change"
        assert told["detail"]["state"] == "published"
        [dataset] = [one["id"] for one in served.get("/v1/datasets").json()["datasets"]
                     if one["name"] == "few"]
        removing()
        told = inbox.take()["detail"]
        assert told["state"] == "removed" and told["dataset"] == dataset and told["name"] == "few"
    assert inbox.take(wait=0) is None
    events.disable_rule(Name=name)


def test_a_rule_belongs_to_who_made_it(run, served, events, name):
    events.put_rule(Name=name, EventPattern='{"source":["x"]}')
    events.create_event_bus(Name=name)
    stranger = aws.client(served, aws.make_key(run, served, "otto"), "events")
    for act in (lambda: stranger.put_rule(Name=name, EventPattern='{"source":["y"]}'),
                lambda: stranger.describe_rule(Name=name),
                lambda: stranger.delete_rule(Name=name),
                lambda: stranger.put_rule(Name="z", EventBusName=name,
                                          EventPattern='{"source":["y"]}')):
        with refused("AccessDeniedException"):
            act()
    answer = stranger.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}",
                                           "EventBusName": name}])
    assert answer["Entries"][0]["ErrorCode"] == "AccessDeniedException"


def test_a_rule_puts_events_on_a_stream(served, key, events, name):
    kinesis = aws.client(served, key, "kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    at = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000",
                                    ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{
        "Id": "s", "Arn": f"arn:aws:kinesis:{aws.REGION}:{ACCOUNT}:stream/{name}"}])
    event = tell(events, name, {"n": 7})
    deadline, records = time.monotonic() + 60, []
    while not records:
        assert time.monotonic() < deadline
        answer = kinesis.get_records(ShardIterator=at)
        at, records = answer["NextShardIterator"], answer["Records"]
    told = json.loads(records[0]["Data"])
    assert (told["id"], told["detail"]) == (event, {"n": 7})


def test_a_rule_puts_events_into_a_delivery(served, key, events, name):
    bucket = name.lower().replace("_", "-")
    s3 = aws.client(served, key)
    s3.create_bucket(Bucket=bucket)
    firehose = aws.client(served, key, "firehose", config={"parameter_validation": False})
    firehose.create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/any", "BucketARN": f"arn:aws:s3:::{bucket}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}})
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{
        "Id": "d", "Arn": f"arn:aws:firehose:{aws.REGION}:{ACCOUNT}:deliverystream/{name}"}])
    event = tell(events, name, {"n": 7})
    deadline, listed = time.monotonic() + 60, []
    while not listed:
        assert time.monotonic() < deadline
        listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    told = json.loads(s3.get_object(Bucket=bucket, Key=listed[0]["Key"])["Body"].read())
    assert (told["id"], told["detail"]) == (event, {"n": 7})


def test_nobody_sends_into_what_belongs_to_others(run, served, events, sqs, inbox, name):
    """By a rule, its dead letters, a bucket's notifications or a queue's dead letters."""
    thief = aws.make_key(run, served, "thief")
    theirs = {service: aws.client(served, thief, service)
              for service in ("events", "s3", "sqs", "kinesis")}
    owner = aws.make_key(run, served, "owner")
    aws.client(served, owner, "kinesis").create_stream(StreamName=name, ShardCount=1)
    stream = f"arn:aws:kinesis:{aws.REGION}:{ACCOUNT}:stream/{name}"

    theirs["events"].put_rule(Name=name, EventPattern=json.dumps({"source": ["mine"]}))
    mine = theirs["sqs"].create_queue(QueueName=f"{name}-mine")["QueueUrl"]
    own = theirs["sqs"].get_queue_attributes(
        QueueUrl=mine, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def target(arn, **more):
        return theirs["events"].put_targets(
            Rule=name, Targets=[{"Id": "1", "Arn": arn, **more}])["FailedEntryCount"]

    absent = inbox.arn + "-absent"
    for arn in (inbox.arn, absent, stream):
        with refused("AccessDeniedException", arn):
            target(arn)
    with refused("AccessDeniedException", inbox.arn):
        target(own, DeadLetterConfig={"Arn": inbox.arn})
    assert target(own) == 0

    for arn in (inbox.arn, inbox.arn.replace(ACCOUNT, "111111111111")):
        with refused("AccessDenied", arn):
            theirs["sqs"].set_queue_attributes(QueueUrl=mine, Attributes={
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})})

    bucket = name.lower().replace("_", "-")
    theirs["s3"].create_bucket(Bucket=bucket)
    rules = {"QueueConfigurations": [{"QueueArn": inbox.arn, "Events": ["s3:ObjectCreated:*"]}]}
    with refused("InvalidArgument", "destination"):
        theirs["s3"].put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=rules)
    rules["QueueConfigurations"][0]["QueueArn"] = own
    theirs["s3"].put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=rules)
    assert inbox.take(wait=0) is None
