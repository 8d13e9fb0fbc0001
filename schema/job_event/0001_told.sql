-- The state of each job that an event last told.
CREATE TABLE told_jobs(
    job TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL
);
