-- What people changed by hand in outputs that hold labels; only ever added to: an undo is a row, too.
-- key: of the output as it was made, which stays as it is; owner: whose runs take the edits in.
CREATE TABLE flow_edits(
    number BIGINT PRIMARY KEY,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    files TEXT NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    author TEXT NOT NULL,
    run TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX flow_edits_key ON flow_edits(key, owner);
