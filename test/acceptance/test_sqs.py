"""SQS as boto3 1.26 and awscli 2.9 speak it (query protocol), and newer SDKs (JSON 1.0, written by
hand and signed). Rows of the feature list by number."""
import concurrent.futures
import json
import re
import threading

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
import requests

import aws

ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def served(start_module_server, tmp_path_factory):
    return start_module_server(tmp_path_factory.mktemp("sqs"), "--aws", "127.0.0.1:0")


@pytest.fixture(scope="module")
def key(run, served):
    return aws.make_key(run, served, "rosa")


@pytest.fixture(scope="module")
def sqs(served, key):
    return aws.client(served, key, "sqs")


@pytest.fixture
def queue(sqs, request):
    return sqs.create_queue(QueueName=re.sub(r"\W", "-", request.node.name)[:70])["QueueUrl"]


def refused(code, words=""):
    """with refused("OverLimit", "words"): what is inside must fail so."""
    return pytest.raises(botocore.exceptions.ClientError, match=rf"\({code}\).*{re.escape(words)}")


def bodies(sqs, url, **options):
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **options)
    return [message["Body"] for message in got.get("Messages", [])]


def as_json(served, key, operation, members):
    """One call of JSON 1.0, signed: the answer of requests."""
    url = aws.address_of(served) + "/"
    request = botocore.awsrequest.AWSRequest(
        "POST", url, data=json.dumps(members).encode(),
        headers={"X-Amz-Target": f"AmazonSQS.{operation}", "x-amzn-query-mode": "true",
                 "Content-Type": "application/x-amz-json-1.0"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key.id, key.secret), "sqs",
                            aws.REGION).add_auth(request)
    return requests.post(url, data=request.body, headers=dict(request.headers), timeout=60)


def test_row_37_one_queue_speaks_both_protocols(served, key, sqs, queue):
    sent = as_json(served, key, "SendMessage", {
        "QueueUrl": queue, "MessageBody": "from json <&> ü", "MessageAttributes": {
            "n": {"DataType": "Number", "StringValue": "1"},
            "b": {"DataType": "Binary", "BinaryValue": "AAE="}}}).json()
    got, = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"],
                               MessageAttributeNames=["All"])["Messages"]
    assert got["MessageId"] == sent["MessageId"] and got["Body"] == "from json <&> ü"
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert got["MessageAttributes"]["b"]["BinaryValue"] == b"\0\1"
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"
    gone = as_json(served, key, "DeleteMessage",
                   {"QueueUrl": queue, "ReceiptHandle": got["ReceiptHandle"]})
    assert gone.status_code == 200 and gone.json() == {}
    sqs.send_message(QueueUrl=queue, MessageBody="from query")
    there = as_json(served, key, "ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 5}).json()
    assert there["Messages"][0]["Body"] == "from query"
    no_queue = as_json(served, key, "GetQueueUrl", {"QueueName": "nowhere"})
    assert no_queue.status_code == 400
    assert no_queue.json()["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    assert (no_queue.headers["x-amzn-query-error"]
            == "AWS.SimpleQueueService.NonExistentQueue;Sender")
    with refused("AWS.SimpleQueueService.NonExistentQueue", "does not exist for this wsdl version"):
        sqs.get_queue_url(QueueName="nowhere")


def test_row_38_a_message_comes_back_when_its_time_is_over(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    first, = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=300)["Messages"]
    assert bodies(sqs, queue) == []
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"],
                                  VisibilityTimeout=1)
    again, = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20,
                                 AttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert again["ReceiptHandle"] != first["ReceiptHandle"]


def test_row_39_a_long_poll_ends_with_the_send(served, key, sqs, queue):
    asking = threading.Event()

    def wait():
        waiting = aws.client(served, key, "sqs")
        asking.set()
        return bodies(waiting, queue, WaitTimeSeconds=20)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        waited = pool.submit(wait)
        asking.wait()
        sqs.send_message(QueueUrl=queue, MessageBody="now")
        assert waited.result(timeout=20) == ["now"]


def test_row_40_dead_letters_go_away_and_come_back(sqs, queue):
    dead = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    arn = f"arn:aws:sqs:{aws.REGION}:{ACCOUNT}:dead-letters"
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={
        "VisibilityTimeout": "0", "RedrivePolicy": json.dumps(
            {"deadLetterTargetArn": arn, "maxReceiveCount": 2})})
    sqs.send_message(QueueUrl=queue, MessageBody="poison")
    assert [bodies(sqs, queue) for _ in range(3)] == [["poison"], ["poison"], []]
    letter, = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"],
                                  VisibilityTimeout=0)["Messages"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"].endswith(queue.rsplit("/", 1)[1])
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [queue]
    # Debian's boto3 doesn't know move tasks; its signer does.
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "30"})


def test_row_40_a_move_task_brings_dead_letters_back(served, key, sqs, queue):
    dead = sqs.create_queue(QueueName="moved-letters")["QueueUrl"]
    arn = f"arn:aws:sqs:{aws.REGION}:{ACCOUNT}:moved-letters"
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(
        {"deadLetterTargetArn": arn, "maxReceiveCount": "1"})})
    for n in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=str(n))
    assert len(bodies(sqs, queue, VisibilityTimeout=0)) == 3
    assert bodies(sqs, queue) == []
    started = as_json(served, key, "StartMessageMoveTask", {"SourceArn": arn}).json()
    assert started["TaskHandle"]
    back = []
    while len(back) < 3:
        back += bodies(sqs, queue, WaitTimeSeconds=20)
    assert sorted(back) == ["0", "1", "2"] and bodies(sqs, dead) == []
    task, = as_json(served, key, "ListMessageMoveTasks", {"SourceArn": arn}).json()["Results"]
    assert task["ApproximateNumberOfMessagesMoved"] == 3
    wrong = as_json(served, key, "StartMessageMoveTask",
                    {"SourceArn": f"arn:aws:sqs:{aws.REGION}:{ACCOUNT}:none"})
    assert wrong.status_code == 404


def test_row_41_batches_and_their_refusals_are_in_the_words_of_sqs(sqs, queue):
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=[
        {"Id": str(n), "MessageBody": f"m{n}"} for n in range(10)])
    assert len(sent["Successful"]) == 10 and "Failed" not in sent
    got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    gone = sqs.delete_message_batch(QueueUrl=queue, Entries=[
        {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(got)
    ] + ([] if len(got) == 10 else [{"Id": "x", "ReceiptHandle": "?"}]))
    assert len(gone["Successful"]) == len(got)
    with refused("AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                 "Maximum number of entries per request are 10. You have sent 20."):
        sqs.send_message_batch(QueueUrl=queue, Entries=[
            {"Id": str(n), "MessageBody": "m"} for n in range(20)])
    with refused("AWS.SimpleQueueService.InvalidBatchEntryId"):
        sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "a:b", "MessageBody": "m"}])
    with refused("AWS.SimpleQueueService.BatchEntryIdsNotDistinct"):
        sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "m"}] * 2)
    with refused("InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages is invalid. "
                 "Reason: Must be between 1 and 10, if provided."):
        sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=11)
    with refused("ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle="garbage")
    sqs.purge_queue(QueueUrl=queue)
    with refused("AWS.SimpleQueueService.PurgeQueueInProgress", "every 60 seconds"):
        sqs.purge_queue(QueueUrl=queue)


def test_a_body_that_xml_cannot_carry_fails_alone_in_its_batch(sqs, queue):
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=[
        {"Id": "good", "MessageBody": "good"}, {"Id": "bad", "MessageBody": "\x01"}])
    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    assert [(one["Id"], one["Code"]) for one in answer["Failed"]] == [
        ("bad", "InvalidMessageContents")]
    assert bodies(sqs, queue) == ["good"]


def test_attributes_have_names_in_any_script_and_values_that_xml_can_carry(sqs, queue):
    def send(name, value="x"):
        sqs.send_message(QueueUrl=queue, MessageBody="m", MessageAttributes={
            name: {"DataType": "String", "StringValue": value}})
    send("Größe.1ø")
    for name in ("aWs.x", "AMAZON.x", ".x", "x.", "a..b", "a!b", "a§b", "L" * 257):
        with refused("InvalidParameterValue"):
            send(name)
    with refused("InvalidParameterValue"):
        send("a", "\x08")


def test_an_older_handle_still_changes_when_a_message_in_flight_is_seen_again(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="m")
    first, = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    assert bodies(sqs, queue, VisibilityTimeout=100) == ["m"]
    assert bodies(sqs, queue) == []
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"],
                                  VisibilityTimeout=0)
    assert bodies(sqs, queue, VisibilityTimeout=0) == ["m"]
    with refused("InvalidParameterValue", "not available"):
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"],
                                      VisibilityTimeout=0)


def test_what_was_purged_may_be_sent_again(sqs):
    url = sqs.create_queue(QueueName="purged.fifo", Attributes={
        "FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="g")
    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="g")
    assert bodies(sqs, url) == ["m"]


def test_a_message_may_be_as_long_as_the_limit_and_no_longer(sqs, queue):
    longest = "x" * (1 << 20)
    sqs.send_message(QueueUrl=queue, MessageBody=longest)
    assert bodies(sqs, queue) == [longest]
    with refused("InvalidParameterValue", "Message must be shorter than 1048576 bytes."):
        sqs.send_message(QueueUrl=queue, MessageBody=longest + "x")
    with refused("AWS.SimpleQueueService.BatchRequestTooLong", "You have sent 1048577 bytes."):
        sqs.send_message_batch(QueueUrl=queue, Entries=[
            {"Id": "a", "MessageBody": longest}, {"Id": "b", "MessageBody": "x"}])
    with refused("InvalidMessageContents"):
        sqs.send_message(QueueUrl=queue, MessageBody="\x01")
    with refused("InvalidAttributeValue", "Invalid value for the parameter DelaySeconds."):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "901"})
    with refused("InvalidAttributeName", "Unknown Attribute Colour."):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Colour": "red"})


def test_row_42_three_groups_keep_their_order_and_repeats_are_dropped(sqs):
    url = sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for n in range(100):
        entries = [{"Id": f"{g}{copy}", "MessageBody": f"{g}{n}", "MessageGroupId": g,
                    "MessageDeduplicationId": f"{g}{n}"} for g in "abc" for copy in "12"]
        assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 6
    seen = {"a": [], "b": [], "c": []}
    while sum(map(len, seen.values())) < 300:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"],
                                  WaitTimeSeconds=20)["Messages"]
        for message in got:
            group = message["Attributes"]["MessageGroupId"]
            seen[group].append(message["Body"])
        sqs.delete_message_batch(QueueUrl=url, Entries=[
            {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(got)])
    assert seen == {g: [f"{g}{n}" for n in range(100)] for g in "abc"}
    assert bodies(sqs, url) == []
    with refused("MissingParameter", "The request must contain the parameter MessageGroupId."):
        sqs.send_message(QueueUrl=url, MessageBody="x")


def test_awscli_makes_tags_lists_and_deletes_queues(served, key, sqs):
    made = json.loads(aws.awscli(served, key, "sqs", "create-queue", "--queue-name", "by-cli",
                                 "--attributes", "VisibilityTimeout=7", "--tags", "lab=north"))
    url = made["QueueUrl"]
    assert url == f"{aws.address_of(served)}/{ACCOUNT}/by-cli"
    told = json.loads(aws.awscli(served, key, "sqs", "get-queue-attributes", "--queue-url", url,
                                 "--attribute-names", "All"))["Attributes"]
    assert told["VisibilityTimeout"] == "7" and told["QueueArn"].endswith(":by-cli")
    assert json.loads(aws.awscli(served, key, "sqs", "list-queue-tags", "--queue-url",
                                 url))["Tags"] == {"lab": "north"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["lab"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
    listed = sqs.list_queues(QueueNamePrefix="by-", MaxResults=1)
    assert listed["QueueUrls"] == [url]
    aws.awscli(served, key, "sqs", "delete-queue", "--queue-url", url)
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="by-")


def test_a_queue_belongs_to_who_made_it(run, served, sqs, queue):
    stranger = aws.client(served, aws.make_key(run, served, "otto"), "sqs")
    for act in (lambda: stranger.send_message(QueueUrl=queue, MessageBody="x"),
                lambda: stranger.receive_message(QueueUrl=queue),
                lambda: stranger.delete_queue(QueueUrl=queue),
                lambda: stranger.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])):
        with refused("AccessDenied"):
            act()
    assert queue not in stranger.list_queues().get("QueueUrls", [])
    assert queue in sqs.list_queues()["QueueUrls"]


def test_a_requests_trace_goes_with_its_message(sqs, queue):
    def name_trace(request, **_):
        request.headers["X-Amzn-Trace-Id"] = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Sampled=1"

    sqs.meta.events.register("before-send.sqs.SendMessage", name_trace)
    try:
        sent = sqs.send_message(QueueUrl=queue, MessageBody="traced")
    finally:
        sqs.meta.events.unregister("before-send.sqs.SendMessage", name_trace)
    assert "MD5OfMessageSystemAttributes" not in sent
    got = sqs.receive_message(QueueUrl=queue, AttributeNames=["AWSTraceHeader"])["Messages"][0]
    assert got["Attributes"] == {
        "AWSTraceHeader": "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Sampled=1"}


def test_a_queues_address_answers_gets_about_that_queue(sqs, queue, key):
    def get(**query):
        request = botocore.awsrequest.AWSRequest("GET", queue, params=query)
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(key.id, key.secret), "sqs",
                                aws.REGION).add_auth(request)
        return requests.get(queue, params=query, headers=dict(request.headers), timeout=60)

    attributes = get(Action="GetQueueAttributes", **{"AttributeName.1": "All"})
    assert "<Name>QueueArn</Name>" in attributes.text, "its version needn't be named"
    assert "<ReceiveMessageResult/>" in get(Action="ReceiveMessage").text
    for of_others in ("CreateQueue", "ListQueues"):
        answer = get(Action=of_others, QueueName="another")
        assert (answer.status_code, "<Code>InvalidAction</Code>" in answer.text) == (400, True)
    answer = get()
    assert (answer.status_code, answer.text.strip()) == (404, "<UnknownOperationException/>")


def test_what_means_nothing_without_a_key_isnt_shown(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={
        "KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"})
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert "KmsDataKeyReusePeriodSeconds" not in shown
    with refused("InvalidParameterValue"):
        sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes={
            "a": {"DataType": "Number." + "L" * 256, "StringValue": "1"}})


def test_row_43_what_was_acknowledged_outlives_a_kill(start_server, run, tmp_path):
    data = tmp_path / "killed"
    server = start_server(data, "--aws", "127.0.0.1:0")
    key = aws.make_key(run, server, "rosa")
    url = aws.client(server, key, "sqs").create_queue(QueueName="kept")["QueueUrl"]
    acknowledged, enough = set(), threading.Event()

    def send(sender):
        client = aws.client(server, key, "sqs")
        for batch in range(500):
            names = [f"{sender}-{batch}-{n}" for n in range(10)]
            try:
                answer = client.send_message_batch(QueueUrl=url, Entries=[
                    {"Id": str(n), "MessageBody": name} for n, name in enumerate(names)])
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                return
            acknowledged.update(names[int(done["Id"])] for done in answer["Successful"])
            if len(acknowledged) >= 10_000:
                enough.set()

    with concurrent.futures.ThreadPoolExecutor() as pool:
        senders = [pool.submit(send, sender) for sender in range(4)]
        assert enough.wait(240), "ten thousand were not acknowledged"
        server.kill()
        for sender in senders:
            sender.result()
    server = start_server(data, "--aws", "127.0.0.1:0")
    client = aws.client(server, key, "sqs")
    url = client.get_queue_url(QueueName="kept")["QueueUrl"]
    received = []
    while got := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10,
                                        VisibilityTimeout=3600).get("Messages"):
        received += [message["Body"] for message in got]
    assert len(received) == len(set(received)), "each comes once"
    assert acknowledged <= set(received), "none is missing"
