-- Pictures that lie under a revision's cells: beside the revision, so they may come and go.
CREATE TABLE images(
    id TEXT PRIMARY KEY,
    revision TEXT NOT NULL REFERENCES revisions(id),
    name TEXT NOT NULL,
    content_key TEXT NOT NULL,
    embedding TEXT NOT NULL,
    transform TEXT NOT NULL,
    source TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE(revision, name)
);
