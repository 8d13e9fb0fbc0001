-- A run is one passage of files through a pipeline; changes are its parameters as JSON.
CREATE TABLE flow_runs(
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    version TEXT NOT NULL,
    definition TEXT NOT NULL,
    folder TEXT NOT NULL,
    changes TEXT NOT NULL,
    location TEXT NOT NULL,
    inputs TEXT NOT NULL,
    priority BIGINT NOT NULL,
    state TEXT NOT NULL,
    error TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL
);
CREATE INDEX flow_runs_created ON flow_runs(created_ms);
CREATE INDEX flow_runs_owner ON flow_runs(owner, created_ms);
CREATE INDEX flow_runs_state ON flow_runs(state);

-- The tasks of a run's stages: a stage's queue is its rows in the states ready and running.
-- lease rises with each lease of any task: who holds an older number is refused.
CREATE TABLE flow_tasks(
    id BIGINT PRIMARY KEY,
    run TEXT NOT NULL,
    stage TEXT NOT NULL,
    item TEXT NOT NULL,
    coordinates TEXT NOT NULL,
    state TEXT NOT NULL,
    key TEXT NOT NULL,
    parts TEXT NOT NULL,
    why TEXT NOT NULL,
    cached BOOLEAN NOT NULL,
    attempt BIGINT NOT NULL,
    tries TEXT NOT NULL,
    lease BIGINT NOT NULL,
    worker TEXT NOT NULL,
    not_before_ms BIGINT NOT NULL,
    memory_bytes BIGINT NOT NULL,
    timeout_ms BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT NOT NULL,
    core_seconds DOUBLE PRECISION NOT NULL,
    peak_bytes BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    ready_ms BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL
);
CREATE INDEX flow_tasks_run ON flow_tasks(run, id);
CREATE INDEX flow_tasks_key ON flow_tasks(key);
CREATE INDEX flow_tasks_stage ON flow_tasks(stage, item, id);

CREATE TABLE flow_attempts(
    task BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    lease BIGINT NOT NULL,
    worker TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT NOT NULL,
    verdict TEXT NOT NULL,
    exit_code BIGINT NOT NULL,
    signal BIGINT NOT NULL,
    core_seconds DOUBLE PRECISION NOT NULL,
    peak_bytes BIGINT NOT NULL,
    memory_bytes BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL,
    PRIMARY KEY(task, attempt)
);
CREATE INDEX flow_attempts_ended ON flow_attempts(ended_ms);

-- What was made, by the key of all that it depends on; task is who made it.
CREATE TABLE flow_outputs(
    key TEXT PRIMARY KEY,
    manifest TEXT NOT NULL,
    hash TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    task BIGINT NOT NULL,
    core_seconds DOUBLE PRECISION NOT NULL,
    ttl_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL
);

-- Hashes of files that lie outside, for as long as size, time and number stay.
CREATE TABLE flow_files(
    path TEXT PRIMARY KEY,
    bytes BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    number BIGINT NOT NULL,
    hash TEXT NOT NULL
);

CREATE TABLE flow_reviews(
    run TEXT NOT NULL,
    stage TEXT NOT NULL,
    item TEXT NOT NULL,
    key TEXT NOT NULL,
    accepted BOOLEAN NOT NULL,
    comment TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY(run, stage, item, at_ms)
);
CREATE INDEX flow_reviews_key ON flow_reviews(key);
