-- Up to where ends of jobs and removals of datasets have been told; what was told of jobs that ended
-- well before it is forgotten.
CREATE TABLE told_marks(
    kind TEXT PRIMARY KEY,
    reached_ms BIGINT NOT NULL
);
CREATE TABLE told_removals(
    dataset TEXT PRIMARY KEY,
    changed_ms BIGINT NOT NULL
);
