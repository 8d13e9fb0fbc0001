-- What happened to runs, for those who are told of it; seq rises.
CREATE TABLE flow_events(
    seq BIGINT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    run TEXT NOT NULL,
    stage TEXT NOT NULL,
    item TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX flow_events_at ON flow_events(at_ms);
