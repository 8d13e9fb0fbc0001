-- Jobs of a cluster's scheduler that were started to do tasks. worker is the name by which they lease.
CREATE TABLE flow_pilots(
    worker TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    node TEXT NOT NULL,
    cores BIGINT NOT NULL,
    memory_bytes BIGINT NOT NULL,
    submitted_ms BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL,
    exit_code BIGINT NOT NULL,
    signal BIGINT NOT NULL,
    peak_bytes BIGINT NOT NULL,
    called_off BOOLEAN NOT NULL
);
CREATE INDEX flow_pilots_ended ON flow_pilots(ended_ms);
