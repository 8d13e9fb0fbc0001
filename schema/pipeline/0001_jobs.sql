-- message is the id of the one queue message that may start the job; '' is any.
-- attempt counts every start; attempts since the last retry by a person are attempt - attempt_base.
CREATE TABLE jobs(
    id TEXT PRIMARY KEY,
    stage TEXT NOT NULL,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    attempt_base BIGINT NOT NULL,
    step TEXT NOT NULL,
    done DOUBLE PRECISION NOT NULL,
    total DOUBLE PRECISION NOT NULL,
    unit TEXT NOT NULL,
    inputs TEXT NOT NULL,
    outputs TEXT NOT NULL,
    error_code TEXT NOT NULL,
    error TEXT NOT NULL,
    cancel_asked BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL,
    version BIGINT NOT NULL,
    idempotency_key TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX jobs_created ON jobs(created_ms);
CREATE INDEX jobs_state ON jobs(state, created_ms);
CREATE INDEX jobs_owner ON jobs(owner, created_ms);
CREATE UNIQUE INDEX jobs_idempotency ON jobs(idempotency_key)
    WHERE idempotency_key <> '' AND state IN ('queued', 'running', 'succeeded');

CREATE TABLE job_log(
    job TEXT NOT NULL,
    number BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY(job, number)
);
