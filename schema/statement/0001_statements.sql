-- Times are milliseconds by the calendar. `record` is everything that is told of the statement, as
-- JSON; secrets of its SQL were blanked before. `ran` is 1 once it may have done something.
CREATE TABLE statements(
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    token TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX statements_token ON statements(owner, token) WHERE token <> '';
CREATE INDEX statements_active ON statements(status)
    WHERE status IN ('SUBMITTED', 'PICKED', 'STARTED');
CREATE INDEX statements_expiry ON statements(expires_ms);
