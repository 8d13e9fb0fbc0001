"""The loader in bad weather: objects that are overwritten, deleted, cut or put as poison while
messages come doubled, late and out of order, and the program is killed in between.
STROMA_STORM_SEED and STROMA_STORM_OBJECTS (80) make other and longer ones; with STROMA_STORM_KILLS
(2) it dies more often."""
import collections
import gzip
import json
import os
import pathlib
import random
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import own_postgres  # noqa: E402
import test_loader  # noqa: E402
from test_loader import Lake, aws, event_of, wait_until  # noqa: E402

SEED = int(os.environ.get("STROMA_STORM_SEED", "1"))
OBJECTS = int(os.environ.get("STROMA_STORM_OBJECTS", "80"))
KILLS = int(os.environ.get("STROMA_STORM_KILLS", "2"))
COLUMNS = "id INTEGER, at TIMESTAMP, what VARCHAR(60)"


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def database(request):
    server = own_postgres.start() if request.param == "postgres" else None
    Lake.postgres = server
    yield server
    Lake.postgres = None
    if server:
        server.stop()


class Weather:
    """Puts objects and tells of them; remembers the rows of every content that ever was one."""

    def __init__(self, lake, chance):
        self.lake, self.chance = lake, chance
        self.contents, self.now, self.bad, self.told = {}, {}, {}, []

    def put(self, number):
        rows = [(self.chance.randrange(150), self.chance.randrange(1, 28), f"{number}-{i}-"
                 f"{self.chance.randrange(10**6)}") for i in range(self.chance.randrange(1, 20))]
        text = "".join(f"{key},2026-01-{day:02} 00:00:00,{what}\n" for key, day, what in rows)
        body, key = gzip.compress(text.encode(), mtime=0), f"in/{number:05}.csv.gz"
        kind = self.chance.random()
        if kind < 0.06:
            body = body[:-self.chance.randrange(9, 20)]
        elif kind < 0.12:
            body = gzip.compress((text + "poison,2026-01-01,x\n").encode(), mtime=0)
        etag = self.lake.put(key, body)
        if kind < 0.12:
            self.now.pop(key, None)
            self.bad[key, etag] = True
        else:
            self.now[key] = etag
            self.contents[key, etag] = rows
        self.told.append((key, etag, len(body)))
        return key

    def blow(self):
        for number in range(OBJECTS):
            key = self.put(number)
            what = self.chance.random()
            if what < 0.15:
                self.put(number)
            elif what < 0.25:
                self.lake.s3.delete_object(Bucket="lake", Key=key)
                self.now.pop(key, None)


def send(lake, url, told, chance):
    """Each is told of up to five times, in any order, several in a message."""
    many = [one for one in told for _ in range(chance.choice([1, 1, 2, 5]))]
    chance.shuffle(many)
    bodies = []
    while many:
        count = chance.randrange(1, 4)
        bodies.append(event_of(*many[:count]))
        many = many[count:]
    for at in range(0, len(bodies), 10):
        lake.sqs.send_message_batch(QueueUrl=url, Entries=[
            {"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[at:at + 10])])


def test_what_the_ledger_says_is_what_the_tables_hold(database, start_server, run, tmp_path):
    chance = random.Random(SEED)
    lake = Lake(start_server, run, tmp_path / "data", tmp_path / "configs")
    dead_url, dead_arn = lake.queue("dead")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn,
                                            "maxReceiveCount": 1000})}
    urls = {}
    for name, key in (("orders", "id"), ("log", None)):
        lake.sql(f"CREATE TABLE {name}({COLUMNS})")
        urls[name] = lake.queue(name, **redrive)[0]
        lake.give(name, lake.config(name, key=key, copy="CSV GZIP", batch={"files_max": 7}))
    weather = Weather(lake, chance)
    weather.blow()
    for url in urls.values():
        send(lake, url, weather.told, chance)
    for _ in range(KILLS):
        threading.Event().wait(chance.random() * 0.8)  # anywhere, so also amid a commit
        lake.kill()
        lake.up()
        for number in chance.sample(range(OBJECTS), 3):  # and again other bytes
            weather.put(number)
        urls = {name: aws.address_of(lake.server) + "/000000000000/" + name for name in urls}
        for url in urls.values():
            send(lake, url, weather.told[-3:], chance)
    for url in urls.values():
        wait_until(lambda url=url: lake.waiting(url), 0)
    ledger = collections.defaultdict(list)
    for target, key, etag in lake.sql("SELECT target, \"key\", etag FROM stroma_load_ledger "
                                      "WHERE status = 'loaded'"):
        ledger[target].append((key, etag))
    for name in urls:
        loaded = ledger[f"public.{name}"]
        assert len(set(loaded)) == len(loaded)
        assert set(weather.now.items()) <= set(loaded), name
        assert not set(weather.bad) & set(loaded)
    rows = [row for one in ledger["public.log"] for row in weather.contents[one]]
    found = [(key, at.day, what) for key, at, what in lake.rows("log")]
    assert sorted(found) == sorted(rows)
    model = {}
    for one in ledger["public.orders"]:
        for key, day, what in weather.contents[one]:
            model[key] = max(model.get(key, (0, "")), (day, what))
    assert {key: (at.day, what) for key, at, what in lake.rows("orders")} == model
    dead = set(lake.sql("SELECT \"key\", etag FROM stroma_dead_letters"))
    assert dead <= set(weather.bad)
    still_bad = {one for one in weather.bad if dict(weather.now).get(one[0]) is None
                 and one[0] in lake.keys("in/")}
    latest = {key: lake.s3.head_object(Bucket="lake", Key=key)["ETag"].strip('"')
              for key, _ in still_bad}
    assert {(key, etag) for key, etag in still_bad if latest[key] == etag} <= dead
    assert not dead or lake.waiting(aws.address_of(lake.server) + "/000000000000/dead") > 0
