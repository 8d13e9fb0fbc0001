-- Places where what is put begins a run of a pipeline.
CREATE TABLE flow_intakes(
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    definition TEXT NOT NULL,
    folder TEXT NOT NULL,
    kind TEXT NOT NULL,
    location TEXT NOT NULL,
    pattern TEXT NOT NULL,
    changes TEXT NOT NULL,
    priority BIGINT NOT NULL,
    quiet_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- What has come to them. mark is what tells that a source was changed; of each content one row has
-- the run, those of the same content name it.
CREATE TABLE flow_arrivals(
    intake TEXT NOT NULL,
    source TEXT NOT NULL,
    mark TEXT NOT NULL,
    hash TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    run TEXT NOT NULL,
    is_first BOOLEAN NOT NULL,
    error TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY(intake, source, mark)
);
CREATE INDEX flow_arrivals_hash ON flow_arrivals(intake, hash);
CREATE INDEX flow_arrivals_at ON flow_arrivals(at_ms);
