-- Times are milliseconds by the calendar. Attributes are JSON, named as the AWS API names them.
CREATE TABLE event_buses(
    name TEXT PRIMARY KEY,
    region TEXT NOT NULL,
    owner TEXT NOT NULL,
    attributes TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE TABLE event_rules(
    bus TEXT NOT NULL REFERENCES event_buses(name),
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    attributes TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    fired_ms BIGINT NOT NULL,
    PRIMARY KEY(bus, name)
);
CREATE TABLE event_targets(
    bus TEXT NOT NULL,
    rule TEXT NOT NULL,
    id TEXT NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY(bus, rule, id),
    FOREIGN KEY(bus, rule) REFERENCES event_rules(bus, name)
);
-- Where a webhook goes: what an API destination and its connection hold.
CREATE TABLE event_endpoints(
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    attributes TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY(kind, name)
);
-- What is on its way to something that isn't in this database.
CREATE TABLE event_deliveries(
    id INTEGER PRIMARY KEY,
    bus TEXT NOT NULL,
    rule TEXT NOT NULL,
    target TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX event_deliveries_due ON event_deliveries(next_ms);

CREATE TABLE event_archives(
    name TEXT PRIMARY KEY,
    bus TEXT NOT NULL,
    owner TEXT NOT NULL,
    attributes TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE TABLE archived_events(
    position INTEGER PRIMARY KEY,
    archive TEXT NOT NULL REFERENCES event_archives(name),
    time_ms BIGINT NOT NULL,
    event TEXT NOT NULL
);
CREATE INDEX archived_events_time ON archived_events(archive, time_ms, position);
-- An event is replayed once: what was reached is written with what it caused.
CREATE TABLE event_replays(
    name TEXT PRIMARY KEY,
    archive TEXT NOT NULL,
    bus TEXT NOT NULL,
    owner TEXT NOT NULL,
    attributes TEXT NOT NULL,
    from_ms BIGINT NOT NULL,
    to_ms BIGINT NOT NULL,
    reached_ms BIGINT NOT NULL,
    reached_position BIGINT NOT NULL,
    state TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL
);
